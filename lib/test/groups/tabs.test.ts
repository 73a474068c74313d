import { describe, expect, it, vi } from 'vitest'
import type { kv } from '../../src/machines/index.js'
import { createSimulation, type SimulatedPeer, type Simulation } from '../../src/testing/simulation.js'

vi.setConfig({ testTimeout: 60_000 })

type Peer = SimulatedPeer<typeof kv>
type Options = Parameters<Simulation['peers']>[1]

async function start(count: number, seed: number, options: Options = {}): Promise<[Simulation, Peer[]]> {
  const simulation = createSimulation({ seed })
  const tabs = { kind: 'browser', ...options } as never
  const peers = await simulation.peers<typeof kv>(count, tabs)
  await simulation.run(5000)
  return [simulation, peers]
}

const set = (peer: Peer, value: number, timeoutMs = 3000) =>
  peer.legion.applyConsistent('set', { key: 'k', value }, { timeoutMs })
const leaderOf = (peers: readonly Peer[]) => peers.find(({ id, legion }) => legion.leader === id) as Peer
const without = (peers: readonly Peer[], ...some: readonly Peer[]) => peers.filter((peer) => !some.includes(peer))
const termOf = ({ legion }: Peer) => legion.status().main?.term
const rosterIndex = (peer: Peer) => peer.legion.status().main?.rosterIndex as number
const voters = ({ legion }: Peer) => legion.members.filter(({ role }) => role === 'voter').length
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number

/** What a peer's link to everyone does, seen from all sides. */
function cutOff(simulation: Simulation, peer: Peer, others: readonly Peer[]): void {
  simulation.partition([peer], others)
  for (const other of others) simulation.network.cut(peer.id, other.id)
}

describe('the visibility of tabs', () => {
  it('[GRP140] a hidden tab that leads hands over to a visible voter, and does not lead again when it is visible', async () => {
    const [simulation, peers] = await start(3, 1)
    const leader = leaderOf(peers)
    const [hidden, visible] = without(peers, leader) as [Peer, Peer]
    hidden.setVisible(false)
    await simulation.run(1000)
    leader.setVisible(false)
    await simulation.settle(() => leaderOf(peers) === visible, 1000)
    leader.setVisible(true)
    await simulation.run(10_000)
    expect(leaderOf(peers)).toBe(visible)
    await simulation.until(set(leader, 1))
  })

  it('[GRP141] a tab that is hidden for a moment, or while nobody is visible, goes on leading', async () => {
    const [simulation, peers] = await start(3, 2)
    const leader = leaderOf(peers)
    const term = termOf(leader)
    for (let i = 0; i < 20; i++) {
      leader.setVisible(false)
      await simulation.run(200)
      leader.setVisible(true)
      await simulation.run(1000)
    }
    for (const peer of peers) peer.setVisible(false)
    await simulation.run(60_000)
    expect(leaderOf(peers)).toBe(leader)
    expect(termOf(leader)).toBe(term)
  })

  it('[GRP142] timers that fire once a second cost no election and no command', async () => {
    for (const count of [3, 5]) {
      const [simulation, peers] = await start(count, 3)
      const leader = leaderOf(peers)
      const term = termOf(leader)
      for (const throttled of [peers, [leader], without(peers, leader)]) {
        for (const peer of peers) peer.setThrottled(throttled.includes(peer))
        for (let second = 0; second < 60; second++) {
          await simulation.until(set(peers[second % count] as Peer, second, 1000))
          await simulation.run(1000)
        }
      }
      expect(termOf(leader)).toBe(term)
      expect(leaderOf(peers)).toBe(leader)
    }
  })

  it('[GRP143] a leader that wakes from sleep steps down before it answers, and disturbs nobody', async () => {
    for (let seed = 10; seed < 20; seed++) {
      const [simulation, peers] = await start(3, seed, { timing: { replaceAfterMs: 600_000 } })
      const leader = leaderOf(peers)
      const others = without(peers, leader)
      simulation.partition([leader], others)
      leader.sleep(20_000)
      await simulation.run(19_900)
      const [other] = others as [Peer]
      const next = leaderOf(others)
      const term = termOf(next)
      expect(next).toBeDefined()
      await simulation.until(set(other, 1))
      const read = leader.legion.read('get', 'k', { timeoutMs: 60_000 })
      simulation.heal()
      await simulation.run(100)
      expect(leader.legion.leader).not.toBe(leader.id)
      expect(await simulation.until(read)).toBe(1)
      await simulation.run(10_000)
      expect(termOf(next)).toBe(term)
      await simulation.until(set(leader, 2))
    }
  })

  it('[GRP143] all peers that slept together work again within a second', async () => {
    for (let seed = 20; seed < 40; seed++) {
      const [simulation, peers] = await start(3, seed)
      for (const peer of peers) peer.sleep(60_000)
      await simulation.run(60_000)
      await simulation.until(set(peers[seed % 3] as Peer, 1, 1000))
    }
  })
})

