import { LegionError } from '../base/errors.js'
import type { ClusterId, PeerId } from '../base/ids.js'
import type { Runtime } from '../base/runtime.js'
import type { MachineDefinition } from '../machines/machine.js'
import type { Network, PeerLeftReason } from '../mesh/network.js'
import type { SendResult } from '../mesh/port.js'
import {
  type Configuration,
  type Entry,
  emptyState,
  foundingState,
  type InitialState,
  type Message,
  type Refusal,
  type SoftState,
  type TransferResult,
  type VoterId,
} from '../raft/index.js'
import type { Announce, DigestReport, RosterMessage, Refusal as RosterRefusal } from './announce.js'
import type { AutopilotRules } from './autopilot.js'
import type { Digest } from './checkpoint.js'
import { DigestComparison } from './digest-comparison.js'
import { decodeMark, encodeMark } from './durable-mark.js'
import { ElectionTrigger } from './election-trigger.js'
import { encodeActivate, encodeCheckpoint, isProposable } from './entry.js'
import { preferredLeader } from './leader-balance.js'
import { Membership } from './membership.js'
import { Replica, type ReplicaLimits, type SnapshotSpooling } from './replica.js'
import { encodeAttributes } from './replica-attributes.js'
import type { ReplicaLog, SnapshotReader, StoredReplica } from './replica-log.js'
import { type Applied, ReplicatedState } from './replicated-state.js'
import type { Member } from './roster.js'
import type { SnapshotSource } from './snapshot-source.js'
import { incarnationOf, peerOf, voterIdOf } from './voter-id.js'

export interface ReplicaHostOptions {
  /** What the wire calls the group; 0 is `main`. */
  readonly group: number
  readonly network: Network
  readonly runtime: Runtime
  readonly definition: MachineDefinition
  readonly rules: AutopilotRules
  readonly limits: ReplicaLimits & { readonly commandBytes: number }
  readonly spool: SnapshotSpooling
  /** The way out: what all groups of this peer share. */
  readonly out: Outlet
  readonly events: ReplicaHostEvents
}

export interface Outlet {
  send(message: Message): void
  sendSnapshot(message: Message & { type: 'snapshot' }, source: SnapshotSource): void
  tell(peer: PeerId, message: RosterMessage): void
  /** Have `evaluate` called soon. */
  schedule(): void
  /** How many groups may start an election for the same reason. */
  readonly groups: number
}

export interface ReplicaHostEvents {
  /** Called before each run of the replica: the place to propose and to ask for reads. */
  feed(replica: Replica): void
  /** Called after each run. */
  ran(replica: Replica): void
  tick(): void
  /** True while something waits for a tick, such as a timeout. */
  isWaiting(): boolean
  committed(entry: Entry): void
  applied(applied: Applied, index: number): void
  restored(): void
  readable(ticket: number, index: number): void
  refused(refusal: Refusal): void
  transferred(result: TransferResult): void
  lead(state: SoftState): void
  configured(configuration: Configuration): void
  checkpointed(digest: Digest): void
  /** This peer's code can't follow the log any more; it stores and votes, and applies nothing. */
  outdated(error: LegionError): void
  /** This peer, which wanted to leave, is out. */
  removed(): void
  /** The leader does not take this peer as a member. */
  rejected(error: LegionError): void
  /** The replica stopped for good. */
  failed(error: unknown): void
}

/** An outdated replica can't cut its log: above so many times `logBytes` it gives up. */
const OUTDATED_LOG_FACTOR = 4
const QUIESCE_TICKS = 30
const BALANCE_TICKS = 20
const MAIN = 0

/**
 * Hosts this peer's replica of one group: announces it to the others, starts elections when the leader's link closes,
 * and on the leader keeps the roster right, activates new versions of the machine, compares digests. Everything that
 * happens only changes state and schedules one `evaluate`, which runs the replica.
 */
