import { LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import type { Value } from '../codec/value.js'
import type { StateMachine } from '../machines/machine.js'
import { machineTools } from '../machines/machine-tools.js'
import type { AnyMachine, Frozen, StateOf } from '../machines/types.js'
import { applyTo, contextAt } from './run-machine.js'

/** A command in a log. */
export interface LogEntry {
  readonly index: number
  /** Milliseconds since 1970; never below that of the entry before. */
  readonly timestampMs: number
  readonly from: PeerId
  readonly name: string
  readonly payload?: Value
}

export interface ReplayOptions {
  /** The state before the first entry, in the shape of `version`; default the machine's own. */
  readonly state?: unknown
  /** The version that is active before the first entry; default the machine's newest. */
  readonly version?: number | undefined
  /** Where the machine's newest version becomes active: before the entry with this index. */
  readonly activateAt?: number | undefined
}

export interface Replay<M extends AnyMachine> {
  /** After the last entry that was applied, frozen. */
  readonly state: Frozen<StateOf<M>>
  /** Active at the end. */
  readonly version: number
  /** One for each entry. A log with a command that the machine does not know ends with it: a replica would stop. */
  readonly entries: readonly ReplayedEntry[]
}

export interface ReplayedEntry {
  readonly entry: LogEntry
  /** The machine's version that was active. */
  readonly version: number
  /** What the proposer would have got: the output, or its error. */
  readonly output: Value | LegionError
}

/**
 * Runs a log on a machine of its own: to try a new version of a machine on an old log, before it is let loose on a
 * cluster. Compare what it reports with that of the old version.
 *
 * Random numbers are the same at every replay, but not those of the group that the log is from.
 * @throws LegionError E_MACHINE if a migration fails
 */
export function replay<M extends AnyMachine>(
  definition: M,
  log: Iterable<LogEntry>,
  options: ReplayOptions = {},
): Replay<M> {
  const { activateAt = Number.POSITIVE_INFINITY } = options
  const machine = definition.create(machineTools, options.state)
  const entries: ReplayedEntry[] = []
  let version = options.version ?? definition.version
  for (const entry of log) {
    while (entry.index >= activateAt && version < definition.version) machine.migrate?.(++version)
    const output = outputOf(machine, entry, version)
    entries.push({ entry, version, output })
    if (LegionError.is(output) && output.code === 'E_UNKNOWN_COMMAND') break
  }
  return { state: machine.state as Frozen<StateOf<M>>, version, entries }
}

function outputOf(machine: StateMachine, entry: LogEntry, version: number): Value | LegionError {
  const { index, timestampMs, from, name, payload } = entry
  try {
    return applyTo(machine, { name, payload }, contextAt({ index, timestampMs, from, version }))
  } catch (error) {
    if (LegionError.is(error)) return error
    throw error
  }
}
