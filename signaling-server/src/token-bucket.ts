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
    this.#earn(nowMs)
    this.#tokens -= 1
    return this.#tokens
  }

  /** Milliseconds until the debt is paid; 0 without one. */
  debtMs(nowMs: number): number {
    this.#earn(nowMs)
    return Math.max(0, (-this.#tokens / this.#ratePerSecond) * 1000)
  }

  #earn(nowMs: number): void {
    const earned = ((nowMs - this.#atMs) / 1000) * this.#ratePerSecond
    this.#tokens = Math.min(this.#capacity, this.#tokens + earned)
    this.#atMs = nowMs
  }
}
