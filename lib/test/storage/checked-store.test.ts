import { expect, it } from 'vitest'
import { checkedStorage } from '../../src/storage/checked-storage.js'
import { MemoryTable } from '../../src/storage/memory-table.js'
import type { RawStore } from '../../src/storage/raw-storage.js'
import type { Durability, Write } from '../../src/storage/storage.js'
import { bytes, DiskRig, text } from './stores.js'

/** A storage with one table below it that tests can reach, and a log of what reaches it. */
function openTable({ write = async () => {} }: Partial<RawStore> = {}) {
  const table = new MemoryTable()
  const written: { readonly keys: readonly string[]; readonly durability: Durability }[] = []
  const raw: RawStore = {
    get: async (key) => table.get(key),
    page: async (range, limit) => table.page(range, limit),
    async write(batch, durability) {
      written.push({ keys: batch.map(({ key }) => key), durability })
      await write(batch, durability)
      table.apply(batch)
    },
    close: async () => {},
  }
  const storage = checkedStorage({ open: async () => raw, list: async () => [], remove: async () => {} })
  return { table, written, storage }
}

const put = (key: string, value: string): Write => ({ key, value: bytes(value) })

it('[STO14] refuses a damaged value, naming store and key, and reads the others', async () => {
  const { table, storage } = openTable()
  const store = await storage.open('main')
  await store.write([put('a', 'first'), put('b', 'second')], 'synced')
  const stored = table.get('a') as Uint8Array
  for (let bit = 0; bit < stored.length * 8; bit++) {
    const damaged = stored.slice()
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    table.apply([{ key: 'a', value: damaged }])
    const message =
      'Store "main" is damaged: the value of "a" is not what was written. Remove the store; the cluster has the data.'
    await expect(store.get('a')).rejects.toMatchObject({ code: 'E_STORAGE', message })
  }
  for (const value of [stored.subarray(0, -1), stored.subarray(0, 3), new Uint8Array(0)]) {
    table.apply([{ key: 'a', value }])
    await expect(store.get('a')).rejects.toMatchObject({ code: 'E_STORAGE' })
  }
  await expect(store.scan('')[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'E_STORAGE' })
  expect(text(await store.get('b'))).toBe('second')
})

it('[STO14] refuses a value that was written for another key', async () => {
  const { table, storage } = openTable()
  const store = await storage.open('main')
  await store.write([put('a', 'bc')], 'synced')
  table.apply([
    { key: 'b', value: table.get('a') },
    { key: 'ab', value: table.get('a') },
  ])
  await expect(store.get('b')).rejects.toMatchObject({ code: 'E_STORAGE' })
  await expect(store.get('ab')).rejects.toMatchObject({ code: 'E_STORAGE' })
})

it.each([
  ['legion-store 2', 'has format 2; this version of legion-mesh knows format 1 only'],
  ['legion-store 999999999', 'has format 999999999; this version of legion-mesh knows format 1 only'],
  ['legion-store', 'is damaged: the record of its format'],
  ['legion-store 1 ', 'is damaged: the record of its format'],
  ['\u0000', 'is damaged: the record of its format'],
  ['', 'is damaged: the record of its format'],
  [undefined, 'is damaged: the record of its format'],
])('[STO15] a store whose format is %j is refused', async (format, message) => {
  const { table, written, storage } = openTable()
  const store = await storage.open('main')
  await store.write([put('a', 'first')], 'synced')
  await store.close()
  const [formatKey = ''] = written[0]?.keys ?? []
  await (await storage.open('main')).close()
  table.apply([{ key: formatKey, value: format === undefined ? undefined : bytes(format) }])
  await expect(storage.open('main')).rejects.toMatchObject({
    code: 'E_STORAGE',
    message: expect.stringContaining(`Store "main" ${message}`),
  })
})

it('[STO16] gives the disk one write at a time, and after a failure fails for good, with one error', async () => {
  const failure = new Error('the platter broke')
  let running = 0
  const { written, storage } = openTable({
    async write(batch) {
      expect(++running).toBe(1)
      await Promise.resolve()
      running--
      if (batch[0]?.key === 'bad') throw failure
    },
  })
  const store = await storage.open('main')
  const keys = ['good', 'better', 'bad', 'late', 'later']
  const results = await Promise.allSettled(keys.map((key) => store.write([put(key, key)], 'synced')))
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected', 'rejected'])
  const errors = results.slice(2).map((result) => (result as PromiseRejectedResult).reason)
  expect(errors[0]).toMatchObject({
    code: 'E_STORAGE',
    message: 'Writing store "main" failed (Error: the platter broke). Check the disk, then open it again.',
    cause: failure,
  })
  const afterwards = [store.get('good'), store.write([], 'buffered'), store.scan('')[Symbol.asyncIterator]().next()]
  for (const result of await Promise.allSettled(afterwards)) {
    errors.push((result as PromiseRejectedResult).reason)
  }
  expect(new Set(errors).size).toBe(1)
  expect(written.map((write) => write.keys[0]).slice(1)).toEqual(['good', 'better', 'bad'])
  await store.close()
})

it('[STO17] an empty synced batch still makes durable what was written before', async () => {
  const { written, storage } = openTable()
  const store = await storage.open('main')
  await store.write([], 'synced')
  expect(written.at(-1)).toMatchObject({ durability: 'synced', keys: [expect.any(String)] })
  const rig = new DiskRig()
  const simulated = await rig.open()
  await rig.during(simulated.write([put('k', 'v')], 'buffered'))
  await rig.during(simulated.write([], 'synced'))
  rig.disk.crash()
  expect(await rig.contents()).toEqual({ k: 'v' })
})

it('[STO18] a full disk is called by its name', async () => {
  const rig = new DiskRig()
  const store = await rig.open()
  await rig.during(store.write([put('k', 'v')], 'synced'))
  rig.disk.isFull = true
  await expect(rig.during(store.write([put('k', 'w')], 'synced'))).rejects.toMatchObject({
    code: 'E_STORAGE',
    message: expect.stringContaining('It is full: free some space, then open it again.'),
  })
  rig.disk.isFull = false
  await expect(rig.during(store.write([put('k', 'w')], 'synced'))).rejects.toMatchObject({ code: 'E_STORAGE' })
  await rig.during(store.close())
  expect(await rig.contents()).toEqual({ k: 'v' })
})

it('[STO18] a full disk is found among the causes of an error', async () => {
  const { storage } = openTable({
    async write(batch) {
      if (batch[0]?.key !== 'k') return
      throw new Error('aborted', { cause: new DOMException('no more', 'QuotaExceededError') })
    },
  })
  const store = await storage.open('main')
  const message = expect.stringContaining('QuotaExceededError: no more). It is full')
  await expect(store.write([put('k', 'v')], 'synced')).rejects.toMatchObject({ message })
})
