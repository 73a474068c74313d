/** How time reaches the server, so that tests need not sleep. */
export interface Clock {
  /** Monotonic time in milliseconds. */
  nowMs(): number
  /** Calls `fn` once, after `delayMs`, unless cancelled. */
  setTimer(delayMs: number, fn: () => void): Timer
}

export interface Timer {
  /** Idempotent. */
  cancel(): void
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  setTimer(delayMs, fn) {
    const handle = setTimeout(fn, delayMs)
    return { cancel: () => clearTimeout(handle) }
  },
}
