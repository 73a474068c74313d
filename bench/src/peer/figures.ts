import { performance } from 'node:perf_hooks'

/** Of one run, in milliseconds. */
export type Latency = {
  readonly p50: number
  readonly p99: number
}

export type Rate = {
  readonly count: number
  readonly elapsedMs: number
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
): Promise<Rate> {
  const startMs = performance.now()
  let count = 0
  const keepBusy = async () => {
    while (performance.now() - startMs < durationMs) {
      await operation()
      count++
    }
  }
  await Promise.all(Array.from({ length: inFlight }, keepBusy))
  return { count, elapsedMs: performance.now() - startMs }
}
