import { describe, expect, it } from 'vitest'
import { kv } from '../../src/machines/index.js'
import { createSimulation, type SimulatedPeer } from '../../src/testing/simulation.js'

describe('status', () => {
  it('[LEG54] tells who the peer is, its cluster, its storage, and every open group', async () => {
    const simulation = createSimulation({ seed: 5 })
    const [kept, other] = (await simulation.peers(2, { storage: 'simulated' })) as [SimulatedPeer, SimulatedPeer]
    const [memory] = (await simulation.peers(1)) as [SimulatedPeer]
    await simulation.until(kept.legion.group('orders', kv))
    await simulation.settle(() => kept.legion.status().groups['orders']?.role === 'leader')
    const status = kept.legion.status()
    expect(status).toMatchObject({
      self: { id: kept.id, durable: true },
      cluster: { name: 'simulated', id: other.legion.cluster.id },
      storage: 'simulated',
      isReady: true,
      main: { machine: { name: 'kv' }, stopped: undefined },
      groups: { orders: { role: 'leader', machine: { name: 'kv' } } },
    })
    expect(Object.keys(status.groups)).toEqual(['orders'])
    expect(status.main?.members.map(({ peer }) => peer)).toEqual(kept.legion.members.map(({ peer }) => peer))
    expect(memory.legion.status()).toMatchObject({ storage: 'memory', groups: {}, self: { durable: false } })
    expect(structuredClone(status)).toEqual(status)
  })

  it('[LEG55] tells why a replica stopped', async () => {
    const simulation = createSimulation({ seed: 6 })
    const [peer] = (await simulation.peers(1)) as [SimulatedPeer]
    peer.legion.main.fail(new Error('planted'))
    expect(peer.legion.status().main?.stopped).toMatchObject({ code: 'E_CLOSED', message: expect.any(String) })
  })
})
