import { concatBytes, equalBytes, toBase64Url } from '../base/bytes.js'
import { LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import { seededRandom } from '../base/random.js'
import { encodeValue, type Value } from '../codec/value.js'
import type { ApplyContext, ForkableMachine } from '../machines/machine.js'
import { machineTools } from '../machines/machine-tools.js'
import type { AnyMachine } from '../machines/types.js'
import { UNKNOWN } from './history.js'
import type { SequentialModel } from './models.js'

export interface MachineInput {
  readonly kind: 'command' | 'query'
  readonly name: string
  readonly payload: Value
  /** The peer that asked. */
  readonly from: PeerId
}

/** How a command or query ended, for its caller. `rejected` is undefined if it failed in another way. */
export type MachineOutput =
  | { readonly ok: true; readonly output: Value }
  | { readonly ok: false; readonly rejected: string | undefined; readonly details: Value }

export interface MachineModelOptions {
  /** As `SequentialModel.partitionOf`. */
  readonly partitionOf?: ((input: MachineInput) => string | undefined) | undefined
}

/**
 * A replicated machine as a sequential model. Outputs are compared by their encoded bytes.
 *
 * The index, the time and the random numbers that a command gets are not those of the real run: an output that depends
 * on them cannot be checked.
 * @throws from `step`: LegionError E_UNKNOWN_COMMAND, E_NOT_PLAIN
 */
export function machineModel(
  definition: AnyMachine,
  options: MachineModelOptions = {},
): SequentialModel<MachineInput, MachineOutput, ForkableMachine> {
  return {
    initial: definition.create(machineTools),
    partitionOf: options.partitionOf,
    keyOf: (machine) => toBase64Url(concatBytes([...machine.snapshot()])),
    step(machine, input, output) {
      const next = machine.fork()
      const ask = input.kind === 'command' ? apply : query
      const actual = ask(next, input, definition.version)
      if (output !== UNKNOWN && !equalBytes(encodeOutput(actual), encodeOutput(output))) return undefined
      return next
    },
    show: (machine) => machine.state,
  }
}

function apply(machine: ForkableMachine, input: MachineInput, version: number): MachineOutput {
  const context: ApplyContext = { index: 1, timestampMs: 0, random: seededRandom(1), from: input.from, version }
  const result = machine.apply(input, context)
  if (result.ok) return result
  return { ok: false, rejected: result.rejected, details: result.rejected === undefined ? undefined : result.details }
}

function query(machine: ForkableMachine, input: MachineInput, version: number): MachineOutput {
  try {
    return { ok: true, output: machine.query(input, { timestampMs: 0, version }) }
  } catch (cause) {
    if (!LegionError.is(cause)) return { ok: false, rejected: undefined, details: undefined }
    if (cause.code !== 'E_REJECTED') throw cause
    return { ok: false, rejected: cause.message, details: cause.details as Value }
  }
}

function encodeOutput(output: MachineOutput): Uint8Array {
  return encodeValue(output.ok ? [output.output] : [output.rejected, output.details], 'output')
}
