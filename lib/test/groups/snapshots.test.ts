import { describe, expect, it } from 'vitest'
import { Legion } from '../../src/legion.js'
import type { kv } from '../../src/machines/index.js'
import { memoryPlatform } from '../../src/testing/memory-platform.js'
import { createSimulation, type SimulatedPeer, type Simulation } from '../../src/testing/simulation.js'

type Peer = SimulatedPeer<typeof kv>

const VALUE = 'x'.repeat(10_000)
const VALUES = 100
const conditions = { bytesPerSecond: 500_000 }

/** Three peers with 1 MB of state and a log that begins after it. */
async function start(seed: number): Promise<{ simulation: Simulation; peers: Peer[]; leader: Peer }> {
  const simulation = createSimulation({ seed, conditions })
  const peers = await simulation.peers<typeof kv>(3)
  await simulation.run(3000)
  const leader = peers.find(({ id, legion }) => legion.leader === id) as Peer
  for (let i = 0; i < VALUES; i += 10) {
    const set = (n: number) => leader.legion.applyConsistent('set', { key: `k${n}`, value: `${VALUE}${n}` })
    await simulation.until(Promise.all(Array.from({ length: 10 }, (_, n) => set(i + n))))
  }
  for (const { legion } of peers) await simulation.until(legion.main.compact())
  return { simulation, peers, leader }
}

const isReady = ({ legion }: Peer) => legion.status().isReady
const isFollowing = (peer: Peer, leader: Peer) =>
  isReady(peer) && peer.legion.status().main?.applied === leader.legion.status().main?.applied

function expectAll({ legion }: Peer): void {
  for (let i = 0; i < VALUES; i++) expect(legion.peek('get', `k${i}`)).toBe(`${VALUE}${i}`)
}

async function until(simulation: Simulation, peer: Peer, leader: Peer): Promise<number> {
  const beganMs = simulation.clock.nowMs
  await simulation.settle(() => isFollowing(peer, leader))
  return simulation.clock.nowMs - beganMs
}

describe('a newcomer to a large state', { timeout: 60_000 }, () => {
  it('[GRP95] gets it while commands go on as before', async () => {
    const { simulation, peers, leader } = await start(1)
    const newcomer = simulation.open<typeof kv>()
    const sent: number[] = []
    const received: number[] = []
    leader.legion.main.on('snapshot', ({ peer, direction, bytes }) => {
      if (peer === newcomer.id && direction === 'sent') sent.push(bytes)
    })
    newcomer.legion.main.on('snapshot', ({ peer, direction, bytes }) => {
      if (peer === leader.id && direction === 'received') received.push(bytes)
    })
    let commands = 0
    while (!isFollowing(newcomer, leader)) {
      await simulation.until((peers[commands % 3] as Peer).legion.applyConsistent('increment', { key: 'n' }), 500)
      commands++
    }
    expect(commands).toBeGreaterThan(20)
    for (const bytes of [sent, received]) {
      expect(bytes.length).toBeGreaterThan(10)
      expect(bytes).toEqual([...bytes].sort((a, b) => a - b))
    }
    expect(received.at(-1)).toBe(sent.at(-1))
    expectAll(newcomer)
    expect(await simulation.until(newcomer.legion.read('get', 'n'))).toBe(commands)
  })

  it('[GRP96] gets it though the link breaks again and again', async () => {
    const { simulation, leader } = await start(2)
    const newcomer = simulation.open<typeof kv>()
    await simulation.settle(() => newcomer.legion.peers.has(leader.id))
    for (let i = 0; i < 3; i++) {
      await simulation.run(500)
      expect(isReady(newcomer)).toBe(false)
      simulation.network.cut(newcomer.id, leader.id)
    }
    expect(await until(simulation, newcomer, leader)).toBeLessThan(30_000)
    expectAll(newcomer)
  })

  it('[GRP96] gets it from the next leader when the first one is gone', async () => {
    const { simulation, peers, leader } = await start(3)
    const newcomer = simulation.open<typeof kv>()
    await simulation.settle(() => newcomer.legion.peers.has(leader.id))
    await simulation.run(700)
    expect(isReady(newcomer)).toBe(false)
    leader.crash()
    const other = peers.find((peer) => peer !== leader) as Peer
    expect(await until(simulation, newcomer, other)).toBeLessThan(50_000)
    expectAll(newcomer)
  })

  it('[GRP98] is not held up by another one that vanished while it fetched', async () => {
    const { simulation, leader } = await start(4)
    const first = simulation.open<typeof kv>()
    await simulation.settle(() => first.legion.peers.has(leader.id))
    await simulation.run(300)
    first.crash()
    await simulation.until(leader.legion.applyConsistent('increment', { key: 'n' }))
    const second = simulation.open<typeof kv>()
    expect(await until(simulation, second, leader)).toBeLessThan(20_000)
    expectAll(second)
  })

  it('[GRP97] gets it compressed', async () => {
    const platform = memoryPlatform()
    const options = { cluster: 'compressed', signaling: 'memory:', platform, compression: true }
    const first = await Legion.join<typeof kv>(options)
    for (let i = 0; i < VALUES; i++) await first.applyConsistent('set', { key: `k${i}`, value: `${VALUE}${i}` })
    const second = await Legion.join<typeof kv>(options)
    for (let i = 0; i < VALUES; i++) expect(second.peek('get', `k${i}`)).toBe(`${VALUE}${i}`)
    await second.close()
    await first.close()
  }, 30_000)
})

describe('a peer that returns as its next incarnation', { timeout: 60_000 }, () => {
  it('[GRP15] keeps no log, however often that is cut, until it has the snapshot', async () => {
    const simulation = createSimulation({ seed: 5 })
    const peers = await simulation.peers<typeof kv>(3, { limits: { logEntries: 5, logMarginEntries: 2 } })
    await simulation.run(3000)
    const lost = peers.find(({ id, legion }) => legion.leader !== id) as Peer
    const others = peers.filter((peer) => peer !== lost) as [Peer, Peer]
    for (let i = 0; i < 30; i++) await simulation.until(others[0].legion.applyConsistent('increment', { key: 'n' }))
    simulation.partition([lost], others)
    await simulation.run(15_000)
    await simulation.until(others[0].legion.applyConsistent('increment', { key: 'n' }))
    simulation.heal()
    await simulation.settle(() => isFollowing(lost, others[0]))
    expect(await simulation.until(lost.legion.read('get', 'n'))).toBe(31)
  })
})
