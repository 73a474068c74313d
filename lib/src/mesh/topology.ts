import type { ClusterId, PeerId } from '../base/ids.js'
import type { Runtime } from '../base/runtime.js'
import type { Lane } from '../transport/lanes.js'
import { BROADCAST_PORT, type BroadcastCounts, Broadcasts } from './broadcasts.js'
import type { ControlMessage } from './control.js'
import { Gossip, type GossipMessage } from './gossip.js'
import { LinkMap, trusted } from './link-map.js'
import type { LinkedPeer } from './linked-peer.js'
import type { PeerLeftReason } from './network.js'
import { Overlay } from './overlay.js'
import type { PeerInfo, PeerStatus } from './peer-info.js'
import { MAX_NEIGHBOURS } from './peer-record.js'
import type { SendResult } from './port.js'
import { Reach } from './reach.js'
import { RELAY_PORT, Relay, type RelayCounts } from './relay.js'
import type { MeshLimits, MeshTiming } from './settings.js'

export interface TopologyOptions {
  readonly runtime: Runtime
  readonly limits: MeshLimits
  readonly timing: MeshTiming
  readonly links: ReadonlyMap<PeerId, LinkedPeer>
  self(): PeerInfo
  clusterId(): ClusterId | undefined
  /** Everybody there is to link with. */
  known(): ReadonlySet<PeerId>
  /** Dials of it have failed so often in a row. */
  failuresOf(peer: PeerId): number
  unlink(peer: PeerId): void
  /** It is time to look again whom to dial. */
  changed(): void
  joined(peer: PeerStatus): void
  left(peer: PeerId, reason: PeerLeftReason): void
  clusterChanged(peer: PeerStatus): void
  /** A signal came from a peer that is not linked. */
  signalled(from: PeerId, signal: Uint8Array): void
  /** A message came from a peer that is perhaps not linked. */
  deliver(from: PeerId, lane: Lane, port: number, payload: Uint8Array): void
  drained(peer: PeerId, lane: Lane): void
}

export type TopologyMessage = GossipMessage | Extract<ControlMessage, { kind: 'digest' | 'fetch' | 'release' }>

export interface TopologyCounts extends RelayCounts, BroadcastCounts {}

/** With fewer a mesh falls apart when some of its peers go. */
const LEAST_LINKS = 4
/** Inside envelopes only. */
const SIGNALS_PORT = 6
/** More dials in a row than that fail only where there is no way for a link. */
const MAX_FAILURES = 3

export function isTopologyPort(port: number): boolean {
  return port === RELAY_PORT || port === BROADCAST_PORT
}

/** All that goes beyond single links: who there is, by which ways, and whom this peer links with. */
export class Topology {
  readonly #options: TopologyOptions
  readonly #map: LinkMap
  readonly #gossip: Gossip
  readonly #reach: Reach
  readonly #overlay: Overlay
  readonly #relay: Relay
  readonly #broadcasts: Broadcasts

