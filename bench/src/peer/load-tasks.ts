import { setTimeout } from 'node:timers/promises'
import { keyAt } from './keys.js'
import { requireLegion } from './legion-tasks.js'
import { machineMs } from './machine-clock.js'

/** One command: when it was due, by the machine's clock, and how long after that it was settled. */
export interface Sample {
  readonly dueMs: number
  readonly tookMs: number
}

/** Of large values fewer than of small ones. */
const STATE_IN_FLIGHT = 64
const LOG_IN_FLIGHT = 1_000
const VALUE = 'v'.repeat(16)

let load: { stopped: boolean; readonly ended: Promise<Sample[]> } | undefined

/** State of a wanted size, a log of a wanted length, and a steady load. */
export const loadTasks = {
  /** Sets `count` keys of their own, each to a value of that size. */
  async fillState(count: number, sizeBytes: number): Promise<void> {
    const value = 'v'.repeat(sizeBytes)
    await inTurn(count, STATE_IN_FLIGHT, (i) => requireLegion().applyConsistent('set', { key: `filled-${i}`, value }))
  },

  /** Sets the keys of the other benchmarks, again and again, each to a value of that size. */
  async fillLog(count: number, sizeBytes: number): Promise<void> {
    const value = 'v'.repeat(sizeBytes)
    await inTurn(count, LOG_IN_FLIGHT, (i) => requireLegion().applyConsistent('set', { key: keyAt(i), value }))
  },

  stateSize(): number {
    return requireLegion().peek('size')
  },

  /** Cuts the log of `main`, so that who joins needs a snapshot. */
  async compact(): Promise<void> {
    await requireLegion().main.compact()
  },

  /** Index of the first entry that is still in the log of `main`. */
  firstIndex(): number {
    return requireLegion().status().main?.firstIndex ?? 0
  },

  /**
   * A command every so often, whether those before are settled or not; each counts from when it was due, so that a
   * pause of the group, or of this process, delays all that were due meanwhile (no coordinated omission).
   */
  startLoad(perSecond: number): void {
    const started = { stopped: false, ended: Promise.resolve<Sample[]>([]) }
    started.ended = runLoad(1000 / perSecond, () => started.stopped)
    load = started
  },

  /** @returns all commands of the load. @throws Error if one failed */
  async stopLoad(): Promise<Sample[]> {
    if (load === undefined) throw new Error('there is no load')
    load.stopped = true
    return load.ended
  },
}

async function runLoad(intervalMs: number, isStopped: () => boolean): Promise<Sample[]> {
  const samples: Promise<Sample>[] = []
  for (let dueMs = machineMs(); !isStopped(); await setTimeout(1)) {
    for (; dueMs <= machineMs(); dueMs += intervalMs) samples.push(command(samples.length, dueMs))
  }
  return Promise.all(samples)
}

async function command(i: number, dueMs: number): Promise<Sample> {
  await requireLegion().applyConsistent('set', { key: keyAt(i), value: VALUE })
  return { dueMs, tookMs: machineMs() - dueMs }
}

/** Many at a time, all of them once. */
async function inTurn(count: number, inFlight: number, operation: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const work = async () => {
    while (next < count) await operation(next++)
  }
  await Promise.all(Array.from({ length: inFlight }, work))
}
