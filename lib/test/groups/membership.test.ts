import { describe, expect, it, vi } from 'vitest'
import type { PeerId } from '../../src/base/ids.js'
import type { Announce, RosterMessage } from '../../src/groups/announce.js'
import { Membership } from '../../src/groups/membership.js'
import { Presence } from '../../src/groups/presence.js'
import { voterIdOf } from '../../src/groups/voter-id.js'
import type { kv } from '../../src/machines/index.js'
import { createSimulation, type SimulatedPeer } from '../../src/testing/simulation.js'

vi.setConfig({ testTimeout: 60_000 })

type Peer = SimulatedPeer<typeof kv>

const set = (peer: Peer, value: number) => peer.legion.applyConsistent('set', { key: 'k', value })
const votersOf = ({ legion }: Peer) => legion.members.filter(({ role }) => role === 'voter').map(({ peer }) => peer)
const isLearner = ({ id, legion }: Peer) => legion.members.some(({ peer, role }) => peer === id && role === 'learner')

describe('who ended a moment ago', () => {
  it('[GRP150] is given no vote while its link still seems to be there', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const simulation = createSimulation({ seed })
      const peers = await simulation.peers<typeof kv>(5, { voters: 3 })
      await simulation.run(5000)
      const dead = peers.filter(isLearner)
      const [leader, other, leaving] = peers
        .filter((peer) => !dead.includes(peer))
        .sort((a, b) => Number(b.legion.leader === b.id) - Number(a.legion.leader === a.id)) as [Peer, Peer, Peer]
      expect(dead).toHaveLength(2)
      for (const peer of dead) peer.crash()
      await simulation.run(3000)
      leaving.closePage()
      for (let i = 0; i < 20; i++) {
        await simulation.run(100)
        for (const { id } of dead) expect(votersOf(leader)).not.toContain(id)
      }
      await simulation.until(set(other, seed), 20_000)
    }
  })
})

describe('the last member', () => {
  it.each([
    ['leave', 'memory'],
    ['leave', 'simulated'],
    ['close', 'memory'],
  ] as const)('[GRP151] that goes waits for who is about to join (%s, %s)', async (how, storage) => {
    for (let seed = 1; seed <= 10; seed++) {
      const simulation = createSimulation({ seed, conditions: { latencyMs: [20, 20] } })
      const [first] = (await simulation.peers<typeof kv>(1, { storage })) as [Peer]
      await simulation.until(set(first, seed))
      const second = simulation.open<typeof kv>({ storage })
      await simulation.settle(() => first.legion.peers.has(second.id))
      await simulation.run(40)
      expect(second.legion.status().isReady).toBe(false)
      await simulation.until(first.legion[how]())
      await simulation.settle(() => second.legion.status().isReady, 5000)
      expect(await simulation.until(second.legion.read('get', 'k'))).toBe(seed)
    }
  })
})

describe('a member that one side lost and the other did not', () => {
  it('[GRP152] is asked who it is until it says so', () => {
    const told: unknown[] = []
    const [a, b, c] = ['a', 'b', 'c'].map((name) => name.repeat(22)) as [PeerId, PeerId, PeerId]
    const membership = new Membership({ isBanned: () => false, heardAtMs: () => 0 })
    const members = new Map([a, b, c].map((peer) => [voterIdOf(peer, 1), {}]))
    const presence = new Presence({
      membership,
      network: { self: { id: a }, peers: new Map([[b, {}]]) },
      replica: () => ({ state: { roster: { members } } }),
      out: { tell: (peer: PeerId, message: RosterMessage) => told.push([peer, message]) },
    } as never)
    presence.inquire()
    expect(told).toEqual([[b, { kind: 'inquiry' }]])
    membership.announced(b, { member: { id: voterIdOf(b, 1) }, visible: true } as Announce, 0)
    presence.inquire()
    expect(told).toHaveLength(1)
    membership.lost(b, 'lost', 0)
    presence.inquire()
    expect(told).toHaveLength(2)
  })
})
