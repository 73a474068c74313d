import { describe, expect, it } from 'vitest'
import type { LegionError } from '../../src/base/errors.js'
import { kv } from '../../src/machines/index.js'
import { createSimulation, type SimulatedPeer } from '../../src/testing/simulation.js'

type Peer = SimulatedPeer<typeof kv>

const options = { machine: kv, storage: 'simulated' } as const
const set = (peer: Peer, key: string, value: number) => peer.legion.applyConsistent('set', { key, value })
const votersOf = ({ legion }: Peer) => legion.members.filter(({ role }) => role === 'voter')
const isLeader = ({ legion }: Peer) => legion.main.status()?.role === 'leader'

/** Three durable peers, of which a follower's disk has lost what it had acknowledged; it is back. */
async function afterLoss(seed: number) {
  const simulation = createSimulation({ seed })
  const peers = await simulation.peers<typeof kv>(3, options)
  await simulation.settle(() => peers.every((peer) => votersOf(peer).length === 3))
  const victim = peers.find((peer) => !isLeader(peer)) as Peer
  const others = peers.filter((peer) => peer !== victim)
  victim.disk.isLying = true
  for (let i = 0; i < 20; i++) await simulation.until(set(others[i % 2] as Peer, `k${i}`, i))
  victim.crash()
  victim.disk.isLying = false
  const before = victim.legion.main.voterId
  const again = victim.restart()
  const errors: LegionError[] = []
  again.legion.on('error', (error) => errors.push(error))
  return { simulation, again, others, errors, before }
}

describe('a voter whose disk lost data', () => {
  it('[GRP220] is told by its leader, says so with E_STORAGE, and comes back as its next incarnation with everything', async () => {
    const { simulation, again, others, errors, before } = await afterLoss(1)
    expect(before).toMatch(/\.1$/)
    await simulation.settle(() => votersOf(again).length === 3 && again.legion.main.voterId?.endsWith('.2') === true)
    expect(errors).toMatchObject([{ code: 'E_STORAGE' }])
    expect(votersOf(again).map(({ peer }) => peer)).toContain(again.id)
    for (let i = 0; i < 20; i++) expect(again.legion.peek('get', `k${i}`)).toBe(i)
    await simulation.until(set(again, 'more', 1))
    again.crash()
    const later = again.restart()
    await simulation.settle(() => later.legion.status().isReady)
    expect(later.legion.main.voterId).toMatch(/\.2$/)
    expect(await simulation.until((others[0] as Peer).legion.read('get', 'more'))).toBe(1)
  })

  it('[GRP221] is replaced at once: the voter that it was does not count when another one fails', async () => {
    const { simulation, again, others } = await afterLoss(2)
    await simulation.settle(() => again.legion.main.voterId?.endsWith('.2') === true)
    await simulation.run(3000)
    expect(votersOf(again).map(({ peer }) => peer)).toContain(again.id)
    const leader = others.find(isLeader) as Peer
    leader.crash()
    const survivor = others.find((peer) => peer !== leader) as Peer
    await simulation.until(set(survivor, 'after', 1), 10_000)
    expect(await simulation.until(again.legion.read('get', 'after'))).toBe(1)
  })
})
