import 'fake-indexeddb/auto'
import { describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/system-runtime.js'
import { indexedDbStorage } from '../../src/storage/indexeddb-storage.js'
import type { SharedStorage } from '../../src/storage/shared-storage.js'
import { SimulatedDisk } from '../../src/testing/simulated-disk.js'
import { fakeLocks } from './adapters.js'
import { DiskRig } from './stores.js'

const adapters: readonly (readonly [string, () => SharedStorage])[] = [
  ['IndexedDB', () => indexedDbStorage('shared', fakeLocks())],
  ['the simulated disk', () => new SimulatedDisk(systemRuntime(), { latencyMs: [0, 1] }).storage()],
]

const whenFree = (storage: SharedStorage, name: string) =>
  new Promise<void>((resolve) => {
    storage.whenFree(name, resolve)
  })

describe.each(adapters)('%s, shared by several', (_, create) => {
  it('[STO33] tells when nobody has a store open, at once if nobody has', async () => {
    const storage = create()
    const store = await storage.open('store')
    let isFree = false
    const waiting = whenFree(storage, 'store').then(() => {
      isFree = true
    })
    await whenFree(storage, 'another')
    expect(isFree).toBe(false)
    await store.close()
    await waiting
    await (await storage.open('store')).close()
  })

  it('[STO34] lets one work alone at a time, also after one whose work failed', async () => {
    const storage = create()
    const steps: string[] = []
    const work = (name: string) => async () => {
      steps.push(`${name} begins`)
      await storage.list()
      steps.push(`${name} ends`)
      if (name === 'b') throw new Error('it failed')
    }
    const all = await Promise.allSettled(['a', 'b', 'c'].map((name) => storage.alone('room', work(name))))
    expect(steps).toEqual(['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]))
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })
})

it('[STO33] a crash of who has it open frees a store, and who worked alone makes room', async () => {
  const rig = new DiskRig()
  const other = rig.disk.share(rig.clock.fork(2)).storage()
  const storage = rig.disk.storage()
  await rig.during(storage.open('store'))
  void storage.alone('room', () => new Promise(() => {}))
  const next = Promise.all([whenFree(other, 'store'), other.alone('room', async () => 'mine')])
  rig.disk.crash()
  expect(await rig.during(next)).toEqual([undefined, 'mine'])
})
