import { InvariantError, LegionError } from '../base/errors.js'
import type { ClusterId, PeerId } from '../base/ids.js'
import { type RandomStream, seededRandom } from '../base/random.js'
import { DecodeError } from '../codec/decode.js'
import type {
  CommandCall,
  CommandResult,
  DurableStateMachine,
  HookContext,
  MachineDefinition,
  QueryContext,
  StateMachine,
} from '../machines/machine.js'
import { machineTools } from '../machines/machine-tools.js'
import type { VoterId } from '../raft/index.js'
import {
  type CommandEntry,
  type CreateGroupEntry,
  decodeEntry,
  type GroupEntry,
  isKnownKind,
  isRosterEntry,
  type OneShotEntry,
  type RegisterEntry,
} from './entry.js'
import type { Epoch } from './epoch.js'
import { type GroupRecord, GroupRegistry } from './group-registry.js'
import { decodeJoining } from './member-codec.js'
import { type Member, Roster } from './roster.js'
import type { RosterResult } from './roster-entry.js'
import {
  type AppliedCommands,
  type AppliedResult,
  fromReplicated,
  type Applied as SessionApplied,
  SessionTable,
  toReplicated,
} from './sessions.js'
import { decodeHead, EPOCHS_MAX, encodeHead, openSnapshot, type SnapshotHead, snapshotPieces } from './snapshot.js'
import { peerOf } from './voter-id.js'

/** What became of one entry, for whoever waits for it here. */
export type Applied =
  | SessionApplied
  | { readonly kind: 'checkpoint' }
  | { readonly kind: 'activated'; readonly version: number }
  | { readonly kind: 'group'; readonly record: GroupRecord }
  | { readonly kind: 'roster'; readonly nonce: string; readonly result: RosterResult }

/** Commands from the log, since the start of this process. */
export interface CommandCounts {
  readonly applied: number
  /** The machine threw `Rejected`. */
  readonly rejected: number
  /** The machine threw something else. */
  readonly failed: number
  /** Not run: they were in the log a second time, or their session had expired. */
  readonly repeated: number
}

/**
 * All that a group replicates: machine, sessions, roster, registry of groups. A function of the log: the same entries
 * give the same bytes in `snapshot()` on every replica.
 *
 * With code that is too old for an entry it becomes *outdated*: machine and sessions stay as they are for good, only
 * the roster follows the log. It never skips an entry and goes on.
 */
