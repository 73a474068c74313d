import type { Runtime, Timer } from '../base/runtime.js'

/** Mean distance of flushes while changes keep coming; what comes between is joined. */
const SPACING_MS = 10
/** So far flushes may be ahead of that: twenty in a row leave at once. */
const AHEAD_MS = 200
/** Between looks at a queue that is backed up. */
const BACKED_UP_MS = 20

/**
 * When to flush: what a person does leaves in the same microtask, a program's flood in few large updates. A leaky
 * bucket, as the generic cell rate algorithm (ITU-T I.371) counts it.
 */
export class Pace {
  readonly #runtime: Runtime
  readonly #isBackedUp: () => boolean
  readonly #flush: () => void
  /** When the next flush would be due if they were evenly spaced. */
  #nextMs = Number.NEGATIVE_INFINITY
  /** When a flush is due; undefined: nothing waits. */
  #dueMs: number | undefined
  #timer: Timer | undefined

  /** @param isBackedUp nobody would get anything sooner if it were flushed now */
  constructor(runtime: Runtime, isBackedUp: () => boolean, flush: () => void) {
    this.#runtime = runtime
    this.#isBackedUp = isBackedUp
    this.#flush = flush
  }

  /** There is something to flush. */
  soon(): void {
    const nowMs = this.#runtime.nowMs()
    if (this.#dueMs === undefined) this.#schedule(nowMs, Math.max(nowMs, this.#nextMs - AHEAD_MS))
    // Timers of hidden pages are late, messages are not.
    else if (this.#timer !== undefined && nowMs >= this.#dueMs) this.#schedule(nowMs, nowMs)
  }

  /** It was flushed. */
  flushed(): void {
    this.#nextMs = Math.max(this.#runtime.nowMs(), this.#nextMs) + SPACING_MS
    this.stop()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#dueMs = undefined
  }

  #schedule(nowMs: number, dueMs: number): void {
    this.stop()
    this.#dueMs = dueMs
    if (dueMs > nowMs) this.#timer = this.#runtime.setTimer(dueMs - nowMs, () => this.#due())
    else queueMicrotask(() => this.#due())
  }

  #due(): void {
    if (this.#dueMs === undefined) return
    const nowMs = this.#runtime.nowMs()
    if (this.#isBackedUp()) this.#schedule(nowMs, nowMs + BACKED_UP_MS)
    else this.#flush()
  }
}