describe('a leader that goes', () => {
  /** Simulated ms until a command of another peer commits that was proposed right after. */
  async function outageMs(seed: number, end: (simulation: Simulation, leader: Peer, others: Peer[]) => void) {
    const [simulation, peers] = await start(3 + 2 * (seed % 2), seed)
    const leader = leaderOf(peers)
    const others = without(peers, leader)
    await simulation.until(set(leader, 1))
    const fromMs = simulation.clock.nowMs
    end(simulation, leader, others)
    await simulation.until(set(others[seed % others.length] as Peer, 2, 30_000))
    return simulation.clock.nowMs - fromMs
  }

  const seeds = Array.from({ length: 40 }, (_, i) => 100 + i)
  const measure = async (end: Parameters<typeof outageMs>[1]) => {
    const outages: number[] = []
    for (const seed of seeds) outages.push(await outageMs(seed, end))
    return outages
  }

  it('[GRP144] with a goodbye is followed within 300 ms, as a median', async () => {
    const outages = await measure((_, leader) => leader.closePage())
    expect(median(outages)).toBeLessThanOrEqual(300)
    expect(Math.max(...outages)).toBeLessThanOrEqual(1000)
  })

  it('[GRP145] with a closed link is followed within 500 ms, as a median', async () => {
    const outages = await measure(cutOff)
    expect(median(outages)).toBeLessThanOrEqual(500)
    expect(Math.max(...outages)).toBeLessThanOrEqual(2000)
  })

  it('[GRP145] with a crash is followed when the silence is noticed', async () => {
    const outages = await measure((_, leader) => leader.crash())
    expect(Math.max(...outages)).toBeLessThanOrEqual(7000)
  })

  it('[GRP146] only for some: those that still hear it do not elect another one', async () => {
    const [simulation, peers] = await start(5, 7)
    const leader = leaderOf(peers)
    const term = termOf(leader)
    const [lonely] = without(peers, leader) as [Peer]
    simulation.network.block([leader.id], [lonely.id])
    simulation.network.cut(leader.id, lonely.id)
    await simulation.run(4000)
    expect(leaderOf(peers)).toBe(leader)
    expect(termOf(leader)).toBe(term)
  })
})

describe('the roster of tabs', () => {
  it('[GRP147] a peer that comes and goes every two seconds for five minutes costs a few changes at most', async () => {
    for (const role of ['voter', 'learner'] as const) {
      const [simulation, peers] = await start(4, 30, { voters: 3 })
      const leader = leaderOf(peers)
      const flapping = peers.find(
        ({ id, legion }) => id !== leader.id && legion.members.some(({ peer, role: r }) => peer === id && r === role),
      ) as Peer
      let changes = 0
      let last = rosterIndex(leader)
      for (let round = 0; round < 75; round++) {
        cutOff(simulation, flapping, without(peers, flapping))
        await simulation.run(2000)
        simulation.heal()
        await simulation.run(2000)
        if (rosterIndex(leader) !== last) changes++
        last = rosterIndex(leader)
      }
      expect(changes).toBeLessThanOrEqual(4)
    }
  })

  it('[GRP147] nor one that is away for longer, again and again', async () => {
    const [simulation, peers] = await start(4, 31, { voters: 3 })
    const leader = leaderOf(peers)
    const [flapping] = without(peers, leader) as [Peer]
    const before = rosterIndex(leader)
    let voted = 0
    for (let round = 0; round < 20; round++) {
      cutOff(simulation, flapping, without(peers, flapping))
      await simulation.run(7000)
      simulation.heal()
      await simulation.run(8000)
      if (leader.legion.members.some(({ peer, role }) => peer === flapping.id && role === 'voter')) voted++
    }
    expect(rosterIndex(leader)).toBeGreaterThan(before)
    expect(voted).toBeLessThanOrEqual(4)
  })

  it('[GRP148] goes from one voter to three, and from three to one, by one joint change', async () => {
    const simulation = createSimulation({ seed: 32 })
    const peers = await simulation.peers<typeof kv>(3, { kind: 'browser' })
    const [peer] = peers as [Peer]
    await simulation.settle(() => voters(peer) === 3)
    const changesOfVoters = () =>
      (rest[0] ?? peer).legion.main
        .log(1, 1000)
        .map(({ what }) => (what.kind === 'configuration' ? what.changes : []))
        .filter((changes) => changes.some(({ type }) => type === 'add-voter') || changes.length > 1)
    const rest: Peer[] = []
    expect(changesOfVoters()).toHaveLength(1)
    const [gone] = without(peers, leaderOf(peers)) as [Peer]
    rest.push(...without(peers, gone))
    gone.closePage()
    await simulation.settle(() => rest.every((each) => voters(each) === 1))
    expect(changesOfVoters()).toHaveLength(2)
    await simulation.until(set(rest[1] as Peer, 1))
  })

  it('[GRP149] tells when everything is in one process only, and when it is in two again', async () => {
    const simulation = createSimulation({ seed: 33 })
    const [first] = (await simulation.peers<typeof kv>(1)) as [Peer]
    await simulation.run(500)
    expect(first.legion.status().main?.copies).toBe(1)
    const heard: number[] = []
    first.legion.on('copies', (count) => heard.push(count))
    const second = simulation.open<typeof kv>({})
    await simulation.settle(() => second.legion.status().isReady)
    await simulation.settle(() => heard.length === 1)
    second.crash()
    await simulation.settle(() => heard.length === 2)
    expect(heard).toEqual([2, 1])
    expect(first.legion.status().main?.copies).toBe(1)
  })
})
