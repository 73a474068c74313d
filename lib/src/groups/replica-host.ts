import { LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import type { PeerLeftReason } from '../mesh/network.js'
import { emptyState, foundingState, type InitialState, type Message, type VoterId } from '../raft/index.js'
import { isAcceptable } from './admission.js'
import type { Recovery, RosterMessage, Refusal as RosterRefusal } from './announce.js'
import { DivergenceGuard } from './divergence-guard.js'
import type { EpochId } from './epoch.js'
import { Epochs } from './epochs.js'
import { MAIN } from './group-registry.js'
import { LeaderDuties } from './leader-duties.js'
import { Leadership } from './leadership.js'
import { lostDataError } from './lost-data.js'
import { Membership } from './membership.js'
import { Presence } from './presence.js'
import { newEpoch, Recoveries, testimonyOf } from './recovery.js'
import { Replica } from './replica.js'
import { decodeAttributes, encodeAttributes } from './replica-attributes.js'
import type { ReplicaHostOptions, SnapshotProgress } from './replica-host-types.js'
import type { ReplicaLog, StoredReplica } from './replica-log.js'
import { openState, recoveredState, restore, resume, storeEpoch, storeFounding } from './replica-start.js'
import type { ReplicatedState } from './replicated-state.js'
import { Traffic } from './traffic.js'
import { incarnationOf, peerOf, voterIdOf } from './voter-id.js'

/** An outdated replica can't cut its log: above so many times `logBytes` it gives up. */
const OUTDATED_LOG_FACTOR = 4
const QUIESCE_TICKS = 30

/**
 * Hosts this peer's replica of one group: announces it to the others, starts elections when the leader's link closes,
 * and on the leader keeps the roster right, activates new versions of the machine, compares digests. Everything that
 * happens only changes state and schedules one `evaluate`, which runs the replica.
 */
export class ReplicaHost {
  /** The messages of Raft. */
  readonly traffic: Traffic
  readonly #options: ReplicaHostOptions
  readonly #membership: Membership
  readonly #divergence: DivergenceGuard
  readonly #leadership: Leadership
  readonly #epochs: Epochs
  readonly #recoveries: Recoveries
  readonly #presence: Presence
  readonly #duties: LeaderDuties
  #replica: Replica | undefined
  #log: ReplicaLog | undefined
  #incarnation = 1
  #leaving = false
  #isMember = false
  #isOutdated = false
  /** This peer wants something of the group: as of the last run. */
  #isWaiting = true
  #ticks = 0
  #stopped = false

  constructor(options: ReplicaHostOptions) {
    this.#options = options
    this.#membership = new Membership(options)
    this.#leadership = new Leadership({ ...options, membership: this.#membership, replica: () => this.#replica })
    this.traffic = new Traffic({
      out: options.out,
      commandBytes: options.limits.commandBytes,
      replica: () => this.#replica,
      epoch: () => this.epoch,
    })
    this.#presence = new Presence({
      ...options,
      membership: this.#membership,
      replica: () => (this.#stopped ? undefined : this.#replica),
      id: () => this.#id,
      ticks: () => this.#ticks,
      epochs: () => this.#epochs,
      isVisible: () => this.#leadership.isVisible,
    })
    this.#duties = new LeaderDuties({
      ...options,
      membership: this.#membership,
      leadership: this.#leadership,
      presence: this.#presence,
    })
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
      announceTo: (peer) => this.#presence.announceTo(peer),
      join: () => this.#renew(this.#incarnation + 1),
      split: (peer, epoch) => this.#split(peer, epoch),
    })
    this.#recoveries = new Recoveries({
      runtime: options.runtime,
      self: () => testimonyOf(this.#replica, this.epoch, this.#stopped),
      configuration: () => (this.#replica as Replica).configuration,
      peers: () => options.network.peers.keys(),
      tell: (peer, message) => options.out.tell(peer, message),
      hasMetAll: () => options.isSettled() && this.#presence.hasHeardAll(),
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
    return this.#replica?.isLeader ? this.#duties.copies : undefined
  }

  /** On the leader: for how long a member whose log ends with `match` has lacked a committed entry. */
  behindMs(match: number): number {
    return this.#membership.behindMs(match, this.#options.runtime.nowMs())
  }

  /** It needs no ticks until something happens. */
  get isIdle(): boolean {
    const replica = this.#replica
    if (this.#stopped || replica === undefined) return true
    return replica.isQuiesced && !this.#leaving && !this.#duties.isRosterStale && !this.#isWaiting
  }

  get isStopped(): boolean {
    return this.#stopped
  }

  /** It may hear of several ticks at once. */
  get isPatient(): boolean {
    return this.#duties.isSettled(this.#ticks)
  }

  /** Starts the group with this peer as its only voter. @throws whatever a durable machine throws when it is opened */
  async found(log: ReplicaLog | undefined, incarnation: number): Promise<void> {
    this.#log = log
    this.#incarnation = incarnation
    const { state } = await openState(this.#options.definition)
    if (this.#stopped) return
    const initial = foundingState([this.#id])
    state.found(this.#presence.member(), initial.snapshot.index, Math.floor(this.#options.runtime.random() * 2 ** 32))
    this.#begin(state, initial, this.#storeFounding(state, initial))
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
  }

  /** Runs the replica soon: something was queued for `feed`. */
  schedule(): void {
    this.#options.out.schedule()
  }

  setVisible(visible: boolean): void {
    if (visible === this.#leadership.isVisible) return
    this.#leadership.setVisible(visible)
    this.#presence.announce()
  }

  /** This peer slept for so long that somebody else may lead by now. */
  woke(): void {
    if (!this.#stopped) this.#leadership.woke()
  }

  /** Lets another voter lead, if this one does and there is one. */
  handOver(): void {
    this.#leadership.handOver()
  }

  /** Asks to be removed from the roster; repeated with every tick until it is done: `removed`. */
  leave(): void {
    this.#leaving = true
    this.#pressLeaving()
    this.#options.out.schedule()
  }

  /** Stops, and removes what is stored, but that this incarnation is over: not all may know it yet. */
  async forget(): Promise<void> {
    this.stop()
    this.#incarnation += 1
    await (this.group === MAIN ? this.#log?.destroy() : this.#storeIncarnation())
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
    this.#presence.announce()
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
      isUrgent: () => !out.isCrowded,
      quiesceTicks: group === MAIN ? 0 : QUIESCE_TICKS,
      events: {
        ...events,
        send: (message) => this.traffic.send(message),
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
      this.traffic.reportUnreachable(replica)
      this.#duties.tendRoster(replica, this.#leaving)
      this.#options.events.ran(replica)
      this.#isWaiting = this.#options.events.isWaiting()
    } catch (error) {
      this.fail(error)
    }
  }

  tick(ticks: number): void {
    this.#epochs.tick()
    const replica = this.#replica
    const hasWork = replica?.tick(ticks)
    this.#ticks += ticks
    if (this.#leaving) this.#pressLeaving()
    else if (this.#presence.isStale(this.#ticks)) this.#presence.announce()
    if (replica?.isLeader) this.#duties.tick(replica, this.#ticks)
    if (this.#isWaiting) this.#options.events.tick()
    if (this.#duties.isRosterStale || this.#leaving || hasWork) this.#options.out.schedule()
  }

  /** Stops this replica for good; the other groups go on. */
  fail(error: unknown): void {
    if (this.#stopped) return
    this.stop()
    this.#options.events.failed(error)
  }

  /** Some more of a snapshot has arrived, here or there. */
  progressed(progress: SnapshotProgress): void {
    if (!this.#stopped) this.#options.events.progressed(progress)
  }

  // --- who leads

  #onLead(soft: Replica['soft']): void {
    this.#duties.noteNews()
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
    const isReachable = (id: VoterId) => this.#options.network.links.has(peerOf(id))
    const { entries, goodbye } = replica.goodbye(isReachable, maxBytes)
    this.stop()
    return entries === undefined ? [goodbye] : [entries, goodbye]
  }

  // --- the roster

  /** A member that finds itself removed, say after a long silence, comes back as its next incarnation. */
  #noteMembership(replica: Replica): void {
    if (replica.hasLostData) this.#burn()
    if (this.#isMember && !replica.isMember && !this.#leaving) this.#onRemoved(replica)
    this.#isMember = this.#replica?.isMember ?? false
  }

  #onRemoved(replica: Replica): void {
    // Who was ejected, or wanted to go, hears it from somebody who knows: a leader may be needed to tell the others.
    if (replica.state.roster.isEjected(this.#options.network.self.id) || this.#presence.isWorn) return
    this.#onRetired(incarnationOf(replica.id))
  }

  /** Its disk lost what it had promised. The next incarnation, which has promised nothing, takes its place. */
  #burn(): void {
    this.#options.out.report(lostDataError(this.group))
    this.#renew(this.#incarnation + 1)
  }

  #noteOutdated(replica: Replica): void {
    const { outdated } = replica.state
    const wasOutdated = this.#isOutdated
    this.#isOutdated = outdated !== undefined
    if (outdated === undefined) return
    if (!wasOutdated) {
      this.#options.events.outdated(outdated)
      if (replica.isLeader) this.#leadership.handOverToBetter(replica)
    }
    if (replica.logBytes > OUTDATED_LOG_FACTOR * this.#options.limits.logBytes) this.fail(outdated)
  }

  announceTo(peer: PeerId): void {
    this.#presence.announceTo(peer)
  }

  /** On a new link: whatever the peer said before is over. */
  peerJoined(peer: PeerId): void {
    this.#membership.joined(peer)
    this.#presence.announceTo(peer)
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
    this.#duties.noteNews()
    if (isLead) this.#leadership.leaderLost(replica, lead)
    else if (replica.isLeader) this.traffic.peerLost(replica, peer)
    this.#options.out.schedule()
  }

  told(from: PeerId, message: RosterMessage): void {
    switch (message.kind) {
      case 'announce':
      case 'inquiry':
      case 'leaving':
        this.#presence.told(from, message)
        break
      case 'retired':
        this.#onRetired(message.incarnation)
        break
      case 'refusal':
        this.#onRejected(message)
        break
      case 'digest':
      case 'diverged':
        this.#divergence.told(from, message)
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
    this.#duties.noteNews()
    this.#options.out.schedule()
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
    this.#presence.announce()
  }

  // --- a quorum that is lost for good

  /** @throws LegionError E_INVALID, E_NOT_READY, E_OUTDATED, E_TIMEOUT */
  recover(timeoutMs: number): Promise<Recovery> {
    return this.#recoveries.recover(timeoutMs)
  }

  async #beginEpoch(): Promise<{ epoch: EpochId; baseIndex: number }> {
    const replica = this.#replica as Replica
    const { epoch, term } = await newEpoch(replica, this.#options.runtime)
    const { state } = replica
    const { base } = epoch
    this.#epochs.current = epoch.id
    this.#incarnation += 1
    state.recover(epoch, this.#presence.member())
    const initial = recoveredState(this.#id, base, term)
    const successor = { incarnation: this.#incarnation, attributes: this.#attributes(false) }
    this.#begin(state, initial, this.#log && storeEpoch(this.#log, successor, state, initial))
    return { epoch: epoch.id, baseIndex: base.index }
  }

  #split(peer: PeerId, epoch: EpochId): void {
    const { clusterId, group, events } = this.#options
    events.split({ kind: 'epochs', group, here: { clusterId, epoch: this.epoch }, there: { clusterId, epoch }, peer })
  }

  /**
   * Asks everyone, until somebody who knows of the removal says so: only then is it certain that the others need not
   * this peer to learn of it. The leader acts on it, and who leads itself hands over.
   */
  #pressLeaving(): void {
    if (this.#presence.isAlone) this.#options.events.removed()
    this.#replica?.wake()
    this.handOver()
    for (const peer of this.#options.network.peers.keys()) this.#options.out.tell(peer, { kind: 'leaving' })
  }

  #onRejected(refusal: RosterRefusal): void {
    if (this.#replica?.isMember && refusal.code !== 'E_EJECTED') return
    this.#options.events.rejected(new LegionError(refusal.code, refusal.problem))
  }
}
