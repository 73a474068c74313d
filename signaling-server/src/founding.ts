import type { Clock, Timer } from './clock.js'
import type { Bye } from './protocol.js'

/** Who may claim or found a room's cluster. */
export interface Claimant {
  readonly peer: string
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

/** Of one cluster. If more disks may hold its state, there are others. */
export const HOLDERS_MAX = 1024
/** How long the claim of somebody in the room, who found the cluster while a claimant was there, may be on its way. */
export const CLAIM_MS = 1000

/**
 * Decides which cluster a room belongs to: at most one at any time.
 *
 * Claimants are the members who named the room's present cluster. When the last one is gone the cluster is remembered
 * as long as somebody's disk may hold its state: that of a durable claimant which has not said that it left for good, or
 * one that a claimant knew of when it left. What is said by the very last one, that nothing is left, settles it. If nobody's
 * does the cluster is forgotten: at once if the room is empty and all that went lately said that they ended; else after a grace, if
 * somebody lost its socket and may be back, and after `CLAIM_MS`, if somebody is here who may be about to claim the cluster.
 */
export class Founding {
  readonly #options: FoundingOptions
  readonly #claimants = new Set<Claimant>()
  /** Unanswered requests, first come first. */
  readonly #requests = new Map<Claimant, string>()
  #clusterId: string | undefined
  /** Peers whose disks may hold the cluster's state. */
  readonly #holders = new Set<string>()
  /** Disks of peers that are not known here may, too. */
  #isOnOtherDisks = false
  /** Somebody was the very last one. What those before it knew may come later, over other sockets. */
  #isOver = false
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

  /**
   * The member left the room for good.
   * @param rest where the cluster's state is, now that this member has none any more, not even on disk; undefined: there
   */
  ended(claimant: Claimant, rest?: Bye['rest']): void {
    if (rest !== undefined && this.#claimants.has(claimant)) this.#forgetDisk(claimant, rest)
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
    if (!claimant.durable) return
    if (this.#holders.size < HOLDERS_MAX) this.#holders.add(claimant.peer)
    else this.#isOnOtherDisks ||= !this.#holders.has(claimant.peer)
  }

  #forgetDisk({ peer }: Claimant, rest: NonNullable<Bye['rest']>): void {
    this.#holders.delete(peer)
    if (rest === 'nothing') this.#holders.clear()
    this.#isOver ||= rest === 'nothing'
    if (rest !== 'unknown') this.#isOnOtherDisks = rest === 'disks' && !this.#isOver
  }

  #watchGrace(): void {
    const isOnDisk = this.#holders.size > 0 || this.#isOnOtherDisks
    if (this.#claimants.size > 0 || isOnDisk) {
      this.#grace?.cancel()
      this.#grace = undefined
    } else {
      this.#forgetAfterGrace()
    }
  }

  #forgetAfterGrace(): void {
    if (this.#grace !== undefined) return
    const { clock, graceMs, isEmpty } = this.#options
    const claimMs = isEmpty() ? 0 : Math.min(CLAIM_MS, graceMs)
    const delayMs = Math.max(this.#missedUntilMs - clock.nowMs(), claimMs)
    if (delayMs <= 0) this.#forget()
    else this.#grace = clock.setTimer(delayMs, () => this.#forget())
  }

  #forget(): void {
    this.#grace = undefined
    this.#clusterId = undefined
    this.#isOver = false
    this.#options.onForgotten()
  }
}

function firstOf(requests: ReadonlyMap<Claimant, string>): string | undefined {
  return requests.values().next().value
}
