import type { Runtime, Timer } from './runtime.js'

/** Runs `fn` after the work at hand, before any time passes. */
type Defer = (fn: () => void) => Timer

/** The real clock and real randomness, in browsers and in Node. */
export function systemRuntime(): Runtime {
  const deferTask = typeof setImmediate === 'function' ? byImmediate : byMessageChannel()
  const clock = performance // in Node a getter, which costs as much as the clock itself
  return {
    nowMs: () => clock.now(),
    wallClockMs: () => Date.now(),
    setTimer: (delayMs, fn) => (delayMs > 0 ? byTimeout(delayMs, fn) : deferTask(fn)),
    randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
    random: () => Math.random(),
  }
}

function byTimeout(delayMs: number, fn: () => void): Timer {
  const handle = setTimeout(fn, delayMs)
  return { cancel: () => clearTimeout(handle) }
}

function byImmediate(fn: () => void): Timer {
  const handle = setImmediate(fn)
  return { cancel: () => clearImmediate(handle) }
}

/**
 * Browsers clamp nested timeouts to 4 ms, and those of hidden tabs to a second; messages come at once.
 * Exported for the tests, which run in Node.
 */
export function byMessageChannel(): Defer {
  const { port1, port2 } = new MessageChannel()
  const waiting: (() => void)[] = []
  port1.onmessage = () => waiting.shift()?.()
  return (fn) => {
    let isCancelled = false
    waiting.push(() => isCancelled || fn())
    port2.postMessage(undefined)
    return {
      cancel() {
        isCancelled = true
      },
    }
  }
}
