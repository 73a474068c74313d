import { quantile } from '../statistics.js'

/** What is kept of a distribution: enough to see its shape. */
export const QUANTILES = [
  { name: 'p1', fraction: 0.01 },
  { name: 'p10', fraction: 0.1 },
  { name: 'p25', fraction: 0.25 },
  { name: 'p50', fraction: 0.5 },
  { name: 'p75', fraction: 0.75 },
  { name: 'p90', fraction: 0.9 },
  { name: 'p99', fraction: 0.99 },
  { name: 'p999', fraction: 0.999 },
] as const

/** Of one run, in milliseconds. */
export type Latency = { readonly [Q in (typeof QUANTILES)[number]['name']]: number }

export type Rate = {
  readonly count: number
  readonly elapsedMs: number
}

export type TimedRate = Rate & Latency

export function latencyOf(samplesMs: readonly number[]): Latency {
  const sorted = samplesMs.toSorted((a, b) => a - b) // sorting what is sorted takes no time
  return Object.fromEntries(QUANTILES.map(({ name, fraction }) => [name, quantile(sorted, fraction)])) as Latency
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
