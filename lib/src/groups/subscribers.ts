import type { Unsubscribe } from '../base/emitter.js'

/** Who wants to know when a part of the state changed. */
export class Subscribers {
  readonly #notifiers = new Set<() => void>()
  readonly #failed: (error: unknown) => void
  #lastState: unknown

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  /**
   * Calls `listener` now, if there is a state, and whenever what `select` gives is another one.
   * @param select undefined while there is no state
   */
  add<T>(select: () => { readonly selected: T } | undefined, listener: (selected: T) => void): Unsubscribe {
    let last: { readonly selected: T } | undefined
    const notify = () => {
      const now = select()
      if (now === undefined || (last !== undefined && Object.is(last.selected, now.selected))) return
      last = now
      listener(now.selected)
    }
    this.#notifiers.add(notify)
    notify()
    return () => this.#notifiers.delete(notify)
  }

  /**
   * The state may be another one now.
   * @param current gives it, and is not asked while nobody wants to know: the same object means that nothing changed
   */
  notify(current: () => unknown): void {
    if (this.#notifiers.size === 0) return
    const state = current()
    if (state === this.#lastState) return
    this.#lastState = state
    for (const notify of [...this.#notifiers]) this.#guarded(notify)
  }

  #guarded(notify: () => void): void {
    try {
      notify()
    } catch (error) {
      this.#failed(error)
    }
  }
}
