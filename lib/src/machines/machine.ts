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
   * @throws LegionError E_UNKNOWN_COMMAND for a name it does not have, E_REJECTED with reason and details, E_NOT_PLAIN;
   *   whatever else the query throws
   */
  query(query: QueryCall): Value
  /** The whole state, without the machine's name and version: the group's snapshot has them. */
  snapshot(): Uint8Array
  /** Replaces the state. @throws DecodeError; nothing is changed then */
  restore(snapshot: Uint8Array): void
  /** The committed state for reading, deeply frozen: a new object exactly when it changed. */
  readonly state: unknown
  /** True if `apply` knows the command. */
  has(command: string): boolean
}

export interface CommandCall {
  readonly name: string
  /** Undefined for commands without one. */
  readonly payload: Value
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

export interface ApplyContext {
  /** The entry's index in the log. */
  readonly index: number
  /** The proposer's wall clock, forced never to fall along the log. */
  readonly timestampMs: number
  /** The same sequence on every replica. */
  random(): number
  /** The peer that proposed. */
  readonly from: PeerId
}

/** Makes a fresh instance per group: two groups never share one. Name and version are replicated and checked. */
export interface MachineDefinition {
  readonly name: string
  /** A positive integer. */
  readonly version: number
  create(): StateMachine
}
