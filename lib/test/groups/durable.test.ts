import { describe, expect, it } from 'vitest'
import { kv } from '../../src/machines/index.js'
import { createSimulation, type SimulatedPeer, type Simulation } from '../../src/testing/simulation.js'

type Peer = SimulatedPeer<typeof kv>

const options = { machine: kv, storage: 'simulated' } as const
const set = (peer: Peer, key: string, value: number) => peer.legion.applyConsistent('set', { key, value })
const ready = (peers: readonly Peer[]) => peers.every(({ legion }) => legion.status().isReady)
const ids = (peers: readonly Peer[]) => peers.map(({ id }) => id)

async function start(count: number, seed: number): Promise<{ simulation: Simulation; peers: Peer[] }> {
  const simulation = createSimulation({ seed })
  const peers = await simulation.peers<typeof kv>(count, options)
  await simulation.run(3000)
  return { simulation, peers }
}

describe('a durable peer', () => {
  it('[GRP50] comes back as the same peer with all that it had, alone', async () => {
    const { simulation, peers } = await start(1, 1)
    const [peer] = peers as [Peer]
    const { id } = peer
    const { cluster } = peer.legion
    await simulation.until(set(peer, 'a', 1))
    peer.crash()
    const again = peer.restart()
    await simulation.settle(() => ready([again]))
    expect(again.id).toBe(id)
    expect(again.legion.cluster).toEqual(cluster)
    expect(await simulation.until(again.legion.read('get', 'a'))).toBe(1)
    await simulation.until(set(again, 'b', 2))
  })

  it('[GRP55] that was the only voter and crashes as soon as it is one of three does not lead alone', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const { simulation, peers } = await start(1, seed)
      const [peer] = peers as [Peer]
      const votersOf = () => peer.legion.members.filter(({ role }) => role === 'voter').length
      const others = [simulation.open<typeof kv>(options), simulation.open<typeof kv>(options)]
      for (let i = 0; i < 20_000 && votersOf() < 2; i++) await simulation.clock.run(0.5)
      peer.crash()
      const again = peer.restart()
      simulation.partition([again], others)
      await simulation.run(10_000)
      expect(again.legion.status().main?.role, `seed ${seed}`).not.toBe('leader')
    }
  })

  it.each([1, 3])('[GRP56] that comes back under another name is called so by all (%i peers)', async (count) => {
    const { simulation, peers } = await start(count, 6)
    const peer = peers[0] as Peer
    peer.crash()
    const again = peer.restart({ ...options, name: 'Ada' })
    const all = [again, ...peers.slice(1)]
    const nameAt = ({ legion }: Peer) => legion.members.find((member) => member.peer === peer.id)?.name
    await simulation.settle(() => all.every((one) => nameAt(one) === 'Ada'))
    const index = () => again.legion.status().main?.lastIndex
    await simulation.run(2000)
    const before = index()
    await simulation.run(5000)
    expect(index()).toBe(before)
  })

  it('[GRP51] keeps everything when all peers crash at once', async () => {
    const { simulation, peers } = await start(3, 2)
    for (let i = 0; i < 20; i++) await simulation.until(set(peers[i % 3] as Peer, `k${i}`, i))
    for (const peer of peers) peer.crash()
    await simulation.run(1000)
    const again = peers.map((peer) => peer.restart())
    await simulation.settle(() => ready(again))
    expect(ids(again)).toEqual(ids(peers))
    for (let i = 0; i < 20; i++) {
      expect(await simulation.until((again[i % 3] as Peer).legion.read('get', `k${i}`))).toBe(i)
    }
    expect(again.map(({ legion }) => legion.members.length)).toEqual([3, 3, 3])
  })

  it('[GRP52] that was cut off for long is kept as a learner, and votes again when it returns', async () => {
    const { simulation, peers } = await start(3, 3)
    const lost = peers.find(({ legion, id }) => legion.leader !== id) as Peer
    lost.crash()
    await simulation.run(15_000)
    const other = peers.find((peer) => peer !== lost) as Peer
    expect(other.legion.members.find(({ peer }) => peer === lost.id)).toMatchObject({ role: 'learner' })
    await simulation.until(set(other, 'a', 1))
    const again = lost.restart()
    await simulation.settle(() => other.legion.members.filter(({ role }) => role === 'voter').length === 3)
    expect(await simulation.until(again.legion.read('get', 'a'))).toBe(1)
  })

  it('[GRP53] starts from its last checkpoint and the log after it', async () => {
    const { simulation, peers } = await start(1, 4)
    const [peer] = peers as [Peer]
    for (let i = 0; i < 50; i++) await simulation.until(set(peer, 'a', i))
    const digest = await simulation.until(peer.legion.main.snapshot())
    await simulation.until(peer.legion.main.compact())
    for (let i = 50; i < 60; i++) await simulation.until(set(peer, 'a', i))
    peer.crash()
    const again = peer.restart()
    await simulation.settle(() => ready([again]))
    expect(again.legion.status().main?.firstIndex).toBeGreaterThan(digest.index)
    expect(await simulation.until(again.legion.read('get', 'a'))).toBe(59)
  })

  it('[GRP50] leads at once if it is the only voter', async () => {
    const { simulation, peers } = await start(1, 6)
    const [peer] = peers as [Peer]
    await simulation.until(set(peer, 'a', 1))
    peer.crash()
    const again = peer.restart()
    await simulation.settle(() => ready([again]))
    await simulation.until(set(again, 'a', 2), 500)
    expect(await simulation.until(again.legion.read('get', 'a'), 500)).toBe(2)
  })

  it('[GRP54] whose disk fails stops its replica and says so; documents and messages go on', async () => {
    const { simulation, peers } = await start(3, 5)
    const follower = peers.find(({ legion, id }) => legion.leader !== id) as Peer
    const errors: unknown[] = []
    follower.legion.on('error', (error) => errors.push(error.code))
    follower.disk.isFull = true
    const others = peers.filter((peer) => peer !== follower)
    await simulation.until(set(others[0] as Peer, 'a', 1))
    await simulation.settle(() => errors.length > 0)
    expect(errors).toEqual(['E_STORAGE'])
    await expect(simulation.until(set(follower, 'b', 1))).rejects.toMatchObject({ code: 'E_STORAGE' })
    follower.legion.applyFast((doc) => doc.getText('t').insert(0, 'still'))
    await simulation.settle(() => others[0]?.legion.doc().y.getText('t').toString() === 'still')
    await simulation.until(set(others[1] as Peer, 'c', 1))
  })
})
