import 'fake-indexeddb/auto'
import { deleteDB, openDB } from 'idb'
import { afterEach, expect, it, vi } from 'vitest'
import { indexedDbStorage } from '../../src/storage/indexeddb-storage.js'
import { fakeLocks } from './adapters.js'
import { bytes, contentsOf } from './stores.js'

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

it('[STO24] a database that somebody deletes breaks its store, and nobody else waits for it', async () => {
  const store = await indexedDbStorage('deleted', fakeLocks()).open('store')
  await store.write([{ key: 'k', value: bytes('v') }], 'synced')
  await deleteDB('deleted/store')
  const broken = { code: 'E_STORAGE', message: expect.stringContaining('somebody deletes the database') }
  await expect(store.get('k')).rejects.toMatchObject(broken)
  await expect(store.write([{ key: 'k', value: bytes('v') }], 'synced')).rejects.toMatchObject(broken)
  await store.close()
})

it('[STO28] synced writes are strict transactions, buffered ones relaxed, one each', async () => {
  const store = await indexedDbStorage('durability', fakeLocks()).open('store')
  const transaction = vi.spyOn(IDBDatabase.prototype, 'transaction')
  await store.write([{ key: 'a', value: bytes('v') }], 'synced')
  await store.write([{ key: 'b', value: bytes('v') }], 'buffered')
  expect(transaction.mock.calls.map(([, mode, options]) => [mode, options?.durability])).toEqual([
    ['readwrite', 'strict'],
    ['readwrite', 'relaxed'],
  ])
  await store.close()
})

it('[STO28] a batch with a value that is too large for the browser is not half stored', async () => {
  const storage = indexedDbStorage('too large', fakeLocks())
  const store = await storage.open('store')
  const put = IDBObjectStore.prototype.put
  vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (this: IDBObjectStore, value, key) {
    if (key === 'large') throw new DOMException('the value is too large', 'DataError')
    return put.call(this, value, key)
  })
  const batch = ['a', 'large', 'b'].map((key) => ({ key, value: bytes(key) }))
  await expect(store.write(batch, 'synced')).rejects.toMatchObject({
    code: 'E_STORAGE',
    message: expect.stringContaining('DataError: the value is too large'),
  })
  await store.close()
  const again = await storage.open('store')
  expect(await contentsOf(again)).toEqual({})
  await again.close()
})

it('[STO27] lists the databases with its own prefix only', async () => {
  const locks = fakeLocks()
  const names = ['app/one', 'app/a/two', 'app2/three', 'app', 'other']
  for (const name of names) (await openDB(name, 1)).close()
  expect(await indexedDbStorage('app', locks).list()).toEqual(['one'])
  expect(await indexedDbStorage('app/a', locks).list()).toEqual(['two'])
})

it('[STO29] without Web Locks there is no storage, and the error says why', () => {
  expect(() => indexedDbStorage('any', undefined)).toThrow(
    expect.objectContaining({ code: 'E_UNSUPPORTED', message: expect.stringContaining('https') }),
  )
})

it('[STO29] without IndexedDB there is no storage, and the error says so', () => {
  vi.stubGlobal('indexedDB', undefined)
  expect(() => indexedDbStorage('any', fakeLocks())).toThrow(
    expect.objectContaining({ code: 'E_UNSUPPORTED', message: expect.stringContaining('no IndexedDB') }),
  )
})
