/** Allows `ratePerSecond` in the long run and `capacity` at once. May run into debt, which only time pays. */
export class TokenBucket {
  readonly #ratePerSecond: number
  readonly #capacity: number
  #tokens: number
  #atMs: number

  constructor(ratePerSecond: number, capacity: number, nowMs: number) {
    this.#ratePerSecond = ratePerSecond
    this.#capacity = capacity
    this.#tokens = capacity
    this.#atMs = nowMs
  }

  /** Takes one token. Returns what is left, negative when in debt. */
  take(nowMs: number): number {
    const earned = ((nowMs - this.#atMs) / 1000) * this.#ratePerSecond
    this.#tokens = Math.min(this.#capacity, this.#tokens + earned) - 1
    this.#atMs = nowMs
    return this.#tokens
  }

  /** Milliseconds until a debt is paid; 0 without one. */
  get debtMs(): number {
    return Math.max(0, (-this.#tokens / this.#ratePerSecond) * 1000)
  }
}
