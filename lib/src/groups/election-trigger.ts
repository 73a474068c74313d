import type { Runtime, Timer } from '../base/runtime.js'

const FIRST_DELAY_MAX_MS = 150
const PER_GROUP_MS = 1
const UNDER_WAY_MS = 300
const RETRY_DELAY_MS = 75
/** So many retries come quickly, for a second: the voters do not all see at the same time that the leader is gone. */
const QUICK_RETRIES = 10
/** After so many more they are half as frequent: over slow links candidates would meet again and again. */
const RETRIES_PER_HALVING = 4
const RETRY_DELAY_MAX_MS = 3000

/**
 * Starts elections without waiting for the election timeout when the link to the leader closed: the surest sign that
 * it is gone. Goes on until there is a leader, for a second about every 100 ms, then ever more slowly. Pre-vote
 * makes a wrong guess harmless: voters that still hear the leader refuse.
 */
export class ElectionTrigger {
  readonly #runtime: Runtime
  readonly #campaign: () => void
  #timer: Timer | undefined
  #retries = 0

  constructor(runtime: Runtime, campaign: () => void) {
    this.#runtime = runtime
    this.#campaign = campaign
  }

  /**
   * @param groups how many groups may have lost theirs in the same moment: they take turns
   * @param holdBackMs somebody else is to lead, if it can
   */
  leaderLost(groups: number, holdBackMs: number): void {
    this.#retries = 0
    this.#arm(holdBackMs + this.#runtime.random() * (FIRST_DELAY_MAX_MS + groups * PER_GROUP_MS))
  }

  /** For whatever reason nobody leads: an election that is under way gets some time, then this one is started. */
  leaderUnknown(): void {
    if (this.#timer === undefined) this.leaderLost(0, UNDER_WAY_MS)
  }

  leaderKnown(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel()
    this.#timer = this.#runtime.setTimer(delayMs, () => {
      this.#campaign()
      const slowdown = 2 ** (Math.max(0, ++this.#retries - QUICK_RETRIES) / RETRIES_PER_HALVING)
      const retryDelayMs = Math.min(RETRY_DELAY_MS * slowdown, RETRY_DELAY_MAX_MS)
      this.#arm(retryDelayMs * (1 + this.#runtime.random()))
    })
  }
}
