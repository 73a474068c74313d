import type { Runtime, Timer } from '../base/runtime.js'
import { Legion } from '../legion.js'
import type { AnyMachine } from '../machines/types.js'
import type { LegionOptions } from '../options.js'

/** A component that is unmounted and mounted again within this time, as StrictMode does, keeps its Legion. */
const CLOSE_AFTER_MS = 1_000

/** A Legion that is open as long as somebody holds it, and a moment longer. */
export class HeldLegion<M extends AnyMachine, H> {
  readonly #options: LegionOptions<M, H, Legion<M>>
  readonly #runtime: Runtime
  readonly #listeners = new Set<() => void>()
  #legion: Legion<M, H> | undefined
  #holders = 0
  #closing: Timer | undefined

  constructor(options: LegionOptions<M, H, Legion<M>>, runtime: Runtime) {
    this.#options = options
    this.#runtime = runtime
  }

  /** Undefined while nobody holds it. */
  readonly current = (): Legion<M, H> | undefined => this.#legion

  /** Holds it until the returned function is called. @param changed called when `current` is another one */
  readonly hold = (changed: () => void): (() => void) => {
    this.#holders++
    this.#closing?.cancel()
    this.#listeners.add(changed)
    if (this.#legion === undefined) this.#set(Legion.open(this.#options))
    return () => {
      this.#listeners.delete(changed)
      this.#holders--
      if (this.#holders === 0) this.#closing = this.#runtime.setTimer(CLOSE_AFTER_MS, () => this.#close())
    }
  }

  #close(): void {
    void this.#legion?.close()
    this.#set(undefined)
  }

  #set(legion: Legion<M, H> | undefined): void {
    this.#legion = legion
    for (const changed of [...this.#listeners]) changed()
  }
}
