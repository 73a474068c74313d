import { afterEach, describe, expect, it } from 'vitest'
import { newPeerId, type PeerId } from '../../src/base/ids.js'
import { silentLogger } from '../../src/base/logger.js'
import { loadIdentity } from '../../src/identity.js'
import { Mesh } from '../../src/mesh/mesh.js'
import type { Platform } from '../../src/platform.js'
import { memoryStorage } from '../../src/storage/memory-storage.js'
import { memoryPlatform } from '../../src/testing/memory-platform.js'
import { cluster } from '../signaling/harness.js'

const cleanups: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

interface Parts {
  readonly name?: string
  readonly secret?: string
  readonly durable?: boolean
}

/** A mesh of the platform that writes down which cluster it hears of. */
function startMesh(platform: Platform, { name = 'theatre', secret, durable = false }: Parts = {}) {
  const { runtime, kind, host } = platform
  const logger = silentLogger
  const key = runtime.randomBytes(16)
  const self = { id: newPeerId(runtime), bootNonce: '1', name: 'someone', kind, host, canVote: true, durable }
  const createConnector = platform.createConnector
  const createRendezvous = (id: PeerId) =>
    platform.createRendezvous({ self: id, cluster: name, secret, urls: [], key, runtime, logger })
  const mesh = new Mesh({ self, runtime, logger, createConnector, createRendezvous })
  const clusters: string[] = []
  mesh.on('founded', (clusterId) => clusters.push(clusterId))
  cleanups.push(() => mesh.close())
  mesh.start()
  return { mesh, clusters }
}

const eventually = <T>(value: () => T) => expect.poll(value, { timeout: 15_000, interval: 5 })

describe('memoryPlatform', { timeout: 30_000 }, () => {
  it('[SIM40] links its peers of one cluster and secret, and nobody else', async () => {
    const platform = memoryPlatform()
    const [a, b] = [startMesh(platform), startMesh(platform)]
    const others = [
      startMesh(memoryPlatform()),
      startMesh(platform, { name: 'cinema' }),
      startMesh(platform, { secret: 'x' }),
    ]
    await eventually(() => [[...a.mesh.peers.keys()], [...b.mesh.peers.keys()]]).toEqual([
      [b.mesh.self.id],
      [a.mesh.self.id],
    ])
    for (const { mesh } of others) expect(mesh.status()).toMatchObject({ rendezvous: 'joined', peers: {} })
    const left = new Promise((resolve) => a.mesh.on('peerLeft', (_, reason) => resolve(reason)))
    await b.mesh.close()
    expect(await left).toBe('goodbye')
  })

  it('[SIM40] grants one founding, remembered while one of its members is there', async () => {
    const platform = memoryPlatform()
    const [a, b] = [startMesh(platform), startMesh(platform)]
    a.mesh.found(cluster('x'))
    await eventually(() => a.clusters).toEqual([cluster('x')])
    b.mesh.found(cluster('y'))
    await eventually(() => b.clusters.at(-1)).toBe(cluster('x'))
    await a.mesh.close()
    b.mesh.found(cluster('y'))
    await eventually(() => b.clusters.at(-1)).toBe(cluster('y'))
  })

  it('[SIM40] remembers the cluster of a durable peer that is gone', async () => {
    const platform = memoryPlatform()
    const durable = startMesh(platform, { durable: true })
    durable.mesh.found(cluster('x'))
    await eventually(() => durable.clusters).toEqual([cluster('x')])
    await durable.mesh.close()
    const next = startMesh(platform)
    await eventually(() => next.clusters).toEqual([cluster('x')])
  })

  it('[SIM41] keeps what a closed peer stored for the next one, and nothing without storage', async () => {
    const platform = memoryPlatform({ storage: memoryStorage() })
    const open = async () => {
      const opened = await platform.storage?.open('theatre', {
        worth: async () => [0],
        unusable: () => {},
      })
      if (opened === undefined) throw new Error('no storage')
      const { store } = opened
      return { store, identity: await loadIdentity(store, platform.runtime) }
    }
    const [a, b] = [await open(), await open()]
    expect(a.identity.peerId).not.toBe(b.identity.peerId)
    await a.store.close()
    const { identity } = await open()
    expect(identity).toEqual({ ...a.identity, boot: 2 })
    expect(memoryPlatform().storage).toBeUndefined()
  })
})
