import type { PeerId } from '../base/ids.js'
import type { Runtime, Timer } from '../base/runtime.js'
import type { Lane } from '../transport/lanes.js'
import type { BroadcastId, ControlMessage, KeptBroadcast } from './control.js'
import { bootTag, decodeBroadcast, encodeBroadcast, oneHopLess } from './envelope.js'
import { type LinkMap, MAX_HOPS } from './link-map.js'
import type { LinkedPeer } from './linked-peer.js'
import type { PeerInfo } from './peer-info.js'
import { sendOver } from './relay.js'
import { SequenceWindows } from './sequence-window.js'

/** Of links: what is for everybody. */
export const BROADCAST_PORT = 7

export interface BroadcastsOptions {
  readonly runtime: Runtime
  readonly links: ReadonlyMap<PeerId, LinkedPeer>
  readonly map: LinkMap
  self(): PeerInfo
  /** Of a peer that is there. */
  infoOf(peer: PeerId): PeerInfo | undefined
  /** A broadcast came. */
  deliver(from: PeerId, lane: Lane, port: number, payload: Uint8Array): void
}

/** Numbers since the start. */
export interface BroadcastCounts {
  /** Messages of broadcasts that came, repeated ones included. */
  readonly broadcasts: number
  /** Those that had come before. */
  readonly repeated: number
}

interface Kept {
  readonly id: BroadcastId
  readonly lane: Lane
  /** As it is passed on. */
  readonly bytes: Uint8Array
  readonly sinceMs: number
}

/** For so long after the map changed, or a lane was full, somebody may have missed what went round. */
const UNREST_MS = 5_000
const REPAIR_EVERY_MS = 1_000
/** Longer than it takes to notice that a peer is gone, which may have kept broadcasts from others until then. */
const KEEP_MS = 15_000
const KEEP_BYTES = 4 * 1024 * 1024
const KEEP_COUNT = 1_000
/** What is younger is still on its way. */
const YOUNG_MS = 500

/**
 * Messages to everybody. Each travels on the tree of shortest ways from its origin, which every peer works out from its
 * own map, so each peer gets it once. Where maps differ somebody may get it twice, which is noticed, or not at all: so
 * as long as maps have just changed, linked peers tell each other once what they keep, and fetch what they lack (as Plumtree
 * does: Leitão, Pereira and Rodrigues 2007, 3.6). At rest nothing but the broadcasts themselves is sent.
 */
export class Broadcasts {
  readonly #options: BroadcastsOptions
  readonly #windows = new SequenceWindows<PeerId>()
  /** Oldest first. */
  readonly #kept = new Map<string, Kept>()
  readonly #counts = { broadcasts: 0, repeated: 0 }
  /** When each link was last told what is kept: by then all that was not young. */
  readonly #toldAtMs = new WeakMap<LinkedPeer, number>()
  #keptBytes = 0
  #sequence = 0
  #unrestUntilMs = Number.NEGATIVE_INFINITY
  /** Broadcasts from before are not for this peer. */
  #linkedAtMs: number | undefined
  #timer: Timer | undefined

  constructor(options: BroadcastsOptions) {
    this.#options = options
  }

  get counts(): BroadcastCounts {
    return this.#counts
  }

