import 'fake-indexeddb/auto'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { browserPlatform } from '../../src/browser-platform.js'
import { loadIdentity } from '../../src/identity.js'
import { nodePlatform } from '../../src/node/platform.js'
import type { Platform } from '../../src/platform.js'
import type { Store } from '../../src/storage/storage.js'
import { fakeLocks, temporaryDirectory } from '../storage/adapters.js'

const stores: Store[] = []

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close()
  vi.unstubAllGlobals()
})

/** One start of a peer of the cluster. */
async function start(platform: Platform, cluster = 'theatre') {
  if (platform.storage === undefined) throw new Error('the platform has no storage')
  const { store } = await platform.storage.open(cluster, { worth: async () => [], unusable: () => {} })
  stores.push(store)
  return { store, identity: await loadIdentity(store, platform.runtime) }
}

describe('nodePlatform', () => {
  it('[IDN7] keeps one peer per cluster in its directory, and nothing without one', async () => {
    const directory = await temporaryDirectory()
    const first = await start(await nodePlatform({ directory }))
    const other = await start(await nodePlatform({ directory }), 'cinema')
    await first.store.close()
    const again = await start(await nodePlatform({ directory }))
    expect(again.identity).toEqual({ ...first.identity, boot: 2 })
    expect(other.identity.peerId).not.toBe(first.identity.peerId)
    const platform = await nodePlatform({ directory })
    expect(platform.storage).toMatchObject({ kind: 'leveldb', isDefault: true })
    expect((await nodePlatform()).storage).toBeUndefined()
  })

  it('[IDN7] says which directory another process uses, and has it once that is dead', {
    timeout: 30_000,
  }, async () => {
    const directory = await temporaryDirectory()
    const platform = await nodePlatform({ directory })
    await (await start(platform)).store.close()
    const [database = ''] = await readdir(directory)
    const holder = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, join(directory, database)], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(holder.stdout, 'data')
    const locked = { code: 'E_STORAGE_LOCKED', message: expect.stringContaining(`Another process`) }
    await expect(start(platform)).rejects.toMatchObject(locked)
    await expect(start(platform)).rejects.toMatchObject({ message: expect.stringContaining(directory) })
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    await expect(start(platform)).resolves.toMatchObject({ identity: { boot: 2 } })
  })
})

const HOLDER = `
  import { ClassicLevel } from 'classic-level'
  const level = new ClassicLevel(process.argv[1])
  await level.open()
  console.log('open')
  setInterval(() => {}, 1000)
`

describe('browserPlatform', () => {
  it('[IDN8] gives each living tab a store of its own, and a later one what a closed one left', async () => {
    vi.stubGlobal('navigator', { userAgent: 'Firefox', locks: fakeLocks() })
    const tabs = await Promise.all([start(browserPlatform()), start(browserPlatform())])
    const ids = tabs.map(({ identity }) => identity.peerId)
    expect(new Set(ids).size).toBe(2)
    await tabs[1]?.store.close()
    const reopened = await start(browserPlatform())
    expect(reopened.identity).toEqual({ ...tabs[1]?.identity, boot: 2 })
    expect(browserPlatform().storage).toMatchObject({ kind: 'indexeddb', isDefault: false })
  })

  it('[IDN8] says what is missing where pages have no Web Locks', async () => {
    vi.stubGlobal('navigator', { userAgent: 'Firefox' })
    await expect(start(browserPlatform())).rejects.toMatchObject({ code: 'E_UNSUPPORTED' })
  })
})
