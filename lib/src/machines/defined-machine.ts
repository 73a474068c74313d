import { LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import { DecodeError } from '../codec/decode.js'
import { copyValue, freezePlain, type Value } from '../codec/value.js'
import { encodeChunks } from '../codec/value-chunks.js'
import { readChunks } from '../codec/value-reader.js'
import type { States, StatesFrom } from './edit.js'
import type {
  ApplyContext,
  CommandCall,
  CommandResult,
  ForkableMachine,
  HookContext,
  QueryCall,
  QueryContext,
} from './machine.js'
import { Rejected } from './rejected.js'
import type { Functions } from './types.js'

/** A definition whose types are forgotten: what its functions get is what the log holds. */
export interface UntypedDefinition {
  readonly name: string
  readonly commands: Functions
  readonly queries: Functions
  readonly migrate: { readonly [version: number]: UntypedFunction }
  /** Of each command the version from which on it is there. */
  readonly since: ReadonlyMap<string, number>
  readonly memberJoined: UntypedFunction | undefined
  readonly memberLeft: UntypedFunction | undefined
}

export type UntypedFunction = (...args: never) => unknown

/**
 * The machine behind `defineMachine`.
 *
 * Invariants: the state is plain and deeply frozen; it is exactly what `restore` would make of `snapshot()`, so that a
 * replica that restored and one that did not never differ.
 */
export class DefinedMachine implements ForkableMachine {
  readonly #definition: UntypedDefinition
  readonly #statesFrom: StatesFrom
  #states: States

  /** @param state returned by `freezePlain` */
  constructor(definition: UntypedDefinition, statesFrom: StatesFrom, state: object) {
    this.#definition = definition
    this.#statesFrom = statesFrom
    this.#states = statesFrom(state)
  }

  get state(): object {
    return this.#states.state
  }

  fork(): DefinedMachine {
    return new DefinedMachine(this.#definition, this.#statesFrom, this.state)
  }

  has(command: string, version: number): boolean {
    const since = this.#definition.since.get(command)
    return since !== undefined && version >= since
  }

  apply(call: CommandCall, context: ApplyContext): CommandResult {
    if (!this.has(call.name, context.version)) throw unknown('command', call.name)
    const command = this.#definition.commands[call.name]
    return this.#settle(command, call.payload, call.isOwn !== true, context)
  }

  query(call: QueryCall, context: QueryContext): Value {
    const { queries } = this.#definition
    if (!Object.hasOwn(queries, call.name)) throw unknown('query', call.name)
    try {
      const answer = run(queries[call.name], this.state, copyValue(call.payload, 'payload'), context)
      return copyValue(answer, 'answer')
    } catch (cause) {
      throw Rejected.is(cause) ? new LegionError('E_REJECTED', cause.reason, { cause, details: cause.details }) : cause
    }
  }

  snapshot(): Iterable<Uint8Array> {
    return encodeChunks(this.state as Value)
  }

  async restore(snapshot: AsyncIterable<Uint8Array>): Promise<void> {
    const state = await readChunks(snapshot)
    if (!isState(state)) throw new DecodeError(`a state must be an object or a list, not ${typeof state}`)
    this.#states = this.#statesFrom(state)
  }

  /** @throws LegionError E_MACHINE if the migration fails; nothing is changed then */
  migrate(version: number): void {
    const { name, migrate } = this.#definition
    if (migrate[version] === undefined) return
    try {
      const copy = copyValue(this.state)
      const state = freezePlain(requireState(run(migrate[version], copy) ?? copy), undefined, 'state')
      this.#states = this.#statesFrom(state)
    } catch (cause) {
      throw new LegionError('E_MACHINE', `The migration of machine "${name}" to version ${version} failed.`, { cause })
    }
  }

  memberJoined(peer: PeerId, context: HookContext): void {
    this.#callHook(this.#definition.memberJoined, peer, context)
  }

  memberLeft(peer: PeerId, context: HookContext): void {
    this.#callHook(this.#definition.memberLeft, peer, context)
  }

  /** A hook that fails changes nothing, on every replica alike: there is nobody to tell. */
  #callHook(hook: UntypedFunction | undefined, peer: PeerId, context: HookContext): void {
    if (hook !== undefined) this.#settle(hook, peer, false, context)
  }

  /** Changes nothing if `fn` throws. @returns a copy of what it returned */
  #settle(
    fn: UntypedFunction | undefined,
    argument: Value,
    isShared: boolean,
    context: ApplyContext | HookContext,
  ): CommandResult {
    const call: Call = { fn, argument, context, output: undefined }
    try {
      if (isShared) call.argument = copyValue(argument, 'payload')
      this.#states.change(carryOut, call)
    } catch (cause) {
      if (Rejected.is(cause)) return { ok: false, rejected: cause.reason, details: cause.details }
      return { ok: false, rejected: undefined, cause }
    }
    return call.output === undefined ? NO_OUTPUT : { ok: true, output: call.output }
  }
}

interface Call {
  readonly fn: UntypedFunction | undefined
  argument: Value
  readonly context: ApplyContext | HookContext
  output: Value
}

/** The output is copied before the recipe ends, for drafts in it die with that. */
function carryOut(draft: object, call: Call): void {
  call.output = copyValue(run(call.fn, draft, call.argument, call.context), 'output')
}

/** Of most commands. */
const NO_OUTPUT: CommandResult = Object.freeze({ ok: true, output: undefined })

function run(fn: UntypedFunction | undefined, ...args: unknown[]): unknown {
  return (fn as (...args: unknown[]) => unknown)(...args)
}

function unknown(kind: 'command' | 'query', name: string): LegionError {
  return new LegionError('E_UNKNOWN_COMMAND', `This machine has no ${kind} "${name}".`, { outcome: 'not-applied' })
}

function requireState(value: unknown): object {
  if (isState(value)) return value
  throw new LegionError('E_INVALID', 'A migration must return the new state, a plain object or an array, or nothing.')
}

export function isState(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array)
}
