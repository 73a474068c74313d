import { concatBytes } from '../base/bytes.js'
import type { PeerId } from '../base/ids.js'
import { DecodeError } from '../codec/decode.js'
import { PART_BYTES } from './protocol.js'

interface Arrival {
  readonly name: string
  readonly totalBytes: number
  readonly parts: Uint8Array[]
  receivedBytes: number
}

/** How much of a frame that comes in parts is here. */
export interface Arrived {
  readonly receivedBytes: number
  /** The frame, with its last part. */
  readonly frame: Uint8Array | undefined
}

/** Puts together what `Transfers` took apart: at most one frame per peer, in memory only as far as it came. */
export class Arrivals {
  readonly #limitBytes: number
  readonly #byPeer = new Map<PeerId, Arrival>()

  /** @param limitBytes of a frame */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** @throws DecodeError if the part is not what comes next */
  take(from: PeerId, name: string, totalBytes: number, bytes: Uint8Array): Arrived {
    const arrival = this.#byPeer.get(from) ?? this.#begin(name, totalBytes)
    this.#byPeer.delete(from) // Without a link a part may get lost: what comes after a wrong one begins anew.
    if (arrival.name !== name || arrival.totalBytes !== totalBytes) throw new DecodeError('a part of another frame')
    // Parts of any other size might each hold a much larger message in memory.
    const expected = Math.min(PART_BYTES, totalBytes - arrival.receivedBytes)
    if (bytes.length !== expected) throw new DecodeError(`a part of ${bytes.length} bytes instead of ${expected}`)
    arrival.parts.push(bytes)
    arrival.receivedBytes += bytes.length
    const isComplete = arrival.receivedBytes === totalBytes
    if (!isComplete) this.#byPeer.set(from, arrival)
    return { receivedBytes: arrival.receivedBytes, frame: isComplete ? concatBytes(arrival.parts) : undefined }
  }

  peerLeft(peer: PeerId): void {
    this.#byPeer.delete(peer)
  }

  #begin(name: string, totalBytes: number): Arrival {
    if (totalBytes <= PART_BYTES || totalBytes > this.#limitBytes) {
      throw new DecodeError(`a frame of ${totalBytes} bytes in parts, the limit is ${this.#limitBytes}`)
    }
    return { name, totalBytes, parts: [], receivedBytes: 0 }
  }
}
