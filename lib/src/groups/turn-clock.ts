import type { Runtime } from '../base/runtime.js'
import { soon } from '../base/soon.js'

/** The clocks, read once for all that is done in a row: for thousands of commands at once reading them is felt. */
export class TurnClock implements Pick<Runtime, 'nowMs' | 'wallClockMs'> {
  readonly #runtime: Runtime
  #isRead = false
  #nowMs = 0
  #wallClockMs = 0

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  nowMs(): number {
    this.#read()
    return this.#nowMs
  }

  wallClockMs(): number {
    this.#read()
    return this.#wallClockMs
  }

  #read(): void {
    if (this.#isRead) return
    this.#isRead = true
    this.#nowMs = this.#runtime.nowMs()
    this.#wallClockMs = this.#runtime.wallClockMs()
    soon(this.#forget)
  }

  readonly #forget = (): void => {
    this.#isRead = false
  }
}
