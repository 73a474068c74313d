import { InvariantError, LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import { seededRandom } from '../base/random.js'
import { DecodeError } from '../codec/decode.js'
import type { Value } from '../codec/value.js'
import type { CommandResult, MachineDefinition, StateMachine } from '../machines/machine.js'
import type { VoterId } from '../raft/index.js'
import { type CommandEntry, decodeEntry, decodeJoining, isKnownKind, type RegisterEntry } from './entry.js'
import { type Member, Roster } from './roster.js'
import { type ReplicatedResult, type Session, SessionTable } from './sessions.js'
import { decodeSnapshot, encodeSnapshot } from './snapshot.js'

/** What became of one entry, for the proposer if it is here. */
export type Applied =
  | { readonly kind: 'command'; readonly session: number; readonly sequence: number; readonly result: AppliedResult }
  | { readonly kind: 'register'; readonly session: Session }

/** `expired`: not applied, now or ever. `settled`: the client knew the outcome before. */
export type AppliedResult = CommandResult | 'expired' | 'settled'

/**
 * All that a group replicates: machine, sessions, roster. A function of the log: the same entries give the same bytes
 * in `snapshot()` on every replica.
 */
export class ReplicatedState {
  readonly #definition: MachineDefinition
  #machine: StateMachine
  #sessions = new SessionTable()
  #roster = new Roster()
  /** Drawn at founding; makes the randomness of commands differ between groups. */
  #seed: number
  #timestampMs = 0
  #appliedIndex = 0
  #ignoredEntries = 0

  constructor(definition: MachineDefinition, seed: number) {
    this.#definition = definition
    this.#machine = definition.create()
    this.#seed = seed
  }

  get machine(): StateMachine {
    return this.#machine
  }

  get roster(): Roster {
    return this.#roster
  }

  get sessions(): SessionTable {
    return this.#sessions
  }

  get appliedIndex(): number {
    return this.#appliedIndex
  }

  /** Entries that nobody can read: the same ones on every replica. */
  get ignoredEntries(): number {
    return this.#ignoredEntries
  }

  /** Starts a group: `founder` is its only member, everything up to `index` counts as applied. */
  found(founder: Member, index: number): void {
    this.#roster = Roster.restore([founder], [])
    this.#appliedIndex = index
  }

  /**
   * Applies a committed entry.
   * @param data empty for the entry with which a leader starts its term
   * @throws LegionError if this code cannot apply it; the replica must stop
   */
  apply(index: number, data: Uint8Array): Applied | undefined {
    this.#advanceTo(index)
    if (data.length === 0) return undefined
    const entry = this.#decode(data)
    if (entry === undefined) return undefined
    return entry.kind === 'command' ? this.#applyCommand(index, entry) : this.#applyRegister(index, entry)
  }

  /**
   * Follows an applied configuration change.
   * @param present all ids of the new configuration
   */
  applyConfiguration(index: number, present: ReadonlySet<VoterId>, context: Uint8Array): void {
    this.#advanceTo(index)
    this.#roster.apply(present, decodeJoining(context))
  }

  snapshot(): Uint8Array {
    return encodeSnapshot({
      machineName: this.#definition.name,
      machineVersion: this.#definition.version,
      seed: this.#seed,
      appliedIndex: this.#appliedIndex,
      timestampMs: this.#timestampMs,
      members: [...this.#roster.members.values()],
      retired: [...this.#roster.retired],
      sessions: [...this.#sessions.all.values()],
      machine: this.#machine.snapshot(),
    })
  }

  /**
   * Replaces everything.
   * @throws LegionError E_MACHINE if it is another machine's; DecodeError if it is damaged. Nothing is changed then.
   */
  restore(bytes: Uint8Array): void {
    const snapshot = decodeSnapshot(bytes)
    requireSameMachine(this.#definition, snapshot.machineName, snapshot.machineVersion)
    const machine = this.#definition.create()
    machine.restore(snapshot.machine)
    const sessions = new SessionTable()
    for (const session of snapshot.sessions) sessions.restore(session)
    this.#machine = machine
    this.#sessions = sessions
    this.#roster = Roster.restore(snapshot.members, snapshot.retired)
    this.#seed = snapshot.seed
    this.#timestampMs = snapshot.timestampMs
    this.#appliedIndex = snapshot.appliedIndex
  }

  #advanceTo(index: number): void {
    // Gaps are configuration changes of a snapshot's past; going back would apply twice.
    if (index <= this.#appliedIndex) throw new InvariantError(`apply ${index} after ${this.#appliedIndex}`)
    this.#appliedIndex = index
  }

  #decode(data: Uint8Array): CommandEntry | RegisterEntry | undefined {
    if (!isKnownKind(data)) {
      throw new LegionError('E_VERSION', `Entry of kind ${data[0]} is from a newer release: update legion-mesh here.`)
    }
    try {
      return decodeEntry(data)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#ignoredEntries++
      return undefined
    }
  }

  #applyRegister(index: number, entry: RegisterEntry): Applied {
    const isMember = (peer: PeerId) => this.#roster.has(peer)
    return { kind: 'register', session: this.#sessions.register(entry.nonce, entry.peer, index, isMember) }
  }

  #applyCommand(index: number, entry: CommandEntry): Applied {
    const verdict = this.#sessions.check(entry.session, entry.sequence, entry.lowest, index)
    const { session, sequence } = entry
    if (verdict.kind === 'cached') return { kind: 'command', session, sequence, result: fromReplicated(verdict.result) }
    if (verdict.kind !== 'apply') return { kind: 'command', session, sequence, result: verdict.kind }
    const result = this.#run(index, entry, verdict.session.peer)
    this.#sessions.record(verdict.session, sequence, toReplicated(result))
    return { kind: 'command', session, sequence, result }
  }

  #run(index: number, entry: CommandEntry, from: PeerId): CommandResult {
    if (!this.#machine.has(entry.name)) {
      throw new LegionError(
        'E_UNKNOWN_COMMAND',
        `The log holds the command "${entry.name}", which machine "${this.#definition.name}" here does not know: ` +
          'this replica stops instead of skipping it. Load the newer code.',
      )
    }
    this.#timestampMs = Math.max(this.#timestampMs, entry.timestampMs)
    const random = seededRandom(index, index / 2 ** 32, this.#seed)
    const call = { name: entry.name, payload: entry.payload as Value }
    return this.#machine.apply(call, { index, timestampMs: this.#timestampMs, random, from })
  }
}

/** @throws LegionError E_MACHINE, E_OUTDATED */
export function requireSameMachine(mine: MachineDefinition, name: string, version: number): void {
  if (name !== mine.name) {
    throw new LegionError('E_MACHINE', `The cluster runs the machine "${name}", this peer brought "${mine.name}".`)
  }
  if (version > mine.version) {
    throw new LegionError(
      'E_OUTDATED',
      `The cluster runs version ${version} of machine "${name}", this peer has ${mine.version}: load the newer code.`,
    )
  }
  if (version < mine.version) {
    throw new LegionError(
      'E_MACHINE',
      `The cluster still runs version ${version} of machine "${name}", this peer has ${mine.version}: ` +
        'close the peers with the older code first.',
    )
  }
}

function toReplicated(result: CommandResult): ReplicatedResult {
  return result.ok || result.rejected !== undefined ? result : { ok: false, rejected: undefined }
}

export function fromReplicated(result: ReplicatedResult): CommandResult {
  return result.ok || result.rejected !== undefined ? result : { ok: false, rejected: undefined, cause: undefined }
}
