/**
 * The only way time and chance reach the library. Everything above `base/` runs unchanged on the system's clock or on
 * a simulated one: same seed, same run.
 */
export interface Runtime {
  /** Monotonic time in milliseconds. Starts anywhere. */
  nowMs(): number
  /** Milliseconds since 1970. Only for display and for the timestamps of commands; may jump. */
  wallClockMs(): number
  /** Calls `fn` once, not before `delayMs` milliseconds have passed. */
  setTimer(delayMs: number, fn: () => void): Timer
  /** `count` unpredictable bytes. */
  randomBytes(count: number): Uint8Array
  /** A number in [0, 1), for jitter. */
  random(): number
}

export interface Timer {
  /** Idempotent; after it `fn` is not called any more. */
  cancel(): void
}

/** Resolves in a task of its own: others had their turn. */
export function nextTask(runtime: Runtime): Promise<void> {
  return new Promise((resolve) => {
    runtime.setTimer(0, resolve)
  })
}

/** Calls `fn` every `periodMs`, the first time after one period, until cancelled. */
export function setPeriodicTimer(runtime: Runtime, periodMs: number, fn: () => void): Timer {
  let current: Timer
  const arm = () => {
    current = runtime.setTimer(periodMs, () => {
      arm() // before fn, so that fn may cancel
      fn()
    })
  }
  arm()
  return { cancel: () => current.cancel() }
}
