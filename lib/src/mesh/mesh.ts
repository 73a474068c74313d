import { Emitter, type Unsubscribe } from '../base/emitter.js'
import { invariant, LegionError } from '../base/errors.js'
import type { ClusterId, PeerId } from '../base/ids.js'
import type { Logger } from '../base/logger.js'
import type { Runtime } from '../base/runtime.js'
import { DecodeError } from '../codec/decode.js'
import type { FoundingPlace, Rendezvous, RendezvousStatus, Rest, RoomView } from '../signaling/rendezvous.js'
import type { Connector, IceServer } from '../transport/channel.js'
import type { Lane } from '../transport/lanes.js'
import { type Link, MAX_GOODBYE_BYTES, SILENT } from '../transport/link.js'
import type { Attempt } from './attempt.js'
import type { Authorize } from './authorization.js'
import { CONTROL_PORT, type ControlMessage, decodeControl, encodeControl } from './control.js'
import { Dialer } from './dialer.js'
import { Directory } from './directory.js'
import type { Refusal } from './greeting.js'
import { encodeHello, type Identity } from './handshake.js'
import { LinkedPeer } from './linked-peer.js'
import type { MeshPeerStatus, MeshStatus } from './mesh-status.js'
import type { Network, NetworkEvents, PeerLeftReason } from './network.js'
import type { PeerInfo, PeerStatus } from './peer-info.js'
import type { Port, PortHandlers, PortName } from './port.js'
import { Ports } from './ports.js'
import { problemOf } from './relay.js'
import { DEFAULT_MESH_LIMITS, DEFAULT_MESH_TIMING, type MeshLimits, type MeshTiming } from './settings.js'
import { isTopologyPort, Topology } from './topology.js'

export interface MeshOptions {
  /** Who this peer is, until `start` knows better. */
  readonly self: MeshSelf
  readonly runtime: Runtime
  readonly logger: Logger
  readonly limits?: Partial<MeshLimits> | undefined
  readonly timing?: Partial<MeshTiming> | undefined
  /** Asked about every peer before its link counts, and has until `dialTimeoutMs` to answer. */
  readonly authorize?: Authorize | undefined
  /** What this peer shows to whoever authorizes; at most `MAX_CREDENTIAL_BYTES` in UTF-8. Default: nothing. */
  credential?(): string | undefined
  createRendezvous(self: PeerId): Rendezvous
  createConnector(self: PeerId): Connector
}

/** What a peer says of itself; its connector tells the stack. */
export type MeshSelf = Omit<PeerInfo, 'stack'>

export interface MeshEvents extends NetworkEvents {
  /** @param problem a sentence for people when `status` is `offline` */
  rendezvous(status: RendezvousStatus, problem: string | undefined): void
  /** The room's cluster: told whenever the room is joined, and when a founding was decided. */
  founded(clusterId: ClusterId): void
  /** A peer was refused in the handshake, or refuses us for the same reason. */
  incompatible(peer: PeerId, problem: string): void
  /** Only a relay could link us with that peer, and there is none. Once until it is linked. */
  relayNeeded(peer: PeerId, problem: string): void
  /** A peer's `authorize` said no to this one. */
  unauthorized(peer: PeerId, problem: string): void
}

/** What is on its way over a link that is not needed any more has arrived by then. */
const PARTING_MS = 2_000

interface World {
  readonly connector: Connector
  readonly rendezvous: Rendezvous
}

/**
 * Links to the other peers of the room, to all or, in a large one, to enough of them, kept alive: finds, dials, greets,
 * heals, and hands typed ports to the modules above, which reach linked and relayed peers alike. Linked peers carry
 * signals too, so a mesh heals without its rendezvous.
 *
 * Before `start` it is there to be built upon, but has no peers, and nothing leaves it.
 */
