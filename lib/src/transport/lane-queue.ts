import { FIRST_HEADER_BYTES, FRAME_KIND, type Frame, HEADER_BYTES } from './frames.js'

interface QueuedPayload {
  readonly port: number
  readonly bytes: Uint8Array
}

/** What a queued payload counts beyond its bytes, so that a queue of empty payloads is bounded too. */
const PAYLOAD_COST_BYTES = 64
/** Smaller pieces of a large payload are not worth a frame; the rest of the message stays unused. */
const MIN_FRAGMENT_BYTES = 1024
const COMPACT_AFTER = 1024

/**
 * The payloads of one lane that wait to be sent, first in first out, handed out as frames that fit.
 *
 * Invariants: `#sentBytes` of the head payload have been handed out, less than all of it; `queuedBytes` is what the
 * payloads from the head on still cost.
 */
export class LaneQueue {
  readonly #lane: number
  readonly #limitBytes: number
  readonly #messageBytes: number
  #payloads: QueuedPayload[] = []
  #head = 0
  #sentBytes = 0
  #queuedBytes = 0
  #refused = false

  /**
   * @param limitBytes how much may wait; an empty queue takes a payload of any size
   * @param messageBytes size of a channel message: payloads that fit into one are never cut
   */
  constructor(lane: number, limitBytes: number, messageBytes: number) {
    this.#lane = lane
    this.#limitBytes = limitBytes
    this.#messageBytes = messageBytes
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  get length(): number {
    return this.#payloads.length - this.#head
  }

  /** False: full, not taken. */
  push(port: number, bytes: Uint8Array): boolean {
    const costBytes = bytes.length + PAYLOAD_COST_BYTES
    if (this.length > 0 && this.#queuedBytes + costBytes > this.#limitBytes) {
      this.#refused = true
      return false
    }
    this.#payloads.push({ port, bytes })
    this.#queuedBytes += costBytes
    return true
  }

  /** Takes the next frame of at most `roomBytes`; undefined if empty or nothing sensible fits. */
  next(roomBytes: number): Frame | undefined {
    const payload = this.#payloads[this.#head]
    if (payload === undefined) return undefined
    if (this.#sentBytes > 0) return this.#takePart(FRAME_KIND.next, payload, roomBytes - HEADER_BYTES)
    const wholeBytes = HEADER_BYTES + payload.bytes.length
    if (wholeBytes <= roomBytes) return this.#takeRest(FRAME_KIND.whole, payload)
    if (wholeBytes <= this.#messageBytes) return undefined
    return this.#takePart(FRAME_KIND.first, payload, roomBytes - FIRST_HEADER_BYTES)
  }

  /** True once after `push` said false and half of the queue is free again. */
  takeDrained(): boolean {
    if (!this.#refused || this.#queuedBytes > this.#limitBytes / 2) return false
    this.#refused = false
    return true
  }

  clear(): void {
    this.#payloads = []
    this.#head = 0
    this.#sentBytes = 0
    this.#queuedBytes = 0
    this.#refused = false
  }

  #takePart(kind: Frame['kind'], payload: QueuedPayload, roomBytes: number): Frame | undefined {
    if (payload.bytes.length - this.#sentBytes <= roomBytes) return this.#takeRest(kind, payload)
    if (roomBytes < Math.min(MIN_FRAGMENT_BYTES, this.#messageBytes / 2)) return undefined
    const frame = this.#frame(kind, payload, this.#sentBytes + roomBytes)
    this.#sentBytes += roomBytes
    this.#queuedBytes -= roomBytes
    return frame
  }

  #takeRest(kind: Frame['kind'], payload: QueuedPayload): Frame {
    const frame = this.#frame(kind, payload, payload.bytes.length)
    this.#queuedBytes -= frame.bytes.length + PAYLOAD_COST_BYTES
    this.#sentBytes = 0
    this.#dropHead()
    return frame
  }

  #frame(kind: Frame['kind'], payload: QueuedPayload, end: number): Frame {
    const { port, bytes } = payload
    const word = kind === FRAME_KIND.first ? bytes.length : 0
    const part = kind === FRAME_KIND.whole ? bytes : bytes.subarray(this.#sentBytes, end)
    return { kind, lane: this.#lane, port, word, bytes: part }
  }

  /** Removing the first of an array is slow: the head moves instead, and the space is given back now and then. */
  #dropHead(): void {
    this.#head++
    if (this.#head === this.#payloads.length) {
      this.#payloads = []
      this.#head = 0
    } else if (this.#head >= COMPACT_AFTER) {
      this.#payloads = this.#payloads.slice(this.#head)
      this.#head = 0
    }
  }
}
