import type { Runtime } from '../base/runtime.js'
import { soon } from '../base/soon.js'

/** A chain of microtasks lets no timer and no message through: after so many runs the next is a task of its own. */
const RUNS_IN_A_ROW = 1_000

/** Runs a function once for many requests: at the end of the task that they came in, as a rule. */
export class RunSoon {
  readonly #runtime: Runtime
  readonly #run: () => boolean
  #isScheduled = false
  #mayWait = false
  #runsInARow = 0

  /** @param run returns true if the next run may wait for what other tasks bring, and so is a task of its own */
  constructor(runtime: Runtime, run: () => boolean) {
    this.#runtime = runtime
    this.#run = run
  }

  schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    if (this.#runsInARow < RUNS_IN_A_ROW && !this.#mayWait) soon(this.#go)
    else this.#runtime.setTimer(0, () => this.#goAsTask())
  }

  /** Another task has begun: nobody is being starved. */
  taskBegan(): void {
    this.#runsInARow = 0
  }

  #goAsTask(): void {
    this.taskBegan()
    this.#go()
  }

  readonly #go = (): void => {
    this.#isScheduled = false
    this.#runsInARow++
    this.#mayWait = this.#run()
  }
}
