/** Undoes a registration. Idempotent. */
export type Unsubscribe = () => void

type Listener = (...args: never[]) => void

interface Registration {
  readonly listener: Listener
}

/**
 * A typed event emitter. `Events` maps each event's name to its listener's type.
 *
 * A listener that throws never disturbs the emitter or the other listeners: the error goes to `onListenerError`.
 */
export class Emitter<Events extends { [K in keyof Events]: Listener }> {
  /** Of each event, in the order of their registration. A list never changes: whoever walks over it may go on. */
  readonly #listeners = new Map<keyof Events, readonly Registration[]>()
  readonly #onListenerError: (error: unknown, event: keyof Events) => void

  constructor(onListenerError: (error: unknown, event: keyof Events) => void = rethrowLater) {
    this.#onListenerError = onListenerError
  }

  on<K extends keyof Events>(event: K, listener: Events[K]): Unsubscribe {
    // One registration per call, even for the same function twice.
    const registration: Registration = { listener }
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), registration])
    return () => this.#remove(event, registration)
  }

  emit<K extends keyof Events>(event: K, ...args: Parameters<Events[K]>): void {
    const registrations = this.#listeners.get(event)
    if (registrations === undefined) return
    for (const { listener } of registrations) {
      try {
        listener(...args)
      } catch (error) {
        this.#onListenerError(error, event)
      }
    }
  }

  listenerCount(event: keyof Events): number {
    return this.#listeners.get(event)?.length ?? 0
  }

  clear(): void {
    this.#listeners.clear()
  }

  #remove(event: keyof Events, registration: Registration): void {
    const registrations = this.#listeners.get(event) ?? []
    if (registrations.includes(registration)) {
      this.#listeners.set(
        event,
        registrations.filter((other) => other !== registration),
      )
    }
  }
}

/** Makes the platform report the error as it would any uncaught one, after the current work is done. */
function rethrowLater(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
