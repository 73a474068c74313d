import { describe, expect, it } from 'vitest'
import { defer } from '../../src/base/deferred.js'
import type { Durability, Store, Write } from '../../src/storage/storage.js'
import { StoreWriter } from '../../src/storage/store-writer.js'

interface Call {
  readonly batch: readonly Write[]
  readonly durability: Durability
  finish(error?: Error): void
}

/** A store whose writes the test ends. */
function manualStore() {
  const calls: Call[] = []
  const store = {
    write(batch: readonly Write[], durability: Durability) {
      const done = defer()
      calls.push({ batch, durability, finish: (error) => (error ? done.reject(error) : done.resolve()) })
      return done.promise
    },
  } as unknown as Store
  return { store, calls, last: () => calls.at(-1) as Call }
}

const put = (key: string, size = 1): Write[] => [{ key, value: new Uint8Array(size) }]
const keysOf = (call: Call | undefined) => call?.batch.map(({ key }) => key)
const settle = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}

describe('StoreWriter', () => {
  it('[RLG1] gives an idle store its first write at once, with those of the same moment', async () => {
    const { store, calls, last } = manualStore()
    const writer = new StoreWriter(store)
    const first = writer.write(put('a'), 'buffered')
    const second = writer.write(put('b'), 'buffered')
    await Promise.resolve()
    expect(calls.map(keysOf)).toEqual([['a', 'b']])
    last().finish()
    await Promise.all([first, second])
  })

  it('[RLG1] joins what comes while the store is busy, in order, synced if any part is', async () => {
    const { store, calls, last } = manualStore()
    const writer = new StoreWriter(store)
    const results = [writer.write(put('a'), 'buffered')]
    await settle()
    results.push(writer.write(put('b'), 'buffered'))
    await settle()
    results.push(writer.write([...put('c'), { key: 'a', value: undefined }], 'synced'))
    await settle()
    results.push(writer.write(put('d'), 'buffered'))
    expect(calls).toHaveLength(1)
    last().finish()
    await settle()
    expect(calls.map(keysOf)).toEqual([['a'], ['b', 'c', 'a', 'd']])
    expect(calls.map(({ durability }) => durability)).toEqual(['buffered', 'synced'])
    last().finish()
    await Promise.all(results)
    expect(writer.counts).toEqual({ writes: 4, batches: 2, syncedBatches: 1, bytes: 9 })
  })

  it('[RLG1] writes a key once per batch, as it was given last', async () => {
    const { store, calls } = manualStore()
    const writer = new StoreWriter(store)
    void writer.write(put('a', 1), 'buffered')
    void writer.write([...put('b'), { key: 'a', value: undefined }], 'buffered')
    void writer.write(put('a', 3), 'buffered')
    await settle()
    expect(calls.map(({ batch }) => batch)).toEqual([[...put('a', 3), ...put('b')]])
  })

  it('[RLG1] waits for the write it is part of, and no longer', async () => {
    const { store, last } = manualStore()
    const writer = new StoreWriter(store)
    const done: string[] = []
    void writer.write(put('a'), 'synced').then(() => done.push('a'))
    await settle()
    void writer.write(put('b'), 'synced').then(() => done.push('b'))
    await settle()
    expect(done).toEqual([])
    last().finish()
    await settle()
    expect(done).toEqual(['a'])
    last().finish()
    await settle()
    expect(done).toEqual(['a', 'b'])
  })

  it('[RLG2] bounds the bytes of a batch, never splits a write, and says how much waits', async () => {
    const { store, calls, last } = manualStore()
    const writer = new StoreWriter(store, 10)
    for (const size of [4, 4, 4, 20, 1]) void writer.write(put('k', size), 'buffered')
    expect(writer.queuedBytes).toBe(38)
    const left: number[] = []
    for (let i = 0; i < 4; i++) {
      await settle()
      last().finish()
      await settle()
      left.push(writer.queuedBytes)
    }
    expect(left).toEqual([28, 23, 2, 0])
    expect(calls).toHaveLength(4)
  })

  it('[RLG3] fails everything that waits and everything later when a write fails', async () => {
    const { store, calls, last } = manualStore()
    const writer = new StoreWriter(store)
    const first = writer.write(put('a'), 'synced')
    await settle()
    const waiting = writer.write(put('b'), 'synced')
    const failure = new Error('disk on fire')
    last().finish(failure)
    await expect(first).rejects.toBe(failure)
    await expect(waiting).rejects.toBe(failure)
    await expect(writer.write(put('c'), 'buffered')).rejects.toBe(failure)
    expect(calls).toHaveLength(1)
    expect(writer.queuedBytes).toBe(0)
  })
})
