import { LegionError } from '../base/errors.js'
import type { ClusterId, PeerId } from '../base/ids.js'
import type { Logger } from '../base/logger.js'
import { type Runtime, setPeriodicTimer, type Timer } from '../base/runtime.js'
import type { MachineDefinition } from '../machines/machine.js'
import type { Network, PeerLeftReason } from '../mesh/network.js'
import type { PeerStatus } from '../mesh/peer-info.js'
import type { Port } from '../mesh/port.js'
import type { Configuration, Message, Refusal, SoftState, TransferResult, VoterId } from '../raft/index.js'
import {
  type Announce,
  decodeRosterMessage,
  encodeRosterMessage,
  type RosterMessage,
  type Refusal as RosterRefusal,
} from './announce.js'
import type { AutopilotRules } from './autopilot.js'
import { ElectionTrigger } from './election-trigger.js'
import { isKnownKind } from './entry.js'
import { Membership } from './membership.js'
import { decodeMessage, encodeMessage } from './raft-codec.js'
import { Replica, type ReplicaLimits } from './replica.js'
import { type Applied, ReplicatedState, requireSameMachine } from './replicated-state.js'
import type { Member } from './roster.js'
import { incarnationOf, peerOf, voterIdOf } from './voter-id.js'

export interface ReplicaHostOptions {
  readonly network: Network
  readonly runtime: Runtime
  readonly logger: Logger
  readonly definition: MachineDefinition
  readonly rules: AutopilotRules
  readonly timing: GroupTiming
  readonly limits: ReplicaLimits & { readonly commandBytes: number }
  readonly events: ReplicaHostEvents
}

export interface GroupTiming {
  /** One tick of Raft's clock; a heartbeat is 5, an election timeout 30 to 60. */
  readonly tickMs: number
}

export interface ReplicaHostEvents {
  /** Called before each run of the replica: the place to propose and to ask for reads. */
  feed(replica: Replica): void
  /** Called after each run. */
  ran(replica: Replica): void
  tick(): void
  applied(applied: Applied): void
  restored(): void
  readable(ticket: number, index: number): void
  refused(refusal: Refusal): void
  transferred(result: TransferResult): void
  lead(state: SoftState): void
  configured(configuration: Configuration): void
  /** This peer, which wanted to leave, is out. */
  removed(): void
  /** The leader does not take this peer as a member. */
  rejected(error: LegionError): void
  /** The replica stopped for good. */
  failed(error: unknown): void
}

/** A late timer moves Raft's clock by one heartbeat at most: nobody is declared dead because this peer slept. */
const TICKS_PER_TIMER_MAX = 5

/**
 * Hosts this peer's replica of one group on the network: carries its messages, ticks its clock, announces it to the
 * others, starts elections when the leader's link closes, and on the leader keeps the roster right. Everything that
 * happens only changes state and schedules one `#evaluate`, which runs the replica.
 */
export class ReplicaHost {
  readonly #options: ReplicaHostOptions
  readonly #consensus: Port
  readonly #snapshots: Port
  readonly #roster: Port
  readonly #membership = new Membership()
  readonly #elections: ElectionTrigger
  readonly #unreachable = new Set<VoterId>()
  readonly #subscriptions: (() => void)[]
  #clusterId: ClusterId | undefined
  #replica: Replica | undefined
  #incarnation = 1
  #visible = true
  #leaving = false
  #isMember = false
  #ticker: Timer | undefined
  #tickedAtMs = 0
  /** Something happened, if only a tick, after which the leader may want another configuration. */
  #isRosterStale = true
  #scheduled = false
  #stopped = false

