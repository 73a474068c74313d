import { defer } from '../base/deferred.js'
import type { LegionError } from '../base/errors.js'
import type { ClusterId, PeerId } from '../base/ids.js'
import { type Runtime, setPeriodicTimer, type Timer } from '../base/runtime.js'
import type { MachineDefinition } from '../machines/machine.js'
import type { Network, PeerLeftReason } from '../mesh/network.js'
import type { Port } from '../mesh/port.js'
import type { Configuration } from '../raft/index.js'
import type { Rest } from '../signaling/rendezvous.js'
import type { Store } from '../storage/storage.js'
import { StoreWriter, type WriteCounts } from '../storage/store-writer.js'
import type { Admit } from './admission.js'
import { decodeRosterMessage, encodeRosterMessage } from './announce.js'
import type { AutopilotRules } from './autopilot.js'
import { ConsensusFrames, decodeFrame, decodeInEpoch, encodeInEpoch, LastWordsFrame } from './consensus-frames.js'
import { Dissolution } from './dissolution.js'
import { type EpochId, isOfEpoch } from './epoch.js'
import { nextIncarnation } from './gift.js'
import { GroupLoop } from './group-loop.js'
import { MAIN } from './group-registry.js'
import { HeldCommits } from './held-commits.js'
import { logPrefix } from './orphan.js'
import { Outbox } from './outbox.js'
import { decodeAttributes, FORMERLY_MAX } from './replica-attributes.js'
import { ReplicaHost } from './replica-host.js'
import type { Outlet, ReplicaHostEvents } from './replica-host-types.js'
import { ReplicaLog, type StoredReplica } from './replica-log.js'
import type { ReplicaLimits } from './replica-types.js'
import { restOf } from './rest.js'
import type { ByteTransform } from './snapshot-compression.js'
import { SnapshotExchange } from './snapshot-exchange.js'
import type { SnapshotOffer } from './snapshot-receiver.js'
import type { SnapshotSink } from './snapshot-sink.js'
import type { SnapshotSource } from './snapshot-source.js'
import type { Split } from './split.js'
import { storedGroups } from './stored-groups.js'
import { Takeover, type TakeoverOptions } from './takeover.js'
import type { SnapshotMessage } from './traffic.js'
import { peerOf } from './voter-id.js'

export interface GroupsOptions {
  readonly network: Network
  /** Who is there is known, and each of them is reached, or was tried to be in vain. */
  readonly isSettled: () => boolean
  readonly runtime: Runtime
  readonly rules: Omit<AutopilotRules, 'replicas'>
  readonly admit: Admit | undefined
  readonly timing: GroupTiming
  /** A store will be given to `open`. */
  readonly durable: boolean
  readonly limits: ReplicaLimits & { readonly commandBytes: number; readonly snapshotBytes: number }
  /** Compresses the snapshots that this peer sends; undefined: they are not. */
  readonly deflate: ByteTransform | undefined
  /** Inflates what others compressed; undefined: such snapshots are refused. */
  readonly inflate: ByteTransform | undefined
  /** Something that no caller waits for went wrong, and the groups go on. */
  readonly report: (error: LegionError) => void
  /** The cluster of this peer ended in favour of this one; `start` is to be called with it. */
  readonly dissolved: (into: ClusterId) => void
  /** Another cluster of the same name has commands, as this one does. */
  readonly split: (split: Split) => void
}

export interface GroupTiming {
  /** One tick of Raft's clock; a heartbeat is 5, an election timeout 30 to 60. Default 100. */
  readonly tickMs: number
}

export interface HostedGroup {
  /** What the wire calls it; 0 is `main`. */
  readonly group: number
  readonly definition: MachineDefinition
  /** Members wanted; 0: everyone who opens it. */
  readonly replicas: number
  readonly events: ReplicaHostEvents
}

/** What all groups of a peer share, in numbers since the start. */
export interface GroupsMetrics {
  /** Undefined without storage. */
  readonly storage: (WriteCounts & { readonly queuedBytes: number }) | undefined
  readonly snapshots: ReturnType<SnapshotExchange['metrics']>
}

/** What other peers of this host keep, and what this peer needs to make use of it. */
export type SiblingStores = Pick<TakeoverOptions, 'siblings' | 'ownerOf' | 'ended' | 'failed'>

