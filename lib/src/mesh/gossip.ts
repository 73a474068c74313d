import { equalBytes } from '../base/bytes.js'
import type { PeerId } from '../base/ids.js'
import type { Runtime, Timer } from '../base/runtime.js'
import { pooledCopy } from '../codec/byte-pool.js'
import type { ControlMessage, RecordVersion } from './control.js'
import { eagerLinks } from './eager-links.js'
import { type LinkMap, trusted } from './link-map.js'
import type { LinkedPeer } from './linked-peer.js'
import { hashOf } from './pair-weight.js'
import { decodeRecord, encodeRecord, type PeerRecord, type SealedRecord } from './peer-record.js'
import { paceMs } from './settings.js'

export interface GossipOptions {
  readonly runtime: Runtime
  readonly links: ReadonlyMap<PeerId, LinkedPeer>
  readonly map: LinkMap
  /** Changes of this peer's own record are told together after this. */
  readonly delayMs: number
  /** Records of others that are kept. */
  readonly limit: number
  self(): PeerId
  /** What this peer says of itself now. */
  record(): PeerRecord
  /** How many others there are, as far as is known, with a record here or without. */
  count(): number
  /** A way leads to it. */
  isNear(peer: PeerId): boolean
  /** The map has changed. */
  learned(): void
}

export type GossipMessage = Extract<ControlMessage, { kind: 'summary' | 'records' | 'check' | 'ask' }>

/**
 * What came from others is passed on so much sooner than what is new here: it has waited already. Jittered, because of
 * two peers that do so in turns the second one need not tell the first.
 */
const PASS_ON_SOONER = 4
/** In a mesh of twice, three times so many a peer that has just told its record waits two, three times as long. */
const CALM_PEERS = 100
/** Records of one message: several messages fit into one of the channel, so that few have to be cut and joined again. */
const MESSAGE_BYTES = 4 * 1024
/** Between two checks, on average. */
const CHECK_MS = 500
/** A version that leaves no room for a higher one is nobody's. */
const MAX_VERSION = Number.MAX_SAFE_INTEGER - 1

interface Known extends SealedRecord {
  /** Of whose record it is, of which version. */
  readonly hash: number
}

/**
 * Spreads every peer's record through the mesh. What is new is passed on at once over a few links of each peer, which
 * connect all (`eager-links.ts`). Whatever that misses is found by checks, as in anti-entropy (Demers et al. 1987): one
 * link after the other two peers compare a hash of what they have, and, if that differs, the versions. At rest, when
 * each link was checked since the last change, nothing is sent.
 *
 * Records of peers to which no way leads are not compared: some forget them sooner than others.
 *
 * Invariant: of every record here, each peer on an eager link has this version or a newer one, or it is in `#untold` for
 * it, or a check of this link is on its way.
 */
export class Gossip {
  readonly #options: GossipOptions
  readonly #known = new Map<PeerId, Known>()
  /** By linked peer: whose records it is to be told. */
  readonly #untold = new Map<PeerId, Set<PeerId>>()
  /** By linked peer, whose check is longest ago first: what was found equal or sent to be compared last. */
  readonly #checked = new Map<PeerId, number | undefined>()
  /** Linked peers that are told at once what is new. */
  #eager = new Set<PeerId>()
  /** Links, or what linked peers tell of theirs, have changed since `#eager` was chosen. */
  #isEagerStale = false
  /** Of all that is compared: every record's, by exclusive or. Undefined: to be made anew. */
  #hash: number | undefined
  /** Of the own record. Starts with the time, so that a process that starts again goes on above its predecessor. */
  #version: number
  #toldAtMs = Number.NEGATIVE_INFINITY
  #ownTimer: Timer | undefined
  #passOnTimer: Timer | undefined
  #checkTimer: Timer | undefined

  constructor(options: GossipOptions) {
    this.#options = options
    this.#version = Math.floor(options.runtime.wallClockMs())
  }

  linked(linked: LinkedPeer): void {
    this.#untold.set(linked.info.id, new Set())
    this.#checked.set(linked.info.id, undefined)
    this.linksChanged()
  }

