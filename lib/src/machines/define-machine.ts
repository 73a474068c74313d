import { LegionError } from '../base/errors.js'
import { decodeValue, encodeValue } from '../codec/value.js'
import { DefinedMachine, type UntypedFunctions } from './defined-machine.js'
import type { CommandContext, Frozen, Functions, Machine } from './types.js'

/** What `defineMachine` takes. */
export interface MachineOptions<State extends object, Commands extends Functions, Queries extends Functions> {
  /** The same on all peers of a group; replicated and checked. */
  readonly name: string
  /** A positive integer, to be raised with every change of what the commands do. */
  readonly version: number
  /** The state to start from: a plain object or array, the same on every peer. */
  readonly initial: () => State
  readonly commands: Commands & Record<string, Command<State>>
  readonly queries?: (Queries & Record<string, Query<State>>) | undefined
}

/**
 * Changes `state` in place, or throws and changes nothing. Depends on its arguments alone: no clock, no chance but
 * `context.random`, no variables outside. May return a plain value. Not async.
 */
export type Command<State> = (state: State, payload: never, context: CommandContext) => Output

/** Reads the frozen state. */
export type Query<State> = (state: Frozen<State>, payload: never) => Output

/** Anything but a promise. The literals in it keep the types of literals in what is returned: `{ ok: true }`. */
type Output =
  | undefined
  | null
  // biome-ignore lint/suspicious/noConfusingVoidType: a command may be declared to return void
  | void
  | boolean
  | ''
  | (string & {})
  | 0
  | (number & {})
  | bigint
  | readonly Output[]
  | { readonly [key: string]: Output }
  | (object & { readonly then?: never })

type NoFunctions = Record<never, never>

/**
 * Describes a replicated state machine: every replica runs the same commands in the same order on its own state.
 *
 * State, payloads, outputs and answers are plain values (see `Value`). A command gets its own copy of the payload and
 * may keep it in the state; outputs and answers are copies too. The state is deeply frozen, and shares with the state
 * before it what did not change. Only byte arrays can't be frozen: replace them, never write into them.
 *
 * A command costs time in proportion to the number of keys of each object and list that it changes.
 *
 * @throws LegionError E_INVALID, or E_NOT_PLAIN if `initial()` is not plain
 */
export function defineMachine<
  State extends object,
  Commands extends Functions,
  Queries extends Functions = NoFunctions,
>(options: MachineOptions<State, Commands, Queries>): Machine<State, Commands, Queries> {
  const { name, version, initial, commands, queries = {} as Queries } = options
  requireNameAndVersion(name, version)
  for (const [key, command] of Object.entries(commands)) requireSynchronous('command', key, command)
  for (const [key, query] of Object.entries(queries)) requireSynchronous('query', key, query)
  const initialBytes = encodeInitial(initial)
  const functions: UntypedFunctions = { commands, queries }
  const create = () => new DefinedMachine(functions, version, decodeValue(initialBytes) as object)
  return { name, version, initial, commands, queries, create }
}

function requireNameAndVersion(name: string, version: number): void {
  if (typeof name !== 'string' || !/^\S(.{0,62}\S)?$/u.test(name)) {
    throw new LegionError('E_INVALID', `Give the machine a name of 1 to 64 characters instead of ${String(name)}.`)
  }
  if (!Number.isSafeInteger(version) || version < 1) {
    throw new LegionError('E_INVALID', `The version of machine "${name}" must be 1, 2, 3…, not ${String(version)}.`)
  }
}

/** Types say the same; this is for programs without them. */
function requireSynchronous(kind: 'command' | 'query', name: string, value: unknown): void {
  if (typeof value !== 'function') throw new LegionError('E_INVALID', `The ${kind} "${name}" is not a function.`)
  if (Object.prototype.toString.call(value) !== '[object Function]') {
    throw new LegionError('E_INVALID', `The ${kind} "${name}" is async or a generator: it must finish at once.`)
  }
}

function encodeInitial(initial: () => object): Uint8Array {
  const state = initial()
  if (typeof state !== 'object' || state === null || state instanceof Uint8Array) {
    throw new LegionError('E_INVALID', 'initial() must return a plain object or an array.')
  }
  return encodeValue(state, 'initial()')
}
