import type { SignalingServer, SignalingServerOptions } from 'legion-signaling'
import { beforeEach, describe, expect, it } from 'vitest'
import { newClusterId, newPeerId } from '../../lib/src/base/ids.js'
import { hasRedis, RedisServer } from './redis-server.js'
import { cleanups, eventually, meet, newKey, runtime, serve, TestPeer } from './test-peer.js'

describe.skipIf(!hasRedis)('two instances with one Redis (needs redis-server)', { timeout: 90_000 }, () => {
  let redis: RedisServer

  beforeEach(async () => {
    redis = await RedisServer.open()
    cleanups.push(() => redis.close())
  })

  async function serveTwo(options: SignalingServerOptions = {}): Promise<[SignalingServer, SignalingServer]> {
    const shared = { ...options, redis: { url: redis.url, leaseMs: 3000 } }
    const servers: [SignalingServer, SignalingServer] = [await serve(0, shared), await serve(0, shared)]
    for (const server of servers) await eventuallyShared(server, 1)
    return servers
  }

  /** @param shared 1: it knows the other instance, 0: it is cut off */
  async function eventuallyShared(server: SignalingServer, shared: 0 | 1): Promise<void> {
    const metrics = async () => (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text()
    await expect.poll(metrics, { timeout: 15_000 }).toContain(`legion_signaling_shared ${shared}\n`)
  }

  it('[SIG31] all peers meet, while Redis is killed and started again', async () => {
    const [one, two] = await serveTwo()
    const early = [one, two, one, two].map(({ url }) => new TestPeer([url]))
    await meet(...early)
    await redis.kill()
    for (const server of [one, two]) await eventuallyShared(server, 0)
    const alone = [one, two, one, two].map(({ url }) => new TestPeer([url]))
    for (const peer of alone) await eventually(() => peer.status).toBe('joined')
    await redis.start()
    const late = [one, two].map(({ url }) => new TestPeer([url]))
    const all = [...early, ...alone, ...late]
    await meet(...all)
    for (const [i, peer] of all.entries()) {
      const next = all[(i + 1) % all.length] as TestPeer
      expect(peer.say(next, `from ${i}`)).toBe(true)
      await eventually(() => next.signals).toContain(`from ${i}`)
    }
  })

  it('[SIG31] one founding, wherever it is asked for', async () => {
    const servers = await serveTwo()
    const peers = [0, 1, 2, 3, 4, 5].map((i) => new TestPeer([servers[i % 2]?.url]))
    await meet(...peers)
    for (const peer of peers) peer.rendezvous.found(newClusterId(runtime))
    for (const peer of peers) await eventually(() => peer.founded.length).toBe(1)
    expect(new Set(peers.map(({ cluster }) => cluster)).size).toBe(1)
  })

  it('[SIG31] a PeerId is safe at both, and its owner may come by either', async () => {
    const [one, two] = await serveTwo()
    const [id, key] = [newPeerId(runtime), newKey()]
    const owner = new TestPeer([`${one.url} ${two.url}`], { id, key })
    await eventually(() => owner.status).toBe('joined')
    const thieves = [one, two].map(({ url }) => new TestPeer([url], { id }))
    for (const thief of thieves) await eventually(() => thief.problem).toContain('keeps the id of this peer')
    expect(owner.status).toBe('joined')
    await owner.rendezvous.leave()
    const again = new TestPeer([`${one.url} ${two.url}`], { id, key })
    await eventually(() => again.status).toBe('joined')
  })

  it('[SIG31] a room is full for both', async () => {
    const [one, two] = await serveTwo({ limits: { membersPerRoom: 2 } })
    await meet(new TestPeer([one.url]), new TestPeer([two.url]))
    const surplus = [one, two].map(({ url }) => new TestPeer([url]))
    for (const peer of surplus) await eventually(() => peer.problem).toContain('no place left in the room')
  })

  it('[SIG31] peers of one that is closed move over to the other, and keep their cluster', async () => {
    const [one, two] = await serveTwo()
    const both = `${one.url} ${two.url}`
    const peers = [0, 1, 2, 3].map(() => new TestPeer([both]))
    await meet(...peers)
    const clusterId = newClusterId(runtime)
    peers[0]?.rendezvous.found(clusterId)
    await eventually(() => peers[0]?.founded).toEqual([clusterId])
    await one.close({ drainMs: 100 })
    const newcomer = new TestPeer([both])
    await meet(...peers, newcomer)
    expect(newcomer.cluster).toBe(clusterId)
    for (const peer of peers) await eventually(() => peer.status).toBe('joined')
  })
})
