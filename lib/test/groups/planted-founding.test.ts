import { expect, it, vi } from 'vitest'
import { type ClusterId, newClusterId } from '../../src/base/ids.js'
import type { FoundingOptions } from '../../src/groups/founding.js'
import { createSimulation } from '../../src/testing/simulation.js'

// The planted bug: every founding is granted.
vi.mock(import('../../src/groups/founding.js'), async (original) => ({
  ...(await original()),
  Founding: class {
    constructor({ mesh, runtime, decided }: FoundingOptions) {
      const own = newClusterId(runtime)
      mesh.on('rendezvous', () => {
        if (mesh.clusterId !== undefined) return
        mesh.setClusterId(own)
        decided(own, true)
      })
    }
    stop(): void {}
  } as never,
}))

it('[FND9] two foundings that are granted are seen as two clusters, which become one', async () => {
  const simulation = createSimulation({ seed: 1 })
  const peers = [simulation.open(), simulation.open()]
  const seen = new Set<ClusterId | undefined>()
  const note = () => {
    for (const { legion } of peers) seen.add(legion.cluster.id)
    return peers.every(({ legion }) => legion.members.length === 2)
  }
  await simulation.settle(note)
  expect([...seen].filter((id) => id !== undefined)).toHaveLength(2)
  expect(peers[0]?.legion.cluster.id).toBe(peers[1]?.legion.cluster.id)
})
