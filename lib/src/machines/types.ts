import type { PayloadArgs, PayloadOf } from '../base/payload-args.js'
import type { ForkableMachine, MachineDefinition, MachineTools } from './machine.js'

/**
 * A machine with its types: what `defineMachine` returns. Its parts are there as they were given, so that a command can
 * be tested as the plain function that it is.
 */
export interface Machine<State extends object, Commands extends Functions, Queries extends Functions>
  extends MachineDefinition {
  readonly initial: () => State
  readonly commands: Commands
  readonly queries: Queries
  /** @param state to start from, of whatever version; `initial()` if left out. @throws LegionError E_INVALID, E_NOT_PLAIN */
  create(tools: MachineTools, state?: unknown): ForkableMachine
}

/** Any machine; also the type to use for one that is only known at run time: its payloads are unknown then. */
export type AnyMachine = Machine<object, Functions, Functions>

export interface Functions {
  readonly [name: string]: (...args: never) => unknown
}

export type StateOf<M extends AnyMachine> = ReturnType<M['initial']>

export type CommandName<M extends AnyMachine> = NameOf<M['commands']>
export type CommandPayload<M extends AnyMachine, K extends CommandName<M>> = Payload<M['commands'], K>
export type CommandOutput<M extends AnyMachine, K extends CommandName<M>> = Result<M['commands'], K>

export type QueryName<M extends AnyMachine> = NameOf<M['queries']>
export type QueryPayload<M extends AnyMachine, K extends QueryName<M>> = Payload<M['queries'], K>
export type QueryAnswer<M extends AnyMachine, K extends QueryName<M>> = Result<M['queries'], K>

/** `(name, payload, options)`; the payload is required, optional or absent as the command says. */
export type ApplyConsistent<M extends AnyMachine, Options> = <K extends CommandName<M>>(
  name: K,
  ...args: PayloadArgs<CommandPayload<M, K>, Options>
) => Promise<CommandOutput<M, K>>

export type Read<M extends AnyMachine, Options> = <K extends QueryName<M>>(
  name: K,
  ...args: PayloadArgs<QueryPayload<M, K>, Options>
) => Promise<QueryAnswer<M, K>>

export type Peek<M extends AnyMachine> = <K extends QueryName<M>>(
  name: K,
  ...args: PayloadArgs<QueryPayload<M, K>>
) => QueryAnswer<M, K>

/** `T` as it is in a frozen state: read-only at every level. */
export type Frozen<T> = unknown extends T
  ? T
  : T extends Leaf
    ? T
    : T extends readonly unknown[]
      ? FrozenList<T>
      : { readonly [K in keyof T]: Frozen<T[K]> }

type Leaf = undefined | null | boolean | number | bigint | string | Uint8Array

/** Tuples item by item. Lists apart from them: a mapped list is expanded at once, without end if it contains itself. */
type FrozenList<T extends readonly unknown[]> = number extends T['length']
  ? readonly Frozen<T[number]>[]
  : { readonly [K in keyof T]: Frozen<T[K]> }

type NameOf<F extends Functions> = keyof F & string

/** Unknown if the names are. */
type Payload<F extends Functions, K extends keyof F> = string extends keyof F
  ? unknown
  : F[K] extends (state: never, ...rest: infer Rest) => unknown
    ? PayloadOf<Rest>
    : never

type Result<F extends Functions, K extends keyof F> = F[K] extends (...args: never) => infer R ? WithoutVoid<R> : never

/** What comes of a function that returns nothing, once it travelled. */
type WithoutVoid<R> = R extends void ? undefined : R
