import { describe, expect, it } from 'vitest'
import { LegionError } from '../../src/base/errors.js'
import { openFreeStore, openSharedStore, storeNameOf } from '../../src/storage/cluster-stores.js'
import { memoryStorage } from '../../src/storage/memory-storage.js'
import type { Storage, Store } from '../../src/storage/storage.js'
import { SimulatedDisk } from '../../src/testing/simulated-disk.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'

const runtime = new SimulatedClock().fork(1)
const unusable: unknown[] = []
const choice = {
  worth: async (store: Store) => [...((await store.get('worth')) ?? [])],
  unusable: (error: unknown) => void unusable.push(error),
}

class Profile {
  readonly storage: Storage = memoryStorage()

  /** A tab that marks its store with its name, and tells whose mark it found there. */
  async openTab(name: string, cluster = 'theatre'): Promise<{ store: Store; found: string | undefined }> {
    const store = await openFreeStore(this.storage, cluster, runtime, choice)
    const mark = await store.get('mark')
    await store.write([{ key: 'mark', value: new TextEncoder().encode(name) }], 'synced')
    return { store, found: mark && new TextDecoder().decode(mark) }
  }
}

describe('stores of a cluster', () => {
  it('[IDN4] have names that any storage takes, one for each cluster name', () => {
    const names = ['theatre', 'Theatre', 'a/b c:ü\u0000', 'x'.repeat(200)].map(storeNameOf)
    for (const name of names) expect(name).toMatch(/^[\w-]{22}$/)
    expect(new Set(names).size).toBe(names.length)
    expect(storeNameOf('theatre')).toBe(names[0])
  })

  it('[IDN5] are shared out among tabs: each takes a free one, a new one only if there is none', async () => {
    const profile = new Profile()
    const [a, b] = [await profile.openTab('a'), await profile.openTab('b')]
    expect([a.found, b.found]).toEqual([undefined, undefined])
    await a.store.close()
    const c = await profile.openTab('c')
    expect(c.found).toBe('a')
    await b.store.close()
    await c.store.close()
    const back = [await profile.openTab('d'), await profile.openTab('e')].map(({ found }) => found)
    expect(back.sort()).toEqual(['b', 'c'])
    expect(await profile.storage.list()).toHaveLength(2)
  })

  it('[IDN5] are never shared by tabs that open at the same moment', async () => {
    const profile = new Profile()
    const tabs = await Promise.all([profile.openTab('a'), profile.openTab('b')])
    for (const { store } of tabs) await store.close()
    const again = await Promise.all([profile.openTab('c'), profile.openTab('d'), profile.openTab('e')])
    expect(again.map(({ found }) => found).sort()).toEqual(['a', 'b', undefined])
  })

  it('[IDN5] are those of one cluster', async () => {
    const profile = new Profile()
    await (await profile.openTab('a')).store.close()
    expect((await profile.openTab('b', 'another')).found).toBeUndefined()
    expect((await profile.openTab('c')).found).toBe('a')
  })

  it('[IDN6] are at most sixteen', async () => {
    const profile = new Profile()
    const tabs = []
    for (let i = 0; i < 16; i++) tabs.push(await profile.openTab(`tab ${i}`))
    await expect(profile.openTab('one too many')).rejects.toMatchObject({ code: 'E_STORAGE' })
    expect((await profile.openTab('b', 'another')).found).toBeUndefined()
    await tabs[7]?.store.close()
    expect((await profile.openTab('later')).found).toBe('tab 7')
  })

  it('[IDN6] a damaged one is told, and passed over', async () => {
    const profile = new Profile()
    const { store } = await profile.openTab('a')
    await store.close()
    const [damaged] = await profile.storage.list()
    const error = new LegionError('E_STORAGE', 'It is damaged.')
    const storage: Storage = {
      list: () => profile.storage.list(),
      remove: (name) => profile.storage.remove(name),
      open: (name) => (name === damaged ? Promise.reject(error) : profile.storage.open(name)),
    }
    await openFreeStore(storage, 'theatre', runtime, choice)
    expect(unusable).toEqual([error])
    expect(await profile.storage.list()).toHaveLength(2)
  })

  it('[IDN9] of several free ones the one that is worth most is taken', async () => {
    const profile = new Profile()
    const tabs = [await profile.openTab('a'), await profile.openTab('b'), await profile.openTab('c')]
    const worths = [
      [2, 1],
      [2, 9],
      [1, 20],
    ]
    for (const [i, { store }] of tabs.entries()) {
      await store.write([{ key: 'worth', value: Uint8Array.from(worths[i] ?? []) }], 'synced')
      await store.close()
    }
    const found = [await profile.openTab('x'), await profile.openTab('y'), await profile.openTab('z')]
    expect(found.map((tab) => tab.found)).toEqual(['b', 'a', 'c'])
  })

  it('[IDN10] tabs that come back at the same moment get what was left, and so does who comes while one is visited', async () => {
    const clock = new SimulatedClock()
    const disk = new SimulatedDisk(clock.fork(1))
    const runtime = clock.fork(4)
    const openTab = () => openSharedStore(disk.share(clock.fork(2)).storage(), 'theatre', runtime, choice)
    const openTwo = () => settled(clock, Promise.all([openTab(), openTab()]))
    for (const { store } of await openTwo()) await settled(clock, store.close())
    const [left, { siblings }] = await openTwo()
    const [name = ''] = (await settled(clock, siblings?.list() ?? Promise.reject())) ?? []
    await settled(clock, left.store.close())
    const visit = siblings?.visit(name, () => new Promise((resolve) => clock.fork(3).setTimer(100, () => resolve(1))))
    const [visited] = await settled(clock, Promise.all([visit, openTab()]))
    expect(visited).toBe(1)
    expect(await settled(clock, disk.storage().list())).toHaveLength(2)
  })

  it('[IDN11] a tab that comes back gets its store though somebody has it for a moment', async () => {
    const clock = new SimulatedClock()
    const disk = new SimulatedDisk(clock.fork(1))
    const open = () => openSharedStore(disk.share(clock.fork(2)).storage(), 'theatre', clock.fork(4), choice)
    const first = await settled(clock, open())
    await settled(clock, first.store.close())
    const [name = ''] = await settled(clock, disk.storage().list())
    const held = await settled(clock, disk.share(clock.fork(3)).storage().open(name))
    clock.fork(5).setTimer(20, () => void held.close())
    await settled(clock, open())
    expect(await settled(clock, disk.storage().list())).toEqual([name])
  })
})

async function settled<T>(clock: SimulatedClock, promise: Promise<T>): Promise<T> {
  await clock.run(1000)
  return promise
}
