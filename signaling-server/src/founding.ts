import type { Clock, Timer } from './clock.js'

/** Who may claim or found a room's cluster. */
export interface Claimant {
  readonly durable: boolean
  founded(clusterId: string): void
}

export interface FoundingOptions {
  readonly clock: Clock
  /** How long a memory-only cluster outlives its last claimant. */
  readonly graceMs: number
  /** False while members of a cluster founded before the server's start may still be on their way back. */
  isWarm(): boolean
  /** Nobody is in the room. */
  isEmpty(): boolean
  /** The room's cluster was forgotten. */
  onForgotten(): void
}

/**
 * Decides which cluster a room belongs to: at most one at any time.
 *
 * Claimants are the members who named the room's present cluster. When the last one is gone the cluster is remembered
 * for ever if any of its claimants was durable, since somebody's disk still holds its state. Otherwise nobody's does, and
 * it is forgotten: at once if the room is empty and all that went lately said that they ended; else after a grace, since
 * who only lost its socket may be back, and who is here may be about to claim the cluster that it found.
 */
export class Founding {
  readonly #options: FoundingOptions
  readonly #claimants = new Set<Claimant>()
  /** Unanswered requests, first come first. */
  readonly #requests = new Map<Claimant, string>()
  #clusterId: string | undefined
  #durable = false
  #grace: Timer | undefined
  /** Until then whoever lost its socket may be back. */
  #missedUntilMs = 0

  constructor(options: FoundingOptions) {
    this.#options = options
  }

  get clusterId(): string | undefined {
    return this.#clusterId
  }

  /** A member came that belongs to a cluster already: proof that it was founded, so no warm-up. */
  claim(claimant: Claimant, clusterId: string): void {
    this.#clusterId ??= clusterId
    this.#admit(claimant, clusterId)
    this.#evaluate()
  }

  /** Answered with the winner, at once or after the warm-up. Idempotent. */
  request(claimant: Claimant, clusterId: string): void {
    this.#requests.set(claimant, clusterId)
    this.#evaluate()
  }

  /** The member left the room, and may be back. */
  left(claimant: Claimant): void {
    this.#missedUntilMs = this.#options.clock.nowMs() + this.#options.graceMs
    this.ended(claimant)
  }

  /** The member left the room for good. */
  ended(claimant: Claimant): void {
    this.#requests.delete(claimant)
    this.#claimants.delete(claimant)
    this.#evaluate()
  }

  /** The server is warm now. */
  warmedUp(): void {
    this.#evaluate()
  }

  /** Stops every timer; the object must not be used afterwards. */
  dispose(): void {
    this.#grace?.cancel()
  }

  #evaluate(): void {
    if (this.#clusterId === undefined && this.#options.isWarm()) this.#clusterId = firstOf(this.#requests)
    if (this.#clusterId === undefined) return
    this.#answerAll(this.#clusterId)
    this.#watchGrace()
  }

  #answerAll(winner: string): void {
    const requests = [...this.#requests]
    this.#requests.clear()
    for (const [claimant, clusterId] of requests) {
      this.#admit(claimant, clusterId)
      claimant.founded(winner)
    }
  }

  #admit(claimant: Claimant, clusterId: string): void {
    if (clusterId !== this.#clusterId) return
    this.#claimants.add(claimant)
    this.#durable ||= claimant.durable
  }

  #watchGrace(): void {
    const abandoned = this.#claimants.size === 0 && !this.#durable
    if (!abandoned) {
      this.#grace?.cancel()
      this.#grace = undefined
    } else {
      this.#forgetAfterGrace()
    }
  }

  #forgetAfterGrace(): void {
    if (this.#grace !== undefined) return
    const { clock, graceMs, isEmpty } = this.#options
    const delayMs = isEmpty() ? this.#missedUntilMs - clock.nowMs() : graceMs
    if (delayMs <= 0) this.#forget()
    else this.#grace = clock.setTimer(delayMs, () => this.#forget())
  }

  #forget(): void {
    this.#grace = undefined
    this.#clusterId = undefined
    this.#options.onForgotten()
  }
}

function firstOf(requests: ReadonlyMap<Claimant, string>): string | undefined {
  return requests.values().next().value
}