  constructor(options: TopologyOptions) {
    const { runtime, limits, timing, links, self } = options
    this.#options = options
    this.#map = new LinkMap(() => self().id, links)
    const world = { ...options, map: this.#map }
    const deliver: TopologyOptions['deliver'] = (from, lane, port, payload) => {
      if (port === SIGNALS_PORT) options.signalled(from, payload)
      else if (this.#reach.admit(from)) options.deliver(from, lane, port, payload)
    }
    const infoOf = (peer: PeerId) => this.infoOf(peer)
    this.#broadcasts = new Broadcasts({ ...world, infoOf, deliver })
    this.#relay = new Relay({ ...world, infoOf, deliver })
    this.#overlay = new Overlay({
      ...world,
      limit: Math.min(Math.max(limits.links, LEAST_LINKS), MAX_NEIGHBOURS),
      self: () => self().id,
      isFull: (peer) => this.#map.records.get(peer)?.isFull === true,
      isDoubtful: (peer) => this.#isDoubtful(peer),
      release: (peer) => links.get(peer)?.say({ kind: 'release' }),
    })
    this.#gossip = new Gossip({
      runtime,
      links,
      map: this.#map,
      delayMs: timing.gossipDelayMs,
      limit: limits.peers,
      self: () => self().id,
      record: () => this.#record(),
      count: () => options.known().size,
      isNear: (peer) => this.#reach.near.has(peer),
      learned: () => this.#learned(),
    })
    this.#reach = new Reach({
      ...world,
      settleMs: timing.settleMs,
      left: (peer, reason) => this.#left(peer, reason),
      forgotten: (peer) => this.#gossip.forget(peer),
      changed: () => {
        this.#gossip.nearChanged()
        options.changed()
      },
    })
  }

  /** Every peer that messages reach. */
  get peers(): ReadonlyMap<PeerId, PeerStatus> {
    return this.#reach.peers
  }

  /** Every peer to which a way leads. */
  get near(): ReadonlySet<PeerId> {
    return this.#reach.near
  }

  get counts(): TopologyCounts {
    return { ...this.#relay.counts, ...this.#broadcasts.counts }
  }

  get isFullMesh(): boolean {
    return this.#overlay.isFullMesh
  }

  nextHop(to: PeerId): PeerId | undefined {
    return this.#map.nextHop(to)
  }

  infoOf(peer: PeerId): PeerInfo | undefined {
    return this.#options.links.get(peer)?.info ?? this.#map.records.get(peer)?.info
  }

  linked(linked: LinkedPeer): void {
    this.#changed()
    this.#gossip.linked(linked)
    this.#reach.linked(linked)
  }

  unlinked(peer: PeerId, reason: PeerLeftReason): void {
    this.#changed()
    this.#gossip.unlinked(peer)
    this.#reach.unlinked(peer, reason)
  }

  /** The link ended, but the peer goes on: if there is another way, it is as if nothing had happened. */
  parted(peer: PeerId): void {
    this.#changed()
    this.#gossip.unlinked(peer)
    this.#reach.parted(peer)
  }

  /** A link is in doubt, or not any more. */
  doubted(): void {
    this.#changed()
    this.#gossip.linksChanged()
    this.#options.changed()
  }

  /** What this peer says of itself has changed. */
  selfChanged(): void {
    this.#gossip.changed()
  }

  /** @throws DecodeError */
  heard(from: LinkedPeer, message: TopologyMessage): void {
    if (message.kind === 'release') this.#overlay.released(from.info.id)
    else if (message.kind === 'digest' || message.kind === 'fetch') this.#broadcasts.heard(from, message)
    else this.#gossip.heard(from, message)
  }

  /** Something came on one of this module's ports. @throws DecodeError */
  receive(via: LinkedPeer, lane: Lane, port: number, payload: Uint8Array): void {
    if (port === RELAY_PORT) this.#relay.receive(via, lane, payload)
    else this.#broadcasts.receive(via, lane, payload)
  }

  /** To a peer that is not linked yet: best effort. */
  signal(to: PeerId, signal: Uint8Array): void {
    this.#relay.send(to, 'control', SIGNALS_PORT, signal)
  }

  /** To a peer without a link. */
  relay(to: PeerId, lane: Lane, port: number, payload: Uint8Array): SendResult {
    return this.#relay.send(to, lane, port, payload)
  }

  broadcast(lane: Lane, port: number, payload: Uint8Array): void {
    this.#broadcasts.send(lane, port, payload)
  }

  drained(lane: Lane): void {
    this.#relay.drained(lane)
  }

  // Whom to link with

  prefer(peers: Iterable<PeerId>): void {
    this.#overlay.prefer(peers)
  }

  wanted(): ReadonlySet<PeerId> {
    return this.#overlay.choose()
  }

  /** @param taken peers that are linked, or about to be */
  makeRoom(peer: PeerId, taken: ReadonlySet<PeerId>): boolean {
    return this.#overlay.makeRoom(peer, taken)
  }

  refusedBy(peer: PeerId): void {
    this.#overlay.refusedBy(peer)
    this.#options.changed()
  }

  close(): void {
    this.#gossip.close()
    this.#reach.close()
    this.#overlay.close()
    this.#broadcasts.close()
  }

  #record() {
    const { self, clusterId, links } = this.#options
    return { info: self(), clusterId: clusterId(), isFull: this.#overlay.isFull(links), neighbours: trusted(links) }
  }

  #changed(): void {
    this.#map.changed()
    this.#learned()
  }

  #learned(): void {
    this.#reach.evaluateSoon()
    this.#broadcasts.unrest()
  }

  #left(peer: PeerId, reason: PeerLeftReason): void {
    this.#relay.forget(peer)
    this.#options.left(peer, reason)
  }

  #isDoubtful(peer: PeerId): boolean {
    const linked = this.#options.links.get(peer)
    if (linked !== undefined) return linked.isDoubted
    const failures = this.#options.failuresOf(peer)
    if (this.near.has(peer)) return failures >= MAX_FAILURES
    return failures > 1 || this.#reach.isLost(peer) // one may be a request to be dialled that is on its way
  }
}
