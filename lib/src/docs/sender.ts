import type { PeerId } from '../base/ids.js'
import type { Port, SendResult } from '../mesh/port.js'
import { encodeFrame } from './protocol.js'

/**
 * Sends to peers whose queue has room. After a refusal nothing goes to that peer until its queue drains, and then
 * farewells first: a peer that closed a document and opened it again must be heard in this order.
 */
export class Sender {
  readonly counts = { sentFrames: 0, sentBytes: 0, droppedFrames: 0 }
  readonly #port: Port
  readonly #maxFarewells: number
  /** Peers whose queue is full, with the names of the documents that they were to hear are closed here. */
  readonly #blocked = new Map<PeerId, Set<string>>()

  /** @param maxFarewells how many documents may be remembered per peer */
  constructor(port: Port, maxFarewells: number) {
    this.#port = port
    this.#maxFarewells = maxFarewells
  }

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
  }

  peerLeft(peer: PeerId): void {
    this.#blocked.delete(peer)
  }
}
