import { describe, expect, it } from 'vitest'
import { encodeDissolve } from '../../src/groups/entry.js'
import type { Split } from '../../src/groups/split.js'
import { areReady, clustersOf, get, type Peer, set, twoClusters } from './two-clusters.js'

const first = (peers: readonly Peer[]) => peers[0] as Peer
const isOne = (peers: readonly Peer[]) => clustersOf(peers).size === 1 && areReady(peers)

describe('two clusters of one name that meet', () => {
  it('[DIS1] both without commands: the one with the larger id dissolves, everybody is in the other one', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const { simulation, small, large, meet } = await twoClusters(seed, [1 + (seed % 3), 1 + ((seed >> 1) % 3)])
      const id = first(small).legion.cluster.id
      const all = [...small, ...large]
      meet()
      await simulation.settle(() => isOne(all) && all.every(({ legion }) => legion.members.length === all.length))
      expect(first(large).legion.cluster.id).toBe(id)
      await simulation.until(set(first(large), 'a', 1))
      expect(await simulation.until(get(first(small), 'a'))).toBe(1)
    }
  }, 20_000)

  it('[DIS2] one has commands: the other one dissolves, whichever its id', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const { simulation, small, large, meet } = await twoClusters(seed, [2, 1])
      const full = seed % 2 === 0 ? small : large
      await simulation.until(set(first(full), 'a', seed))
      const { id } = first(full).legion.cluster
      const all = [...small, ...large]
      meet()
      await simulation.settle(() => isOne(all))
      expect(first(all).legion.cluster.id).toBe(id)
      for (const peer of all) expect(await simulation.until(get(peer, 'a'))).toBe(seed)
    }
  }, 20_000)

  it('[DIS3] both have commands: both sides get the event split, nothing is lost, status shows it', async () => {
    const { simulation, small, large, meet } = await twoClusters(1, [2, 2])
    const splits: Split[] = []
    for (const { legion } of [...small, ...large]) legion.on('split', (split) => splits.push(split))
    await simulation.until(set(first(small), 'a', 1))
    await simulation.until(set(first(large), 'a', 2))
    const ids = [first(small).legion.cluster.id, first(large).legion.cluster.id]
    meet()
    await simulation.settle(() => splits.length === 4)
    await simulation.run(10_000)
    expect(splits).toHaveLength(4)
    for (const { here, there } of splits) expect(new Set([here.clusterId, there.clusterId])).toEqual(new Set(ids))
    for (const { legion } of [...small, ...large]) expect(legion.status().splits).toHaveLength(1)
    expect([await simulation.until(get(first(small), 'a')), await simulation.until(get(first(large), 'a'))]).toEqual([
      1, 2,
    ])
    await simulation.until(set(first(small), 'a', 3))
  })

  it('[DIS4] documents merge whatever becomes of the clusters', async () => {
    const { simulation, small, large, meet } = await twoClusters(2)
    await simulation.until(set(first(small), 'a', 1))
    await simulation.until(set(first(large), 'a', 2))
    const text = (peer: Peer) => peer.legion.doc().y.getText('notes')
    text(first(small)).insert(0, 'x')
    text(first(large)).insert(0, 'y')
    meet()
    await simulation.settle(() => text(first(small)).length === 2)
    await simulation.settle(() => text(first(small)).toString() === text(first(large)).toString())
  })

  it('[DIS5] commands in flight while their cluster dissolves are applied exactly once, in the other one', async () => {
    let dissolved = 0
    for (let seed = 1; seed <= 12; seed++) {
      const { simulation, small, large, meet } = await twoClusters(seed, [2, 3])
      await simulation.until(set(first(small), 'n', 0))
      const isMet = () => large.some(({ legion }) => small.some(({ id }) => legion.peers.has(id)))
      meet()
      await simulation.settle(isMet)
      await simulation.run((seed % 12) * 60)
      const commands = large.map((peer) =>
        peer.legion.applyConsistent('increment', { key: 'n' }, { timeoutMs: 30_000 }),
      )
      await simulation.until(Promise.all(commands))
      await simulation.run(5_000)
      if (first(large).legion.status().splits.length > 0) continue // they were committed before
      dissolved++
      expect(clustersOf([...small, ...large]).size).toBe(1)
      expect(await simulation.until(get(first(small), 'n'))).toBe(3)
    }
    expect(dissolved).toBeGreaterThan(2)
  }, 20_000)

  it('[DIS6] who missed that its cluster dissolved learns of it from a former member', async () => {
    const { simulation, small, large, meet } = await twoClusters(3, [1, 3])
    const late = large.find(({ legion, id }) => legion.leader !== id) as Peer
    const others = large.filter((peer) => peer !== late)
    simulation.partition([late], [...others, ...small])
    simulation.network.server.unplug(late.id)
    meet()
    simulation.partition([late], [...others, ...small])
    await simulation.settle(() => isOne([...small, ...others]))
    expect(late.legion.cluster.id).not.toBe(first(small).legion.cluster.id)
    simulation.heal()
    simulation.network.server.plug(late.id)
    await simulation.settle(() => isOne([...small, ...large]))
    await simulation.until(set(late, 'a', 1))
  })

  it('[DIS7] a durable peer that comes back from a cluster that dissolved forgets that one', async () => {
    const { simulation, small, large, meet } = await twoClusters(4, [1, 3], { storage: 'simulated' })
    const late = large.find(({ legion, id }) => legion.leader !== id) as Peer
    late.crash()
    await simulation.run(2_000)
    meet()
    const others = large.filter((peer) => peer !== late)
    await simulation.settle(() => isOne([...small, ...others]))
    await simulation.until(set(first(small), 'a', 1))
    const back = late.restart()
    await simulation.settle(() => isOne([...small, ...others, back]))
    expect(await simulation.until(get(back, 'a'))).toBe(1)
  })

  it('[DIS8] a cluster that got a command first does not dissolve, whatever its leader proposed', async () => {
    const { simulation, small } = await twoClusters(5)
    const peer = first(small)
    await simulation.until(set(peer, 'a', 1))
    const other = peer.legion.cluster.id?.replace(/^./, 'z') as never
    peer.legion.main.proposeEntry(encodeDissolve(other))
    await simulation.run(1_000)
    expect(peer.legion.cluster.id).not.toBe(other)
    await simulation.until(set(peer, 'a', 2))
    expect(await simulation.until(get(peer, 'a'))).toBe(2)
  })
})
