import type { Runtime, Timer } from '../base/runtime.js'
import { soon } from '../base/soon.js'

/** A chain of microtasks lets no timer and no message through: after so many runs the next is a task of its own. */
const RUNS_IN_A_ROW = 1_000

/** Runs a function once for many requests: at the end of the task that they came in, as a rule. */
export class RunSoon {
  readonly #runtime: Runtime
  readonly #run: () => number | undefined
  #isScheduled = false
  /** The next run may wait for so long. */
  #waitMs: number | undefined
  #timer: Timer | undefined
  #runsInARow = 0

  /** @param run returns for how many milliseconds the next run may wait for what other tasks bring; undefined: not at all */
  constructor(runtime: Runtime, run: () => number | undefined) {
    this.#runtime = runtime
    this.#run = run
  }

  schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    if (this.#runsInARow < RUNS_IN_A_ROW && this.#waitMs === undefined) soon(this.#go)
    else this.#goAfter(this.#waitMs ?? 0)
  }

  /** Another task has begun: nobody is being starved. */
  taskBegan(): void {
    this.#runsInARow = 0
  }

  /** What the next run may wait for is there. */
  stopWaiting(): void {
    if (this.#waitMs !== undefined) this.#waitMs = 0
    if (this.#timer === undefined) return
    this.#timer.cancel()
    this.#goAfter(0)
  }

  #goAfter(waitMs: number): void {
    this.#timer = this.#runtime.setTimer(waitMs, () => {
      this.#timer = undefined
      this.taskBegan()
      this.#go()
    })
  }

  readonly #go = (): void => {
    this.#isScheduled = false
    this.#runsInARow++
    this.#waitMs = this.#run()
  }
}
