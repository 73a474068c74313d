import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Store, Write } from '../../src/storage/storage.js'
import { bytes, DiskRig, text } from './stores.js'

/** The n-th batch moves `a`, `b` and `c` to n, and leaves a key of its own. */
function batch(n: number): Write[] {
  return ['a', 'b', 'c', `own${n}`].map((key) => ({ key, value: bytes(`${n}`) }))
}

/** How many batches are there, from the first on; throws if it is not a prefix or one is half there. */
function prefixLength(contents: Record<string, string>): number {
  const own = Object.keys(contents).filter((key) => key.startsWith('own'))
  const length = own.length
  expect(contents).toEqual(expected(length))
  return length
}

function expected(length: number): Record<string, string> {
  const contents: Record<string, string> = {}
  for (let n = 1; n <= length; n++) for (const { key, value } of batch(n)) contents[key] = text(value) ?? ''
  return contents
}

/** What each of `count` writes came to after the time; `durabilities` are repeated. */
function writeMany(store: Store, count: number, isSynced: (n: number) => boolean) {
  const resolved = { all: 0, synced: 0 }
  for (let n = 1; n <= count; n++) {
    const writing = store.write(batch(n), isSynced(n) ? 'synced' : 'buffered')
    writing.then(() => {
      resolved.all = n
      if (isSynced(n)) resolved.synced = n
    })
  }
  return resolved
}

/** Opening, reading the format, looking for entries, writing the format; four writes and reads; closing, listing. */
const OPERATIONS_OF_WORK = 4 + 4 * 2 + 2

async function work(rig: DiskRig, progress: { resolved: number }): Promise<void> {
  const storage = rig.disk.storage()
  const store = await storage.open('store')
  try {
    for (let n = 1; n <= 4; n++) {
      await store.write(batch(n), 'synced')
      progress.resolved = n
      await store.get('a')
    }
  } finally {
    await store.close()
  }
  await storage.list()
}

describe('a simulated disk', () => {
  it('[STO19] a crash keeps a prefix of the writes with all that resolved as synced, and nothing half', async () => {
    const crashes = fc.record({
      seed: fc.nat(),
      syncedEvery: fc.integer({ min: 1, max: 8 }),
      crashAfterMs: fc.integer({ min: 0, max: 30 }),
    })
    const beyond = { resolved: 0, lost: 0 }
    const property = fc.asyncProperty(crashes, async ({ seed, syncedEvery, crashAfterMs }) => {
      const rig = new DiskRig(seed)
      const store = await rig.open()
      const resolved = writeMany(store, 20, (n) => n % syncedEvery === 0)
      await rig.clock.run(crashAfterMs)
      rig.disk.crash()
      const kept = prefixLength(await rig.contents())
      expect(kept).toBeGreaterThanOrEqual(resolved.synced)
      expect(kept).toBeLessThanOrEqual(resolved.all + 1)
      if (kept > resolved.all) beyond.resolved++
      if (kept < resolved.all) beyond.lost++
    })
    await fc.assert(property, { seed: 7, numRuns: 300 })
    expect(beyond.resolved).toBeGreaterThan(10)
    expect(beyond.lost).toBeGreaterThan(10)
  })

  it('[STO19] a buffered write becomes durable by itself a little later', async () => {
    const rig = new DiskRig(1, { flushMs: 100 })
    const store = await rig.open()
    await rig.during(store.write(batch(1), 'buffered'))
    await rig.clock.run(101)
    rig.disk.crash()
    expect(prefixLength(await rig.contents())).toBe(1)
  })

  it('[STO19] a crash frees the stores, and what the process that crashed does reaches nobody', async () => {
    const rig = new DiskRig()
    const storage = rig.disk.storage()
    const store = await rig.during(storage.open('store'))
    rig.disk.crash()
    const next = await rig.open()
    let settled = 0
    const late = [store.write(batch(1), 'synced'), store.get('a'), store.close(), storage.open('x'), storage.list()]
    for (const promise of late) promise.finally(() => settled++).catch(() => {})
    await rig.clock.run(10_000)
    expect(settled).toBe(0)
    await expect(rig.during(rig.disk.storage().open('store'))).rejects.toMatchObject({ code: 'E_STORAGE_LOCKED' })
    expect(await rig.during(next.get('a'))).toBeUndefined()
    expect(await rig.during(rig.disk.storage().list())).toEqual(['store'])
  })

  it('[STO19] the same seed gives the same run', async () => {
    const run = async (seed: number) => {
      const rig = new DiskRig(seed)
      const store = await rig.open()
      writeMany(store, 20, () => false)
      await rig.clock.run(15)
      rig.disk.crash()
      return [await rig.contents(), rig.disk.operationCount, rig.clock.firedCount]
    }
    expect(await run(5)).toEqual(await run(5))
    const lengths = new Set<number>()
    for (let seed = 0; seed < 10; seed++) lengths.add(Object.keys((await run(seed))[0] ?? {}).length)
    expect(lengths.size).toBeGreaterThan(2)
  })

  it('[STO20] whichever operation fails, the store opens again to the old or the new state', async () => {
    const ends = { old: 0, new: 0, failed: 0 }
    for (let k = 1; k <= OPERATIONS_OF_WORK; k++) {
      for (let seed = 0; seed < 10; seed++) {
        const rig = new DiskRig(seed)
        const progress = { resolved: 0 }
        rig.disk.failOperation(k)
        await rig.during(work(rig, progress)).catch((error) => {
          expect(error).toMatchObject({ code: 'E_STORAGE', message: expect.stringContaining('was told to fail') })
          ends.failed++
        })
        if (seed % 2 === 0) rig.disk.crash()
        const kept = prefixLength(await rig.contents())
        if (kept === progress.resolved) ends.old++
        else if (kept === progress.resolved + 1) ends.new++
      }
    }
    expect(ends.failed).toBe(OPERATIONS_OF_WORK * 10)
    expect(ends.old + ends.new).toBe(OPERATIONS_OF_WORK * 10)
    expect(ends.new).toBeGreaterThan(5)
  })

  it('[STO14] damage is found', async () => {
    const rig = new DiskRig()
    const store = await rig.open()
    await rig.during(store.write(batch(1), 'synced'))
    rig.disk.damage('store', 'b')
    await expect(rig.during(store.get('b'))).rejects.toMatchObject({
      code: 'E_STORAGE',
      message: expect.stringContaining('Store "store" is damaged: the value of "b"'),
    })
  })
})