interface Disk {
  readonly store: Store
  readonly writer: StoreWriter
}

type LoadedLog = Awaited<ReturnType<typeof ReplicaLog.load>>

/** A late timer moves Raft's clock by one heartbeat at most: nobody is declared dead because this peer slept. */
const TICKS_PER_TIMER_MAX = 5

/** Nobody sees it, and whoever gives one command after the other gives the next one within it. */
const HOLD_MS = 5

/** After so many ticks without one, this peer slept: the others may have another leader. */
const SLEEP_TICKS = 30

/**
 * All groups of this peer: what they share. One clock, one frame for all their messages to a peer, one writer to the
 * disk, one exchange of snapshots. Idle groups cost nothing: only those are ticked that wait for something.
 */
export class Groups {
  readonly #options: GroupsOptions
  readonly #roster: Port
  readonly #frames: ConsensusFrames
  readonly #heldCommits: HeldCommits
  readonly #snapshots: SnapshotExchange
  readonly #subscriptions: readonly (() => void)[]
  readonly #hosts = new Map<number, ReplicaHost>()
  readonly #loop: GroupLoop
  /** When this peer heard anything of each that it has a link to. */
  readonly #heardAtMs = new Map<PeerId, number>()
  readonly #tickListeners = new Set<() => void>()
  readonly #opened = defer<Disk>()
  readonly #ticker: Timer
  #disk: Disk | undefined
  #siblings: SiblingStores | undefined
  #takeover: Takeover | undefined
  /** Contents of snapshots that are complete, until their messages are stepped. */
  readonly #arrived = new Map<string, readonly Uint8Array[]>()
  #clusterId: ClusterId | undefined
  #formerly: readonly ClusterId[] = []
  #dissolution: Dissolution | undefined
  /** Of `main`, from `open` to `host`. */
  #storedMain: LoadedLog | undefined
  #visible = true
  #tickedAtMs: number

