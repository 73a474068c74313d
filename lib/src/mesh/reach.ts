import type { ClusterId, PeerId } from '../base/ids.js'
import type { Runtime, Timer } from '../base/runtime.js'
import type { LinkMap } from './link-map.js'
import type { LinkedPeer } from './linked-peer.js'
import type { PeerLeftReason } from './network.js'
import type { PeerInfo, PeerStatus } from './peer-info.js'
import type { PeerFacts } from './peer-record.js'
import { paceMs } from './settings.js'

export interface ReachOptions {
  readonly runtime: Runtime
  readonly map: LinkMap
  readonly links: ReadonlyMap<PeerId, LinkedPeer>
  /** A peer without a link counts as there, or as gone, when it has been so for this long. */
  readonly settleMs: number
  joined(peer: PeerStatus): void
  left(peer: PeerId, reason: PeerLeftReason): void
  clusterChanged(peer: PeerStatus): void
  /** No way leads to that peer any more, and has not for long. */
  forgotten(peer: PeerId): void
  /** `near` has changed. */
  changed(): void
}

const EVALUATE_MS = 100
const FORGET_MS = 60_000

/**
 * Which peers messages reach, over a link or over others. A link counts at once, both ways; what only the map says has
 * to stay so for a moment, because links that are about to be made or replaced are no news.
 */
export class Reach {
  readonly #options: ReachOptions
  readonly #peers = new Map<PeerId, PeerStatus>()
  /** Of every record: whether a way led there when last looked at, and since when; and whether one did before. */
  readonly #states = new Map<
    PeerId,
    { readonly isNear: boolean; readonly wasNear: boolean; readonly sinceMs: number }
  >()
  #near: ReadonlySet<PeerId> = new Set()
  #timer: Timer | undefined
  #dueAtMs = Number.POSITIVE_INFINITY

  constructor(options: ReachOptions) {
    this.#options = options
  }

  get peers(): ReadonlyMap<PeerId, PeerStatus> {
    return this.#peers
  }

  /** Every peer to which a way led when last looked at, this one included. */
  get near(): ReadonlySet<PeerId> {
    return this.#near
  }

  linked(linked: LinkedPeer): void {
    const { id, bootNonce } = linked.info
    const known = this.#peers.get(id)
    if (known !== undefined && known.info.bootNonce !== bootNonce) this.#leave(id, 'lost')
    const isNew = !this.#peers.has(id)
    this.#peers.set(id, linked)
    if (isNew) this.#options.joined(linked)
    this.evaluateSoon()
  }

  /** Whatever ways there still are: what was on the link is lost. */
  unlinked(peer: PeerId, reason: PeerLeftReason): void {
    this.#states.set(peer, { isNear: false, wasNear: true, sinceMs: this.#options.runtime.nowMs() })
    this.#leave(peer, reason)
    this.evaluateSoon()
  }

  /** The link has ended, the peer goes on. */
  parted(peer: PeerId): void {
    const record = this.#options.map.records.get(peer)
    const isNear = record !== undefined && this.#options.map.nextHop(peer) !== undefined
    if (isNear) this.#peers.set(peer, new RelayedPeer(record, this.#options.map))
    else this.unlinked(peer, 'lost')
    this.evaluateSoon()
  }

  /** A way led to it once, and none does now. */
  isLost(peer: PeerId): boolean {
    const state = this.#states.get(peer)
    return state?.isNear === false && state.wasNear
  }

  /** A message of a peer without a link came: it is there. @returns false if nothing is known of it */
  admit(peer: PeerId): boolean {
    const record = this.#options.map.records.get(peer)
    if (this.#peers.has(peer)) return true
    if (record === undefined || this.#options.map.nextHop(peer) === undefined) return false
    this.#join(record)
    return true
  }

  evaluateSoon(): void {
    const { runtime, map } = this.#options
    this.#evaluateAt(runtime.nowMs() + paceMs(EVALUATE_MS, map.records.size))
  }

  close(): void {
    this.#timer?.cancel()
    this.#peers.clear()
  }

  #evaluateAt(atMs: number): void {
    if (this.#dueAtMs <= atMs) return
    const { runtime } = this.#options
    this.#timer?.cancel()
    this.#dueAtMs = atMs
    this.#timer = runtime.setTimer(atMs - runtime.nowMs(), () => this.#evaluate())
  }

  #evaluate(): void {
    const { runtime, map } = this.#options
    this.#dueAtMs = Number.POSITIVE_INFINITY
    this.#look()
    const nowMs = runtime.nowMs()
    for (const [peer, record] of [...map.records]) {
      const forMs = nowMs - this.#note(peer, nowMs)
      this.#judge(peer, record, forMs)
      const nextMs = [this.#options.settleMs, this.#near.has(peer) ? 0 : FORGET_MS].find((ms) => ms > forMs)
      if (nextMs !== undefined) this.#evaluateAt(Math.max(nowMs + EVALUATE_MS, nowMs + nextMs - forMs))
    }
    for (const peer of this.#states.keys()) if (!map.records.has(peer)) this.#states.delete(peer)
  }

  #look(): void {
    const near = this.#options.map.reachable()
    const isSame = near.size === this.#near.size && [...near].every((peer) => this.#near.has(peer))
    this.#near = near
    if (!isSame) this.#options.changed()
  }

  /** @returns since when it is so */
  #note(peer: PeerId, nowMs: number): number {
    const isNear = this.#near.has(peer)
    const before = this.#states.get(peer)
    if (before?.isNear === isNear) return before.sinceMs
    this.#states.set(peer, { isNear, wasNear: before?.isNear === true, sinceMs: nowMs })
    return nowMs
  }

  #judge(peer: PeerId, record: PeerFacts, forMs: number): void {
    const { links, settleMs } = this.#options
    if (links.has(peer)) return
    const shown = this.#peers.get(peer)
    const isSettled = forMs >= settleMs
    if (this.#near.has(peer)) {
      if (shown instanceof RelayedPeer) this.#update(shown, record)
      else if (isSettled) this.#join(record)
    } else {
      if (isSettled) this.#leave(peer, 'lost')
      if (forMs >= FORGET_MS) this.#options.forgotten(peer)
    }
  }

  #update(shown: RelayedPeer, { info, clusterId }: PeerFacts): void {
    if (shown.info.bootNonce !== info.bootNonce) {
      this.#leave(info.id, 'lost')
      this.evaluateSoon()
    } else if (shown.clusterId !== clusterId) {
      shown.clusterId = clusterId
      this.#options.clusterChanged(shown)
    }
  }

  #join(record: PeerFacts): void {
    const peer = new RelayedPeer(record, this.#options.map)
    this.#peers.set(record.info.id, peer)
    this.#options.joined(peer)
  }

  #leave(peer: PeerId, reason: PeerLeftReason): void {
    if (this.#peers.delete(peer)) this.#options.left(peer, reason)
  }
}

/** A peer without a link, and live what leads to it. */
class RelayedPeer implements PeerStatus {
  readonly info: PeerInfo
  readonly rttMs = undefined
  readonly #map: LinkMap
  clusterId: ClusterId | undefined

  constructor({ info, clusterId }: PeerFacts, map: LinkMap) {
    this.info = info
    this.clusterId = clusterId
    this.#map = map
  }

  get via(): PeerId | undefined {
    return this.#map.nextHop(this.info.id)
  }
}
