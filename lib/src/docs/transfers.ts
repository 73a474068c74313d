import type { PeerId } from '../base/ids.js'
import type { SendResult } from '../mesh/port.js'
import { encodeFrame, PART_BYTES } from './protocol.js'

/** What may be on its way to a peer without its word that it came: enough for 80 Mbit/s over 100 ms. */
const WINDOW_BYTES = 1024 * 1024

interface Transfer {
  readonly name: string
  readonly frame: Uint8Array
  readonly done: () => void
  sentBytes: number
  takenBytes: number
}

/**
 * Frames that are too long for one message leave in parts, at most one frame per peer at a time, and only as fast as
 * the other side takes them: what is small and urgent passes between the parts.
 */
export class Transfers {
  readonly #send: (to: PeerId, frame: Uint8Array) => SendResult
  readonly #byPeer = new Map<PeerId, Transfer>()

  constructor(send: (to: PeerId, frame: Uint8Array) => SendResult) {
    this.#send = send
  }

  isBusy(to: PeerId): boolean {
    return this.#byPeer.has(to)
  }

  /**
   * To be called only while the peer is not busy. Sends nothing yet: the caller has to note first that it has begun.
   * @param done called when the last part is queued; not if the link breaks before
   */
  begin(to: PeerId, name: string, frame: Uint8Array, done: () => void): void {
    this.#byPeer.set(to, { name, frame, done, sentBytes: 0, takenBytes: 0 })
    queueMicrotask(() => this.continue(to))
  }

  /** The peer took more of what is on its way. */
  taken(from: PeerId, bytes: number): void {
    const transfer = this.#byPeer.get(from)
    if (transfer === undefined) return
    transfer.takenBytes = Math.min(transfer.sentBytes, transfer.takenBytes + bytes)
    this.continue(from)
  }

  /** Sends what there is room for. */
  continue(to: PeerId): void {
    const transfer = this.#byPeer.get(to)
    while (transfer !== undefined && transfer.sentBytes - transfer.takenBytes < WINDOW_BYTES) {
      const { name, frame, sentBytes } = transfer
      const bytes = frame.subarray(sentBytes, sentBytes + PART_BYTES)
      const part = encodeFrame(name, { kind: 'part', totalBytes: frame.length, bytes })
      if (this.#send(to, part) !== 'queued') return
      transfer.sentBytes += bytes.length
      if (transfer.sentBytes < frame.length) continue
      this.#byPeer.delete(to)
      transfer.done()
      return
    }
  }

  peerLeft(peer: PeerId): void {
    this.#byPeer.delete(peer)
  }
}
