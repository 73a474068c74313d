import { describe, expect, it } from 'vitest'
import type { kv } from '../../src/machines/index.js'
import { createSimulation, type SimulatedPeer, type Simulation } from '../../src/testing/simulation.js'

type Peer = SimulatedPeer<typeof kv>

async function start(count: number, seed: number): Promise<[Simulation, Peer[]]> {
  const simulation = createSimulation({ seed })
  const peers = await simulation.peers<typeof kv>(count, { kind: 'browser', host: 'one' })
  await simulation.run(3000)
  return [simulation, peers]
}

const set = (peer: Peer, value: number) => peer.legion.applyConsistent('set', { key: 'k', value }, { timeoutMs: 1000 })

function* permutations(items: readonly number[]): Iterable<readonly number[]> {
  if (items.length === 0) yield []
  for (const first of items)
    for (const rest of permutations(items.filter((item) => item !== first))) yield [first, ...rest]
}

describe('tabs that close', () => {
  it.each([2, 3])(
    '[GRP100] of %i peers may close in every order, down to one: commands work within a second',
    async (count) => {
      for (const order of permutations(Array.from({ length: count }, (_, i) => i))) {
        const [simulation, peers] = await start(count, 7)
        let value = 0
        const alive = [...peers]
        for (const place of order.slice(0, -1)) {
          const closing = peers[place] as Peer
          await simulation.until(set(closing, ++value))
          closing.closePage()
          alive.splice(alive.indexOf(closing), 1)
          expect(await simulation.until((alive[0] as Peer).legion.read('get', 'k', { timeoutMs: 1000 }))).toBe(value)
          for (const peer of alive) await simulation.until(set(peer, ++value))
        }
      }
    },
  )

  it('[GRP101] may close two at once', async () => {
    for (const [a, b] of [
      [0, 1],
      [0, 2],
      [1, 2],
      [3, 4],
      [0, 4],
    ] as const) {
      for (const count of [3, 5]) {
        if (Math.max(a, b) >= count) continue
        const [simulation, peers] = await start(count, 11)
        await simulation.until(set(peers[a] as Peer, 1))
        ;(peers[a] as Peer).closePage()
        ;(peers[b] as Peer).closePage()
        const rest = peers.filter((peer) => peer.isAlive)
        for (const peer of rest) {
          await simulation.until(set(peer, 2))
          expect(await simulation.until(peer.legion.read('get', 'k'))).toBe(2)
        }
      }
    }
  })
  it('[GRP228] two at once, and no voter that is left has a link to the leader', async () => {
    for (let seed = 1; seed <= 3; seed++) {
      const [simulation, peers] = await start(4, seed)
      await simulation.settle(() => votersOf(peers).length === 3)
      const [leader, second, cutOff] = votersOf(peers) as [Peer, Peer, Peer]
      const learner = peers.find((peer) => ![leader, second, cutOff].includes(peer)) as Peer
      simulation.partition([leader], [cutOff])
      await simulation.run(10_000)
      expect(leader.legion.status().mesh.peers[cutOff.id]?.state).toMatch('relayed by')
      await simulation.until(set(learner, 1))
      for (const peer of [second, leader]) peer.closePage()
      for (const peer of [learner, cutOff]) {
        expect(await simulation.until(peer.legion.read('get', 'k', { timeoutMs: 5000 })), `seed ${seed}`).toBe(1)
      }
    }
  })
})

/** The leader first. */
function votersOf(peers: readonly Peer[]): Peer[] {
  const { members, leader } = (peers[0] as Peer).legion
  const voters = peers.filter(({ id }) => members.some((member) => member.peer === id && member.role === 'voter'))
  return voters.sort((a, b) => Number(b.id === leader) - Number(a.id === leader))
}
