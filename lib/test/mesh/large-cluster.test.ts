import { describe, expect, it } from 'vitest'
import { createSimulation, type SimulatedPeer } from '../../src/testing/simulation.js'

const COUNT = 30
const LINKS = 8

type Peer = SimulatedPeer

function linksOf({ legion }: Peer): number {
  return Object.values(legion.status().mesh.peers).filter(({ link }) => link !== undefined).length
}

describe('a cluster too large for all to be linked', { timeout: 600_000 }, () => {
  it('[MSH48] [MSH49] agrees, messages and shares documents all the same, and goes on when 30 % are killed', async () => {
    const simulation = createSimulation({ seed: 30 })
    const handlers = { whoAreYou: (_: unknown, { legion }: { legion: unknown }) => (legion as Peer['legion']).self.id }
    const peers = await simulation.peers(COUNT, { limits: { mesh: { links: LINKS } }, handlers }, 60_000)
    await simulation.settle(() => peers.every(({ legion }) => legion.peers.size === COUNT - 1), 30_000)
    await simulation.settle(() => peers.every(({ legion }) => legion.members.length === COUNT), 30_000)
    await checkAll(simulation, peers as Peer[])
    const voters = new Set(peers[0]!.legion.members.filter(({ role }) => role === 'voter').map(({ peer }) => peer))
    expect(voters.size).toBe(5)
    for (const { id, legion } of peers) {
      const { peers: known } = legion.status().mesh
      const linkedVoters = [...voters].filter((voter) => known[voter]?.state === 'direct').length
      if (voters.has(id)) expect(linkedVoters).toBe(4)
    }
    const victims = peers.slice(0, 9)
    for (const victim of victims) victim.crash()
    const alive = peers.filter((peer) => !victims.includes(peer))
    await simulation.settle(() => alive.every(({ legion }) => legion.peers.size === alive.length - 1), 10_000)
    await simulation.run(20_000)
    await checkAll(simulation, alive as Peer[])
    for (const { legion } of alive) void legion.close()
    await simulation.run(5_000)
  })
})

async function checkAll(simulation: ReturnType<typeof createSimulation>, peers: Peer[]): Promise<void> {
  for (const peer of peers) expect(linksOf(peer)).toBeLessThanOrEqual(LINKS)
  const mark = `${simulation.clock.nowMs}`
  const set = Promise.all(
    peers.map(({ legion, id }) => legion.applyConsistent('set', { key: `${mark} ${id}`, value: id })),
  )
  await simulation.until(set, 20_000)
  const calls = Promise.all(
    peers.flatMap((peer) =>
      peers
        .filter((other) => other !== peer)
        .map(async ({ id }) => {
          const answer = await (peer.legion as unknown as { call(to: string, name: string): Promise<unknown> }).call(
            id,
            'whoAreYou',
          )
          return answer === id
        }),
    ),
  )
  expect((await simulation.until(calls, 20_000)).every(Boolean)).toBe(true)
  for (const { legion, id } of peers) legion.applyFast((doc) => doc.getMap('marks').set(`${mark} ${id}`, true))
  const hasAll = ({ legion }: Peer) => peers.every(({ id }) => legion.doc().y.getMap('marks').has(`${mark} ${id}`))
  await simulation.settle(() => peers.every(hasAll), 5_000)
}
