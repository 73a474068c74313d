import { describe, expect, it } from 'vitest'
import { createSimulation, type SimulatedPeer } from '../../src/testing/simulation.js'

const clustersOf = (peers: readonly SimulatedPeer[]) => new Set(peers.map(({ legion }) => legion.cluster.id))
const areReady = (peers: readonly SimulatedPeer[]) => peers.every(({ legion }) => legion.status().isReady)

describe('founding', () => {
  it('[FND1] of peers that open at the same moment exactly one founds the cluster', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const simulation = createSimulation({ seed })
      const peers = await simulation.peers(2 + (seed % 4))
      expect(clustersOf(peers).size).toBe(1)
    }
  })

  it('[FND2] nobody founds a cluster while the signaling server is away; documents work meanwhile', async () => {
    const simulation = createSimulation({ seed: 2 })
    simulation.network.server.down()
    const peers = [simulation.open(), simulation.open()]
    await simulation.run(20_000)
    expect(peers.map(({ legion }) => legion.cluster.id)).toEqual([undefined, undefined])
    peers[0]?.legion.applyFast((doc) => doc.getText('notes').insert(0, 'early'))
    simulation.network.server.up()
    await simulation.settle(() => areReady(peers))
    expect(clustersOf(peers).size).toBe(1)
    await simulation.settle(() => peers[1]?.legion.doc().y.getText('notes').toString() === 'early')
  })

  it('[FND3] who comes after the signaling server restarted joins the living cluster', async () => {
    const simulation = createSimulation({ seed: 3 })
    const peers = await simulation.peers(3)
    simulation.network.server.down()
    await simulation.run(5_000)
    simulation.network.server.up()
    peers.push(simulation.open())
    await simulation.settle(() => areReady(peers))
    expect(clustersOf(peers).size).toBe(1)
    expect(peers[0]?.legion.members).toHaveLength(4)
  })

  it('[FND4] when all who had the state are gone, the next one founds a new cluster', async () => {
    const simulation = createSimulation({ seed: 4 })
    const peers = await simulation.peers(2)
    const old = peers[0]?.legion.cluster.id
    for (const peer of peers) peer.crash()
    const next = simulation.open()
    await simulation.settle(() => areReady([next]))
    expect(next.legion.cluster.id).not.toBe(old)
  })
})