  constructor(options: ReplicaHostOptions) {
    this.#options = options
    const { network, runtime } = options
    this.#consensus = network.openPort('consensus', { message: (from, bytes) => this.#onMessage(from, bytes) })
    this.#snapshots = network.openPort('snapshots', { message: (from, bytes) => this.#onMessage(from, bytes) })
    this.#roster = network.openPort('roster', { message: (from, bytes) => this.#onRosterMessage(from, bytes) })
    this.#elections = new ElectionTrigger(runtime, () => this.#campaign())
    this.#subscriptions = [
      network.on('peerJoined', (peer) => this.#announceTo(peer.info.id)),
      network.on('peerCluster', (peer) => this.#onPeerCluster(peer)),
      network.on('peerLeft', (peer, reason) => this.#onPeerLeft(peer, reason)),
    ]
  }

  get replica(): Replica | undefined {
    return this.#replica
  }

  /** Starts the group with this peer as its only voter. */
  found(clusterId: ClusterId): void {
    const seed = Math.floor(this.#options.runtime.random() * 2 ** 32)
    this.#start(clusterId, new ReplicatedState(this.#options.definition, seed), true)
  }

  /** Waits to be added by the group's leader. */
  join(clusterId: ClusterId): void {
    this.#start(clusterId, new ReplicatedState(this.#options.definition, 0), false)
  }

  /** Runs the replica soon: something was queued for `feed`. */
  schedule(): void {
    if (this.#scheduled || this.#stopped) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#evaluate()
    })
  }

  setVisible(visible: boolean): void {
    if (visible === this.#visible) return
    this.#visible = visible
    this.#announce()
  }

  /** Asks to be removed from the roster; repeated with every tick until it is done. */
  leave(): void {
    this.#leaving = true
    this.#pressLeaving()
    this.schedule()
  }

  stop(): void {
    this.#stopped = true
    this.#ticker?.cancel()
    this.#elections.leaderKnown()
    for (const unsubscribe of this.#subscriptions) unsubscribe()
  }

  #start(clusterId: ClusterId, state: ReplicatedState, founding: boolean): void {
    const { runtime, timing } = this.#options
    this.#clusterId = clusterId
    this.#createReplica(state, founding)
    this.#tickedAtMs = runtime.nowMs()
    this.#ticker = setPeriodicTimer(runtime, timing.tickMs, () => this.#tick())
    this.#announce()
    this.schedule()
  }

  #createReplica(state: ReplicatedState, founding: boolean): void {
    const { runtime, limits, events } = this.#options
    this.#replica = new Replica({
      id: voterIdOf(this.#options.network.self.id, this.#incarnation),
      random: () => runtime.random(),
      state,
      founding: founding ? this.#member() : undefined,
      limits,
      events: { ...events, send: (message) => this.#send(message), lead: (soft) => this.#onLead(soft) },
    })
  }

  /** The one place where the replica runs and where is decided what follows. */
  #evaluate(): void {
    const replica = this.#replica
    if (replica === undefined || this.#stopped) return
    try {
      this.#options.events.feed(replica)
      replica.run()
      this.#noteMembership(replica)
      this.#reportUnreachable(replica)
      if (replica.isLeader && this.#isRosterStale) this.#tendRoster(replica)
      this.#options.events.ran(replica)
    } catch (error) {
      this.stop()
      this.#options.events.failed(error)
    }
  }

  #tick(): void {
    const { runtime, timing, events } = this.#options
    const nowMs = runtime.nowMs()
    const ticks = Math.floor((nowMs - this.#tickedAtMs) / timing.tickMs)
    this.#tickedAtMs = ticks > TICKS_PER_TIMER_MAX ? nowMs : this.#tickedAtMs + ticks * timing.tickMs
    for (let i = 0; i < Math.min(ticks, TICKS_PER_TIMER_MAX); i++) this.#replica?.tick()
    if (this.#leaving) this.#pressLeaving()
    this.#isRosterStale = true
    events.tick()
    this.schedule()
  }

  // --- messages of Raft

  #onMessage(from: PeerId, bytes: Uint8Array): void {
    const message = decodeMessage(bytes, from, this.#options.network.self.id)
    const replica = this.#replica
    if (replica === undefined || message.to !== replica.id || !this.#isAcceptable(message, replica)) return
    replica.step(message)
    this.schedule()
  }

  /** A removed incarnation can't disturb the others, and only commands are proposed from outside. */
  #isAcceptable(message: Message, replica: Replica): boolean {
    if (replica.state.roster.isRetired(message.from)) return false
    if (message.type !== 'propose') return true
    const { commandBytes } = this.#options.limits
    return message.entries.every(
      ({ type, data }) =>
        type === 'normal' && isKnownKind(data) && data.length <= commandBytes + ENTRY_HEADER_BYTES_MAX,
    )
  }

  #send(message: Message): void {
    const port = message.type === 'snapshot' ? this.#snapshots : this.#consensus
    const result = port.send(peerOf(message.to), encodeMessage(message))
    if (result === 'queued') return
    // A follower whose lane to the leader is full has not lost its leader; what was dropped is proposed again.
    if (result === 'no-link' || this.#replica?.isLeader) this.#unreachable.add(message.to)
  }

  #reportUnreachable(replica: Replica): void {
    for (const id of this.#unreachable) {
      replica.reportUnreachable(id)
      replica.reportSnapshotLost(id)
    }
    this.#unreachable.clear()
  }

  // --- who leads

  #onLead(soft: SoftState): void {
    if (soft.lead !== undefined) this.#elections.leaderKnown()
    this.#options.events.lead(soft)
  }

  #onLeaderLost(replica: Replica, lead: VoterId): void {
    replica.reportUnreachable(lead)
    this.#elections.leaderLost()
    this.schedule()
  }

  #campaign(): void {
    const replica = this.#replica
    if (replica === undefined || !replica.isVoter || replica.soft.lead !== undefined) return
    replica.campaign()
    this.schedule()
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

  #member(): Member {
    const { network, definition } = this.#options
    const { id, name, kind, host, durable, canVote } = network.self
    return {
      id: voterIdOf(id, this.#incarnation),
      name,
      kind,
      host,
      durable,
      canVote,
      machineVersion: definition.version,
    }
  }

  #announce(): void {
    for (const peer of this.#options.network.peers.keys()) this.#announceTo(peer)
  }

  #announceTo(peer: PeerId): void {
    const clusterId = this.#clusterId
    if (clusterId === undefined || this.#stopped) return
    const machineName = this.#options.definition.name
    this.#tell(peer, { kind: 'announce', clusterId, member: this.#member(), machineName, visible: this.#visible })
  }

  #tell(peer: PeerId, message: RosterMessage): void {
    this.#roster.send(peer, encodeRosterMessage(message))
  }

  #onPeerCluster(peer: PeerStatus): void {
    this.#announceTo(peer.info.id)
  }