  constructor(options: GroupsOptions) {
    this.#options = options
    const { network, limits, runtime, inflate } = options
    const consensus = network.openPort('consensus', { message: (from, bytes) => this.#onFrame(from, bytes) })
    this.#roster = network.openPort('roster', { message: (from, bytes) => this.#onRosterMessage(from, bytes) })
    this.#frames = new ConsensusFrames({
      runtime,
      holdMs: () => this.#holdMs,
      send: (to, frame) => consensus.send(to, frame),
      lost: (group, message, result) => this.#hosts.get(group)?.traffic.unsent(message, result),
    })
    const snapshots = network.openPort('snapshots', {
      message: (from, bytes) => this.#snapshots.message(from, bytes),
      drain: (peer) => this.#snapshots.drain(peer),
    })
    this.#snapshots = new SnapshotExchange({
      runtime,
      inflate,
      limits: { receiver: { snapshotBytes: limits.snapshotBytes } },
      send: (to, bytes) => snapshots.send(to, bytes),
      events: {
        offered: (offer) => this.#onSnapshotOffered(offer),
        complete: (offer) => this.#onSnapshotComplete(offer),
      },
    })
    this.#heldCommits = new HeldCommits(runtime, () => this.#holdMs)
    this.#loop = new GroupLoop({
      runtime,
      isPrompt: () => this.#visible,
      ran: (host) => this.#heldCommits.ran(host, this.#loop.isCrowded),
      finished: () => this.#finished(),
    })
    this.#tickedAtMs = runtime.nowMs()
    this.#ticker = setPeriodicTimer(runtime, options.timing.tickMs, () => this.#tick())
    this.#subscriptions = [
      network.on('peerJoined', (peer) => this.#onPeerJoined(peer.info.id)),
      network.on('peerCluster', (peer) => this.#onPeerCluster(peer.info.id)),
      network.on('goodbye', (peer, payload) => this.#onGoodbye(peer, payload)),
      network.on('peerLeft', (peer, reason) => this.#onPeerLeft(peer, reason)),
    ]
  }

  get clusterId(): ClusterId | undefined {
    return this.#clusterId
  }

  metrics(): GroupsMetrics {
    const writer = this.#disk?.writer
    const storage = writer && { ...writer.counts, queuedBytes: writer.queuedBytes }
    return { storage, snapshots: this.#snapshots.metrics() }
  }

  /** Where the state of the cluster is, beside this peer. */
  get rest(): Rest {
    return restOf(this.#hosts.get(MAIN))
  }

  get size(): number {
    return this.#hosts.size
  }

  /**
   * Uses the peer's storage; without it nothing is durable. To be called before `start`.
   * @param siblings the stores of this host's other peers, to be taken over when those end
   * @returns the cluster whose state is stored, if there is one
   * @throws LegionError E_STORAGE
   */
  async open(store: Store, siblings: SiblingStores | undefined): Promise<ClusterId | undefined> {
    this.#disk = { store, writer: new StoreWriter(store) }
    this.#siblings = siblings
    this.#opened.resolve(this.#disk)
    this.#storedMain = await this.#load(MAIN)
    const stored = this.#storedMain?.stored
    const attributes = stored && decodeAttributes(stored.attributes)
    this.#formerly = attributes?.formerly ?? []
    return attributes?.clusterId
  }

  /** This peer belongs to a cluster: groups can be hosted. Again after a cluster has dissolved. */
  start(clusterId: ClusterId): void {
    const { network, runtime, dissolved, split } = this.#options
    if (this.#clusterId !== undefined) this.#formerly = [...this.#formerly, this.#clusterId].slice(-FORMERLY_MAX)
    this.#clusterId = clusterId
    const hosts = () => this.#hosts.values()
    if (this.#siblings !== undefined) this.#takeover = new Takeover({ ...this.#siblings, runtime, clusterId, hosts })
    this.#dissolution = new Dissolution({
      clusterId,
      formerly: this.#formerly,
      network,
      replica: () => this.#hosts.get(MAIN)?.replica,
      tell: (peer, summary) => this.#roster.send(peer, encodeRosterMessage(MAIN, summary)),
      dissolved,
      split,
    })
    for (const peer of network.peers.keys()) this.#dissolution.met(peer)
  }

  /** What a group's commands need to outlive this process; undefined without storage. Waits for `open`. */
  openOutbox(group: number): Promise<Outbox> | undefined {
    if (!this.#options.durable) return undefined
    return this.#opened.promise.then((disk) => Outbox.load({ ...disk, prefix: `o/${group}/` }))
  }

  /** Calls `fn` with every tick of the clock, whether a group is hosted or not. */
  onTick(fn: () => void): () => void {
    this.#tickListeners.add(fn)
    return () => this.#tickListeners.delete(fn)
  }

  /**
   * Starts a replica: goes on from what is stored; else founds the group or waits to be added to it.
   * @throws InvariantError if the group is hosted already
   */
  host(hosted: HostedGroup, founding: boolean): ReplicaHost {
    const { network, isSettled, runtime, limits, rules, deflate, admit } = this.#options
    const clusterId = this.#clusterId as ClusterId
    const host = new ReplicaHost({
      ...hosted,
      events: { ...hosted.events, configured: (configuration) => this.#onConfigured(hosted, configuration) },
      clusterId,
      formerly: this.#formerly,
      network,
      isSettled,
      runtime,
      limits,
      admit,
      isBanned: (peer) => hosted.group !== MAIN && this.#hosts.get(MAIN)?.replica?.state.roster.isOut(peer) === true,
      heardAtMs: (peer) => this.#heardAtMs.get(peer) ?? Number.NEGATIVE_INFINITY,
      rules: { ...rules, replicas: hosted.replicas },
      spool: { limitBytes: limits.snapshotBytes, deflate },
      out: this.#outletOf(hosted.group),
    })
    this.#hosts.set(hosted.group, host)
    host.setVisible(this.#visible)
    this.#begin(host, clusterId, founding).catch((error: unknown) => host.fail(error))
    return host
  }

  /** Stops hosting. */
  remove(host: ReplicaHost): void {
    host.stop()
    this.#loop.remove(host)
    if (this.#hosts.get(host.group) === host) this.#hosts.delete(host.group)
  }

  setVisible(visible: boolean): void {
    this.#visible = visible
    for (const host of this.#hosts.values()) host.setVisible(visible)
  }

  /**
   * Ends all replicas for good, giving away their votes. What does not fit counts as crashed; `main` goes first.
   * @returns last words for every linked peer, at most `maxBytes`
   */
  sayLastWords(maxBytes: number): Uint8Array {
    const words = new LastWordsFrame(maxBytes)
    for (const host of this.#hosts.values()) {
      for (const message of host.sayLastWords(words.roomBytes)) words.push(host.group, host.epoch, message)
    }
    return words.bytes
  }

  /** Groups of which this peer has a replica in its store that it does not host, by number. */
  async unopened(): Promise<readonly number[]> {
    if (this.#disk === undefined) return []
    const stored = await storedGroups(this.#disk.store, this.#options.network.self.id)
    return [...stored].filter((number) => !this.#hosts.has(number))
  }

  /** Removes what is stored of every group: this peer has left them. */
  async forget(): Promise<void> {
    await Promise.all([...this.#hosts.values()].map((host) => host.forget()))
  }

  /** Stops everything; what is being written still becomes durable. */
  async stop(): Promise<void> {
    this.#ticker.cancel()
    this.#heldCommits.stop()
    this.#frames.stop()
    this.#takeover?.stop()
    this.#snapshots.close()
    for (const unsubscribe of this.#subscriptions) unsubscribe()
    for (const host of [...this.#hosts.values()]) this.remove(host)
    await this.#disk?.store.close()
  }

  async #begin(host: ReplicaHost, clusterId: ClusterId, founding: boolean): Promise<void> {
    const loaded = this.#disk && ((host.group === MAIN && this.#storedMain) || (await this.#load(host.group)))
    const { log, stored } = loaded ?? { log: undefined, stored: undefined }
    const attributes = stored && decodeAttributes(stored.attributes)
    const isOurs = attributes?.clusterId === clusterId
    const first = this.#disk ? await nextIncarnation(this.#disk.store, host.group, this.#options.network.self.id) : 1
    const isGiven = stored !== undefined && stored.incarnation < first
    if (log && stored && isOurs && !isGiven && isComplete(stored)) await host.restart(log, stored)
    else if (founding || (isOurs && !isGiven && attributes.isFounder)) await host.found(log, first)
    else await host.join(log, first)
  }

  #load(group: number): Promise<LoadedLog> | undefined {
    return this.#disk && ReplicaLog.load(this.#disk.store, this.#disk.writer, logPrefix(group))
  }

  #outletOf(group: number): Outlet {
    const groups = this
    return {
      send: (message, epoch, mayWait) => this.#frames.push(peerOf(message.to), group, epoch, message, mayWait),
      sendSnapshot: (message, epoch, source) => this.#sendSnapshot(group, message, epoch, source),
      tell: (peer, message) => this.#roster.send(peer, encodeRosterMessage(group, message)),
      report: (error) => this.#options.report(error),
      schedule: () => this.#schedule(group),
      get isCrowded() {
        return groups.#loop.isCrowded
      },
      get groups() {
        return groups.size
      },
    }
  }

  /** For how long is held back what nobody waits for. Browsers let timers of hidden pages fire once a second. */
  get #holdMs(): number {
    return this.#visible ? HOLD_MS : 0
  }

  // --- time

  /** All groups have run that had something to do. */
  #finished(): Iterable<PeerId> {
    this.#takeover?.ran()
    return this.#frames.flush()
  }

  #schedule(group: number): void {
    const host = this.#hosts.get(group)
    if (host !== undefined) this.#loop.schedule(host)
  }

  #tick(): void {
    const { runtime, timing } = this.#options
    const nowMs = runtime.nowMs()
    this.#loop.taskBegan()
    this.#noteSleep(nowMs)
    const ticks = Math.floor((nowMs - this.#tickedAtMs) / timing.tickMs)
    this.#tickedAtMs = ticks > TICKS_PER_TIMER_MAX ? nowMs : this.#tickedAtMs + ticks * timing.tickMs
    for (const listener of this.#tickListeners) listener()
    this.#dissolution?.tick()
    this.#loop.tick(Math.min(ticks, TICKS_PER_TIMER_MAX))
  }

  /**
   * Called first with everything that happens. What came while this peer slept is heard before its clock goes on.
   */
  #noteSleep(nowMs: number): void {
    if (nowMs - this.#tickedAtMs < SLEEP_TICKS * this.#options.timing.tickMs) return
    this.#tickedAtMs = nowMs
    for (const host of this.#hosts.values()) host.woke()
  }

  // --- snapshots

  #sendSnapshot(group: number, message: SnapshotMessage, epoch: EpochId, source: SnapshotSource): void {
    const settle = (delivered: boolean) => this.#hosts.get(group)?.traffic.snapshotSent(message.to, delivered)
    this.#snapshots.sender.start({
      group,
      to: peerOf(message.to),
      raftMessage: encodeInEpoch(epoch, message),
      source,
      events: {
        progress: (bytes) => this.#hosts.get(group)?.progressed({ direction: 'sent', peer: peerOf(message.to), bytes }),
        done: () => settle(true),
        failed: (reason) => reason !== 'replaced' && settle(false), // the other transfer goes on
      },
    })
  }

  #onSnapshotOffered({ from: peer, group, snapshotId }: SnapshotOffer): SnapshotSink | undefined {
    const host = this.#hosts.get(group)
    if (host === undefined) return undefined
    const pieces: Uint8Array[] = []
    let bytes = 0
    return {
      add: (chunk) => {
        pieces.push(chunk)
        bytes += chunk.length
        host.progressed({ direction: 'received', peer, bytes })
      },
      finish: () => void this.#arrived.set(snapshotId, pieces),
      abort: () => {},
    }
  }

  #onSnapshotComplete({ from, group, snapshotId, raftMessage }: SnapshotOffer): void {
    const pieces = this.#arrived.get(snapshotId)
    this.#arrived.delete(snapshotId)
    const { epoch, message } = decodeInEpoch(raftMessage, from, this.#options.network.self.id)
    if (message.type === 'snapshot' && pieces !== undefined)
      this.#hostOf(group, epoch)?.traffic.stepSnapshot(message, pieces)
  }

  // --- what the others say

  #onFrame(from: PeerId, bytes: Uint8Array): void {
    const nowMs = this.#options.runtime.nowMs()
    this.#loop.taskBegan()
    this.#noteSleep(nowMs)
    this.#heardAtMs.set(from, nowMs)
    for (const message of decodeFrame(bytes, from, this.#options.network.self.id)) {
      const host = this.#hosts.get(message.group)
      if (host !== undefined) this.#loop.tell(host, message)
    }
    this.#loop.heard(from)
  }

  #hostOf(group: number, epoch: EpochId): ReplicaHost | undefined {
    const host = this.#hosts.get(group)
    return host !== undefined && isOfEpoch(host.epoch, epoch) ? host : undefined
  }

  #onRosterMessage(from: PeerId, bytes: Uint8Array): void {
    const { group, message } = decodeRosterMessage(bytes)
    this.#heardAtMs.set(from, this.#options.runtime.nowMs())
    if (message.kind === 'summary') this.#dissolution?.heard(from, message)
    else this.#hosts.get(group)?.told(from, message)
  }

  /** A replica that has ended may have become a voter by this. */
  #onConfigured({ group, events }: HostedGroup, configuration: Configuration): void {
    const { voters, votersOutgoing } = configuration
    if (group === MAIN) this.#options.network.prefer([...voters, ...votersOutgoing].map(peerOf))
    events.configured(configuration)
    this.#takeover?.look()
  }

  #onPeerJoined(peer: PeerId): void {
    this.#takeover?.look() // its store, if it is of this host
    for (const host of this.#hosts.values()) host.peerJoined(peer)
    this.#dissolution?.met(peer)
    this.#snapshots.peerBack(peer)
  }

  #onPeerCluster(peer: PeerId): void {
    for (const host of this.#hosts.values()) host.announceTo(peer)
    this.#dissolution?.met(peer)
  }

  #onGoodbye(peer: PeerId, payload: Uint8Array): void {
    this.#loop.hearAll()
    for (const { group, epoch, message } of decodeFrame(payload, peer, this.#options.network.self.id)) {
      this.#hostOf(group, epoch)?.hearLastWords(message)
    }
  }

  #onPeerLeft(peer: PeerId, reason: PeerLeftReason): void {
    this.#loop.hearAll()
    this.#snapshots.peerLost(peer)
    this.#heardAtMs.delete(peer)
    for (const host of this.#hosts.values()) host.peerLeft(peer, reason)
  }
}

/** What a founder starts from is only in its first snapshot: without it there is nothing to go on from. */
function isComplete({ initial, snapshot }: StoredReplica): boolean {
  return initial.snapshot.index === 0 || snapshot !== undefined
}
