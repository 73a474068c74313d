import type { PeerId } from '../base/ids.js'
import type { Runtime, Timer } from '../base/runtime.js'
import type { ControlMessage } from './control.js'
import type { LinkMap } from './link-map.js'
import type { LinkedPeer } from './linked-peer.js'
import { decodeRecord, encodeRecord, type PeerRecord, type SealedRecord } from './peer-record.js'

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
  /** The map has changed. */
  learned(): void
}

/** What came from others is passed on so much sooner than what is new here: it has waited already. */
const PASS_ON_SOONER = 4
/** In a mesh of twice, three times so many a peer that has just told its record waits two, three times as long. */
const CALM_PEERS = 100
const MESSAGE_BYTES = 16 * 1024
/** A version that leaves no room for a higher one is nobody's. */
const MAX_VERSION = Number.MAX_SAFE_INTEGER - 1

/**
 * Spreads every peer's record through the mesh. Two that are linked anew compare what they have, by versions; from then
 * on each tells the other of every record that it has in a newer version, unless it came from there. Links are reliable,
 * so nothing has to be compared again.
 *
 * Invariant: of every record here, each linked peer has this version or a newer one, or it is in `#untold` for it, or
 * the summary that it comes after is on its way.
 */
export class Gossip {
  readonly #options: GossipOptions
  readonly #sealed = new Map<PeerId, SealedRecord>()
  /** By linked peer: whose records it is to be told. */
  readonly #untold = new Map<PeerId, Set<PeerId>>()
  /** Of the own record. Starts with the time, so that a process that starts again goes on above its predecessor. */
  #version: number
  #toldAtMs = Number.NEGATIVE_INFINITY
  #ownTimer: Timer | undefined
  #passOnTimer: Timer | undefined

  constructor(options: GossipOptions) {
    this.#options = options
    this.#version = Math.floor(options.runtime.wallClockMs())
  }

  linked(linked: LinkedPeer): void {
    this.#untold.set(linked.info.id, new Set())
    const versions = [...this.#sealed.values()].map(({ peer, version }) => ({ peer, version }))
    linked.say({ kind: 'summary', versions })
    this.changed()
  }

  unlinked(peer: PeerId): void {
    this.#untold.delete(peer)
    this.changed()
  }

  /** The own record is not what it was: several changes in a row are told as one, the more of them the larger the mesh. */
  changed(): void {
    const { runtime, delayMs } = this.#options
    const nextAtMs = this.#toldAtMs + delayMs * (1 + this.#sealed.size / CALM_PEERS)
    const waitMs = Math.max(delayMs, nextAtMs - runtime.nowMs())
    this.#ownTimer ??= runtime.setTimer(waitMs, () => this.#tellOwn())
  }

  /** Tells all linked peers a record again: some may have forgotten it. */
  repeat(peer: PeerId): void {
    for (const untold of this.#untold.values()) untold.add(peer)
    this.#passOnSoon()
  }

  forget(peer: PeerId): void {
    this.#sealed.delete(peer)
    this.#options.map.forget(peer)
  }

  /** @throws DecodeError */
  heard(from: PeerId, message: Extract<ControlMessage, { kind: 'summary' | 'records' }>): void {
    if (message.kind === 'summary') this.#compare(from, message.versions)
    else for (const record of message.records) this.#take(from, record)
  }

  close(): void {
    this.#ownTimer?.cancel()
    this.#passOnTimer?.cancel()
  }

  #compare(from: PeerId, versions: readonly Pick<SealedRecord, 'peer' | 'version'>[]): void {
    const theirs = new Map(versions.map(({ peer, version }) => [peer, version]))
    const untold = this.#untold.get(from)
    for (const { peer, version } of this.#sealed.values()) {
      if (version > (theirs.get(peer) ?? -1)) untold?.add(peer)
    }
    this.#passOnSoon()
  }

  #take(from: PeerId, record: SealedRecord): void {
    const { peer, version } = record
    if (version > MAX_VERSION) return
    if (peer === this.#options.self()) {
      this.#heardOwn(version)
      return
    }
    const known = this.#sealed.get(peer)?.version ?? -1
    if (version < known) return
    this.#untold.get(from)?.delete(peer)
    if (version === known || (known < 0 && !this.#hasRoom())) return
    this.#keep({ peer, version, body: record.body.slice() })
    for (const [linked, untold] of this.#untold) if (linked !== from) untold.add(peer)
    this.#passOnSoon()
    this.#options.learned()
  }

  /** @throws DecodeError */
  #keep(record: SealedRecord): void {
    this.#options.map.put(decodeRecord(record))
    this.#sealed.set(record.peer, record)
  }

  /** Of an earlier process of this peer, or a forgery: goes above it. */
  #heardOwn(version: number): void {
    const own = this.#sealed.get(this.#options.self())?.version ?? -1
    if (version <= own || version === MAX_VERSION) return
    this.#version = version
    this.changed()
  }

  #hasRoom(): boolean {
    return this.#sealed.size <= this.#options.limit
  }

  #tellOwn(): void {
    const { runtime, self, record } = this.#options
    this.#ownTimer = undefined
    this.#toldAtMs = runtime.nowMs()
    const peer = self()
    this.#sealed.set(peer, { peer, version: ++this.#version, body: encodeRecord(record()) })
    for (const untold of this.#untold.values()) untold.add(peer)
    this.#passOn()
  }

  #passOnSoon(): void {
    const { runtime, delayMs } = this.#options
    this.#passOnTimer ??= runtime.setTimer(delayMs / PASS_ON_SOONER, () => {
      this.#passOnTimer = undefined
      this.#passOn()
    })
  }

  #passOn(): void {
    for (const [peer, untold] of this.#untold) {
      const linked = this.#options.links.get(peer)
      if (linked !== undefined && !this.#tell(linked, untold)) this.#passOnSoon()
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
      const record = this.#sealed.get(peer)
      if (record === undefined) untold.delete(peer)
      else records.push(record)
      bytes += record?.body.length ?? 0
      if (bytes >= MESSAGE_BYTES) break
    }
    return records
  }
}
