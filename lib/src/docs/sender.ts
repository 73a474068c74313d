import type { PeerId } from '../base/ids.js'
import type { Port, SendResult } from '../mesh/port.js'
import { encodeFrame, PART_BYTES } from './protocol.js'
import { Transfers } from './transfers.js'

/** `busy`: it is large, and so is another frame on its way to that peer; `transferEnded` says when to try again. */
export type Sent = SendResult | 'busy' | 'begun'

/**
 * Sends to peers whose queue has room. After a refusal nothing goes to that peer until its queue drains, and then
 * farewells first: a peer that closed a document and opened it again must be heard in this order.
 */
export class Sender {
  readonly counts = { sentFrames: 0, sentBytes: 0, droppedFrames: 0 }
  readonly #port: Port
  readonly #maxFarewells: number
  readonly #transferEnded: () => void
  readonly #transfers = new Transfers((to, part) => this.send(to, part))
  /** Bytes of parts that came and could not be acknowledged. */
  readonly #owed = new Map<PeerId, number>()
  /** Peers whose queue is full, with the names of the documents that they were to hear are closed here. */
  readonly #blocked = new Map<PeerId, Set<string>>()

  /**
   * @param maxFarewells how many documents may be remembered per peer
   * @param transferEnded some peer can be sent another large frame
   */
  constructor(port: Port, maxFarewells: number, transferEnded: () => void) {
    this.#port = port
    this.#maxFarewells = maxFarewells
    this.#transferEnded = transferEnded
  }

  /** @param frame of at most PART_BYTES, or a part */
  send(to: PeerId, frame: Uint8Array): SendResult {
    if (this.#blocked.has(to)) return 'full'
    const result = this.#port.send(to, frame)
    if (result === 'queued') {
      this.counts.sentFrames++
      this.counts.sentBytes += frame.length
    } else if (result === 'full') {
      this.counts.droppedFrames++
      this.#blocked.set(to, new Set())
    }
    return result
  }

  /**
   * Sends a frame of any size.
   * @param done called later if it returns `begun`: all of it is queued; never called if the link breaks before
   */
  sendAny(to: PeerId, name: string, frame: Uint8Array, done: () => void): Sent {
    if (frame.length <= PART_BYTES) return this.send(to, frame)
    if (this.#transfers.isBusy(to)) return 'busy'
    this.#transfers.begin(to, name, frame, () => {
      done()
      this.#transferEnded()
    })
    return 'begun'
  }

  /** A large frame is on its way to the peer. */
  isBusy(to: PeerId): boolean {
    return this.#transfers.isBusy(to)
  }

  /** Gives up the large frame that is on its way to the peer. */
  abort(to: PeerId): void {
    this.#transfers.peerLeft(to)
  }

  /** The peer took more of a large frame. */
  taken(from: PeerId, bytes: number): void {
    this.#transfers.taken(from, bytes)
  }

  /** Tells that parts of a large frame came, now or as soon as there is room: the other side waits for it. */
  acknowledge(to: PeerId, bytes: number): void {
    const owed = (this.#owed.get(to) ?? 0) + bytes
    this.#owed.delete(to)
    if (this.send(to, encodeFrame('', { kind: 'taken', bytes: owed })) === 'full') this.#owed.set(to, owed)
  }

  /** What waits towards the peer, in bytes. */
  queuedBytes(to: PeerId): number {
    return this.#port.queuedBytes(to)
  }

  /** Tells that the document is not open here, as soon as there is room. */
  sendAbsent(to: PeerId, name: string): void {
    if (this.send(to, encodeFrame(name, { kind: 'absent' })) !== 'full') return
    const farewells = this.#blocked.get(to)
    if (farewells !== undefined && farewells.size < this.#maxFarewells) farewells.add(name)
  }

  drain(peer: PeerId): void {
    const farewells = this.#blocked.get(peer) ?? []
    this.#blocked.delete(peer)
    for (const name of farewells) this.sendAbsent(peer, name)
    if (this.#owed.has(peer)) this.acknowledge(peer, 0)
    this.#transfers.continue(peer)
  }

  peerLeft(peer: PeerId): void {
    this.#blocked.delete(peer)
    this.#owed.delete(peer)
    this.#transfers.peerLeft(peer)
  }
}