  #onPeerLeft(peer: PeerId, reason: PeerLeftReason): void {
    this.#membership.lost(peer, reason, this.#options.runtime.nowMs())
    this.#isRosterStale = true
    const replica = this.#replica
    if (replica === undefined) return
    const { lead } = replica.soft
    if (lead !== undefined && peerOf(lead) === peer) this.#onLeaderLost(replica, lead)
    else if (replica.isLeader) this.#reportLost(replica, peer)
    this.schedule()
  }

  #reportLost(replica: Replica, peer: PeerId): void {
    for (const id of replica.state.roster.members.keys()) if (peerOf(id) === peer) this.#unreachable.add(id)
  }

  #onRosterMessage(from: PeerId, bytes: Uint8Array): void {
    const message = decodeRosterMessage(bytes)
    if (message.kind === 'announce') this.#onAnnounce(from, message)
    else if (message.kind === 'leaving') this.#onLeaving(from)
    else if (message.kind === 'retired') this.#onRetired(message.incarnation)
    else this.#onRejected(message)
    this.#isRosterStale = true
    this.schedule()
  }

  #onAnnounce(from: PeerId, announce: Announce): void {
    // A peer of another cluster has nothing to do with this group, even if it uses the same room.
    if (peerOf(announce.member.id) !== from || announce.clusterId !== this.#clusterId) return
    const problem = this.#problemWith(announce)
    if (problem !== undefined) {
      this.#tell(from, problem)
      return
    }
    this.#membership.announced(from, announce)
    this.#tellIfRetired(from, announce.member.id)
  }

  /** Every member can tell a stranger that it does not fit; a newcomer hears it from the first one it meets. */
  #problemWith(announce: Announce): RosterRefusal | undefined {
    const { definition } = this.#options
    if (this.#replica?.isMember !== true) return undefined
    try {
      const theirs = { ...definition, name: announce.machineName, version: announce.member.machineVersion }
      requireSameMachine(theirs, definition.name, definition.version)
      return undefined
    } catch (error) {
      if (!LegionError.is(error) || (error.code !== 'E_MACHINE' && error.code !== 'E_OUTDATED')) throw error
      return { kind: 'refusal', code: error.code, problem: error.message }
    }
  }

  #onLeaving(from: PeerId): void {
    this.#membership.leaving(from)
    const announce = this.#membership.announces.get(from)
    if (announce !== undefined) this.#tellIfRetired(from, announce.member.id)
  }

  #tellIfRetired(peer: PeerId, id: VoterId): void {
    const roster = this.#replica?.state.roster
    if (this.#replica?.isMember && roster?.isRetired(id))
      this.#tell(peer, { kind: 'retired', incarnation: incarnationOf(id) })
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
    this.#createReplica(replica.state, false)
    this.#announce()
  }

  /**
   * Asks everyone, until somebody who knows of the removal says so: only then is it certain that the others need not
   * this peer to learn of it. The leader acts on it, and who leads itself hands over.
   */
  #pressLeaving(): void {
    const replica = this.#replica
    if (replica?.isLeader) this.#handOver(replica)
    for (const peer of this.#options.network.peers.keys()) this.#tell(peer, { kind: 'leaving' })
  }

  /** A leader that leaves lets another voter lead first; without one it changes the roster itself. */
  #handOver(replica: Replica): void {
    const { progress } = replica.status()
    const best = this.#heirs(replica).sort((a, b) => (progress.get(b)?.match ?? 0) - (progress.get(a)?.match ?? 0))[0]
    if (best !== undefined) replica.transferLeader(best)
  }

  #heirs(replica: Replica): VoterId[] {
    return replica.configuration.voters.filter((id) => this.#options.network.peers.has(peerOf(id)))
  }

  #onRejected(refusal: RosterRefusal): void {
    if (this.#replica?.isMember) return
    this.#options.events.rejected(new LegionError(refusal.code, refusal.problem))
  }
}

/** Kind, session, sequence, lowest and timestamp of a command entry. */
const ENTRY_HEADER_BYTES_MAX = 64