export class Mesh implements Network {
  readonly #options: MeshOptions
  readonly #runtime: Runtime
  readonly #logger: Logger
  readonly #timing: MeshTiming
  readonly #limits: MeshLimits
  readonly #directory: Directory
  readonly #dialer: Dialer
  readonly #topology: Topology
  readonly #ports: Ports
  readonly #links = new Map<PeerId, LinkedPeer>()
  readonly #events: Emitter<MeshEvents>
  #self: PeerInfo
  /** The world; undefined before `start`. */
  #world: World | undefined
  #clusterId: ClusterId | undefined
  #iceServers: readonly IceServer[] = []
  #problem: string | undefined
  #malformed = 0
  #refusals = 0
  #isFinished = false

  constructor(options: MeshOptions) {
    this.#options = options
    this.#self = { ...options.self, stack: '' }
    this.#runtime = options.runtime
    this.#logger = options.logger
    this.#timing = { ...DEFAULT_MESH_TIMING, ...options.timing }
    this.#limits = { ...DEFAULT_MESH_LIMITS, ...options.limits }
    this.#topology = this.#newTopology()
    this.#directory = new Directory(
      () => this.#self.id,
      () => this.#topology.near,
    )
    this.#ports = new Ports({
      links: this.#links,
      topology: this.#topology,
      logger: options.logger,
      clusterId: () => this.#clusterId,
    })
    this.#events = new Emitter((error, event) => this.#logger.error(`internal error in a listener of ${event}`, error))
    this.#dialer = this.#newDialer()
  }

  /** Before `start` provisional. */
  get self(): PeerInfo {
    return this.#self
  }

  /** Live: each shows its state as it is now. */
  get peers(): ReadonlyMap<PeerId, PeerStatus> {
    return this.#topology.peers
  }

  get links(): ReadonlyMap<PeerId, PeerStatus> {
    return this.#links
  }

  get clusterId(): ClusterId | undefined {
    return this.#clusterId
  }

  /**
   * Joins the room and begins to dial. Called once; in vain after `goodbye`.
   * @param known what has become known of this peer since the mesh was made; from now on it is fixed
   */
  start(known: Partial<MeshSelf> = {}): void {
    if (this.#isFinished) return
    const self = { ...this.#options.self, ...known }
    const connector = this.#options.createConnector(self.id)
    const rendezvous = this.#options.createRendezvous(self.id)
    this.#self = { ...self, stack: connector.stack }
    this.#world = { connector, rendezvous }
    rendezvous.join(
      { id: self.id, durable: self.durable, clusterId: this.#clusterId },
      {
        joined: (view) => this.#unlessFinished(() => this.#joinedRoom(view)),
        peerJoined: (peer) => this.#unlessFinished(() => this.#peerJoinedRoom(peer)),
        peerLeft: (peer) => this.#unlessFinished(() => this.#peerLeftRoom(peer)),
        signal: (from, payload) => this.#dialer.receive(from, payload),
        founded: (clusterId) => this.#unlessFinished(() => this.#events.emit('founded', clusterId)),
        status: (status, problem) => this.#unlessFinished(() => this.#rendezvousChanged(status, problem)),
      },
    )
  }

  /**
   * This peer belongs to the cluster from now on, or, before `start`, from then on: tells every linked peer and claims
   * it at the rendezvous.
   */
  setClusterId(clusterId: ClusterId): void {
    this.#clusterId = clusterId
    for (const linked of this.#links.values()) linked.say({ kind: 'cluster', clusterId })
    this.#topology.selfChanged()
    this.#world?.rendezvous.claim(clusterId)
  }

  /** Asks the rendezvous to found the cluster; the event `founded` tells which one it is. In vain before `start`. */
  found(clusterId: ClusterId, where: FoundingPlace = 'first'): void {
    this.#world?.rendezvous.found(clusterId, where)
  }

  prefer(peers: Iterable<PeerId>): void {
    this.#topology.prefer(peers)
  }

  openPort(name: PortName, handlers: PortHandlers): Port {
    return this.#ports.open(name, handlers)
  }

  /** The process of this peer is known to have ended: whatever its link seems to be. */
  peerEnded(peer: PeerId): void {
    this.#drop(this.#links.get(peer), 'goodbye', 'its process has ended')
  }

  /** After sleep, `pageshow` or `online`: asks every link for a quick sign of life, and dials without waiting. */
  suspectAll(): void {
    this.#world?.rendezvous.probe()
    for (const { link } of this.#links.values()) link.probe(this.#timing.probeMs)
    this.#dialer.hurry()
  }

  /**
   * Last words to every linked peer and the end of this mesh, all of it before it returns, as `pagehide` needs it. No
   * event comes after.
   * @param payload for the modules above over there; with it the whole goodbye is at most MAX_GOODBYE_BYTES
   * @param rest as of `Rendezvous.leave`
   * @throws LegionError E_TOO_LARGE
   */
  goodbye(payload: Uint8Array = new Uint8Array(), rest?: Rest): void {
    const message = encodeControl({ kind: 'goodbye', payload })
    if (message.length > MAX_GOODBYE_BYTES) {
      throw new LegionError('E_TOO_LARGE', `A goodbye of ${message.length} bytes is above ${MAX_GOODBYE_BYTES} bytes.`)
    }
    if (this.#isFinished) return
    this.#isFinished = true
    this.#topology.close()
    this.#dialer.close()
    const links = [...this.#links.values()]
    this.#links.clear()
    this.#events.clear()
    // First, as it takes no time: to close connections may take longer than a page that goes away is given.
    void this.#world?.rendezvous.leave(rest)
    for (const { link } of links) link.goodbye(CONTROL_PORT, message)
  }

  /** As `goodbye` without last words; resolves when the room is left. Idempotent. */
  async close(): Promise<void> {
    this.goodbye()
    await this.#world?.rendezvous.leave()
  }

  status(): MeshStatus {
    const peers = new Set([...this.#directory.known(), ...this.#links.keys()])
    return {
      rendezvous: this.#rendezvousStatus(),
      problem: this.#problem,
      clusterId: this.#clusterId,
      peers: Object.fromEntries([...peers].map((peer) => [peer, this.#statusOf(peer)])),
      malformed: this.#malformed,
      droppedSignals: this.#world?.rendezvous.droppedSignals ?? 0,
      refused: this.#refusals,
      relay: this.#topology.counts,
    }
  }

  on<K extends keyof MeshEvents>(event: K, listener: MeshEvents[K]): Unsubscribe {
    return this.#events.on(event, listener)
  }

  // The room

  #joinedRoom(view: RoomView): void {
    this.#iceServers = view.iceServers
    this.#directory.replaceRoom(view.peers)
    this.#dialer.signalsPass()
    if (view.clusterId !== undefined) this.#events.emit('founded', view.clusterId)
  }

  #peerJoinedRoom(peer: PeerId): void {
    this.#directory.addToRoom(peer)
    this.#suspect(peer) // most likely it is another process, and the link's other end is gone
    this.#dialer.arrived(peer)
  }

  #peerLeftRoom(peer: PeerId): void {
    this.#directory.removeFromRoom(peer)
    this.#dialer.evaluateSoon()
  }

  #rendezvousChanged(status: RendezvousStatus, problem: string | undefined): void {
    this.#problem = problem
    this.#dialer.evaluateSoon()
    this.#events.emit('rendezvous', status, problem)
  }

  #rendezvousStatus(): RendezvousStatus {
    return this.#world?.rendezvous.status ?? 'connecting'
  }

  #canSignal(peer: PeerId): boolean {
    const isServed = this.#rendezvousStatus() === 'joined' && this.#directory.isInRoom(peer)
    return isServed || this.#topology.nextHop(peer) !== undefined
  }

  #signal(to: PeerId, signal: Uint8Array): void {
    if (this.#world?.rendezvous.send(to, signal) !== true) this.#topology.signal(to, signal)
  }

  // Links

  #newDialer(): Dialer {
    const { runtime, logger, authorize } = this.#options
    const authorizes = authorize !== undefined
    return new Dialer({
      authorize,
      self: () => this.#self.id,
      connector: () => this.#startedWorld().connector,
      runtime,
      logger,
      limits: this.#limits,
      timing: this.#timing,
      directory: this.#directory,
      iceServers: () => this.#iceServers,
      hello: () => this.#hello(authorizes),
      canSignal: (peer) => this.#canSignal(peer),
      signal: (to, signal) => this.#signal(to, signal),
      attemptOfLink: (peer) => this.#links.get(peer)?.attempt,
      wanted: () => this.#topology.wanted(),
      makeRoom: (peer) => this.#makeRoom(peer),
      refusedBy: (peer) => this.#topology.refusedBy(peer),
      isFullMesh: () => this.#topology.isFullMesh,
      linked: (_peer, attempt, link, identity) => this.#linked(attempt, link, identity),
      refused: (peer, problem, refusal) => this.#refused(peer, problem, refusal),
      relayNeeded: (peer, problem) => this.#events.emit('relayNeeded', peer, problem),
      suspect: (peer) => this.#suspect(peer),
      linkGone: (peer) => this.#drop(this.#links.get(peer), 'lost', 'the other side lost its end'),
    })
  }

  #hello(authorizes: boolean): Uint8Array {
    const credential = this.#options.credential?.()
    return encodeHello({ info: this.#self, clusterId: this.#clusterId, credential, authorizes })
  }

  #makeRoom(peer: PeerId): boolean {
    const taken = new Set([...this.#links.keys(), ...this.#dialer.attempting()])
    taken.delete(peer)
    return this.#topology.makeRoom(peer, taken)
  }

  #startedWorld(): World {
    invariant(this.#world !== undefined, () => 'dialled before the mesh was started')
    return this.#world
  }

  #newTopology(): Topology {
    return new Topology({
      runtime: this.#runtime,
      limits: this.#limits,
      timing: this.#timing,
      links: this.#links,
      self: () => this.#self,
      clusterId: () => this.#clusterId,
      known: () => this.#directory.known(),
      failuresOf: (peer) => this.#dialer.failuresOf(peer),
      unlink: (peer) => this.#unlink(peer),
      changed: () => {
        this.#directory.changed()
        this.#dialer.evaluateSoon()
      },
      joined: (peer) => this.#events.emit('peerJoined', peer),
      left: (peer, reason) => this.#events.emit('peerLeft', peer, reason),
      clusterChanged: (peer) => this.#events.emit('peerCluster', peer),
      signalled: (from, signal) => this.#dialer.receive(from, signal),
      deliver: (from, lane, port, payload) => this.#ports.deliverFrom(from, lane, port, payload),
      drained: (peer, lane) => this.#ports.drained(lane, peer),
    })
  }

  #linked(attempt: Attempt, link: Link, identity: Identity): void {
    const linked = new LinkedPeer(attempt, link, identity, this.#runtime.nowMs())
    const older = this.#links.get(linked.info.id)
    if (older !== undefined && !linked.supersedes(older)) {
      link.close('an older attempt')
      return
    }
    this.#drop(older, 'lost', 'replaced by a newer link')
    this.#links.set(linked.info.id, linked)
    link.on('message', (lane, port, payload) => this.#received(linked, lane, port, payload))
    link.on('drain', (lane) => {
      this.#ports.drained(lane, linked.info.id)
      this.#topology.drained(lane)
    })
    link.on('doubt', () => this.#topology.doubted())
    link.on('close', (reason) => {
      if (reason === SILENT) this.#world?.rendezvous.probe() // perhaps it is not the peer, but our network
      this.#drop(linked, 'lost', reason)
    })
    this.#logger.debug(`linked with ${linked.info.id}`)
    linked.say({ kind: 'cluster', clusterId: this.#clusterId }) // it may have changed since our hello
    this.#topology.linked(linked)
    this.#events.emit('linked', linked)
  }

  #drop(linked: LinkedPeer | undefined, left: PeerLeftReason, reason: string): void {
    if (!this.#remove(linked, left, reason)) return
    linked.link.close(reason)
    this.#topology.unlinked(linked.info.id, left)
  }

  /**
   * Ends a link that works, because it is not needed: from now on messages go over others, and the link itself stays
   * open for a moment for those that are on their way. Nobody above notices, if there is another way.
   */
  #part(linked: LinkedPeer | undefined, reason: string): void {
    if (!this.#remove(linked, 'lost', reason)) return
    this.#runtime.setTimer(PARTING_MS, () => linked.link.close(reason))
    this.#topology.parted(linked.info.id)
  }

  #unlink(peer: PeerId): void {
    const linked = this.#links.get(peer)
    linked?.say({ kind: 'unlink' })
    this.#part(linked, 'not needed')
  }

  /** @returns false if it was done before */
  #remove(linked: LinkedPeer | undefined, left: PeerLeftReason, reason: string): linked is LinkedPeer {
    if (linked === undefined || this.#links.get(linked.info.id) !== linked) return false
    const { id } = linked.info
    this.#links.delete(id)
    this.#logger.debug(`link to ${id} ended: ${reason}`)
    this.#dialer.linkEnded(id, this.#runtime.nowMs() - linked.sinceMs, left === 'goodbye')
    this.#events.emit('unlinked', id, left)
    return true
  }

  #refused(peer: PeerId, problem: string, refusal: Refusal): void {
    this.#refusals++
    this.#logger.warn(`no link with ${peer}: ${problem}`)
    if (refusal !== 'declined') this.#events.emit(refusal, peer, problem)
  }

  #suspect(peer: PeerId): void {
    this.#links.get(peer)?.link.probe(this.#timing.probeMs)
  }

  #statusOf(peer: PeerId): MeshPeerStatus {
    const link = this.#links.get(peer)?.link.status()
    if (link !== undefined) return { state: 'direct', link }
    const via = this.#topology.peers.get(peer)?.via
    return { state: via === undefined ? this.#dialer.stateOf(peer) : `relayed by ${via}`, link }
  }

  // Messages

  #received(linked: LinkedPeer, lane: Lane, port: number, payload: Uint8Array): void {
    if (this.#isFinished) return
    const problem = this.#handle(linked, lane, port, payload)
    if (problem === undefined) return
    this.#malformed++
    this.#logger.warn(`closing the link to ${linked.info.id}, malformed: ${problem}`)
    this.#drop(linked, 'lost', `malformed: ${problem}`)
    linked.link.close(`malformed: ${problem}`) // of one that was parting, too
  }

  /** @returns what is wrong with the message, if something is */
  #handle(linked: LinkedPeer, lane: Lane, port: number, payload: Uint8Array): string | undefined {
    if (port === CONTROL_PORT && lane === 'control') {
      return problemOf(() => this.#handleControl(linked, decodeControl(payload)))
    }
    if (isTopologyPort(port)) return problemOf(() => this.#topology.receive(linked, lane, port, payload))
    return this.#ports.deliver(linked, lane, port, payload)
  }

  #handleControl(linked: LinkedPeer, message: ControlMessage): void {
    switch (message.kind) {
      case 'hello':
      case 'admitted':
      case 'refused':
        throw new DecodeError(`${message.kind} after the greeting`)
      case 'cluster':
        this.#clusterChanged(linked, message.clusterId)
        break
      case 'goodbye':
        if (message.payload.length > 0) this.#events.emit('goodbye', linked.info.id, message.payload)
        this.#drop(linked, 'goodbye', 'goodbye')
        break
      case 'unlink':
        this.#topology.refusedBy(linked.info.id)
        this.#part(linked, 'not needed there')
        break
      default:
        this.#topology.heard(linked, message)
    }
  }

  #clusterChanged(linked: LinkedPeer, clusterId: ClusterId | undefined): void {
    if (linked.clusterId === clusterId) return
    linked.clusterId = clusterId
    this.#events.emit('peerCluster', linked)
  }

  #unlessFinished(work: () => void): void {
    if (!this.#isFinished) work()
  }
}
