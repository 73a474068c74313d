import type { Runtime } from '../base/runtime.js'
import { DelayWindow } from './delay-window.js'

export interface FlowOptions {
  readonly runtime: Runtime
  /** The size of a full channel message. */
  readonly messageBytes: number
}

interface Departure {
  /** How much had been sent after it. */
  readonly endBytes: number
  readonly atMs: number
}

/** What a link tells of having received, it tells every so many bytes at the latest. */
export const RECEIPT_BYTES = 8 * 1024
const STEP_BYTES = 16 * 1024
/** More than RECEIPT_BYTES: or else both sides would wait for each other. */
const LEAST_WINDOW_BYTES = 32 * 1024
const MAX_WINDOW_BYTES = 4 * 1024 * 1024
/** Below it the delay is that of threads and timers. */
const LEAST_TARGET_MS = 1

/**
 * How much of what a link sent is still under way: in the stack below, which buffers unseen, in the network, in the other
 * side's process. Whatever can be large stays within a window of it that yields to delay, so that an urgent payload
 * does not wait behind it where nothing can overtake any more.
 */
export class Flow {
  readonly #runtime: Runtime
  readonly #fullBytes: number
  readonly #window: DelayWindow
  /** Of full messages, whose delays can be compared. */
  #departures: Departure[] = []
  #sentBytes = 0
  #receivedBytes = 0

  constructor({ runtime, messageBytes }: FlowOptions) {
    this.#runtime = runtime
    this.#fullBytes = messageBytes / 2
    this.#window = new DelayWindow({
      stepBytes: STEP_BYTES,
      leastBytes: LEAST_WINDOW_BYTES,
      maxBytes: MAX_WINDOW_BYTES,
      leastTargetMs: LEAST_TARGET_MS,
    })
  }

  get inFlightBytes(): number {
    return this.#sentBytes - this.#receivedBytes
  }

  get windowBytes(): number {
    return this.#window.bytes
  }

  get hasRoom(): boolean {
    return this.inFlightBytes < this.#window.bytes
  }

  /** A channel message leaves. */
  sent(bytes: number): void {
    const isTimed = this.hasRoom && bytes > this.#fullBytes // which bounds their number, too
    this.#sentBytes += bytes
    if (isTimed) this.#departures.push({ endBytes: this.#sentBytes, atMs: this.#runtime.nowMs() })
  }

  /** The other side has received so many bytes, modulo 2³²; nonsense is ignored. */
  received(word: number): void {
    const inFlightBytes = this.inFlightBytes
    const newBytes = inFlightBytes - ((this.#sentBytes - word) >>> 0)
    if (newBytes <= 0) return
    this.#receivedBytes += newBytes
    const arrived = this.#departures.findLastIndex(({ endBytes }) => endBytes <= this.#receivedBytes)
    const last = this.#departures.splice(0, arrived + 1).at(-1)
    if (last === undefined) return
    const nowMs = this.#runtime.nowMs()
    this.#window.acknowledged(newBytes, inFlightBytes, nowMs - last.atMs, nowMs)
  }
}
