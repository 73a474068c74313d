import { equalBytes, toBase64Url } from '../base/bytes.js'
import { LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import { seededRandom } from '../base/random.js'
import { encodeValue, type Value } from '../codec/value.js'
import type { ApplyContext, MachineDefinition, StateMachine } from '../machines/machine.js'
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
 * A replicated machine as a sequential model; a state is a snapshot. Outputs are compared by their encoded bytes.
 *
 * The index, the time and the random numbers that a command gets are not those of the real run: an output that depends
 * on them cannot be checked.
 * @throws from `step`: LegionError E_UNKNOWN_COMMAND, E_NOT_PLAIN
 */
export function machineModel(
  definition: MachineDefinition,
  options: MachineModelOptions = {},
): SequentialModel<MachineInput, MachineOutput, Uint8Array> {
  const machine = new RewindableMachine(definition.create())
  return {
    initial: machine.snapshot,
    partitionOf: options.partitionOf,
    keyOf: toBase64Url,
    step(state, input, output) {
      machine.rewind(state)
      const actual = machine.run(input)
      return output === UNKNOWN || equalBytes(encodeOutput(actual), encodeOutput(output)) ? machine.snapshot : undefined
    },
    show(state) {
      machine.rewind(state)
      return machine.state
    },
  }
}

/** A machine that goes back to any of its snapshots, and takes and restores no more of them than it must. */
class RewindableMachine {
  readonly #machine: StateMachine
  #snapshot: Uint8Array
  #snapshotState: unknown

  constructor(machine: StateMachine) {
    this.#machine = machine
    this.#snapshot = machine.snapshot()
    this.#snapshotState = machine.state
  }

  get state(): unknown {
    return this.#machine.state
  }

  get snapshot(): Uint8Array {
    if (this.#hasMoved()) this.#keep(this.#machine.snapshot())
    return this.#snapshot
  }

  rewind(snapshot: Uint8Array): void {
    if (snapshot === this.#snapshot && !this.#hasMoved()) return
    this.#machine.restore(snapshot)
    this.#keep(snapshot)
  }

  run(input: MachineInput): MachineOutput {
    return input.kind === 'command' ? this.#apply(input) : this.#query(input)
  }

  #apply(input: MachineInput): MachineOutput {
    const result = this.#machine.apply(input, contextFor(input.from))
    if (result.ok) return result
    return { ok: false, rejected: result.rejected, details: result.rejected === undefined ? undefined : result.details }
  }

  #query(input: MachineInput): MachineOutput {
    try {
      return { ok: true, output: this.#machine.query(input) }
    } catch (cause) {
      if (!LegionError.is(cause)) return { ok: false, rejected: undefined, details: undefined }
      if (cause.code !== 'E_REJECTED') throw cause
      return { ok: false, rejected: cause.message, details: cause.details as Value }
    }
  }

  /** True since a command changed the state. */
  #hasMoved(): boolean {
    return this.#machine.state !== this.#snapshotState
  }

  #keep(snapshot: Uint8Array): void {
    this.#snapshot = snapshot
    this.#snapshotState = this.#machine.state
  }
}

function contextFor(from: PeerId): ApplyContext {
  return { index: 1, timestampMs: 0, random: seededRandom(1), from }
}

function encodeOutput(output: MachineOutput): Uint8Array {
  return encodeValue(output.ok ? [output.output] : [output.rejected, output.details], 'output')
}
