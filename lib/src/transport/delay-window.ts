export interface DelayWindowOptions {
  /** The unit of growth. */
  readonly stepBytes: number
  readonly leastBytes: number
  readonly maxBytes: number
  /** So much delay by queueing is wanted, or as much as the path has without a queue, whichever is more. */
  readonly leastTargetMs: number
}

const MINUTE_MS = 60_000
/** `BASE_HISTORY`: the base delay is the least of so many minutes. */
const BASE_MINUTES = 10
/** `CURRENT_FILTER`: the least of so many samples is the delay now; one late answer says nothing. */
const CURRENT_SAMPLES = 4

/**
 * How many bytes may be under way to a peer, so that they fill the path but hardly wait anywhere on it: not in this
 * process, not in the WebRTC stack, which buffers unseen, not in the network. LEDBAT (RFC 6817, section 2.4) with
 * `GAIN` 1, on round trips instead of one-way delays. What is added: until the first sign of queueing the window grows by
 * half per round trip; later, at most half of what is acknowledged is taken off.
 */
export class DelayWindow {
  readonly #options: DelayWindowOptions
  /** The least delay in each of the last minutes that had any, the latest last. */
  #history: { readonly minute: number; readonly delayMs: number }[] = []
  readonly #recentMs: number[] = []
  #bytes: number
  #isStarting = true

  constructor(options: DelayWindowOptions) {
    this.#options = options
    this.#bytes = options.leastBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /**
   * @param acknowledgedBytes newly acknowledged
   * @param inFlightBytes what was under way before that
   * @param delayMs from sending the last of them to its acknowledgement; always of pieces of much the same length
   */
  acknowledged(acknowledgedBytes: number, inFlightBytes: number, delayMs: number, nowMs: number): void {
    this.#note(delayMs, nowMs)
    const { stepBytes, leastBytes, maxBytes } = this.#options
    const offTarget = this.#offTarget()
    this.#isStarting &&= offTarget > 1 / 2
    const used = Math.max(this.#bytes, inFlightBytes + stepBytes) // what is not used does not grow
    const wanted = Math.min(this.#bytes + this.#change(acknowledgedBytes, offTarget), used)
    this.#bytes = Math.min(Math.max(wanted, leastBytes), maxBytes)
  }

  #change(acknowledgedBytes: number, offTarget: number): number {
    if (this.#isStarting) return acknowledgedBytes / 2
    return Math.max((offTarget * acknowledgedBytes * this.#options.stepBytes) / this.#bytes, -acknowledgedBytes / 2)
  }

  #note(delayMs: number, nowMs: number): void {
    this.#recentMs.push(delayMs)
    if (this.#recentMs.length > CURRENT_SAMPLES) this.#recentMs.shift()
    const minute = Math.floor(nowMs / MINUTE_MS)
    const last = this.#history.at(-1)
    if (last?.minute === minute) {
      if (delayMs < last.delayMs) this.#history[this.#history.length - 1] = { minute, delayMs }
    } else {
      this.#history = this.#history.filter((base) => base.minute > minute - BASE_MINUTES)
      this.#history.push({ minute, delayMs })
    }
  }

  /** 1 if nothing waits, 0 at the target, below 0 beyond it. */
  #offTarget(): number {
    const baseMs = Math.min(...this.#history.map(({ delayMs }) => delayMs))
    const queueingMs = Math.min(...this.#recentMs) - baseMs
    return 1 - queueingMs / Math.max(this.#options.leastTargetMs, baseMs)
  }
}
