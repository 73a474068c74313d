import { performance } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { kv } from 'legion-mesh'
import { keyAt } from './keys.js'
import { requireLegion } from './legion-tasks.js'

/** Between the end of one and the beginning of the next. */
const PAUSE_MS = 5
const FILL_IN_FLIGHT = 32

export interface Fetched {
  readonly tookMs: number
  readonly heartbeatsMs: readonly number[]
}

/**
 * Heartbeats: reads of `main` by a peer that has no vote. Each is one small message to the leader and one back, on the
 * lane of Raft's own heartbeats.
 */
export const heartbeatTasks = {
  /** Opens the group, sets `count` keys, each to a value of that size, and cuts the log: whoever joins needs a snapshot. */
  async fillGroup(name: string, count: number, sizeBytes: number): Promise<void> {
    const group = await requireLegion().group(name, kv)
    const value = 'v'.repeat(sizeBytes)
    for (let i = 0; i < count; i += FILL_IN_FLIGHT) {
      const keys = Array.from({ length: Math.min(FILL_IN_FLIGHT, count - i) }, (_, j) => `filled-${i + j}`)
      await Promise.all(keys.map((key) => group.applyConsistent('set', { key, value })))
    }
    await group.compact()
  },

  /** @returns how long each took, in milliseconds */
  heartbeats(durationMs: number): Promise<number[]> {
    const endMs = performance.now() + durationMs
    return beatUntil(() => performance.now() >= endMs)
  },

  /** Heartbeats while the state of a group comes here. @throws Error if it has not so many keys */
  async heartbeatsWhileFetching(name: string, keys: number): Promise<Fetched> {
    let isHere = false
    const startMs = performance.now()
    const opening = requireLegion()
      .group(name, kv, { timeoutMs: 300_000 })
      .finally(() => {
        isHere = true
      })
    const heartbeatsMs = await beatUntil(() => isHere)
    const size = (await opening).peek('size')
    if (size !== keys) throw new Error(`The group has ${size} keys.`)
    return { tookMs: performance.now() - startMs, heartbeatsMs }
  },
}

async function beatUntil(isOver: () => boolean): Promise<number[]> {
  const tookMs: number[] = []
  const legion = requireLegion()
  while (!isOver()) {
    const startMs = performance.now()
    await legion.read('get', keyAt(0))
    tookMs.push(performance.now() - startMs)
    await setTimeout(PAUSE_MS)
  }
  return tookMs
}
