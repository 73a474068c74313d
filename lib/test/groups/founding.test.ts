import { describe, expect, it } from 'vitest'
import type { kv } from '../../src/machines/index.js'
import { createSimulation, type SimulatedPeer } from '../../src/testing/simulation.js'
import { get, type Peer, set } from './two-clusters.js'

const clustersOf = (peers: readonly SimulatedPeer[]) => new Set(peers.map(({ legion }) => legion.cluster.id))
const areReady = (peers: readonly SimulatedPeer[]) => peers.every(({ legion }) => legion.status().isReady)

/** To found and to join, and nothing that is waited for. */
const AT_ONCE_MS = 1_000

describe('founding', () => {
  it('[FND1] of peers that open at the same moment exactly one founds the cluster', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const simulation = createSimulation({ seed })
      const peers = await simulation.peers(2 + (seed % 4))
      expect(clustersOf(peers).size).toBe(1)
    }
  })

  it('[FND2] nobody founds a cluster while the signaling server is away; documents work meanwhile', async () => {
    const simulation = createSimulation({ seed: 2 })
    simulation.network.server.down()
    const peers = [simulation.open(), simulation.open()]
    await simulation.run(20_000)
    expect(peers.map(({ legion }) => legion.cluster.id)).toEqual([undefined, undefined])
    peers[0]?.legion.applyFast((doc) => doc.getText('notes').insert(0, 'early'))
    simulation.network.server.up()
    await simulation.settle(() => areReady(peers))
    expect(clustersOf(peers).size).toBe(1)
    await simulation.settle(() => peers[1]?.legion.doc().y.getText('notes').toString() === 'early')
  })

  it('[FND3] who comes after the signaling server restarted joins the living cluster', async () => {
    const simulation = createSimulation({ seed: 3 })
    const peers = await simulation.peers(3)
    simulation.network.server.down()
    await simulation.run(5_000)
    simulation.network.server.up()
    peers.push(simulation.open())
    await simulation.settle(() => areReady(peers))
    expect(clustersOf(peers).size).toBe(1)
    expect(peers[0]?.legion.members).toHaveLength(4)
  })

  it('[FND4] when all who had the state are gone, the next one founds a new cluster', async () => {
    const simulation = createSimulation({ seed: 4 })
    const peers = await simulation.peers(2)
    const old = peers[0]?.legion.cluster.id
    for (const peer of peers) peer.crash()
    const next = simulation.open()
    await simulation.settle(() => areReady([next]))
    expect(next.legion.cluster.id).not.toBe(old)
  })

  it.each([1, 3])(
    '[FND10] %i tabs without storage that all reload at once found a new cluster at once',
    async (count) => {
      for (let seed = 1; seed <= 5; seed++) {
        const simulation = createSimulation({ seed })
        const peers = await simulation.peers(count, { kind: 'browser', host: 'one' })
        const old = peers[0]?.legion.cluster.id
        for (const peer of peers) peer.closePage()
        await simulation.run(150)
        const next = peers.map((peer) => peer.restart())
        await simulation.run(AT_ONCE_MS)
        expect(areReady(next)).toBe(true)
        expect(clustersOf(next).size).toBe(1)
        expect(next[0]?.legion.cluster.id).not.toBe(old)
      }
    },
  )

  it.each(['memory', 'simulated'] as const)(
    '[FND11] when the last one that had the cluster has left for good, whoever opens next founds a new one (%s)',
    async (second) => {
      const simulation = createSimulation({ seed: 11 })
      const [first] = await simulation.peers<typeof kv>(1, { storage: 'simulated' })
      const peers = [first as Peer, ...(await simulation.peers<typeof kv>(1, { storage: second }))]
      await simulation.settle(() => peers.every(({ legion }) => legion.members.length === 2))
      const old = clustersOf(peers)
      for (const peer of peers) await simulation.until(peer.legion.leave())
      const next = simulation.open({ storage: 'simulated' })
      await simulation.run(AT_ONCE_MS)
      expect(areReady([next])).toBe(true)
      expect(old.has(next.legion.cluster.id)).toBe(false)
    },
  )

  it('[FND11] so does who opens after it has left and another one, without storage, has crashed', async () => {
    const simulation = createSimulation({ seed: 12 })
    const [durable] = await simulation.peers<typeof kv>(1, { storage: 'simulated' })
    const [other] = await simulation.peers<typeof kv>(1)
    await simulation.run(5_000)
    await simulation.until((durable as Peer).legion.leave())
    ;(other as Peer).crash()
    const next = simulation.open()
    await simulation.settle(() => areReady([next]))
  })

  it('[FND11] a tab without storage that is the last one tells so when it closes', async () => {
    const simulation = createSimulation({ seed: 13 })
    const browser = { kind: 'browser', host: 'one' } as const
    const durable = await simulation.peers<typeof kv>(2, { ...browser, storage: 'simulated' })
    const [tab] = await simulation.peers<typeof kv>(1, browser)
    await simulation.run(5_000)
    durable[0]?.closePage()
    await simulation.run(5_000)
    await simulation.until((durable[1] as Peer).legion.leave())
    ;(tab as Peer).closePage()
    await simulation.run(150)
    const next = simulation.open()
    await simulation.run(AT_ONCE_MS)
    expect(areReady([next])).toBe(true)
  })

  it('[FND12] nobody founds a new one while a member that is not there has it on disk', async () => {
    for (const isRestarted of [false, true]) {
      const simulation = createSimulation({ seed: 14 })
      const [away] = await simulation.peers<typeof kv>(1, { storage: 'simulated' })
      const rest = await simulation.peers<typeof kv>(2, { storage: 'simulated' })
      const all = [away as Peer, ...rest]
      await simulation.settle(() => all.every(({ legion }) => legion.members.length === 3))
      const old = away?.legion.cluster.id
      await simulation.until((away as Peer).legion.close())
      if (isRestarted) {
        simulation.network.server.down()
        simulation.network.server.up()
        await simulation.run(5_000)
      }
      await simulation.until((rest[0] as Peer).legion.leave())
      const last = (rest[1] as Peer).legion.leave({ timeoutMs: 3_000 })
      await simulation.until(last.catch(() => {}))
      const next = simulation.open<typeof kv>()
      await simulation.run(30_000)
      expect(next.legion.cluster.id).toBeUndefined()
      const back = [away as Peer, rest[1] as Peer].map((peer) => peer.restart())
      await simulation.settle(() => areReady([next, ...back]))
      expect(next.legion.cluster.id).toBe(old)
    }
  })

  it('[FND12] who recovered the cluster alone and leaves it does not speak for those that were left behind', async () => {
    const simulation = createSimulation({ seed: 15 })
    const peers = await simulation.peers<typeof kv>(3, { storage: 'simulated' })
    await simulation.settle(() => peers.every(({ legion }) => legion.members.length === 3))
    const [last, ...lost] = peers as [Peer, ...Peer[]]
    await simulation.until(set(last, 'a', 1))
    for (const peer of lost) peer.crash()
    simulation.network.server.down()
    simulation.network.server.up()
    await simulation.run(30_000)
    await simulation.until(last.legion.recover())
    await simulation.until(last.legion.leave())
    const next = simulation.open<typeof kv>()
    await simulation.run(30_000)
    expect(next.legion.cluster.id).toBeUndefined()
    const back = lost.map((peer) => peer.restart())
    await simulation.settle(() => areReady([next, ...back]))
    expect(await simulation.until(get(next, 'a'))).toBe(1)
  })

  it('[FND5] two that open at once over lossy signaling found one cluster', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const conditions = { signalLoss: 0.3, dialFailure: 0.3 }
      const simulation = createSimulation({ seed, conditions })
      const peers = await simulation.peers(2)
      expect(clustersOf(peers).size).toBe(1)
    }
  }, 20_000)

  it('[FND6] a signaling server that restarts at whatever moment of a founding leaves one cluster', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const simulation = createSimulation({ seed })
      const peers = [simulation.open<typeof kv>(), simulation.open<typeof kv>()]
      await simulation.run(1_900 + 30 * seed)
      simulation.network.server.down()
      await simulation.run(100 * seed)
      simulation.network.server.up()
      await simulation.settle(() => areReady(peers) && clustersOf(peers).size === 1)
      await simulation.until(set(peers[0] as Peer, 'a', seed))
      expect(await simulation.until(get(peers[1] as Peer, 'a'))).toBe(seed)
    }
  }, 20_000)

  it("[FND7] with { startup: 'join' } a peer founds nothing and waits for somebody who does", async () => {
    const simulation = createSimulation({ seed: 5 })
    const waiting = simulation.open({ startup: 'join' })
    await simulation.run(20_000)
    expect(waiting.legion.cluster.id).toBeUndefined()
    const founder = simulation.open()
    await simulation.settle(() => areReady([waiting, founder]))
    expect(clustersOf([waiting, founder]).size).toBe(1)
  })

  it("[FND8] with { startup: 'found' } a peer founds the cluster, or fails if there is one", async () => {
    const simulation = createSimulation({ seed: 6 })
    const [founder] = await simulation.peers(1, { startup: 'found' })
    const second = simulation.open({ startup: 'found' })
    await expect(simulation.until(second.legion.ready)).rejects.toMatchObject({ code: 'E_SPLIT' })
    expect(areReady([founder as SimulatedPeer])).toBe(true)
  })
})
