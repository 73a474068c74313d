/** Undoes a registration. Idempotent. */
export type Unsubscribe = () => void

type Listener = (...args: never[]) => void

/** One per call of `on`, even for the same function twice. */
interface Registration {
  readonly listener: Listener
}

const NOBODY: readonly Registration[] = []

/**
 * A typed event emitter. `Events` maps each event's name to its listener's type.
 *
 * A listener that throws never disturbs the emitter or the other listeners: the error goes to `onListenerError`.
 */
export class Emitter<Events extends { [K in keyof Events]: Listener }> {
  /** By event; never changed, only replaced: an `emit` goes on with those that it began with. */
  readonly #registrations = new Map<keyof Events, readonly Registration[]>()
  readonly #onListenerError: (error: unknown, event: keyof Events) => void

  constructor(onListenerError: (error: unknown, event: keyof Events) => void = rethrowLater) {
    this.#onListenerError = onListenerError
  }

  on<K extends keyof Events>(event: K, listener: Events[K]): Unsubscribe {
    const registration: Registration = { listener }
    this.#registrations.set(event, [...this.#of(event), registration])
    return () => this.#remove(event, registration)
  }

  emit<K extends keyof Events>(event: K, ...args: Parameters<Events[K]>): void {
    for (const { listener } of this.#of(event)) {
      try {
        listener(...args)
      } catch (error) {
        this.#onListenerError(error, event)
      }
    }
  }

  listenerCount(event: keyof Events): number {
    return this.#of(event).length
  }

  clear(): void {
    this.#registrations.clear()
  }

  #of(event: keyof Events): readonly Registration[] {
    return this.#registrations.get(event) ?? NOBODY
  }

  #remove(event: keyof Events, registration: Registration): void {
    const left = this.#of(event).filter((other) => other !== registration)
    if (left.length > 0) this.#registrations.set(event, left)
    else this.#registrations.delete(event)
  }
}

/** Makes the platform report the error as it would any uncaught one, after the current work is done. */
function rethrowLater(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
