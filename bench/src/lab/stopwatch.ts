export const PHASES = ['set-up', 'warm-up', 'measuring', 'profile', 'tear-down'] as const
export type Phase = (typeof PHASES)[number]

/** Of each phase, in seconds. */
export type PhaseSeconds = Readonly<Record<Phase, number>>

/** Where the time of one benchmark goes. */
export class Stopwatch {
  readonly #seconds: Record<Phase, number> = { 'set-up': 0, 'warm-up': 0, measuring: 0, profile: 0, 'tear-down': 0 }
  #phase: Phase = 'set-up'
  #sinceMs = performance.now()

  enter(phase: Phase): void {
    const nowMs = performance.now()
    this.#seconds[this.#phase] += (nowMs - this.#sinceMs) / 1000
    this.#phase = phase
    this.#sinceMs = nowMs
  }

  /** So far. */
  get seconds(): PhaseSeconds {
    this.enter(this.#phase)
    return { ...this.#seconds }
  }
}