export class ReplicaHost {
  readonly #options: ReplicaHostOptions
  readonly #membership = new Membership()
  readonly #digests = new DigestComparison()
  readonly #elections: ElectionTrigger
  readonly #unreachable = new Set<VoterId>()
  readonly #undelivered = new Set<VoterId>()
  #clusterId: ClusterId | undefined
  #replica: Replica | undefined
  #log: ReplicaLog | undefined
  #incarnation = 1
  #visible = true
  #leaving = false
  #isMember = false
  #isOutdated = false
  /** Something happened, if only a tick, after which the leader may want another configuration. */
  #isRosterStale = true
  #ticks = 0
  #stopped = false

  constructor(options: ReplicaHostOptions) {
    this.#options = options
    this.#elections = new ElectionTrigger(options.runtime, () => this.#campaign())
  }

  get group(): number {
    return this.#options.group
  }

  get replica(): Replica | undefined {
    return this.#replica
  }

  /** It needs no ticks until something happens. */
  get isIdle(): boolean {
    const replica = this.#replica
    if (this.#stopped || replica === undefined) return true
    return replica.isQuiesced && !this.#leaving && !this.#isRosterStale && !this.#options.events.isWaiting()
  }

  /** Starts the group with this peer as its only voter. */
  found(clusterId: ClusterId, log: ReplicaLog | undefined): void {
    this.#log = log
    this.#clusterId = clusterId
    const seed = Math.floor(this.#options.runtime.random() * 2 ** 32)
    const state = new ReplicatedState(this.#options.definition)
    const initial = foundingState([this.#id])
    state.found(this.#member(), initial.snapshot.index, seed)
    this.#begin(state, initial, this.#storeFounding(state, initial))
    this.#replica?.campaign()
  }

  /** Waits to be added by the group's leader. */
  join(clusterId: ClusterId, log: ReplicaLog | undefined): void {
    this.#log = log
    this.#clusterId = clusterId
    this.#begin(new ReplicatedState(this.#options.definition), emptyState, this.#storeIncarnation())
  }

  /** Goes on from what is stored. @throws LegionError E_STORAGE, E_MACHINE; DecodeError */
  async restart(clusterId: ClusterId, log: ReplicaLog, stored: StoredReplica): Promise<void> {
    this.#log = log
    this.#clusterId = clusterId
    this.#incarnation = stored.incarnation
    const state = new ReplicatedState(this.#options.definition)
    const initial = await restore(state, log, stored)
    if (!this.#stopped) this.#begin(state, initial, undefined)
  }

  /** Runs the replica soon: something was queued for `feed`. */
  schedule(): void {
    this.#options.out.schedule()
  }

  setVisible(visible: boolean): void {
    if (visible === this.#visible) return
    this.#visible = visible
    this.#announce()
  }

  /** Lets another voter lead, if this one does and there is one. */
  handOver(): void {
    const replica = this.#replica
    if (replica?.isLeader) this.#transferTo(replica, this.#heirs(replica))
    this.#options.out.schedule()
  }

  /** Asks to be removed from the roster; repeated with every tick until it is done. */
  leave(): void {
    this.#leaving = true
    this.#pressLeaving()
    this.#options.out.schedule()
  }

  /** Removes what is stored of the replica, which is stopped. */
  async forget(): Promise<void> {
    this.stop()
    await this.#log?.destroy()
  }

  stop(): void {
    this.#stopped = true
    this.#elections.leaderKnown()
    this.#replica?.stop()
  }

  get #id(): VoterId {
    return voterIdOf(this.#options.network.self.id, this.#incarnation)
  }

  #begin(state: ReplicatedState, initial: InitialState, prepared: Promise<void> | undefined): void {
    this.#createReplica(state, initial, prepared)
    this.#announce()
    this.#options.out.schedule()
  }

  #createReplica(state: ReplicatedState, initial: InitialState, prepared: Promise<void> | undefined): void {
    const { runtime, limits, spool, events, out, group } = this.#options
    this.#replica?.stop()
    this.#replica = new Replica({
      id: this.#id,
      runtime,
      state,
      initial,
      log: this.#log,
      prepared,
      limits,
      spool,
      quiesceTicks: group === MAIN ? 0 : QUIESCE_TICKS,
      events: {
        ...events,
        send: (message) => this.#send(message),
        lead: (soft) => this.#onLead(soft),
        checkpointed: (digest) => this.#onCheckpoint(digest),
        resumed: () => out.schedule(),
        failed: (error) => this.fail(error),
      },
    })
  }

  /** Nothing of an older incarnation may come back. */
  #storeIncarnation(): Promise<void> | undefined {
    return this.#log?.create(this.#incarnation, this.#attributes(false), emptyState)
  }

  /** What a founder starts from is in no entry of the log: its first snapshot has it. */
  #storeFounding(state: ReplicatedState, initial: InitialState): Promise<void> | undefined {
    const log = this.#log
    return log && storeFounding(log, this.#incarnation, this.#attributes(true), state, initial)
  }

  #attributes(isFounder: boolean): Uint8Array {
    return encodeAttributes({ clusterId: this.#clusterId as ClusterId, isFounder })
  }

  /** The one place where the replica runs and where is decided what follows. */
  evaluate(): void {
    const replica = this.#replica
    if (replica === undefined || this.#stopped) return
    try {
      this.#options.events.feed(replica)
      replica.run()
      this.#noteMembership(replica)
      this.#noteOutdated(replica)
      this.#reportUnreachable(replica)
      if (replica.isLeader && this.#isRosterStale) this.#tendRoster(replica)
      if (!replica.isLeader) this.#isRosterStale = false
      this.#options.events.ran(replica)
    } catch (error) {
      this.fail(error)
    }
  }

  tick(ticks: number): void {
    const replica = this.#replica
    for (let i = 0; i < ticks; i++) replica?.tick()
    this.#ticks += ticks
    if (this.#leaving) this.#pressLeaving()
    if (replica?.isLeader) this.#lead(replica)
    this.#isRosterStale = true
    this.#options.events.tick()
    this.#options.out.schedule()
  }

  /** Stops this replica for good; the other groups go on. */
  fail(error: unknown): void {
    if (this.#stopped) return
    this.stop()
    this.#options.events.failed(error)
  }

  // --- messages of Raft

  /** @param result why it could not be sent */
  unsent(message: Message, result: SendResult): void {
    // A follower whose lane to the leader is full has not lost its leader; what was dropped is proposed again.
    if (result === 'full' && !this.#replica?.isLeader) return
    this.#unreachable.add(message.to)
    this.#options.out.schedule()
  }

  step(message: Message): void {
    const replica = this.#replica
    if (replica === undefined || !this.#isAcceptable(message, replica)) return
    replica.step(message)
    this.#options.out.schedule()
  }

  /** A snapshot and its content, which was checked. */
  stepSnapshot(message: Message & { type: 'snapshot' }, pieces: readonly Uint8Array[]): void {
    const replica = this.#replica
    if (replica === undefined || !this.#isAcceptable(message, replica)) return
    replica.stepSnapshot(message, pieces)
    this.#options.out.schedule()
  }

  /** A snapshot that this replica sent has arrived, or can't. */
  snapshotSent(to: VoterId, delivered: boolean): void {
    this.#replica?.snapshotSent(to, delivered)
    this.#options.out.schedule()
  }

  /** A removed incarnation can't disturb the others, and only commands are proposed from outside. */
  #isAcceptable(message: Message, replica: Replica): boolean {
    if (message.to !== replica.id || replica.state.roster.isRetired(message.from)) return false
    if (message.type !== 'propose') return true
    const { commandBytes } = this.#options.limits
    return message.entries.every(
      ({ type, data }) =>
        type === 'normal' && isProposable(data) && data.length <= commandBytes + ENTRY_HEADER_BYTES_MAX,
    )
  }

  #send(message: Message): void {
    if (message.type !== 'snapshot') {
      this.#options.out.send(message)
      return
    }
    const source = this.#replica?.fetchSnapshot(message.snapshot, message.to)
    if (source === undefined) this.#undelivered.add(message.to)
    else this.#options.out.sendSnapshot(message, source)
  }

  #reportUnreachable(replica: Replica): void {
    for (const id of this.#unreachable) replica.reportUnreachable(id)
    for (const id of this.#undelivered) replica.snapshotSent(id, false)
    this.#unreachable.clear()
    this.#undelivered.clear()
  }

  // --- who leads

  #onLead(soft: SoftState): void {
    if (soft.lead !== undefined) this.#elections.leaderKnown()
    this.#options.events.lead(soft)
  }

  #onLeaderLost(replica: Replica, lead: VoterId): void {
    replica.wake()
    replica.reportUnreachable(lead)
    this.#elections.leaderLost(this.#options.out.groups)
  }

  #campaign(): void {
    const replica = this.#replica
    if (replica === undefined || !replica.isVoter || replica.soft.lead !== undefined) return
    replica.campaign()
    this.#options.out.schedule()
  }

  /** What a leader looks after with every tick. */
  #lead(replica: Replica): void {
    if (replica.isCheckpointDue) replica.propose([encodeCheckpoint()])
    const version = this.#versionToActivate(replica)
    if (version > replica.state.version) replica.propose([encodeActivate(version)])
    if (replica.state.outdated !== undefined || this.#ticks % BALANCE_TICKS === 0) this.#handOverToBetter(replica)
  }

  /** The newest version that most voters and most of those who are here carry. */
  #versionToActivate(replica: Replica): number {
    const { voters } = replica.configuration
    const versions = this.#membership.versions(replica.id, replica.state.roster, this.#options.definition.version)
    const ofVoters = voters.map((id) => versions.get(id) ?? 0)
    return Math.min(ofMost(ofVoters), ofMost([...versions.values()]))
  }

  /** Who can't apply what it commits shall not lead; groups besides `main` are led by turns. */
  #handOverToBetter(replica: Replica): void {
    const { group, definition } = this.#options
    const heirs = this.#heirs(replica)
    if (replica.state.outdated !== undefined) {
      const versions = this.#membership.versions(replica.id, replica.state.roster, definition.version)
      this.#transferTo(
        replica,
        heirs.filter((id) => (versions.get(id) ?? 0) > definition.version),
      )
    } else if (group !== MAIN) {
      const preferred = preferredLeader(group, [replica.id, ...heirs])
      if (preferred !== replica.id) this.#transferTo(replica, [preferred])
    }
  }

  // --- the roster

  #tendRoster(replica: Replica): void {
    this.#isRosterStale = false
    const { runtime, rules, network } = this.#options
    if (this.#leaving && this.#heirs(replica).length === 0) this.#membership.leaving(network.self.id)
    const { roster } = replica.state
    const change = this.#membership.nextChange(replica.id, roster, replica.status(), rules, runtime.nowMs())
    if (change === undefined || replica.proposeConfigChange(change).kind !== 'appended') return
    replica.run()
  }

  /** A member that finds itself removed, say after a long silence, comes back as its next incarnation. */
  #noteMembership(replica: Replica): void {
    if (this.#isMember && !replica.isMember && !this.#leaving) this.#onRetired(incarnationOf(replica.id))
    this.#isMember = this.#replica?.isMember ?? false
  }

  #noteOutdated(replica: Replica): void {
    const { outdated } = replica.state
    if (outdated !== undefined && !this.#isOutdated) this.#options.events.outdated(outdated)
    this.#isOutdated = outdated !== undefined
    const { logBytes } = this.#options.limits
    if (outdated !== undefined && replica.logBytes > OUTDATED_LOG_FACTOR * logBytes) this.fail(outdated)
  }

  #member(): Member {
    const { network, definition } = this.#options
    const { name, kind, host, durable, canVote } = network.self
    return { id: this.#id, name, kind, host, durable, canVote, machineVersion: definition.version }
  }

  #announce(): void {
    for (const peer of this.#options.network.peers.keys()) this.announceTo(peer)
  }

  announceTo(peer: PeerId): void {
    const clusterId = this.#clusterId
    if (clusterId === undefined || this.#stopped) return
    const machineName = this.#options.definition.name
    const member = this.#member()
    this.#options.out.tell(peer, { kind: 'announce', clusterId, member, machineName, visible: this.#visible })
  }

  /** On a new link: whatever the peer said before is over. */
  peerJoined(peer: PeerId): void {
    this.#membership.joined(peer)
    this.announceTo(peer)
  }

  peerLeft(peer: PeerId, reason: PeerLeftReason): void {
    this.#membership.lost(peer, reason, this.#options.runtime.nowMs())
    const replica = this.#replica
    if (replica === undefined || !replica.state.roster.has(peer)) return
    this.#isRosterStale = true
    const { lead } = replica.soft
    if (lead !== undefined && peerOf(lead) === peer) this.#onLeaderLost(replica, lead)
    else if (replica.isLeader) this.#reportLost(replica, peer)
    this.#options.out.schedule()
  }

  #reportLost(replica: Replica, peer: PeerId): void {
    replica.wake()
    for (const id of replica.state.roster.members.keys()) if (peerOf(id) === peer) this.#unreachable.add(id)
  }

  told(from: PeerId, message: RosterMessage): void {
    switch (message.kind) {
      case 'announce':
        this.#onAnnounce(from, message)
        break
      case 'leaving':
        this.#onLeaving(from)
        break
      case 'retired':
        this.#onRetired(message.incarnation)
        break
      case 'refusal':
        this.#onRejected(message)
        break
      case 'digest':
        this.#onDigest(from, message)
        break
      case 'diverged':
        this.#onDiverged(from, message.index)
        break
    }
    this.#isRosterStale = true
    this.#options.out.schedule()
  }

  #onAnnounce(from: PeerId, announce: Announce): void {
    // A peer of another cluster has nothing to do with this group, even if it uses the same room.
    if (peerOf(announce.member.id) !== from || announce.clusterId !== this.#clusterId) return
    const problem = this.#problemWith(announce)
    if (problem !== undefined) {
      this.#options.out.tell(from, problem)
      return
    }
    this.#membership.announced(from, announce)
    this.#tellIfRetired(from, announce.member.id)
    if (this.#replica?.isLeader && !this.#replica.state.roster.members.has(announce.member.id)) this.#replica.wake()
  }

  /** Every member can tell a stranger that it does not fit; a newcomer hears it from the first one it meets. */
  #problemWith({ machineName, member }: Announce): RosterRefusal | undefined {
    const { name } = this.#options.definition
    const state = this.#replica?.state
    if (this.#replica?.isMember !== true || state === undefined) return undefined
    if (machineName !== name) {
      const problem = `The group runs the machine "${name}", this peer brought "${machineName}".`
      return { kind: 'refusal', code: 'E_MACHINE', problem }
    }
    if (member.machineVersion >= state.version || state.roster.members.has(member.id)) return undefined
    const problem = `The group runs version ${state.version} of machine "${name}", this peer has ${member.machineVersion}`
    return { kind: 'refusal', code: 'E_OUTDATED', problem: `${problem}: load the newer code.` }
  }

  #onLeaving(from: PeerId): void {
    this.#membership.leaving(from)
    const announce = this.#membership.announces.get(from)
    if (announce !== undefined) this.#tellIfRetired(from, announce.member.id)
  }

  #tellIfRetired(peer: PeerId, id: VoterId): void {
    const roster = this.#replica?.state.roster
    if (this.#replica?.isMember && roster?.isRetired(id))
      this.#options.out.tell(peer, { kind: 'retired', incarnation: incarnationOf(id) })
  }

  /** This incarnation is out. A peer that did not want that comes back as the next one. */
  #onRetired(incarnation: number): void {
    const replica = this.#replica
    if (replica === undefined || incarnation < this.#incarnation) return
    if (this.#leaving) {
      this.#options.events.removed()
      return
    }
    this.#incarnation = incarnation + 1
    this.#isMember = false
    this.#createReplica(replica.state, emptyState, this.#storeIncarnation())
    this.#announce()
  }

  /**
   * Asks everyone, until somebody who knows of the removal says so: only then is it certain that the others need not
   * this peer to learn of it. The leader acts on it, and who leads itself hands over.
   */
  #pressLeaving(): void {
    this.#replica?.wake()
    this.handOver()
    for (const peer of this.#options.network.peers.keys()) this.#options.out.tell(peer, { kind: 'leaving' })
  }

  /** A leader that leaves lets another voter lead first; without one it changes the roster itself. */
  #transferTo(replica: Replica, heirs: readonly VoterId[]): void {
    const { progress } = replica.status()
    const match = (id: VoterId) => progress.get(id)?.match ?? 0
    const best = [...heirs].sort((a, b) => match(b) - match(a))[0]
    if (best !== undefined) replica.transferLeader(best)
  }

  /** The other voters that are linked. */
  #heirs(replica: Replica): VoterId[] {
    return replica.configuration.voters.filter((id) => this.#options.network.peers.has(peerOf(id)))
  }

  #onRejected(refusal: RosterRefusal): void {
    if (this.#replica?.isMember) return
    this.#options.events.rejected(new LegionError(refusal.code, refusal.problem))
  }

  // --- the guard of determinism

  #onCheckpoint(digest: Digest): void {
    const { network, out, events } = this.#options
    const lead = this.#replica?.soft.lead
    if (this.#replica?.isLeader) this.#compare(network.self.id, digest)
    else if (lead !== undefined) out.tell(peerOf(lead), { kind: 'digest', index: digest.index, hash: digest.hash })
    events.checkpointed(digest)
  }

  #onDigest(from: PeerId, report: DigestReport): void {
    if (this.#replica?.isLeader && this.#replica.state.roster.has(from)) this.#compare(from, report)
  }

  #compare(peer: PeerId, { index, hash }: Omit<Digest, 'bytes'>): void {
    const { network, out } = this.#options
    const members = this.#replica?.state.roster.members.size ?? 0
    this.#digests.report(peer, index, hash)
    for (const diverged of this.#digests.diverged(index, network.self.id, members)) {
      if (diverged === network.self.id) this.fail(divergence(index))
      else out.tell(diverged, { kind: 'diverged', index })
    }
  }

  #onDiverged(from: PeerId, index: number): void {
    const lead = this.#replica?.soft.lead
    if (lead !== undefined && peerOf(lead) === from) this.fail(divergence(index))
  }
}

/** Kind, session, sequence, lowest and timestamp of a command entry. */
const ENTRY_HEADER_BYTES_MAX = 64

/** The highest value that more than half of `values` reach; 0 if there are none. */
function ofMost(values: readonly number[]): number {
  const descending = [...values].sort((a, b) => b - a)
  return descending[Math.floor(descending.length / 2)] ?? 0
}

function divergence(index: number): LegionError {
  const problem =
    `The state here differs from what most other replicas have at entry ${index}: ` +
    'a command is not deterministic, or the state was changed from outside. This replica stopped.'
  return new LegionError('E_DIVERGED', problem)
}

async function storeFounding(
  log: ReplicaLog,
  incarnation: number,
  attributes: Uint8Array,
  state: ReplicatedState,
  initial: InitialState,
): Promise<void> {
  const pieces = state.snapshot()
  await state.durableMachine?.open()
  await state.durableMachine?.flush(encodeMark({ ...initial.snapshot, head: state.head() }))
  await log.create(incarnation, attributes, initial)
  const writer = log.beginSnapshot()
  for await (const piece of pieces) await writer.add(piece)
  await writer.commit(initial.snapshot)
}

async function restore(state: ReplicatedState, log: ReplicaLog, stored: StoredReplica): Promise<InitialState> {
  const { durableMachine } = state
  if (durableMachine === undefined) {
    await restoreFrom(log.openSnapshot(), state)
    return stored.initial
  }
  const bytes = await durableMachine.open()
  if (bytes === undefined) return stored.initial
  const mark = decodeMark(bytes)
  state.resume(mark.head)
  const { hardState, snapshot, entries } = stored.initial
  const last = entries.at(-1)?.index ?? snapshot.index
  const commit = Math.max(hardState.commit, mark.index)
  if (mark.index > last) return { hardState: { ...hardState, commit }, snapshot: mark, entries: [] }
  return { hardState: { ...hardState, commit }, snapshot, entries, applied: mark }
}

async function restoreFrom(reader: SnapshotReader | undefined, state: ReplicatedState): Promise<void> {
  if (reader === undefined) return
  try {
    await state.restore(reader.chunks(), (head) => head)
  } finally {
    reader.close()
  }
}
