import type { Runtime, Timer } from '../base/runtime.js'

const THROTTLED_MS = 1_000

/** Timers of a simulated process whose page is hidden or whose machine sleeps. */
export class SlowTimers {
  readonly #runtime: Runtime
  #sleepsUntilMs = 0
  /** They fire on whole seconds only. */
  isThrottled = false

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** None fires within `durationMs`; those that are due by then fire right after. */
  sleep(durationMs: number): void {
    this.#sleepsUntilMs = this.#runtime.nowMs() + durationMs
  }

  setTimer(delayMs: number, fn: () => void): Timer {
    const fire = () => {
      const lateMs = this.#nextMs() - this.#runtime.nowMs()
      if (lateMs > 0) timer = this.#runtime.setTimer(lateMs, fire)
      else fn()
    }
    let timer = this.#runtime.setTimer(delayMs, fire)
    return { cancel: () => timer.cancel() }
  }

  /** When a timer that is due may fire. */
  #nextMs(): number {
    const nowMs = this.#runtime.nowMs()
    const awakeMs = Math.max(nowMs, this.#sleepsUntilMs)
    return this.isThrottled ? Math.ceil(awakeMs / THROTTLED_MS) * THROTTLED_MS : awakeMs
  }
}
