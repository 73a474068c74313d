import { LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import { decodeValue, encodeValue, freezePlain } from '../codec/value.js'
import { DefinedMachine, isState, type UntypedDefinition, type UntypedFunction } from './defined-machine.js'
import { DraftedStates, type Drafting, EditedStates, type StatesFrom } from './edit.js'
import type { ApplyContext, HookContext, MachineTools, QueryContext } from './machine.js'
import type { Frozen, Functions, Machine } from './types.js'

/** What `defineMachine` takes. Commands change a `Draft`, which is a `State` that may be written. */
export interface MachineOptions<
  State extends object,
  Commands extends Functions,
  Queries extends Functions,
  Draft = State,
> {
  /** The same on all peers of a group; replicated and checked. */
  readonly name: string
  /**
   * A positive integer, to be raised with every change of what the commands do. A group goes on with the old version
   * until it agreed on the new one, at one place in the log; code of the new version runs what stands before it too:
   * there `context.version` is the old one, and the state has the old version's shape.
   */
  readonly version: number
  /** The state to start from: a plain object or array, the same on every peer. */
  readonly initial: () => State
  readonly commands: Commands & Record<string, Command<Draft>>
  readonly queries?: (Queries & Record<string, Query<State>>) | undefined
  /** By the version they lead to. A version without one has the state's shape of the version before. */
  readonly migrate?: { readonly [version: number]: Migration } | undefined
  /** The versions with which commands came, 1 if left out. In older versions the group does not know them. */
  readonly since?: { readonly [Name in keyof NoInfer<Commands>]?: number | undefined } | undefined
  /** Called at the same place in the log on every replica, the founder's own included. */
  readonly memberJoined?: Hook<Draft> | undefined
  /** Called when the last replica of the peer left the group. */
  readonly memberLeft?: Hook<Draft> | undefined
}

/**
 * Changes `state` in place, or throws and changes nothing. Depends on its arguments alone: no clock, no chance but
 * `context.random`, no variables outside. May return a plain value. Not async.
 */
export type Command<Draft> = (state: Draft, payload: never, context: ApplyContext) => Output

/** Reads the frozen state. The context tells the time of the log, for whatever expires; no other clock may count. */
export type Query<State> = (state: Frozen<State>, payload: never, context: QueryContext) => Output

/** As a command; one that throws changes nothing, and nobody hears of it. What it returns is ignored. */
export type Hook<Draft> = (state: Draft, peer: PeerId, context: HookContext) => Output

/**
 * Gets a copy of the state as it was in the version before, to be declared by its parameter. Changes it in place, or
 * returns the new state. Depends on its argument alone. If it throws, every replica with this code stops.
 */
export type Migration = (state: never) => Output

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
  return buildMachine(options, undefined)
}

/** `defineMachine` with another way of changing the state. @param drafting undefined: in place, at every level */
export function buildMachine<
  State extends object,
  Draft,
  Commands extends Functions,
  Queries extends Functions = NoFunctions,
>(
  options: MachineOptions<State, Commands, Queries, Draft>,
  drafting: Drafting<State, Draft> | undefined,
): Machine<State, Commands, Queries> {
  const { name, version, initial, commands, queries = {} as Queries } = options
  const { migrate = {}, since = {}, memberJoined, memberLeft } = options
  requireNameAndVersion(name, version)
  const versions = versionsOf(commands, since, version)
  const definition = { name, commands, queries, migrate, since: versions, memberJoined, memberLeft }
  requireSound(definition, version)
  const initialBytes = encodeState(initial(), 'initial()')
  const create = (tools: MachineTools, state?: unknown) => {
    const bytes = state === undefined ? initialBytes : encodeState(state, 'state')
    return new DefinedMachine(
      definition,
      statesWith(drafting, tools),
      freezePlain(decodeValue(bytes) as object, undefined, 'state'),
    )
  }
  return { name, version, initial, commands, queries, create }
}

function statesWith<State, Draft>(drafting: Drafting<State, Draft> | undefined, tools: MachineTools): StatesFrom {
  if (drafting === undefined)
    return (state) => new EditedStates((before, recipe) => tools.editInPlace(before, recipe), state)
  return (state) => new DraftedStates(drafting as unknown as Drafting<object, object>, state)
}

function requireSound(definition: UntypedDefinition, version: number): void {
  const { commands, queries, migrate, memberJoined, memberLeft } = definition
  for (const [name, command] of Object.entries(commands)) requireSynchronous(`command "${name}"`, command)
  for (const [name, query] of Object.entries(queries)) requireSynchronous(`query "${name}"`, query)
  if (memberJoined !== undefined) requireSynchronous('hook memberJoined', memberJoined)
  if (memberLeft !== undefined) requireSynchronous('hook memberLeft', memberLeft)
  for (const [to, migration] of Object.entries(migrate)) {
    requireVersion(`A migration leads to version ${to}`, Number(to), 2, version)
    requireSynchronous(`migration to version ${to}`, migration)
  }
}

/** Since which version each command is there. */
function versionsOf(commands: Functions, since: Since, version: number): ReadonlyMap<string, number> {
  const versions = new Map(Object.keys(commands).map((command) => [command, 1]))
  for (const [command, from = 1] of Object.entries(since)) {
    if (!versions.has(command)) throw invalid(`"since" names "${command}", which is no command.`)
    requireVersion(`The command "${command}" is there since version ${from}`, from, 1, version)
    versions.set(command, from)
  }
  return versions
}

type Since = { readonly [command: string]: number | undefined }

function requireNameAndVersion(name: string, version: number): void {
  if (typeof name !== 'string' || !/^\S(.{0,62}\S)?$/u.test(name)) {
    throw invalid(`Give the machine a name of 1 to 64 characters instead of ${String(name)}.`)
  }
  if (!Number.isSafeInteger(version) || version < 1) {
    throw invalid(`The version of machine "${name}" must be 1, 2, 3…, not ${String(version)}.`)
  }
}

function requireVersion(claim: string, version: number, lowest: number, highest: number): void {
  if (Number.isSafeInteger(version) && version >= lowest && version <= highest) return
  throw invalid(`${claim}, but it must be a whole number from ${lowest} to the machine's version, ${highest}.`)
}

/** Types say the same; this is for programs without them. */
function requireSynchronous(what: string, value: unknown): asserts value is UntypedFunction {
  if (typeof value !== 'function') throw invalid(`The ${what} is not a function.`)
  if (Object.prototype.toString.call(value) !== '[object Function]') {
    throw invalid(`The ${what} is async or a generator: it must finish at once.`)
  }
}

function encodeState(state: unknown, name: string): Uint8Array {
  if (!isState(state)) throw invalid(`${name} must be a plain object or an array.`)
  return encodeValue(state, name)
}

function invalid(problem: string): LegionError {
  return new LegionError('E_INVALID', problem)
}