  /** To every peer within reach, as far as queues have room. */
  send(lane: Lane, port: number, payload: Uint8Array): void {
    const { self, runtime } = this.#options
    const { id: origin, bootNonce } = self()
    const id = { origin, boot: bootTag(bootNonce), sequence: ++this.#sequence }
    const bytes = encodeBroadcast({ ...id, hops: MAX_HOPS - 1, port, payload })
    this.#keep({ id, lane, bytes, sinceMs: runtime.nowMs() })
    this.#pass(origin, lane, bytes)
  }

  /** Something came on the broadcasts' port. @throws DecodeError */
  receive(via: LinkedPeer, lane: Lane, bytes: Uint8Array): void {
    const broadcast = decodeBroadcast(bytes)
    const { origin, boot, sequence, hops, port, payload } = broadcast
    this.#counts.broadcasts++
    if (!this.#isOfKnown(broadcast)) return
    if (!this.#windows.take(origin, boot, sequence)) {
      this.#counts.repeated++
      return
    }
    if (hops > 0) {
      const passedOn = oneHopLess(bytes)
      this.#keep({ id: { origin, boot, sequence }, lane, bytes: passedOn, sinceMs: this.#options.runtime.nowMs() })
      this.#pass(origin, lane, passedOn, via)
    }
    this.#options.deliver(origin, lane, port, payload)
  }

  /** The map has changed, or could not be followed. */
  unrest(): void {
    const { runtime, links } = this.#options
    if (links.size > 0) this.#linkedAtMs ??= runtime.nowMs()
    this.#unrestUntilMs = runtime.nowMs() + UNREST_MS
    this.#repairSoon()
  }

  /** @throws DecodeError */
  heard(from: LinkedPeer, message: Extract<ControlMessage, { kind: 'digest' | 'fetch' }>): void {
    if (message.kind === 'digest') this.#compare(from, message.kept)
    else for (const id of message.lacking) this.#give(from, this.#kept.get(keyOf(id)))
  }

  forget(peer: PeerId): void {
    this.#windows.forget(peer)
  }

  close(): void {
    this.#timer?.cancel()
    this.#kept.clear()
  }

  #isOfKnown({ origin, boot }: BroadcastId): boolean {
    const { infoOf, self } = this.#options
    const info = origin === self().id ? undefined : infoOf(origin)
    return info !== undefined && bootTag(info.bootNonce) === boot
  }

  #pass(origin: PeerId, lane: Lane, bytes: Uint8Array, except?: LinkedPeer): void {
    const { map, links } = this.#options
    for (const peer of map.childrenOf(origin)) {
      const linked = links.get(peer)
      if (linked === undefined || linked === except) continue
      if (sendOver(linked, lane, BROADCAST_PORT, bytes) === 'full') this.unrest()
    }
  }

  #give(to: LinkedPeer, kept: Kept | undefined): void {
    if (kept !== undefined) sendOver(to, kept.lane, BROADCAST_PORT, kept.bytes)
  }

  #keep(kept: Kept): void {
    this.#kept.set(keyOf(kept.id), kept)
    this.#keptBytes += kept.bytes.length
    this.#tidy()
    if (this.#options.runtime.nowMs() < this.#unrestUntilMs) this.#repairSoon()
  }

  #tidy(): void {
    const oldestMs = this.#options.runtime.nowMs() - KEEP_MS
    for (const [key, { bytes, sinceMs }] of this.#kept) {
      if (sinceMs >= oldestMs && this.#keptBytes <= KEEP_BYTES && this.#kept.size <= KEEP_COUNT) return
      this.#kept.delete(key)
      this.#keptBytes -= bytes.length
    }
  }

  // Repair

  #repairSoon(): void {
    const { runtime } = this.#options
    if (this.#kept.size === 0) return
    this.#timer ??= runtime.setTimer(REPAIR_EVERY_MS, () => this.#repair())
  }

  #repair(): void {
    const { runtime, links } = this.#options
    this.#timer = undefined
    this.#tidy()
    const nowMs = runtime.nowMs()
    const kept = [...this.#kept.values()]
      .map(({ id, sinceMs }) => ({ ...id, ageMs: Math.round(nowMs - sinceMs) }))
      .filter(({ ageMs }) => ageMs >= YOUNG_MS)
    for (const linked of links.values()) this.#tellKept(linked, kept, nowMs)
    if (nowMs < this.#unrestUntilMs) this.#repairSoon()
  }

  /** Each once, and all of it on a new link. */
  #tellKept(linked: LinkedPeer, kept: readonly KeptBroadcast[], nowMs: number): void {
    const toldAgoMs = nowMs - (this.#toldAtMs.get(linked) ?? Number.NEGATIVE_INFINITY)
    const untold = kept.filter(({ ageMs }) => ageMs < toldAgoMs + YOUNG_MS)
    if (untold.length === 0 || linked.say({ kind: 'digest', kept: untold })) this.#toldAtMs.set(linked, nowMs)
  }

  #compare(from: LinkedPeer, kept: readonly KeptBroadcast[]): void {
    const nowMs = this.#options.runtime.nowMs()
    const hereForMs = nowMs - (this.#linkedAtMs ?? nowMs)
    const { id: self } = this.#options.self()
    const lacking = kept.filter(
      ({ origin, boot, sequence, ageMs }) =>
        origin !== self && ageMs < hereForMs && !this.#windows.has(origin, boot, sequence),
    )
    if (lacking.length > 0) from.say({ kind: 'fetch', lacking })
  }
}

function keyOf({ origin, boot, sequence }: BroadcastId): string {
  return `${origin} ${boot} ${sequence}`
}
