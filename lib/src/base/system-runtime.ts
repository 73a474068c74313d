import type { Runtime } from './runtime.js'

/** The real clock and real randomness, in browsers and in Node. */
export function systemRuntime(): Runtime {
  return {
    nowMs: () => performance.now(),
    wallClockMs: () => Date.now(),
    setTimer(delayMs, fn) {
      const handle = setTimeout(fn, delayMs)
      return { cancel: () => clearTimeout(handle) }
    },
    randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
    random: () => Math.random(),
  }
}
