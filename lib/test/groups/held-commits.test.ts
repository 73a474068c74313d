import { describe, expect, it } from 'vitest'
import { defineMachine, type kv } from '../../src/machines/index.js'
import { createSimulation, type SimulatedPeer, type Simulation } from '../../src/testing/simulation.js'

type Peer = SimulatedPeer<typeof kv>

/** One way between any two peers. */
const TRIP_MS = 1
const HOLD_MS = 5

/** Voters that have nothing to do. Of five, two copies are no majority: nobody but the leader knows what is committed. */
async function start(seed: number, count = 5): Promise<{ simulation: Simulation; leader: Peer; followers: Peer[] }> {
  const simulation = createSimulation({ seed, conditions: { latencyMs: [TRIP_MS, TRIP_MS] } })
  const peers = await simulation.peers<typeof kv>(count)
  await simulation.run(5_000)
  const leader = peers.find(({ id, legion }) => legion.leader === id) as Peer
  return { simulation, leader, followers: peers.filter((peer) => peer !== leader) }
}

const set = ({ legion }: Peer, value: number) => legion.applyConsistent('set', { key: 'k', value })
const peek = ({ legion }: Peer) => legion.peek('get', 'k')

/** Runs until `condition` holds. @returns how long that took, in milliseconds */
async function timeUntil(simulation: Simulation, condition: () => boolean): Promise<number> {
  const startMs = simulation.clock.nowMs
  while (!condition()) await simulation.run(0.5)
  return simulation.clock.nowMs - startMs
}

async function timeOf(simulation: Simulation, promise: Promise<unknown>): Promise<number> {
  let isDone = false
  promise.then(() => {
    isDone = true
  })
  return timeUntil(simulation, () => isDone)
}

const messagesSent = ({ legion }: { legion: Pick<Peer['legion'], 'status'> }) =>
  Object.values(legion.status().mesh.peers).reduce((sum, { link }) => sum + (link?.sent.messages ?? 0), 0)

describe('news of what is committed', () => {
  it('[GRP190] reaches members in which nothing waits for it within a few milliseconds', async () => {
    const { simulation, leader, followers } = await start(1)
    expect(await timeOf(simulation, set(leader, 1))).toBeLessThanOrEqual(2 * TRIP_MS + 1)
    expect(followers.map(peek)).toEqual(followers.map(() => undefined))
    const waited = await timeUntil(simulation, () => followers.every((peer) => peek(peer) === 1))
    expect(waited).toBeLessThanOrEqual(HOLD_MS + TRIP_MS + 1)
  })

  it('[GRP190] travels with the next command: of commands that follow each other each costs no more messages than a majority needs', async () => {
    const { simulation, leader, followers } = await start(2)
    const before = messagesSent(leader)
    for (let i = 1; i <= 50; i++) {
      await timeOf(simulation, set(leader, i))
      const quickest = Math.max(...followers.map((peer) => Number(peek(peer) ?? 0)))
      expect(quickest).toBe(i - 1)
    }
    // Every 5 ms there is one to the other two; two heartbeats and a few words of the links come in between.
    expect(messagesSent(leader) - before).toBeLessThan((2 + 2 * 0.5) * 50 + 20)
    const waited = await timeUntil(simulation, () => followers.every((peer) => peek(peer) === 50))
    expect(waited).toBeLessThanOrEqual(2 * HOLD_MS + TRIP_MS + 1)
  })

  it('[GRP195] leaves before the leader applies it', async () => {
    const simulation = createSimulation({ seed: 7, conditions: { latencyMs: [TRIP_MS, TRIP_MS] } })
    const appliedAt: (() => void)[] = []
    const noting = defineMachine({
      name: 'noting',
      version: 1,
      initial: () => ({}),
      commands: { note: (_state, _payload: null) => void appliedAt.map((noted) => noted()) },
      queries: {},
    })
    const peers = await simulation.peers(3, { machine: noting })
    await simulation.run(5_000)
    const leader = peers.find(({ id, legion }) => legion.leader === id) as (typeof peers)[0]
    const proposer = peers.find((peer) => peer !== leader) as (typeof peers)[0]
    const sent: number[] = []
    appliedAt.push(() => sent.push(messagesSent(leader)))
    await timeOf(simulation, proposer.legion.applyConsistent('note', null))
    expect(sent[0]).toBe(messagesSent(leader))
  })

  it('[GRP190] is not needed where a majority is two: who has a command knows that it is committed', async () => {
    const { simulation, leader, followers } = await start(2, 3)
    const before = messagesSent(leader)
    for (let i = 1; i <= 50; i++) {
      await timeOf(simulation, set(leader, i))
      expect(Math.max(...followers.map((peer) => Number(peek(peer) ?? 0)))).toBe(i)
    }
    expect(messagesSent(leader) - before).toBeLessThan(1.5 * 50 + 10)
  })

  it('[GRP191] reaches the member that proposed it at once: its command takes two round trips, of three members one', async () => {
    const three = await start(3, 3)
    const [first] = three.followers as [Peer]
    for (let i = 1; i <= 10; i++)
      expect(await timeOf(three.simulation, set(first, i))).toBeLessThanOrEqual(2 * TRIP_MS + 1)
    const { simulation, followers } = await start(3)
    const [proposer, other] = followers as [Peer, Peer]
    for (let i = 1; i <= 10; i++) {
      expect(await timeOf(simulation, set(proposer, i))).toBeLessThanOrEqual(4 * TRIP_MS + 1)
      expect(peek(other)).not.toBe(i)
    }
  })

  it('[GRP193] is answered along with the next command: each costs the proposer two messages', async () => {
    const { simulation, followers } = await start(5)
    const [proposer] = followers as [Peer, Peer]
    await timeOf(simulation, set(proposer, 0))
    const before = messagesSent(proposer)
    for (let i = 1; i <= 50; i++) await timeOf(simulation, set(proposer, i))
    expect(messagesSent(proposer) - before).toBeLessThan(2 * 50 + 10)
  })

  it('[GRP193] is answered within a few milliseconds if no command follows', async () => {
    const { simulation, followers } = await start(6)
    const [proposer] = followers as [Peer, Peer]
    const before = messagesSent(proposer)
    await timeOf(simulation, set(proposer, 0))
    expect(messagesSent(proposer) - before).toBe(2)
    await simulation.run(HOLD_MS + 1)
    expect(messagesSent(proposer) - before).toBe(3)
  })

  it('[GRP192] does not wait for the timers of a hidden page', async () => {
    const { simulation, leader, followers } = await start(4)
    for (const peer of [leader, ...followers]) peer.setVisible(false)
    await timeOf(simulation, set(leader, 1))
    const waited = await timeUntil(simulation, () => followers.every((peer) => peek(peer) === 1))
    expect(waited).toBeLessThanOrEqual(TRIP_MS + 1)
  })
})
