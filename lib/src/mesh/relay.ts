import { LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import { DecodeError } from '../codec/decode.js'
import { LANES, type Lane } from '../transport/lanes.js'
import { bootTag, decodeEnvelope, type Envelope, encodeEnvelope, oneHopLess } from './envelope.js'
import { type LinkMap, MAX_HOPS } from './link-map.js'
import type { LinkedPeer } from './linked-peer.js'
import type { PeerInfo } from './peer-info.js'
import type { SendResult } from './port.js'
import { SequenceWindows } from './sequence-window.js'

/** Of links: what is for others, or comes from others. */
export const RELAY_PORT = 8

export interface RelayOptions {
  readonly links: ReadonlyMap<PeerId, LinkedPeer>
  readonly map: LinkMap
  self(): PeerInfo
  /** Of a peer that may be written to. */
  infoOf(peer: PeerId): PeerInfo | undefined
  /** A message for this peer came. */
  deliver(from: PeerId, lane: Lane, port: number, payload: Uint8Array): void
  /** Linked peers wait for the lanes of others here: a lane of `to` that was full takes messages again. */
  drained(to: PeerId, lane: Lane): void
}

/** Numbers since the start. */
export interface RelayCounts {
  /** Messages of others that were passed on. */
  readonly relayed: number
  /** Messages that had no way, too many links behind them, a full lane before them, or nobody here who wants them. */
  readonly dropped: number
}

/**
 * Messages between peers without a link, passed on by those between them, each by its own map. They are lost where a
 * lane is full, the way breaks or maps disagree: at most `MAX_HOPS` links, never back to where they came from, never
 * twice. When the way changes, one may overtake another.
 */
export class Relay {
  readonly #options: RelayOptions
  readonly #windows = new SequenceWindows<PeerId>()
  /** By lane: peers that were refused because of a full lane. */
  readonly #waiting = new Map<Lane, Set<PeerId>>(LANES.map((lane) => [lane, new Set()]))
  readonly #counts = { relayed: 0, dropped: 0 }
  #sequence = 0

  constructor(options: RelayOptions) {
    this.#options = options
  }

  get counts(): RelayCounts {
    return this.#counts
  }

  send(to: PeerId, lane: Lane, port: number, payload: Uint8Array): SendResult {
    const { map, links, self, infoOf } = this.#options
    const next = links.get(map.nextHop(to) ?? to)
    const info = infoOf(to)
    if (next === undefined || info === undefined) return 'no-link'
    const sequence = ++this.#sequence
    const boots = { fromBoot: bootTag(self().bootNonce), toBoot: bootTag(info.bootNonce) }
    const envelope = encodeEnvelope({ hops: MAX_HOPS - 1, from: self().id, to, ...boots, sequence, port, payload })
    const result = sendOver(next, lane, RELAY_PORT, envelope)
    if (result === 'full') this.#waiting.get(lane)?.add(to)
    return result
  }

  /** Something came on the relays' port. @throws DecodeError */
  receive(via: LinkedPeer, lane: Lane, bytes: Uint8Array): void {
    const envelope = decodeEnvelope(bytes)
    const isDone =
      envelope.to === this.#options.self().id ? this.#accept(envelope, lane) : this.#passOn(via, lane, envelope, bytes)
    if (!isDone) this.#counts.dropped++
  }

  /** A lane of a linked peer takes messages again, and with it perhaps the way to others. */
  drained(lane: Lane): void {
    const waiting = this.#waiting.get(lane)
    const peers = [...(waiting ?? [])]
    waiting?.clear()
    for (const peer of peers) this.#options.drained(peer, lane)
  }

  forget(peer: PeerId): void {
    this.#windows.forget(peer)
    for (const waiting of this.#waiting.values()) waiting.delete(peer)
  }

  #accept({ from, fromBoot, toBoot, sequence, port, payload }: Envelope, lane: Lane): boolean {
    const { self, infoOf, deliver } = this.#options
    const info = from === self().id ? undefined : infoOf(from)
    if (info === undefined || bootTag(info.bootNonce) !== fromBoot || bootTag(self().bootNonce) !== toBoot) return false
    if (!this.#windows.take(from, fromBoot, sequence)) return false
    deliver(from, lane, port, payload)
    return true
  }

  #passOn(via: LinkedPeer, lane: Lane, { to, hops }: Envelope, bytes: Uint8Array): boolean {
    const { links, map } = this.#options
    const next = links.get(map.nextHop(to) ?? to)
    if (next === undefined || next === via || hops === 0) return false
    if (sendOver(next, lane, RELAY_PORT, oneHopLess(bytes)) !== 'queued') return false
    this.#counts.relayed++
    return true
  }
}

/** @throws nothing */
export function sendOver({ link }: LinkedPeer, lane: Lane, port: number, payload: Uint8Array): SendResult {
  try {
    return link.send(lane, port, payload) ? 'queued' : 'full'
  } catch (error) {
    if (LegionError.is(error)) return 'too-large'
    throw error
  }
}

/** @returns what is wrong, if the bytes are */
export function problemOf(work: () => void): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    if (error instanceof DecodeError) return error.message
    throw error
  }
}
