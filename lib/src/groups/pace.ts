import type { Runtime } from '../base/runtime.js'

/** After a piece of work the thread is others' for so many times as long as the work took. */
const REST_PER_WORK = 3
/** What timers can tell. Shorter rests are taken later, together. */
const LEAST_REST_MS = 1

/**
 * Keeps bulk work, done in small pieces, from making everything else on the thread wait: it gets a quarter of the time,
 * however slow the thread is.
 */
export class Pace {
  readonly #runtime: Runtime
  readonly #rested: () => void
  #owedMs = 0
  #isResting = false

  /** @param rested called after each rest: there may be more work */
  constructor(runtime: Runtime, rested: () => void) {
    this.#runtime = runtime
    this.#rested = rested
  }

  /** No work now: `rested` will be called. */
  get isResting(): boolean {
    return this.#isResting
  }

  /** What `work` leaves to the end of the task counts too. */
  work<T>(work: () => T): T {
    const startMs = this.#runtime.nowMs()
    const result = work()
    this.#isResting = true
    queueMicrotask(() => this.#rest(this.#runtime.nowMs() - startMs))
    return result
  }

  #rest(workedMs: number): void {
    this.#owedMs += workedMs * REST_PER_WORK
    if (this.#owedMs < LEAST_REST_MS) {
      this.#end()
      return
    }
    this.#runtime.setTimer(this.#owedMs, () => this.#end())
    this.#owedMs = 0
  }

  #end(): void {
    this.#isResting = false
    this.#rested()
  }
}
