import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LegionError } from '../../src/base/errors.js'
import { loadIdentity, newIdentity } from '../../src/identity.js'
import { memoryStorage } from '../../src/storage/memory-storage.js'
import type { Durability, Storage, Store, Write } from '../../src/storage/storage.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'

const runtime = new SimulatedClock().fork(1)

/** One start of a process: opens the store, works, and ends. */
async function start<T>(storage: Storage, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await storage.open('peer')
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

const load = (storage: Storage) => start(storage, (store) => loadIdentity(store, runtime))

describe('identity', () => {
  it('[IDN1] is drawn at the first start and the same at every later one, but for the count of starts', async () => {
    const storage = memoryStorage()
    const first = await load(storage)
    expect(first).toMatchObject({ boot: 1 })
    expect(await load(storage)).toEqual({ ...first, boot: 2 })
    expect(await load(storage)).toEqual({ ...first, boot: 3 })
    expect((await load(memoryStorage())).peerId).not.toBe(first.peerId)
    expect(newIdentity(runtime).key).not.toEqual(newIdentity(runtime).key)
  })

  it('[IDN2] is durable before it is told', async () => {
    const writes = new RecordedWrites()
    await loadIdentity(writes, runtime)
    expect(writes.durabilities).toEqual(['synced'])
    const failing = new RecordedWrites(new LegionError('E_STORAGE', 'The disk is full.'))
    await expect(loadIdentity(failing, runtime)).rejects.toMatchObject({ code: 'E_STORAGE' })
  })

  it('[IDN3] refuses what is no identity, or one of a later release, and leaves it as it is', async () => {
    const storage = memoryStorage()
    const loaded = await load(storage)
    const sound = await stored(storage)
    const damaged = [new Uint8Array(), sound.slice(0, -1), Uint8Array.of(...sound, 0), sound.with(0, 2)]
    for (const bytes of damaged) {
      await put(storage, bytes)
      await expect(load(storage)).rejects.toMatchObject({
        code: 'E_STORAGE',
        message: expect.stringMatching(/identity/),
      })
      expect(await stored(storage)).toEqual(bytes)
    }
    await put(storage, sound)
    expect((await load(storage)).peerId).toBe(loaded.peerId)
  })

  it('[IDN3] reads any bytes as an identity or refuses them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => {
        const storage = memoryStorage()
        await put(storage, bytes)
        const outcome = await load(storage).catch((error: unknown) => error)
        if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'E_STORAGE' })
        else expect(outcome).toMatchObject({ peerId: expect.any(String) })
      }),
      { seed: 1, numRuns: 300 },
    )
  })
})

/** A store that only remembers how it was written, or fails to. */
class RecordedWrites implements Store {
  readonly durabilities: Durability[] = []
  readonly #failure: LegionError | undefined

  constructor(failure?: LegionError) {
    this.#failure = failure
  }

  async get(): Promise<undefined> {}
  async *scan(): AsyncIterable<never> {}
  async *scanKeys(): AsyncIterable<never> {}
  async close(): Promise<void> {}
  async write(_batch: readonly Write[], durability: Durability): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    this.durabilities.push(durability)
  }
}

function put(storage: Storage, value: Uint8Array): Promise<void> {
  return start(storage, (store) => store.write([{ key: 'identity', value }], 'synced'))
}

function stored(storage: Storage): Promise<Uint8Array> {
  return start(storage, async (store) => (await store.get('identity')) ?? new Uint8Array())
}