export class ReplicatedState {
  readonly #definition: MachineDefinition
  readonly #machine: StateMachine
  #sessions = new SessionTable()
  #roster = new Roster()
  #groups = new GroupRegistry()
  /** Makes the randomness of commands differ between groups. */
  #seed = 0
  /** Of the command that is being applied. Seeded only when it is asked: most commands want no chance. */
  #stream: RandomStream | undefined
  #randomPlace = 0
  readonly #random: RandomStream = () => {
    this.#stream ??= seededRandom(this.#randomPlace, this.#randomPlace / 2 ** 32, this.#seed)
    return this.#stream()
  }
  /** 0 until it is known. */
  #version = 0
  #timestampMs = 0
  #appliedIndex = 0
  /** By how much the place of what is applied is above its index. */
  #surplus = 0
  #ignoredEntries = 0
  #isEmpty = true
  #dissolvedInto: ClusterId | undefined
  #epochs: readonly Epoch[] = []
  readonly #counts = { applied: 0, rejected: 0, failed: 0, repeated: 0 }
  #outdated: LegionError | undefined

  constructor(definition: MachineDefinition) {
    this.#definition = definition
    this.#machine = definition.create(machineTools)
  }

  get machine(): StateMachine {
    return this.#machine
  }

  /** The machine, if it keeps its state on a disk of its own. */
  get durableMachine(): DurableStateMachine | undefined {
    return 'flush' in this.#machine ? (this.#machine as DurableStateMachine) : undefined
  }

  /** The machine's version that is active at `appliedIndex`. */
  get version(): number {
    return this.#version
  }

  get roster(): Roster {
    return this.#roster
  }

  get sessions(): SessionTable {
    return this.#sessions
  }

  get groups(): GroupRegistry {
    return this.#groups
  }

  /** No command was applied and no group created. */
  get isEmpty(): boolean {
    return this.#isEmpty
  }

  /** Of `main`: the cluster that this one ended in favour of. No command is applied any more. */
  get dissolvedInto(): ClusterId | undefined {
    return this.#dissolvedInto
  }

  /** The recoveries that made this state what it is, the oldest first. */
  get epochs(): readonly Epoch[] {
    return this.#epochs
  }

  /** What became of the commands applied here since the start. */
  get commandCounts(): CommandCounts {
    return this.#counts
  }

  get appliedIndex(): number {
    return this.#appliedIndex
  }

  /** Entries that nobody can read: the same ones on every replica. */
  get ignoredEntries(): number {
    return this.#ignoredEntries
  }

  /** Why this code can't follow the log any more, if it can't. */
  get outdated(): LegionError | undefined {
    return this.#outdated
  }

  /** Where in the log the state stands that is here to be asked. */
  get queryContext(): QueryContext {
    return { timestampMs: this.#timestampMs, version: this.#version }
  }

  /**
   * Starts a group: `founder` is its only member, everything up to `index` counts as applied.
   * @param seed 32 bits
   */
  found(founder: Member, index: number, seed: number): void {
    this.#seed = seed
    this.#version = this.#definition.version
    this.#roster = Roster.restore({ members: [founder], retired: [], ejected: [], pinned: [], changedAt: index })
    this.#appliedIndex = index
    this.#machine.memberJoined?.(peerOf(founder.id), this.#contextAt(index))
  }

  /** Starts an epoch with everything up to its base, which counts as applied. `survivor` is its only member. */
  recover(epoch: Epoch, survivor: Member): void {
    const { index } = epoch.base
    const before = this.#peers()
    this.#appliedIndex = index
    this.#roster.apply(index, new Set([survivor.id]), [survivor])
    this.#epochs = [...this.#epochs, epoch].slice(-EPOCHS_MAX)
    this.#callHooks(index, before, this.#peers())
  }

  /** True if the command may be proposed now. */
  has(command: string): boolean {
    return this.#machine.has(command, this.#version)
  }

  /**
   * Applies a committed entry.
   * @param data empty for the entry with which a leader starts its term
   * @throws LegionError E_VERSION if a newer release of this library is needed to read it; the replica must stop
   */
  apply(index: number, data: Uint8Array): Applied | undefined {
    this.#advanceTo(index)
    if (data.length === 0 || (this.#outdated !== undefined && !isRosterEntry(data))) return undefined
    const entry = this.#decode(data)
    return entry && this.#applyEntry(index, entry)
  }

  /**
   * Follows an applied configuration change.
   * @param present all ids of the new configuration
   */
  applyConfiguration(index: number, present: ReadonlySet<VoterId>, context: Uint8Array): void {
    this.#advanceTo(index)
    const before = this.#peers()
    this.#roster.apply(index, present, decodeJoining(context))
    if (this.#outdated === undefined) this.#callHooks(index, before, this.#peers())
  }

  /** All of it at this moment, to be read little by little. */
  snapshot(): AsyncIterable<Uint8Array> {
    const machine = this.#machine.snapshot()
    return snapshotPieces(this.head(), machine instanceof Uint8Array ? [machine] : machine)
  }

  /** All but the machine's state. */
  head(): Uint8Array {
    return encodeHead({
      machineName: this.#definition.name,
      machineVersion: this.#version,
      seed: this.#seed,
      appliedIndex: this.#appliedIndex,
      surplus: this.#surplus,
      timestampMs: this.#timestampMs,
      roster: this.#roster.toRecord(),
      sessions: [...this.#sessions.all.values()],
      groups: [...this.#groups.all.values()],
      isEmpty: this.#isEmpty,
      dissolvedInto: this.#dissolvedInto,
      epochs: this.#epochs,
    })
  }

  /**
   * Replaces everything.
   * @param flushed makes, of the head, what a durable machine stores with its state
   * @throws LegionError E_MACHINE if it is another machine's; DecodeError if it is damaged. Nothing is changed then.
   */
  async restore(pieces: AsyncIterable<Uint8Array>, flushed: (head: Uint8Array) => Uint8Array): Promise<void> {
    const { head, machine } = await openSnapshot(pieces)
    requireMachine(this.#definition, head.machineName)
    if (head.machineVersion > this.#definition.version) {
      this.#follow(head)
      return
    }
    if (this.durableMachine === undefined) await this.#machine.restore(machine)
    else await this.durableMachine.install(machine, flushed(encodeHead(head)))
    this.#adopt(head)
  }

  /** Goes on from what a durable machine stored with its state. @throws LegionError E_MACHINE, DecodeError */
  resume(bytes: Uint8Array): void {
    const head = decodeHead(bytes)
    requireMachine(this.#definition, head.machineName)
    if (head.machineVersion > this.#definition.version) this.#follow(head)
    else this.#adopt(head)
  }

  #adopt(head: SnapshotHead): void {
    const sessions = new SessionTable()
    for (const session of head.sessions) sessions.restore(session)
    this.#sessions = sessions
    this.#seed = head.seed
    this.#version = head.machineVersion
    this.#timestampMs = head.timestampMs
    this.#outdated = undefined
    this.#adoptMembers(head)
  }

  #adoptMembers(head: SnapshotHead): void {
    this.#roster = Roster.restore(head.roster)
    this.#groups = GroupRegistry.restore(head.groups)
    this.#appliedIndex = head.appliedIndex
    this.#surplus = head.surplus
    this.#isEmpty = head.isEmpty
    this.#dissolvedInto = head.dissolvedInto
    this.#epochs = head.epochs
  }

  /** A snapshot of a newer version: its members count, its state can't be read. */
  #follow(head: SnapshotHead): void {
    this.#adoptMembers(head)
    this.#outdated = outdated(this.#definition, head.machineVersion)
  }

  #advanceTo(index: number): void {
    // Gaps are configuration changes of a snapshot's past; going back would apply twice.
    if (index <= this.#appliedIndex) throw new InvariantError(`apply ${index} after ${this.#appliedIndex}`)
    this.#appliedIndex = index
  }

  #decode(data: Uint8Array): GroupEntry | undefined {
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

  #applyEntry(index: number, entry: GroupEntry): Applied | undefined {
    if (isUsers(entry)) {
      if (this.#dissolvedInto !== undefined) return undefined // whoever proposed it does so again in the other cluster
      this.#isEmpty &&= entry.kind === 'register'
    }
    switch (entry.kind) {
      case 'command':
        return this.#applyCommands(index, [entry])
      case 'commands':
        return this.#applyCommands(index, entry.commands)
      case 'one-shot':
        return this.#applyOneShot(index, entry)
      case 'register':
        return this.#applyRegister(index, entry)
      case 'checkpoint':
        return { kind: 'checkpoint' }
      case 'activate':
        return this.#activate(entry.version)
      case 'create-group':
        return this.#createGroup(index, entry)
      case 'roster':
        return { kind: 'roster', nonce: entry.nonce, result: this.#roster.wish(index, entry) }
      case 'dissolve':
        if (this.#isEmpty) this.#dissolvedInto ??= entry.into
        return undefined
    }
  }

  #applyRegister(index: number, entry: RegisterEntry): Applied {
    const isMember = (peer: PeerId) => this.#roster.has(peer)
    const { nonce, peer, replaces } = entry
    return { kind: 'register', nonce, session: this.#sessions.register(nonce, peer, index, isMember, replaces) }
  }

  /** Each has a place of its own. Ends with the first one that can't be applied here. */
  #applyCommands(index: number, commands: readonly CommandEntry[]): AppliedCommands {
    const results: AppliedResult[] = []
    for (const command of commands) {
      const result = this.#applyCommand(index, index + this.#surplus + results.length, command)
      if (result === undefined) break
      results.push(result)
    }
    this.#surplus += commands.length - 1
    return { kind: 'commands', commands, results }
  }

  #applyCommand(index: number, place: number, entry: CommandEntry): AppliedResult | undefined {
    const verdict = this.#sessions.check(entry.session, entry.sequence, entry.lowest, index)
    if (verdict.kind !== 'apply') this.#counts.repeated++
    if (verdict.kind === 'cached') return fromReplicated(verdict.result)
    if (verdict.kind !== 'apply') return verdict.kind
    const result = this.#run(place, entry, verdict.session.peer)
    if (result !== undefined) this.#sessions.record(verdict.session, entry.sequence, toReplicated(result))
    return result
  }

  #applyOneShot(index: number, entry: OneShotEntry): Applied | undefined {
    const result = this.#run(index + this.#surplus, entry, entry.peer)
    return result && { kind: 'one-shot', ticket: entry.ticket, result }
  }

  /** @returns undefined if this code does not know the command and can't go on */
  #run(place: number, entry: CommandEntry | OneShotEntry, from: PeerId): CommandResult | undefined {
    if (!this.has(entry.name)) {
      this.#outdated = unknownCommand(this.#definition, entry.name)
      return undefined
    }
    this.#timestampMs = Math.max(this.#timestampMs, entry.timestampMs)
    const call: CommandCall = { name: entry.name, payload: entry.payload, isOwn: true }
    const random = this.#randomAt(place)
    const context = { index: place, timestampMs: this.#timestampMs, version: this.#version, random, from }
    const result = this.#machine.apply(call, context)
    this.#counts[outcomeOf(result)]++
    return result
  }

  #activate(version: number): Applied | undefined {
    if (version <= this.#version) return undefined // proposed twice
    if (version > this.#definition.version) {
      this.#outdated = outdated(this.#definition, version)
      return undefined
    }
    while (this.#version < version) this.#machine.migrate?.(++this.#version)
    this.#version = version
    return { kind: 'activated', version }
  }

  #createGroup(index: number, { name, machineName, replicas, founder }: CreateGroupEntry): Applied | undefined {
    this.#groups.create({ number: index, name, machineName, replicas, founder })
    const record = this.#groups.get(name)
    return record && { kind: 'group', record }
  }

  #peers(): ReadonlySet<PeerId> {
    return new Set([...this.#roster.members.keys()].map(peerOf).sort())
  }

  #callHooks(index: number, before: ReadonlySet<PeerId>, after: ReadonlySet<PeerId>): void {
    for (const peer of after) if (!before.has(peer)) this.#machine.memberJoined?.(peer, this.#contextAt(index))
    for (const peer of before) if (!after.has(peer)) this.#machine.memberLeft?.(peer, this.#contextAt(index))
  }

  #contextAt(index: number): HookContext {
    const place = index + this.#surplus
    return { index: place, timestampMs: this.#timestampMs, version: this.#version, random: this.#randomAt(place) }
  }

  #randomAt(place: number): RandomStream {
    this.#randomPlace = place
    this.#stream = undefined
    return this.#random
  }
}

/** What peers ask for: nothing of it has any effect in a cluster that is dissolved. */
function isUsers({ kind }: GroupEntry): boolean {
  return (
    kind === 'command' || kind === 'commands' || kind === 'one-shot' || kind === 'register' || kind === 'create-group'
  )
}

function outcomeOf(result: CommandResult): 'applied' | 'rejected' | 'failed' {
  if (result.ok) return 'applied'
  return result.rejected === undefined ? 'failed' : 'rejected'
}

/** @throws LegionError E_MACHINE */
function requireMachine(mine: MachineDefinition, name: string): void {
  if (name === mine.name) return
  throw new LegionError('E_MACHINE', `The group runs the machine "${name}", this peer brought "${mine.name}".`)
}

function outdated(mine: MachineDefinition, version: number): LegionError {
  const problem = `The group runs version ${version} of machine "${mine.name}", this peer has ${mine.version}`
  return new LegionError('E_OUTDATED', `${problem}: load the newer code. Documents and messages go on.`)
}

function unknownCommand(mine: MachineDefinition, command: string): LegionError {
  const problem =
    `The log holds the command "${command}", which machine "${mine.name}" here does not know: ` +
    'this replica stops here instead of skipping it. Load the newer code.'
  return new LegionError('E_OUTDATED', problem)
}
