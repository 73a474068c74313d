export interface DelayWindowOptions {
  /** The unit of growth, and the least window. */
  readonly chunkBytes: number
  readonly maxBytes: number
  /** How much delay by queueing is wanted. */
  readonly targetMs: number
}

const MINUTE_MS = 60_000
/** `BASE_HISTORY`: the base delay is the least of so many minutes. */
const BASE_MINUTES = 10
/** `CURRENT_FILTER`: the least of so many samples is the delay now; one late answer says nothing. */
const CURRENT_SAMPLES = 4
/** `INIT_CWND`, in chunks. */
const INITIAL_CHUNKS = 2

/**
 * How many bytes may be under way to a peer, so that they fill the path but hardly wait anywhere on it: not in this
 * process, not in the WebRTC stack, which buffers unseen, not in the network. LEDBAT (RFC 6817, section 2.4) with
 * `GAIN` 1, on round trips instead of one-way delays. What is added: until the first sign of queueing the window grows by
 * half per round trip; later, at most half of what is acknowledged is taken off.
 */
export class DelayWindow {
  readonly #options: DelayWindowOptions
  /** The least delay in each of the last minutes that had any, the latest last. */
  #base: { readonly minute: number; readonly delayMs: number }[] = []
  readonly #recentMs: number[] = []
  #bytes: number
  #isStarting = true

  constructor(options: DelayWindowOptions) {
    this.#options = options
    this.#bytes = Math.min(INITIAL_CHUNKS * options.chunkBytes, options.maxBytes)
  }

  get bytes(): number {
    return this.#bytes
  }

  /**
   * @param acknowledgedBytes newly acknowledged
   * @param inFlightBytes what was under way before that
   * @param delayMs from sending a chunk of full length to its acknowledgement
   */
  acknowledged(acknowledgedBytes: number, inFlightBytes: number, delayMs: number, nowMs: number): void {
    this.#note(delayMs, nowMs)
    const { chunkBytes, maxBytes, targetMs } = this.#options
    this.#isStarting &&= this.#queueingMs() < targetMs / 2
    const used = Math.max(this.#bytes, inFlightBytes + chunkBytes) // what is not used does not grow
    const wanted = Math.min(this.#bytes + this.#change(acknowledgedBytes), used)
    this.#bytes = Math.min(Math.max(wanted, chunkBytes), maxBytes)
  }

  #change(acknowledgedBytes: number): number {
    if (this.#isStarting) return acknowledgedBytes / 2
    const { chunkBytes, targetMs } = this.#options
    const offTarget = 1 - this.#queueingMs() / targetMs
    return Math.max((offTarget * acknowledgedBytes * chunkBytes) / this.#bytes, -acknowledgedBytes / 2)
  }

  #note(delayMs: number, nowMs: number): void {
    this.#recentMs.push(delayMs)
    if (this.#recentMs.length > CURRENT_SAMPLES) this.#recentMs.shift()
    const minute = Math.floor(nowMs / MINUTE_MS)
    const leastMs = Math.min(
      delayMs,
      ...this.#base.filter((base) => base.minute === minute).map((base) => base.delayMs),
    )
    this.#base = this.#base.filter((base) => base.minute < minute && base.minute > minute - BASE_MINUTES)
    this.#base.push({ minute, delayMs: leastMs })
  }

  #queueingMs(): number {
    return Math.min(...this.#recentMs) - Math.min(...this.#base.map((base) => base.delayMs))
  }
}
