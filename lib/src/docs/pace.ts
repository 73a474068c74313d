import type { Runtime, Timer } from '../base/runtime.js'

/** So many flushes in a row leave at once, ahead of their mean distance. */
const FLUSHES_AHEAD = 20
/** Between looks at a queue that is backed up. */
const BACKED_UP_MS = 20

export interface PaceOptions {
  readonly runtime: Runtime
  /** Mean distance of flushes while changes keep coming; what comes between is joined. It may change. */
  spacingMs(): number
  /** Nobody would get anything sooner if it were flushed now. */
  isBackedUp(): boolean
  flush(): void
}

/**
 * When to flush: what a person does leaves in the same microtask, a program's flood in few large updates. A leaky
 * bucket (ITU-T I.371), whose rate may change.
 */
export class Pace {
  readonly #options: PaceOptions
  /** So many flushes ahead of their mean distance, at `#aheadAtMs`. */
  #ahead = 0
  #aheadAtMs = 0
  /** When a flush is due; undefined: nothing waits. */
  #dueMs: number | undefined
  #timer: Timer | undefined

  constructor(options: PaceOptions) {
    this.#options = options
  }

  /** There is something to flush. */
  soon(): void {
    const nowMs = this.#options.runtime.nowMs()
    if (this.#dueMs === undefined) this.#schedule(nowMs, this.#dueFrom(nowMs))
    // Timers of hidden pages are late, messages are not.
    else if (this.#timer !== undefined && nowMs >= this.#dueMs) this.#schedule(nowMs, nowMs)
  }

  /** It was flushed, due or not: the next flush waits for one distance at most. */
  flushed(): void {
    this.#leak(this.#options.runtime.nowMs(), this.#options.spacingMs())
    this.#ahead = Math.min(this.#ahead, FLUSHES_AHEAD) + 1
    this.stop()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#dueMs = undefined
  }

  #dueFrom(nowMs: number): number {
    const spacingMs = this.#options.spacingMs()
    this.#leak(nowMs, spacingMs)
    return nowMs + Math.max(0, this.#ahead - FLUSHES_AHEAD) * spacingMs
  }

  #leak(nowMs: number, spacingMs: number): void {
    this.#ahead = Math.max(0, this.#ahead - (nowMs - this.#aheadAtMs) / spacingMs)
    this.#aheadAtMs = nowMs
  }

  #schedule(nowMs: number, dueMs: number): void {
    this.stop()
    this.#dueMs = dueMs
    if (dueMs > nowMs) this.#timer = this.#options.runtime.setTimer(dueMs - nowMs, () => this.#due())
    else queueMicrotask(() => this.#due())
  }

  #due(): void {
    if (this.#dueMs === undefined) return
    const nowMs = this.#options.runtime.nowMs()
    if (this.#options.isBackedUp()) this.#schedule(nowMs, nowMs + BACKED_UP_MS)
    else this.#options.flush()
  }
}
