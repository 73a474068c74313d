import { LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import type { PayloadArgs } from '../base/payload-args.js'
import { seededRandom } from '../base/random.js'
import type { Value } from '../codec/value.js'
import type { ApplyContext, CommandCall, CommandResult, StateMachine } from '../machines/machine.js'
import { machineTools } from '../machines/machine-tools.js'
import type { AnyMachine, CommandName, CommandOutput, CommandPayload, Frozen, StateOf } from '../machines/types.js'

/** A command's name and payload, as `applyConsistent` takes them. */
export type CommandOf<M extends AnyMachine> = {
  [K in CommandName<M>]: readonly [name: K, ...PayloadArgs<CommandPayload<M, K>>]
}[CommandName<M>]

export interface RunOptions {
  /** Who gives the commands. Always the same somebody if left out. */
  readonly from?: PeerId | undefined
  /** The time of the log, in milliseconds since 1970; default 0. */
  readonly timestampMs?: number | undefined
  /** The machine's version that is active; default its newest. */
  readonly version?: number | undefined
  /** The state to start from; default the machine's own. */
  readonly state?: unknown
}

export interface MachineRun<M extends AnyMachine, Commands extends readonly CommandOf<M>[]> {
  /** After the last command, frozen. */
  readonly state: Frozen<StateOf<M>>
  /** One for each command: what `applyConsistent` would have given, or the error with which it would have failed. */
  readonly outputs: { readonly [I in keyof Commands]: OutputOf<M, Commands[I]> | LegionError }
}

type OutputOf<M extends AnyMachine, Command> = Command extends readonly [infer K extends CommandName<M>, ...unknown[]]
  ? CommandOutput<M, K>
  : never

export const SOMEBODY = 'AAAAAAAAAAAAAAAAAAAAAA' as PeerId

/**
 * Runs commands on a machine of its own, one after the other, at the indexes 1, 2, 3…: to test a machine without a
 * cluster.
 *
 * ```ts
 * const { state, outputs } = runMachine(theatre, [['reserve', '12A'], ['reserve', '12A']])
 * ```
 * @throws LegionError E_UNKNOWN_COMMAND
 */
export function runMachine<M extends AnyMachine, const Commands extends readonly CommandOf<M>[]>(
  definition: M,
  commands: Commands,
  options: RunOptions = {},
): MachineRun<M, Commands> {
  const { from = SOMEBODY, timestampMs = 0, version = definition.version, state } = options
  const machine = definition.create(machineTools, state)
  const outputs = commands.map(([name, payload], i) =>
    applyTo(machine, { name, payload: payload as Value }, contextAt({ index: i + 1, timestampMs, from, version })),
  )
  return { state: machine.state, outputs } as unknown as MachineRun<M, Commands>
}

/** As in a group whose seed is 0. */
export function contextAt(place: Omit<ApplyContext, 'random'>): ApplyContext {
  return { ...place, random: seededRandom(place.index, place.index / 2 ** 32, 0) }
}

/** @returns what the proposer would get: the output, or its error */
export function applyTo(machine: StateMachine, call: CommandCall, context: ApplyContext): Value | LegionError {
  const result = machine.apply(call, context)
  return result.ok ? result.output : toError(call.name, result)
}

function toError(name: string, result: CommandResult & { readonly ok: false }): LegionError {
  const outcome = 'not-applied'
  if (result.rejected !== undefined) {
    return new LegionError('E_REJECTED', result.rejected, { details: result.details, outcome })
  }
  return new LegionError('E_COMMAND_FAILED', `The command "${name}" failed.`, { cause: result.cause, outcome })
}
