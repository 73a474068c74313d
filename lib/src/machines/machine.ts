import type { PeerId } from '../base/ids.js'
import type { Value } from '../codec/value.js'

/**
 * A replicated state machine, as a group drives it. `defineMachine` makes these; few need to write one by hand.
 * Commands, outputs, queries and answers are plain values (see `codec/value.ts`).
 */
export interface StateMachine {
  /**
   * Deterministic: same state, same command, same context, same result on every replica. A command that fails changes
   * nothing.
   * @throws LegionError E_UNKNOWN_COMMAND for a name it does not have: the replica must stop, never skip
   */
  apply(command: CommandCall, context: ApplyContext): CommandResult
  /**
   * @param context where in the log the state is that is asked
   * @throws LegionError E_UNKNOWN_COMMAND for a name it does not have, E_REJECTED with reason and details, E_NOT_PLAIN;
   *   whatever else the query throws
   */
  query(query: QueryCall, context: QueryContext): Value
  /**
   * The whole state of this moment, without the machine's name and version: the group's snapshot has them. The same
   * state gives the same bytes on every replica, however they are cut.
   *
   * Bytes are taken at once. A *concurrent* machine returns an iterable instead, which is read little by little while
   * commands go on and must still give the state of the moment of the call; `return()` tells it that no more is wanted.
   */
  snapshot(): Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>
  /** Replaces the state. @throws DecodeError; nothing is changed then */
  restore(snapshot: AsyncIterable<Uint8Array>): Promise<void>
  /** The committed state for reading, deeply frozen: a new object exactly when it changed. */
  readonly state: unknown
  /** True if `apply` knows the command and it is there in this version. */
  has(command: string, version: number): boolean
  /**
   * Moves the state from `version - 1` to `version`. Called on every replica at the same place in the log, and after
   * `restore` never for versions up to the snapshot's. Deterministic.
   */
  migrate?(version: number): void
  /** A peer became a member of the group; called on every replica at the same place in the log. Deterministic. */
  memberJoined?(peer: PeerId, context: HookContext): void
  /** The last replica of the peer left the group. */
  memberLeft?(peer: PeerId, context: HookContext): void
}

/** A state machine whose states are immutable values, so that a copy of it costs nothing. */
export interface ForkableMachine extends StateMachine {
  /** A machine of its own that starts from this one's state. */
  fork(): ForkableMachine
  snapshot(): Iterable<Uint8Array>
}

/**
 * A state machine that keeps its state on a disk of its own, larger than memory perhaps. It buffers what `apply`
 * changes; the group decides when to flush. Its `snapshot` is concurrent.
 */
export interface DurableStateMachine extends StateMachine {
  /**
   * Called once, before everything else.
   * @returns what the last `flush` that is durable was given; undefined if there was none or the state is new
   */
  open(): Promise<Uint8Array | undefined>
  /**
   * Makes durable, atomically: the state as it is when this is called, and with it `group`, which is the group's own
   * state of that moment. After a crash it is as it was at one flush, never between two.
   */
  flush(group: Uint8Array): Promise<void>
  /** Replaces the state and flushes it with `group`, atomically. @throws DecodeError; nothing is changed then */
  install(snapshot: AsyncIterable<Uint8Array>, group: Uint8Array): Promise<void>
  close(): Promise<void>
}

export interface CommandCall {
  readonly name: string
  /** Undefined for commands without one. */
  readonly payload: Value
  /** True: nobody else has the payload, so a machine may keep and change it without a copy. Default false. */
  readonly isOwn?: boolean | undefined
}

export interface QueryCall {
  readonly name: string
  readonly payload: Value
}

/** What is replicated to the proposer, the same everywhere. */
export type CommandResult =
  | { readonly ok: true; readonly output: Value }
  /** The command threw `Rejected`: the same on every replica. */
  | { readonly ok: false; readonly rejected: string; readonly details: Value }
  /** The command threw anything else: `cause` stays on this replica. */
  | { readonly ok: false; readonly rejected: undefined; readonly cause: unknown }

/** What a hook of membership is told; the same on every replica. */
export interface HookContext {
  /**
   * Its place in the log: the index of its entry, and one more for each further command of the entries so far that hold
   * several. No two commands have the same.
   */
  readonly index: number
  /** The proposer's wall clock, forced never to fall along the log. */
  readonly timestampMs: number
  /** The same sequence on every replica. */
  random(): number
  /** The machine's version that is active at this index of the log. */
  readonly version: number
}

export interface ApplyContext extends HookContext {
  /** The peer that proposed. */
  readonly from: PeerId
}

export interface QueryContext {
  /** The highest timestamp of the log up to the state that is asked. */
  readonly timestampMs: number
  readonly version: number
}

/** Makes a fresh instance per group: two groups never share one. Name and version are replicated and checked. */
export interface MachineDefinition {
  readonly name: string
  /** A positive integer: the newest that this code has. It runs all older ones too. */
  readonly version: number
  create(tools: MachineTools): StateMachine
}

/** What a machine may need that is loaded with the code of groups, and not before. */
export interface MachineTools {
  /** Lets `recipe` change a draft of `state` at any level. See `Edit`. */
  editInPlace<State extends object>(state: State, recipe: (draft: State) => void): State
}