  unlinked(peer: PeerId): void {
    this.#untold.delete(peer)
    this.#checked.delete(peer)
    this.#eager.delete(peer)
    this.linksChanged()
  }

  /** There are others, or others are in doubt. */
  linksChanged(): void {
    this.#isEagerStale = true
    this.#passOnSoon()
    this.changed()
  }

  /** The own record is not what it was: several changes in a row are told as one, the more of them the larger the mesh. */
  changed(): void {
    const { runtime, delayMs, count } = this.#options
    const nextAtMs = this.#toldAtMs + delayMs * (1 + count() / CALM_PEERS)
    const waitMs = Math.max(paceMs(delayMs, count()), nextAtMs - runtime.nowMs())
    this.#ownTimer ??= runtime.setTimer(waitMs, () => this.#tellOwn())
  }

  forget(peer: PeerId): void {
    this.#known.delete(peer)
    this.#hash = undefined
    this.#options.map.forget(peer)
  }

  /** @throws DecodeError */
  heard(from: LinkedPeer, message: GossipMessage): void {
    const { id } = from.info
    if (message.kind === 'records') for (const record of message.records) this.#take(id, record)
    else if (message.kind === 'summary') this.#compare(from, message.versions)
    else if (message.kind === 'check') this.#answer(from, message.hash)
    else this.#tellLater(id, message.peers)
  }

  /** Ways lead to others than before: who has something else of those is found in a while. */
  nearChanged(): void {
    this.#hash = undefined
    this.#checkSoon()
  }

  close(): void {
    this.#ownTimer?.cancel()
    this.#passOnTimer?.cancel()
    this.#checkTimer?.cancel()
  }

  // News

