/** Undoes a registration. Idempotent. */
export type Unsubscribe = () => void

type Listener = (...args: never[]) => void

/**
 * A typed event emitter. `Events` maps each event's name to its listener's type.
 *
 * A listener that throws never disturbs the emitter or the other listeners: the error goes to `onListenerError`.
 */
export class Emitter<Events extends { [K in keyof Events]: Listener }> {
  readonly #listeners = new Map<keyof Events, Set<Listener>>()
  readonly #onListenerError: (error: unknown, event: keyof Events) => void

  constructor(onListenerError: (error: unknown, event: keyof Events) => void = rethrowLater) {
    this.#onListenerError = onListenerError
  }

  on<K extends keyof Events>(event: K, listener: Events[K]): Unsubscribe {
    let listeners = this.#listeners.get(event)
    if (listeners === undefined) {
      listeners = new Set()
      this.#listeners.set(event, listeners)
    }
    // One registration per call, even for the same function twice.
    const registration: Listener = (...args) => listener(...args)
    listeners.add(registration)
    return () => listeners.delete(registration)
  }

  emit<K extends keyof Events>(event: K, ...args: Parameters<Events[K]>): void {
    const listeners = this.#listeners.get(event)
    if (listeners === undefined) return
    for (const listener of [...listeners]) {
      try {
        listener(...args)
      } catch (error) {
        this.#onListenerError(error, event)
      }
    }
  }

  listenerCount(event: keyof Events): number {
    return this.#listeners.get(event)?.size ?? 0
  }

  clear(): void {
    this.#listeners.clear()
  }
}

/** Makes the platform report the error as it would any uncaught one, after the current work is done. */
function rethrowLater(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
