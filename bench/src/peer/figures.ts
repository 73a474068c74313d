import { performance } from 'node:perf_hooks'
import { quantile } from '../statistics.js'

/** Of one run, in milliseconds. */
export type Latency = {
  readonly p50: number
  readonly p99: number
}

export type Rate = {
  readonly count: number
  readonly elapsedMs: number
}

export type TimedRate = Rate & Latency

export function latencyOf(samplesMs: readonly number[]): Latency {
  return { p50: quantile(samplesMs, 0.5), p99: quantile(samplesMs, 0.99) }
}

/** Does `operation` again and again, one after the other. @returns how long each took, in milliseconds */
export async function timeEach(durationMs: number, operation: () => Promise<unknown>): Promise<number[]> {
  const samplesMs: number[] = []
  const endMs = performance.now() + durationMs
  for (let startMs = performance.now(); startMs < endMs; ) {
    await operation()
    const nowMs = performance.now()
    samplesMs.push(nowMs - startMs)
    startMs = nowMs
  }
  return samplesMs
}

/** Keeps `inFlight` operations going. The time ends when the last one that was begun has ended. */
export async function countDone(
  durationMs: number,
  inFlight: number,
  operation: () => Promise<unknown>,
): Promise<TimedRate> {
  const startMs = performance.now()
  const keepBusy = () => timeEach(durationMs, operation)
  const samplesMs = (await Promise.all(Array.from({ length: inFlight }, keepBusy))).flat()
  return { count: samplesMs.length, elapsedMs: performance.now() - startMs, ...latencyOf(samplesMs) }
}
