import { type RandomStream, seededRandom } from '../base/random.js'
import type { Runtime, Timer } from '../base/runtime.js'

interface Scheduled {
  readonly atMs: number
  readonly order: number
  readonly fn: () => void
  cancelled: boolean
}

/**
 * The one clock and source of chance of a simulation: timers fire in order of time, then of creation; nothing happens
 * between them but microtasks. Each simulated peer gets its own view by `fork`.
 */
export class SimulatedClock {
  readonly #queue: Scheduled[] = [] // binary heap, earliest first
  #nowMs = 0
  #order = 0
  /** Timers fired so far. */
  firedCount = 0

  get nowMs(): number {
    return this.#nowMs
  }

  setTimer(delayMs: number, fn: () => void): Timer {
    const scheduled = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, fn, cancelled: false }
    this.#push(scheduled)
    return {
      cancel() {
        scheduled.cancelled = true
      },
    }
  }

  /** Runs everything due within `durationMs` of simulated time, microtasks included, and ends at exactly that time. */
  async run(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs
    await drainMicrotasks()
    await repeatInTasks(() => this.#fireNext(endMs))
    this.#nowMs = endMs
  }

  /** A Runtime on this clock with its own random stream. */
  fork(...seed: number[]): Runtime {
    return new SimulatedRuntime(this, seededRandom(...seed))
  }

  /** @returns false if nothing is due any more */
  #fireNext(endMs: number): boolean {
    const next = this.#popDue(endMs)
    if (next === undefined) return false
    this.#nowMs = next.atMs
    this.firedCount++
    next.fn()
    return true
  }

  #popDue(endMs: number): Scheduled | undefined {
    for (let top = this.#queue[0]; top !== undefined && top.atMs <= endMs; top = this.#queue[0]) {
      this.#removeTop()
      if (!top.cancelled) return top
    }
    return undefined
  }

  #push(scheduled: Scheduled): void {
    let at = this.#queue.length
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = this.#queue[parentAt]
      if (parent === undefined || isBefore(parent, scheduled)) break
      this.#queue[at] = parent
      at = parentAt
    }
    this.#queue[at] = scheduled
  }

  #removeTop(): void {
    const last = this.#queue.pop()
    if (last === undefined || this.#queue.length === 0) return
    let at = 0
    for (;;) {
      const left = this.#queue[2 * at + 1]
      const right = this.#queue[2 * at + 2]
      const child = right !== undefined && left !== undefined && isBefore(right, left) ? right : left
      if (child === undefined || isBefore(last, child)) break
      this.#queue[at] = child
      at = child === left ? 2 * at + 1 : 2 * at + 2
    }
    this.#queue[at] = last
  }
}

class SimulatedRuntime implements Runtime {
  readonly #clock: SimulatedClock
  readonly random: RandomStream

  constructor(clock: SimulatedClock, random: RandomStream) {
    this.#clock = clock
    this.random = random
  }

  nowMs(): number {
    return this.#clock.nowMs
  }

  wallClockMs(): number {
    return 1_700_000_000_000 + Math.floor(this.#clock.nowMs)
  }

  setTimer(delayMs: number, fn: () => void): Timer {
    return this.#clock.setTimer(delayMs, fn)
  }

  randomBytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => Math.floor(this.random() * 256))
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}

/** Resolves when no microtask is left: a macrotask of the platform comes after all of them. */
export function drainMicrotasks(): Promise<void> {
  return new Promise((resolve) => setMacrotask(resolve))
}

/** A turn of the event loop costs more than most timers do: one turn for so many of them. */
const TASKS_PER_TURN = 16

/**
 * Calls `step` until it returns false, each time after all microtasks of the time before. Rejects with what it throws.
 */
function repeatInTasks(step: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let isOver = false
    const task = () => {
      if (isOver) return
      try {
        isOver = !step()
      } catch (error) {
        isOver = true
        reject(error)
      }
      if (isOver) resolve()
    }
    const turn = () => {
      if (isOver) return
      for (let i = 0; i < TASKS_PER_TURN; i++) setMacrotask(task)
      setMacrotask(turn)
    }
    turn()
  })
}

/** setImmediate where it exists (Node): no clamping, unlike setTimeout. */
const setMacrotask: (fn: () => void) => void =
  typeof setImmediate === 'function' ? (fn) => void setImmediate(fn) : (fn) => void setTimeout(fn)
