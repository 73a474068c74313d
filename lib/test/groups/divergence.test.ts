import { describe, expect, it } from 'vitest'
import { defineMachine } from '../../src/machines/index.js'
import { createSimulation, type SimulatedPeer } from '../../src/testing/simulation.js'

/** Not deterministic: what it does depends on who runs it. */
const machineOf = (own: number) =>
  defineMachine({
    name: 'leaky',
    version: 1,
    initial: () => ({ sum: 0 }),
    commands: {
      add(state) {
        state.sum += own
      },
    },
    queries: {},
  })
type Leaky = ReturnType<typeof machineOf>
type Peer = SimulatedPeer<Leaky>

async function start(owns: readonly number[], seed: number) {
  const simulation = createSimulation({ seed })
  const peers: Peer[] = []
  for (const own of owns) peers.push(...(await simulation.peers<Leaky>(1, { machine: machineOf(own) })))
  await simulation.run(3000)
  const failed = new Map<number, string>()
  for (const [i, { legion }] of peers.entries()) legion.on('error', (error) => failed.set(i, error.code))
  await simulation.until((peers[0] as Peer).legion.applyConsistent('add'))
  return { simulation, peers, failed }
}

describe('the guard of determinism', () => {
  it('[GRP75] compares the states at a checkpoint, which are the same on good replicas', async () => {
    const { simulation, peers, failed } = await start([1, 1, 1], 1)
    await simulation.until((peers[1] as Peer).legion.main.snapshot())
    await simulation.run(1000)
    expect(new Set(peers.map(({ legion }) => legion.status().main?.checkpoint?.hash)).size).toBe(1)
    expect(failed.size).toBe(0)
  })

  it.each([
    ['a follower', 1],
    ['the leader', 0],
  ])('[GRP76] stops %s that differs from the others, which go on', async (_, odd) => {
    const { simulation, peers, failed } = await start(
      [0, 1, 2].map((i) => (i === odd ? 7 : 1)),
      2,
    )
    await simulation.until((peers[2] as Peer).legion.main.snapshot())
    await simulation.settle(() => failed.size > 0)
    expect([...failed]).toEqual([[odd, 'E_DIVERGED']])
    await simulation.until((peers[2] as Peer).legion.applyConsistent('add'), 20_000)
  })
})
