import type { Runtime, Timer } from '../base/runtime.js'

const FIRST_DELAY_MAX_MS = 150
const PER_GROUP_MS = 1
const RETRY_DELAY_MS = 150
const RETRY_DELAY_MAX_MS = 3000

/**
 * Starts elections without waiting for the election timeout when the link to the leader closed: the surest sign that
 * it is gone. Goes on, ever more slowly, until there is a leader. Pre-vote makes a wrong guess harmless.
 */
export class ElectionTrigger {
  readonly #runtime: Runtime
  readonly #campaign: () => void
  #timer: Timer | undefined
  #retryDelayMs = RETRY_DELAY_MS

  constructor(runtime: Runtime, campaign: () => void) {
    this.#runtime = runtime
    this.#campaign = campaign
  }

  /**
   * @param groups how many groups may have lost theirs in the same moment: they take turns
   * @param holdBackMs somebody else is to lead, if it can
   */
  leaderLost(groups: number, holdBackMs: number): void {
    this.#retryDelayMs = RETRY_DELAY_MS
    this.#arm(holdBackMs + this.#runtime.random() * (FIRST_DELAY_MAX_MS + groups * PER_GROUP_MS))
  }

  leaderKnown(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel()
    this.#timer = this.#runtime.setTimer(delayMs, () => {
      this.#campaign()
      this.#arm(this.#retryDelayMs * (1 + this.#runtime.random()))
      this.#retryDelayMs = Math.min(2 * this.#retryDelayMs, RETRY_DELAY_MAX_MS)
    })
  }
}
