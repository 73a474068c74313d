import { afterEach, describe, expect, it } from 'vitest'
import type { PeerId } from '../../src/base/ids.js'
import type { IceServer } from '../../src/transport/channel.js'
import { type MeshPeer, SimulatedMeshes } from './simulated-meshes.js'

let world: SimulatedMeshes

afterEach(async () => {
  await world.finish()
})

/** Two peers between which no path leads, as their channels know, until `network.heal`. */
function pathlessPair(): { pair: [MeshPeer, MeshPeer]; told: string[] } {
  world = new SimulatedMeshes(3)
  const createConnector = (self: PeerId) => {
    const connector = world.network.connector(self)
    const connect: typeof connector.connect = (...dial) =>
      Object.assign(connector.connect(...dial), { lacksRelay: true })
    return { ...connector, connect }
  }
  const pair = world.start(2, { createConnector }) as [MeshPeer, MeshPeer]
  const told: string[] = []
  for (const { mesh } of pair) mesh.on('relayNeeded', (peer, problem) => told.push(`${peer} ${problem}`))
  world.network.partition([pair[0].id], [pair[1].id])
  return { pair, told }
}

const stateOf = ({ mesh }: MeshPeer, other: MeshPeer) => mesh.status().peers[other.id]?.state

describe('a pair without a path', () => {
  it('[NET5] says that it needs TURN after two dials, at both ends, once', async () => {
    const { pair, told } = pathlessPair()
    const [a, b] = pair
    await world.run(6_000)
    expect([stateOf(a, b), stateOf(b, a)]).toEqual(['connecting', 'connecting'])
    expect(told).toEqual([])
    await world.run(9_000)
    expect(stateOf(a, b)).toBe('unreachable: TURN needed: no direct path leads to it; give the signaling server one')
    expect(stateOf(b, a)).toBe(stateOf(a, b))
    await world.run(30_000)
    expect(told.map((line) => line.split(' ')[0]).sort()).toEqual([a.id, b.id])
  })

  it('[NET5] is linked when there is one, and forgets it', async () => {
    const { pair, told } = pathlessPair()
    await world.run(20_000)
    world.network.heal()
    expect(await world.until(() => world.isComplete(), 10_000)).toBeLessThan(8_000)
    expect(pair.map((peer, i) => stateOf(peer, pair[1 - i] as MeshPeer))).toEqual(['direct', 'direct'])
    expect(told).toHaveLength(2)
  })

  it('[NET5] says what is wrong with the TURN servers that there are', async () => {
    const { pair } = pathlessPair()
    const iceServers: IceServer[] = [{ urls: ['stun:s', 'turn:t'] }]
    world.network.server.iceServers = iceServers
    await world.run(20_000)
    expect(stateOf(pair[0], pair[1])).toMatch(/TURN needed: .*the TURN servers gave no address$/)
  })

  it('[NET5] is not told of peers that answer nothing, or too fast to have tried', async () => {
    world = new SimulatedMeshes(4, { dialFailure: 1 })
    const pair = world.start(2) as [MeshPeer, MeshPeer]
    await world.run(20_000)
    expect(stateOf(pair[0], pair[1])).not.toContain('TURN')
  })
})

describe('a network that is back', () => {
  it('[NET7] dials without waiting once signals pass again', async () => {
    world = new SimulatedMeshes(5)
    const [a, b] = world.start(2) as [MeshPeer, MeshPeer]
    await world.until(() => world.isComplete(), 10_000)
    world.network.partition([a.id], [b.id])
    for (const { id } of [a, b]) world.network.server.unplug(id)
    await world.run(90_000)
    expect(world.isComplete()).toBe(false)
    world.network.heal()
    for (const { id } of [a, b]) world.network.server.plug(id)
    await world.until(() => [a, b].every(({ mesh }) => mesh.status().rendezvous === 'joined'), 10_000)
    expect(await world.until(() => world.isComplete(), 10_000)).toBeLessThan(1_000)
  })

  it('[NET7] a wake-up ends the pause before the signaling server is asked again', async () => {
    world = new SimulatedMeshes(6)
    const [peer] = world.start(1) as [MeshPeer]
    await world.run(3_000)
    world.network.server.unplug(peer.id)
    await world.until(() => peer.mesh.status().rendezvous === 'offline', 30_000)
    world.network.server.plug(peer.id)
    peer.mesh.suspectAll()
    expect(await world.until(() => peer.mesh.status().rendezvous === 'joined', 10_000)).toBeLessThan(250)
  })
})

describe('a linked peer that leaves the room', () => {
  async function linkedPair(): Promise<[MeshPeer, MeshPeer]> {
    world = new SimulatedMeshes(7)
    const pair = world.start(2) as [MeshPeer, MeshPeer]
    await world.until(() => world.isComplete(), 10_000)
    return pair
  }

  it('[MSH53] has said goodbye, though that comes after the word of the server', async () => {
    const [a, b] = await linkedPair()
    world.network.server.unplug(b.id)
    world.network.setConditions({ latencyMs: [3_000, 3_000] })
    b.mesh.goodbye(new Uint8Array())
    world.network.setConditions({ latencyMs: [5, 5] })
    await world.run(5_000)
    expect(a.events.at(-1)).toBe(`left ${b.id} goodbye`)
  })

  it('[MSH53] keeps its link if it lives', async () => {
    const [a, b] = await linkedPair()
    world.network.server.unplug(b.id)
    await world.run(20_000)
    expect([a.events, b.events]).toEqual([[`joined ${b.id}`], [`joined ${a.id}`]])
  })
})