  #take(from: PeerId, record: SealedRecord): void {
    const { peer, version } = record
    if (version > MAX_VERSION) return
    if (peer === this.#options.self()) {
      this.#heardOwn(version)
      return
    }
    const known = this.#known.get(peer)?.version ?? -1
    if (version < known) return
    this.#untold.get(from)?.delete(peer)
    if (version === known || (known < 0 && !this.#hasRoom())) return
    this.#options.map.put(decodeRecord(record))
    this.#keep({ peer, version, body: pooledCopy(record.body, 0, record.body.length) })
    if (this.#untold.has(peer)) this.#isEagerStale = true
    for (const linked of this.#eager) if (linked !== from) this.#untold.get(linked)?.add(peer)
    this.#passOnSoon()
    this.#options.learned()
  }

  #keep(record: SealedRecord): void {
    const { peer, version, body } = record
    const known = { peer, version, body, hash: hashOf(peer, `${version}`) }
    if (this.#hash !== undefined && this.#isCompared(peer))
      this.#hash ^= known.hash ^ (this.#known.get(peer)?.hash ?? 0)
    this.#known.set(peer, known)
    this.#checkSoon()
  }

  /** Of an earlier process of this peer, or a forgery: goes above it. */
  #heardOwn(version: number): void {
    const own = this.#known.get(this.#options.self())?.version ?? -1
    if (version <= own || version === MAX_VERSION) return
    this.#version = version
    this.changed()
  }

  #hasRoom(): boolean {
    return this.#known.size <= this.#options.limit
  }

  /**
   * All linked peers are told by this one itself: what they have in common with it is the first they need to know. Not if
   * all is as told before, as when a link that was in doubt has ended; a new one with the same peer is only checked.
   */
  #tellOwn(): void {
    const { runtime, self, record } = this.#options
    this.#ownTimer = undefined
    const peer = self()
    const body = encodeRecord(record())
    const told = this.#known.get(peer)
    if (told?.version === this.#version && equalBytes(told.body, body)) {
      this.#checkSoon()
      return
    }
    this.#toldAtMs = runtime.nowMs()
    this.#keep({ peer, version: ++this.#version, body })
    for (const untold of this.#untold.values()) untold.add(peer)
    this.#passOn()
  }

  #tellLater(to: PeerId, peers: Iterable<PeerId>): void {
    for (const peer of peers) if (this.#known.has(peer)) this.#untold.get(to)?.add(peer)
    this.#passOnSoon()
  }

  #passOnSoon(): void {
    const { runtime, delayMs } = this.#options
    const waitMs = paceMs(delayMs / PASS_ON_SOONER, this.#known.size) * (0.5 + runtime.random())
    this.#passOnTimer ??= runtime.setTimer(waitMs, () => {
      this.#passOnTimer = undefined
      this.#passOn()
    })
  }

  #passOn(): void {
    this.#chooseEager()
    for (const [peer, untold] of this.#untold) {
      const linked = this.#options.links.get(peer)
      if (linked !== undefined && !this.#tell(linked, untold)) this.#passOnSoon()
    }
  }

  #chooseEager(): void {
    if (!this.#isEagerStale) return
    this.#isEagerStale = false
    const { self, links, map } = this.#options
    const before = this.#eager
    this.#eager = eagerLinks(self(), trusted(links), (peer) => map.toldBy(peer))
    for (const peer of this.#eager) {
      const linked = before.has(peer) ? undefined : links.get(peer)
      if (linked !== undefined) this.#check(linked)
    }
  }

  /** @returns false if the lane is full before all is told */
  #tell(linked: LinkedPeer, untold: Set<PeerId>): boolean {
    while (untold.size > 0) {
      const records = this.#batch(untold)
      if (records.length > 0 && !linked.say({ kind: 'records', records })) return false
      for (const { peer } of records) untold.delete(peer)
    }
    return true
  }

  /** As many as one message should have; what was forgotten meanwhile is not told any more. */
  #batch(untold: Set<PeerId>): SealedRecord[] {
    const records: SealedRecord[] = []
    let bytes = 0
    for (const peer of untold) {
      const record = this.#known.get(peer)
      if (record === undefined) untold.delete(peer)
      else records.push(record)
      bytes += record?.body.length ?? 0
      if (bytes >= MESSAGE_BYTES) break
    }
    return records
  }

  // Checks

  #checkSoon(): void {
    const { runtime } = this.#options
    const delayMs = paceMs(CHECK_MS, this.#known.size) * (0.5 + runtime.random())
    this.#checkTimer ??= runtime.setTimer(delayMs, () => this.#checkNext())
  }

  #checkNext(): void {
    this.#checkTimer = undefined
    const hash = this.#hashNow()
    const due = [...this.#checked].find(([, checked]) => checked !== hash)
    const linked = due && this.#options.links.get(due[0])
    if (linked === undefined) return
    this.#check(linked)
    this.#checkSoon()
  }

  #check(linked: LinkedPeer): void {
    const hash = this.#hashNow()
    this.#noteCheck(linked.info.id, hash)
    linked.say({ kind: 'check', hash })
  }

  #answer(from: LinkedPeer, theirs: number): void {
    const hash = this.#hashNow()
    if (theirs === hash) this.#noteCheck(from.info.id, hash)
    else from.say({ kind: 'summary', versions: this.#compared() })
  }

  /** Tells what they lack, and asks for what is lacking here. */
  #compare(from: LinkedPeer, versions: readonly RecordVersion[]): void {
    const theirs = new Map(versions.map(({ peer, version }) => [peer, version]))
    const lacking = this.#compared().filter(({ peer, version }) => version > (theirs.get(peer) ?? -1))
    this.#tellLater(
      from.info.id,
      lacking.map(({ peer }) => peer),
    )
    const isNews = ({ peer, version }: RecordVersion) => version > (this.#known.get(peer)?.version ?? -1)
    const news = versions.filter(isNews).map(({ peer }) => peer)
    if (news.length > 0) from.say({ kind: 'ask', peers: news })
  }

  #noteCheck(peer: PeerId, hash: number): void {
    this.#checked.delete(peer) // to be the last one
    if (this.#untold.has(peer)) this.#checked.set(peer, hash)
  }

  #hashNow(): number {
    this.#hash ??= this.#compared().reduce((hash, known) => hash ^ known.hash, 0)
    return this.#hash >>> 0
  }

  #compared(): Known[] {
    return [...this.#known.values()].filter(({ peer }) => this.#isCompared(peer))
  }

  #isCompared(peer: PeerId): boolean {
    return peer === this.#options.self() || this.#options.isNear(peer)
  }
}
