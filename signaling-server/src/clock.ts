/** How time reaches the server, so that tests need not sleep. */
export interface Clock {
  /** Monotonic time in milliseconds. */
  nowMs(): number
  /** Since 1970; for what others compare with their clocks. */
  wallClockMs(): number
  /** Calls `fn` once, after `delayMs`, unless cancelled. */
  setTimer(delayMs: number, fn: () => void): Timer
}

export interface Timer {
  /** Idempotent. */
  cancel(): void
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallClockMs: () => Date.now(),
  setTimer(delayMs, fn) {
    const handle = setTimeout(fn, delayMs)
    return { cancel: () => clearTimeout(handle) }
  },
}
