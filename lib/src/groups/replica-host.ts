import { LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import { randomInt } from '../base/random.js'
import type { PeerLeftReason } from '../mesh/network.js'
import type { SendResult } from '../mesh/port.js'
import {
  emptyState,
  foundingState,
  type InitialState,
  type Message,
  type SoftState,
  type Status,
  type VoterId,
} from '../raft/index.js'
import { EJECTED, isAcceptable, problemWith } from './admission.js'
import type { Announce, Recovery, RosterMessage, Refusal as RosterRefusal } from './announce.js'
import { DivergenceGuard } from './divergence-guard.js'
import { encodeActivate, encodeCheckpoint } from './entry.js'
import { EPOCH_ID_MAX, type Epoch, type EpochId, isOfEpoch } from './epoch.js'
import { Epochs } from './epochs.js'
import { copiesOf } from './group-status.js'
import { heirsOf } from './heirs.js'
import { Leadership } from './leadership.js'
import { Membership } from './membership.js'
import { Recoveries, type Testimony } from './recovery.js'
import { Replica } from './replica.js'
import { decodeAttributes, encodeAttributes } from './replica-attributes.js'
import type { ReplicaHostOptions } from './replica-host-types.js'
import type { ReplicaLog, StoredReplica } from './replica-log.js'
import { openState, recoveredState, restore, resume, storeEpoch, storeFounding } from './replica-start.js'
import type { ReplicatedState } from './replicated-state.js'
import { type Member, memberOf } from './roster.js'
import { incarnationOf, peerOf, voterIdOf } from './voter-id.js'

/** An outdated replica can't cut its log: above so many times `logBytes` it gives up. */
const OUTDATED_LOG_FACTOR = 4
const QUIESCE_TICKS = 30
const BALANCE_TICKS = 20
const ANNOUNCE_TICKS = 10
const BUSY_MS = 10
const MAIN = 0

/**
 * Hosts this peer's replica of one group: announces it to the others, starts elections when the leader's link closes,
 * and on the leader keeps the roster right, activates new versions of the machine, compares digests. Everything that
 * happens only changes state and schedules one `evaluate`, which runs the replica.
 */
export class ReplicaHost {
  readonly #options: ReplicaHostOptions
  readonly #membership = new Membership()
  readonly #divergence: DivergenceGuard
  readonly #leadership: Leadership
  readonly #epochs: Epochs
  readonly #recoveries: Recoveries
  readonly #unreachable = new Set<VoterId>()
  readonly #undelivered = new Set<VoterId>()
  #replica: Replica | undefined
  #log: ReplicaLog | undefined
  #incarnation = 1
  #leaving = false
  /** Processes that have all that is agreed, as told last. */
  #copies = 0
  #isMember = false
  #isOutdated = false
  /** Something happened, if only a tick, after which the leader may want another configuration. */
  #isRosterStale = true
  #ticks = 0
  #balancedAtTick = 0
  #announcedAtTick = 0
  #stopped = false

  constructor(options: ReplicaHostOptions) {
    this.#options = options
    this.#leadership = new Leadership({ ...options, membership: this.#membership, replica: () => this.#replica })
    this.#divergence = new DivergenceGuard({
      self: () => options.network.self.id,
      replica: () => this.#replica,
      tell: (peer, message) => options.out.tell(peer, message),
      diverged: (error) => this.fail(error),
    })
    this.#epochs = new Epochs({
      clusterId: options.clusterId,
      replica: () => this.#replica,
      tell: (peer, message) => options.out.tell(peer, message),
      announceTo: (peer) => this.announceTo(peer),
      join: () => this.#renew(this.#incarnation + 1),
      split: (peer, epoch) => this.#split(peer, epoch),
    })
    this.#recoveries = new Recoveries({
      runtime: options.runtime,
      self: () => this.#testimony(),
      configuration: () => (this.#replica as Replica).configuration,
      peers: () => options.network.peers.keys(),
      tell: (peer, message) => options.out.tell(peer, message),
      begin: () => this.#beginEpoch(),
    })
  }

  get group(): number {
    return this.#options.group
  }

  /** Messages of Raft pass within it only. */
  get epoch(): EpochId {
    return this.#epochs.current
  }

  get replica(): Replica | undefined {
    return this.#replica
  }

  /** On the leader: in how many processes everything is before it counts as agreed. */
  get copies(): number | undefined {
    return this.#replica?.isLeader ? this.#copies : undefined
  }

  /** On the leader: for how long a member whose log ends with `match` has lacked a committed entry. */
  behindMs(match: number): number {
    return this.#membership.behindMs(match, this.#options.runtime.nowMs())
  }

  /** It needs no ticks until something happens. */
  get isIdle(): boolean {
    const replica = this.#replica
    if (this.#stopped || replica === undefined) return true
    return replica.isQuiesced && !this.#leaving && !this.#isRosterStale && !this.#options.events.isWaiting()
  }

  get isStopped(): boolean {
    return this.#stopped
  }

  /** Starts the group with this peer as its only voter. @throws whatever a durable machine throws when it is opened */
  async found(log: ReplicaLog | undefined, incarnation: number): Promise<void> {
    this.#log = log
    this.#incarnation = incarnation
    const { state } = await openState(this.#options.definition)
    if (this.#stopped) return
    const initial = foundingState([this.#id])
    state.found(this.#member(), initial.snapshot.index, Math.floor(this.#options.runtime.random() * 2 ** 32))
    this.#begin(state, initial, this.#storeFounding(state, initial))
    this.#replica?.campaign()
  }

  /** Waits to be added by the group's leader. @throws as `found` */
  async join(log: ReplicaLog | undefined, incarnation: number): Promise<void> {
    this.#log = log
    this.#incarnation = incarnation
    const { state } = await openState(this.#options.definition)
    if (!this.#stopped) this.#begin(state, emptyState, this.#storeIncarnation())
  }

  /** Goes on from what is stored. @throws LegionError E_STORAGE, E_MACHINE; DecodeError */
  async restart(log: ReplicaLog, stored: StoredReplica): Promise<void> {
    this.#log = log
    this.#incarnation = stored.incarnation
    this.#epochs.current = decodeAttributes(stored.attributes).epoch
    const { state, mark } = await openState(this.#options.definition)
    const initial = state.durableMachine ? await resume(state, mark, log, stored) : await restore(state, log, stored)
    if (this.#stopped) return
    this.#begin(state, initial, undefined)
    if (this.#replica?.isSoleVoter) this.#replica.campaign() // nobody else can lead
  }

  /** Runs the replica soon: something was queued for `feed`. */
  schedule(): void {
    this.#options.out.schedule()
  }

  setVisible(visible: boolean): void {
    if (visible === this.#leadership.isVisible) return
    this.#leadership.setVisible(visible)
    this.#announce()
  }

  /** This peer slept for so long that somebody else may lead by now. */
  woke(): void {
    if (!this.#stopped) this.#leadership.woke()
  }

  /** Lets another voter lead, if this one does and there is one. */
  handOver(): void {
    this.#leadership.handOver()
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
    this.#leadership.stop()
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
    const { runtime, limits, rules, spool, events, out, group } = this.#options
    this.#replica?.stop()
    this.#options.events.replaced()
    this.#replica = new Replica({
      id: this.#id,
      runtime,
      state,
      initial,
      log: this.#log,
      prepared,
      limits,
      spool,
      copies: rules.copies,
      quiesceTicks: group === MAIN ? 0 : QUIESCE_TICKS,
      events: {
        ...events,
        send: (message) => this.#send(message),
        lead: (soft) => this.#onLead(soft),
        checkpointed: (digest) => {
          this.#divergence.checkpointed(digest)
          events.checkpointed(digest)
        },
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
    const { clusterId, formerly } = this.#options
    return encodeAttributes({ clusterId, isFounder, epoch: this.epoch, formerly })
  }

  /** The one place where the replica runs and where is decided what follows. */
  evaluate(): void {
    const replica = this.#replica
    if (replica === undefined || this.#stopped) return
    try {
      this.#options.events.feed(replica)
      replica.run()
      this.#leadership.succeed(replica)
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
    this.#epochs.tick()
    const replica = this.#replica
    for (let i = 0; i < ticks; i++) replica?.tick()
    this.#ticks += ticks
    if (this.#leaving) this.#pressLeaving()
    else if (replica?.isMember === false && this.#ticks >= this.#announcedAtTick + ANNOUNCE_TICKS) this.#announce()
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
    if (replica === undefined || !isAcceptable(message, replica, this.#options.limits.commandBytes)) return
    replica.step(message)
    this.#options.out.schedule()
  }

  /** A snapshot and its content, which was checked. */
  stepSnapshot(message: Message & { type: 'snapshot' }, pieces: readonly Uint8Array[]): void {
    const replica = this.#replica
    if (replica === undefined || !isAcceptable(message, replica, this.#options.limits.commandBytes)) return
    replica.stepSnapshot(message, pieces)
    this.#options.out.schedule()
  }

  /** A snapshot that this replica sent has arrived, or can't. */
  snapshotSent(to: VoterId, delivered: boolean): void {
    this.#replica?.snapshotSent(to, delivered)
    this.#options.out.schedule()
  }

  #send(message: Message): void {
    if (message.type !== 'snapshot') {
      this.#options.out.send(message, this.epoch)
      return
    }
    const source = this.#replica?.fetchSnapshot(message.snapshot, message.to)
    if (source === undefined) this.#undelivered.add(message.to)
    else this.#options.out.sendSnapshot(message, this.epoch, source)
  }

  #reportUnreachable(replica: Replica): void {
    for (const id of this.#unreachable) replica.reportUnreachable(id)
    for (const id of this.#undelivered) replica.snapshotSent(id, false)
    this.#unreachable.clear()
    this.#undelivered.clear()
  }

  // --- who leads

  #onLead(soft: SoftState): void {
    this.#leadership.leadChanged(soft)
    this.#options.events.lead(soft)
  }

  /** The last words of another replica, or entries that it brings with them. */
  hearLastWords(message: Message): void {
    const replica = this.#replica
    if (replica === undefined) return
    const addressed = { ...message, to: replica.id }
    if (!isAcceptable(addressed, replica, this.#options.limits.commandBytes)) return
    if (addressed.type === 'goodbye') this.#leadership.heardGoodbye(addressed, replica)
    replica.step(addressed)
    this.#options.out.schedule()
  }

  /** Gives away its vote and ends for good. @returns what to tell everyone at once */
  sayLastWords(maxBytes: number): readonly Omit<Message, 'to'>[] {
    const replica = this.#replica
    if (replica === undefined || this.#options.network.self.durable) return []
    const isReachable = (id: VoterId) => this.#options.network.peers.has(peerOf(id))
    const { entries, goodbye } = replica.goodbye(isReachable, maxBytes)
    this.stop()
    return entries === undefined ? [goodbye] : [entries, goodbye]
  }

  /** What a leader looks after with every tick. */
  #lead(replica: Replica): void {
    if (replica.isCheckpointDue) replica.propose([encodeCheckpoint()])
    // One that was removed while its link was away, and came back before that was committed, has heard nothing of it.
    for (const [peer, { member }] of this.#membership.announces) this.#tellIfRetired(peer, member.id)
    const version = this.#membership.versionToActivate(replica, this.#options.definition.version)
    if (version > replica.state.version) replica.propose([encodeActivate(version)])
    if (replica.state.outdated !== undefined || this.#ticks >= this.#balancedAtTick + BALANCE_TICKS) {
      this.#balancedAtTick = this.#ticks
      this.#leadership.handOverToBetter(replica)
    }
  }

  // --- the roster

  #tendRoster(replica: Replica): void {
    this.#isRosterStale = false
    const { runtime, rules, network } = this.#options
    const { roster } = replica.state
    const { id: self } = network.self
    const isGoing = this.#leaving || roster.isEjected(self)
    if (isGoing && heirsOf(replica, network).length === 0) this.#membership.leaving(self)
    else if (isGoing) this.handOver()
    const status = replica.status()
    this.#noteCopies(status)
    const change = this.#membership.nextChange(replica.id, roster, status, rules, runtime.nowMs())
    if (change === undefined || replica.proposeConfigChange(change).kind !== 'appended') return
    replica.run()
  }

  #noteCopies({ progress, id }: Status): void {
    const copies = Math.min(this.#options.rules.copies, copiesOf(progress, id))
    if (copies !== this.#copies) this.#options.events.copies(copies)
    this.#copies = copies
  }

  /** A member that finds itself removed, say after a long silence, comes back as its next incarnation. */
  #noteMembership(replica: Replica): void {
    if (this.#isMember && !replica.isMember && !this.#leaving) this.#onRemoved(replica)
    this.#isMember = this.#replica?.isMember ?? false
  }

  #onRemoved(replica: Replica): void {
    // Who was ejected hears it from somebody who knows: before, a leader may be needed to tell the others.
    if (!replica.state.roster.isEjected(this.#options.network.self.id)) this.#onRetired(incarnationOf(replica.id))
  }

  #noteOutdated(replica: Replica): void {
    const { outdated } = replica.state
    if (outdated !== undefined && !this.#isOutdated) this.#options.events.outdated(outdated)
    this.#isOutdated = outdated !== undefined
    const { logBytes } = this.#options.limits
    if (outdated !== undefined && replica.logBytes > OUTDATED_LOG_FACTOR * logBytes) this.fail(outdated)
  }

  #member(): Member {
    return memberOf(this.#options.network.self, this.#id, this.#options.definition.version)
  }

  /** Repeated until this peer is a member: some did not host the group yet when they were told. */
  #announce(): void {
    this.#announcedAtTick = this.#ticks
    for (const peer of this.#options.network.peers.keys()) this.announceTo(peer)
  }

  announceTo(peer: PeerId): void {
    if (this.#replica === undefined || this.#stopped) return
    const { clusterId } = this.#options
    const machineName = this.#options.definition.name
    const member = this.#member()
    const { epoch } = this
    const history = this.#replica.isMember ? this.#epochs.history : []
    const visible = this.#leadership.isVisible
    this.#options.out.tell(peer, { kind: 'announce', clusterId, member, machineName, visible, epoch, history })
  }

  /** On a new link: whatever the peer said before is over. */
  peerJoined(peer: PeerId): void {
    this.#membership.joined(peer)
    this.announceTo(peer)
    const lead = this.#replica?.soft.lead
    if (lead !== undefined && peerOf(lead) === peer) this.#options.events.leaderBack()
  }

  peerLeft(peer: PeerId, reason: PeerLeftReason): void {
    this.#membership.lost(peer, reason, this.#options.runtime.nowMs())
    const replica = this.#replica
    const lead = replica?.soft.lead
    // A leader that handed over may be no member any more.
    const isLead = lead !== undefined && peerOf(lead) === peer
    if (replica === undefined || !(isLead || replica.state.roster.has(peer))) return
    this.#isRosterStale = true
    if (isLead) this.#leadership.leaderLost(replica, lead)
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
        this.#divergence.onDigest(from, message)
        break
      case 'diverged':
        this.#divergence.onDiverged(from, message.index)
        break
      case 'parted':
        this.#split(from, message.epoch)
        break
      case 'survey':
      case 'survivor':
      case 'recover-please':
      case 'recovered':
        this.#recoveries.told(from, message)
        break
    }
    this.#isRosterStale = true
    this.#options.out.schedule()
  }

  #onAnnounce(from: PeerId, announce: Announce): void {
    // A peer of another cluster has nothing to do with this group, even if it uses the same room.
    if (peerOf(announce.member.id) !== from || announce.clusterId !== this.#options.clusterId) return
    if (!isOfEpoch(this.epoch, announce.epoch)) {
      this.#epochs.met(from, announce)
      return
    }
    const problem = this.#replica?.isMember
      ? problemWith(announce, this.#replica.state, this.#options.definition, this.#options.admit)
      : undefined
    if (problem !== undefined) {
      this.#options.out.tell(from, problem)
      return
    }
    this.#membership.announced(from, announce, this.#options.runtime.nowMs())
    this.#tellIfRetired(from, announce.member.id)
    if (this.#replica?.isLeader && !this.#replica.state.roster.members.has(announce.member.id)) this.#replica.wake()
  }

  #onLeaving(from: PeerId): void {
    this.#membership.leaving(from)
    const announce = this.#membership.announces.get(from)
    if (announce !== undefined) this.#tellIfRetired(from, announce.member.id)
  }

  #tellIfRetired(peer: PeerId, id: VoterId): void {
    const roster = this.#replica?.state.roster
    if (!this.#replica?.isMember || !roster?.isRetired(id)) return
    const farewell = roster.isEjected(peer) ? EJECTED : ({ kind: 'retired', incarnation: incarnationOf(id) } as const)
    this.#options.out.tell(peer, farewell)
  }

  /** This incarnation is out. A peer that did not want that comes back as the next one. */
  #onRetired(incarnation: number): void {
    const replica = this.#replica
    if (replica === undefined || incarnation < this.#incarnation) return
    if (this.#leaving) {
      this.#options.events.removed()
      return
    }
    this.#renew(incarnation + 1)
  }

  /** Begins again as another incarnation, with the old state until the group's is here. */
  #renew(incarnation: number): void {
    const replica = this.#replica
    if (replica === undefined) return
    this.#incarnation = incarnation
    this.#isMember = false
    this.#createReplica(replica.state, emptyState, this.#storeIncarnation())
    this.#announce()
  }

  // --- a quorum that is lost for good

  /** @throws LegionError E_INVALID, E_NOT_READY, E_OUTDATED, E_TIMEOUT */
  recover(timeoutMs: number): Promise<Recovery> {
    return this.#recoveries.recover(timeoutMs)
  }

  #testimony(): Testimony | undefined {
    const replica = this.#replica
    if (replica === undefined || this.#stopped || replica.last.index === 0) return undefined
    const { id, voices, last, soft } = replica
    return { epoch: this.epoch, id, voices, last, hasLeader: soft.lead !== undefined }
  }

  async #beginEpoch(): Promise<{ epoch: EpochId; baseIndex: number }> {
    const { runtime } = this.#options
    const replica = this.#replica as Replica
    while (replica.isBusy) await new Promise<void>((resolve) => runtime.setTimer(BUSY_MS, resolve))
    const { state, last } = replica
    if (state.outdated !== undefined) throw state.outdated
    const epoch: Epoch = { id: randomInt(() => runtime.random(), EPOCH_ID_MAX), base: last }
    const term = replica.exhaust()
    this.#epochs.current = epoch.id
    this.#incarnation += 1
    state.recover(epoch, this.#member())
    const initial = recoveredState(this.#id, last, term)
    const successor = { incarnation: this.#incarnation, attributes: this.#attributes(false) }
    this.#begin(state, initial, this.#log && storeEpoch(this.#log, successor, state, initial))
    this.#replica?.campaign()
    return { epoch: epoch.id, baseIndex: last.index }
  }

  #split(peer: PeerId, epoch: EpochId): void {
    const { clusterId, group } = this.#options
    const here = { clusterId, epoch: this.epoch }
    this.#options.events.split({ kind: 'epochs', group, here, there: { clusterId, epoch }, peer })
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

  #onRejected(refusal: RosterRefusal): void {
    if (this.#replica?.isMember && refusal.code !== 'E_EJECTED') return
    this.#options.events.rejected(new LegionError(refusal.code, refusal.problem))
  }
}
