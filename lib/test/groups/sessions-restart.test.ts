import { describe, expect, it } from 'vitest'
import type { kv } from '../../src/machines/index.js'
import { createSimulation, type SimulatedPeer } from '../../src/testing/simulation.js'

type Peer = SimulatedPeer<typeof kv>

const limits = { logEntries: 10, logMarginEntries: 2 }
const increment = (peer: Peer, key: string, timeoutMs = 60_000) =>
  peer.legion.applyConsistent('increment', { key }, { timeoutMs })

/** The follower's command reaches the leader, but no answer comes back; then the log is cut over it. */
async function cutOff(seed: number, storage: 'memory' | 'simulated') {
  const simulation = createSimulation({ seed })
  const peers = await simulation.peers<typeof kv>(3, { storage, limits })
  await simulation.run(3000)
  const proposer = peers.find(({ id, legion }) => legion.leader !== id) as Peer
  const others = peers.filter((peer) => peer !== proposer) as [Peer, Peer]
  await simulation.until(increment(proposer, 'mine'))
  simulation.network.block(
    others.map(({ id }) => id),
    [proposer.id],
  )
  return { simulation, proposer, others }
}

/** So many entries later, of which the log keeps none. */
async function buried(others: readonly [Peer, Peer]): Promise<void> {
  await Promise.all(Array.from({ length: 200 }, () => increment(others[0], 'theirs')))
  for (const { legion } of others) await legion.main.compact()
}

describe('a command whose answer got lost', { timeout: 60_000 }, () => {
  it('[GRP99] is applied once though the log was cut and its proposer got a snapshot', async () => {
    for (const storage of ['memory', 'simulated'] as const) {
      const { simulation, proposer, others } = await cutOff(1, storage)
      const pending = increment(proposer, 'mine')
      await simulation.settle(() => others[0].legion.peek('get', 'mine') === 2)
      await simulation.until(buried(others))
      simulation.heal()
      expect(await simulation.until(pending)).toBe(2)
      expect(await simulation.until(proposer.legion.read('get', 'mine'))).toBe(2)
      expect(await simulation.until(proposer.legion.read('get', 'theirs'))).toBe(200)
      expect(await simulation.until(increment(proposer, 'mine'))).toBe(3)
    }
  })

  it('[GRP99] if it is persistent, is applied once though its proposer crashes as well', async () => {
    const { simulation, proposer, others } = await cutOff(2, 'simulated')
    proposer.legion.applyConsistent('increment', { key: 'mine' }, { persist: true }).catch(() => {})
    await simulation.settle(() => others[0].legion.peek('get', 'mine') === 2)
    await simulation.until(buried(others))
    proposer.crash()
    simulation.heal()
    const again = proposer.restart()
    await simulation.settle(() => again.legion.status().isReady)
    await simulation.run(10_000)
    expect(await simulation.until(again.legion.read('get', 'mine'))).toBe(2)
    expect(await simulation.until(increment(again, 'mine'))).toBe(3)
  })
})
