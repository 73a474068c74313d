import { equalBytes } from '../base/bytes.js'
import { LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import { formatPath, type Path } from '../codec/plain.js'
import type { Value } from '../codec/value.js'
import type {
  ApplyContext,
  CommandCall,
  CommandResult,
  ForkableMachine,
  HookContext,
  MachineTools,
  QueryCall,
  QueryContext,
} from './machine.js'
import type { AnyMachine } from './types.js'
import { watchWorld } from './world-traps.js'

export interface StrictOptions {
  /** Gets an error with the code E_MACHINE whose `details` are a `StrictReport`. */
  readonly report: (error: LegionError) => void
}

export interface StrictReport {
  /** Of the machine. */
  readonly machine: string
  /** The command, hook or migration. */
  readonly what: string
  /** What it asked of the world, such as `Math.random`. */
  readonly used: readonly string[]
  /** The first place where two runs differ, such as `state.seats["12A"]` or `output`; undefined if they do not. */
  readonly difference: string | undefined
}

/**
 * A machine for development that does the same as `definition`, but runs every command, hook and migration twice, each
 * time from the same state, and reports those that would make replicas differ: that use a clock, chance other than
 * `context.random`, or the network, or that do not the same both times.
 */
export function strictMachine<M extends AnyMachine>(definition: M, { report }: StrictOptions): M {
  const create = (tools: MachineTools, state?: unknown) =>
    new StrictMachine(definition.name, definition.create(tools, state), report)
  return { ...definition, create }
}

class StrictMachine implements ForkableMachine {
  readonly #name: string
  readonly #machine: ForkableMachine
  readonly #report: (error: LegionError) => void

  constructor(name: string, machine: ForkableMachine, report: (error: LegionError) => void) {
    this.#name = name
    this.#machine = machine
    this.#report = report
  }

  get state(): unknown {
    return this.#machine.state
  }

  fork(): StrictMachine {
    return new StrictMachine(this.#name, this.#machine.fork(), this.#report)
  }

  has(command: string, version: number): boolean {
    return this.#machine.has(command, version)
  }

  apply(call: CommandCall, context: ApplyContext): CommandResult {
    const contexts = repeatable(context)
    const shared = { name: call.name, payload: call.payload }
    return this.#twice(`command "${call.name}"`, (machine) => machine.apply(shared, contexts()))
  }

  query(call: QueryCall, context: QueryContext): Value {
    return this.#machine.query(call, context)
  }

  snapshot(): Iterable<Uint8Array> {
    return this.#machine.snapshot()
  }

  restore(snapshot: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#machine.restore(snapshot)
  }

  migrate(version: number): void {
    this.#twice(`migration to version ${version}`, (machine) => machine.migrate?.(version))
  }

  memberJoined(peer: PeerId, context: HookContext): void {
    const contexts = repeatable(context)
    this.#twice('hook memberJoined', (machine) => machine.memberJoined?.(peer, contexts()))
  }

  memberLeft(peer: PeerId, context: HookContext): void {
    const contexts = repeatable(context)
    this.#twice('hook memberLeft', (machine) => machine.memberLeft?.(peer, contexts()))
  }

  /** Runs it on a copy, then here, and compares. */
  #twice<T>(what: string, run: (machine: ForkableMachine) => T): T {
    const rehearsal = this.#machine.fork()
    const first = watchWorld(() => run(rehearsal))
    const second = watchWorld(() => run(this.#machine))
    const used = [...new Set([...first.used, ...second.used])]
    const difference =
      firstDifference(replicated(first.result), replicated(second.result), ['output']) ??
      firstDifference(rehearsal.state, this.#machine.state, ['state'])
    if (used.length > 0 || difference !== undefined) {
      this.#report(toError({ machine: this.#name, what, used, difference }))
    }
    return second.result
  }
}

/** Contexts that all draw the same random numbers. */
function repeatable<C extends HookContext>(context: C): () => C {
  const drawn: number[] = []
  return () => {
    let next = 0
    const random = () => {
      if (next === drawn.length) drawn.push(context.random())
      return drawn[next++] as number
    }
    return { ...context, random }
  }
}

/** What all replicas must agree on of a result; errors other than `Rejected` may have other texts elsewhere. */
function replicated(result: unknown): unknown {
  const { ok, output, rejected, details } = { ...(result as Partial<CommandResult & Record<string, unknown>>) }
  return ok === true ? output : { rejected, details }
}

/** Of plain values; the order of keys counts. Parts that are the same object are not looked at. */
function firstDifference(a: unknown, b: unknown, path: Path): string | undefined {
  if (Object.is(a, b)) return undefined
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return formatPath(path)
  if (a instanceof Uint8Array && b instanceof Uint8Array) return equalBytes(a, b) ? undefined : formatPath(path)
  const [keys, otherKeys] = [Object.keys(a), Object.keys(b)]
  if (keys.length !== otherKeys.length || Array.isArray(a) !== Array.isArray(b)) return formatPath(path)
  for (const [i, key] of keys.entries()) {
    if (key !== otherKeys[i]) return formatPath(path)
    const difference = firstDifference(Reflect.get(a, key), Reflect.get(b, key), [...path, key])
    if (difference !== undefined) return difference
  }
  return undefined
}

function toError(report: StrictReport): LegionError {
  const { machine, what, used, difference } = report
  const problems = [
    ...(used.length > 0 ? [`it uses ${used.join(', ')}`] : []),
    ...(difference === undefined ? [] : [`run twice, it does not give the same ${difference}`]),
  ]
  const advice = 'Let it depend on state, payload and context alone; context has timestampMs and random().'
  const problem = `The ${what} of machine "${machine}" would make replicas differ: ${problems.join('; ')}. ${advice}`
  return new LegionError('E_MACHINE', problem, { details: report })
}
