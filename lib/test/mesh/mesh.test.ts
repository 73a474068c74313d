import { afterEach, describe, expect, it, vi } from 'vitest'
import type { PeerId } from '../../src/base/ids.js'
import { DecodeError } from '../../src/codec/decode.js'
import { SimulatedChannel } from '../../src/testing/simulated-channel.js'
import { SimulatedRendezvous } from '../../src/testing/simulated-rendezvous.js'
import { bytes, clusterId, expectOrder, type MeshPeer, SimulatedMeshes } from './simulated-meshes.js'

const LATE_ID = 'late-late-late-late-lA' as PeerId

let world: SimulatedMeshes

afterEach(async () => {
  await world.finish()
})

async function connected(count: number): Promise<MeshPeer[]> {
  world = new SimulatedMeshes()
  const peers = world.start(count)
  await world.until(() => world.isComplete(), 10_000)
  expect(world.isComplete()).toBe(true)
  return peers
}

async function connectedPair(): Promise<[MeshPeer, MeshPeer]> {
  return (await connected(2)) as [MeshPeer, MeshPeer]
}

describe('starting', () => {
  it('[MSH39] has no peers and says nothing before it is started', async () => {
    world = new SimulatedMeshes(39)
    const [waiting, other] = [world.addPeer(), world.startPeer()]
    const port = waiting.open('messages')
    waiting.mesh.found(clusterId('f'))
    waiting.mesh.suspectAll()
    await world.run(5_000)
    expect(port.send(other.id, bytes('early'))).toBe('no-link')
    expect(waiting.mesh.status()).toMatchObject({ rendezvous: 'connecting', peers: {} })
    expect(other.mesh.status().peers).toEqual({})
    expect([...waiting.events, ...other.events]).toEqual([])
    expect(world.network.server.clusterId).toBeUndefined()
  })

  it('[MSH39] is from its start on who it became meanwhile, with the ports and the cluster it had before', async () => {
    world = new SimulatedMeshes(39)
    const [late, other] = [world.addPeer(), world.startPeer()]
    const port = late.open('messages')
    other.open('messages')
    await world.run(3_000)
    late.mesh.setClusterId(clusterId('f'))
    late.mesh.start({ id: LATE_ID, name: 'late', durable: true })
    expect(late.mesh.self).toMatchObject({ id: LATE_ID, name: 'late', durable: true, stack: 'simulated' })
    await world.until(() => other.mesh.peers.has(LATE_ID), 10_000)
    await world.run(1_000)
    expect(other.mesh.peers.get(LATE_ID)).toMatchObject({ info: late.mesh.self, clusterId: clusterId('f') })
    expect(Object.keys(other.mesh.status().peers)).toEqual([LATE_ID])
    expect(world.network.server.clusterId).toBe(clusterId('f'))
    expect(port.send(other.id, bytes('hello'))).toBe('queued')
    await world.run(1_000)
    expect(other.messages).toEqual([`${LATE_ID}: hello`])
  })

  it('[MSH39] does not start after a goodbye', async () => {
    world = new SimulatedMeshes(39)
    const [gone, other] = [world.addPeer(), world.startPeer()]
    gone.mesh.goodbye()
    gone.mesh.start()
    await world.run(5_000)
    expect(other.mesh.status().peers).toEqual({})
  })
})

describe('linking', () => {
  it('[MSH1] links every two peers of a room', async () => {
    const peers = await connected(5)
    for (const { mesh } of peers) {
      const others = peers.map(({ id }) => id).filter((id) => id !== mesh.self.id)
      expect([...mesh.peers.keys()].sort()).toEqual(others)
    }
  })

  it('[MSH1] links ten peers that come one after the other', async () => {
    world = new SimulatedMeshes(2)
    for (let i = 0; i < 10; i++) {
      world.startPeer()
      await world.run(100)
    }
    expect(await world.until(() => world.isComplete(), 10_000)).toBeLessThan(3_000)
  })

  it('[MSH2] shows what a peer says of itself, and its round trip time', async () => {
    const [a, b] = await connectedPair()
    await world.run(100)
    const status = a.mesh.peers.get(b.id)
    expect(status?.info).toEqual(b.mesh.self)
    expect(status?.clusterId).toBeUndefined()
    expect(status?.rttMs).toBeGreaterThan(0)
  })

  it('[MSH3] says peerJoined before any message and peerLeft after the last', async () => {
    world = new SimulatedMeshes(3, { dialFailure: 0.3 })
    const peers = world.start(4)
    for (const { id, mesh, open } of peers) {
      const port = open('messages')
      mesh.on('peerJoined', ({ info }) => port.send(info.id, bytes(`hello from ${id}`)))
    }
    for (let i = 0; i < 20; i++) {
      await world.run(500)
      const [a, b] = [peers[i % 4]!, peers[(i + 1) % 4]!]
      a.ports.messages?.send(b.id, bytes('once more'))
      world.network.cut(a.id, b.id)
    }
    expect(peers.flatMap(({ messages }) => messages).length).toBeGreaterThan(12)
    for (const peer of peers) expectOrder(peer)
  })

  it('[MSH4] dials a peer again when dials fail silently at one or both ends', async () => {
    world = new SimulatedMeshes(4, { dialFailure: 0.5, signalLoss: 0.1 })
    world.start(5)
    expect(await world.until(() => world.isComplete(), 120_000)).toBeLessThan(120_000)
  })

  it('[MSH5] never has more dials in progress than its limit', async () => {
    world = new SimulatedMeshes(5, { dialMs: [500, 1000] })
    const peers = world.start(12, { limits: { dials: 4 } })
    let most = 0
    while (!world.isComplete() && world.clock.nowMs < 60_000) {
      await world.run(50)
      for (const { id } of peers) most = Math.max(most, world.network.dialsInProgress(id))
    }
    expect(world.isComplete()).toBe(true)
    expect(most).toBe(4)
  })
})

describe('healing', () => {
  it('[MSH6] links again soon after a link was cut', async () => {
    const [a, b] = await connectedPair()
    world.network.cut(a.id, b.id)
    await world.run(0)
    expect(a.events.at(-1)).toBe(`left ${b.id} lost`)
    expect(world.isComplete()).toBe(false)
    expect(await world.until(() => world.isComplete(), 10_000)).toBeLessThan(1_500)
  })

  it('[MSH37] waits longer after each failure, and not any more after a link that lasted', async () => {
    world = new SimulatedMeshes(37, { dialFailure: 1 })
    const [a, b] = world.start(2, { timing: { dialTimeoutMs: 500 } }) as [MeshPeer, MeshPeer]
    await world.run(60_000)
    const dials = a.logged.filter((line) => line.includes('dialling'))
    expect(dials.length).toBeGreaterThan(60 / 2.6)
    expect(dials.length).toBeLessThan(60 / 1.4)
    world.network.setConditions({ dialFailure: 0 })
    expect(await world.until(() => world.isComplete(), 10_000)).toBeLessThan(4_000)
    await world.run(6_000)
    world.network.cut(a.id, b.id)
    expect(await world.until(() => world.isComplete(), 10_000)).toBeLessThan(600)
  })

  it('[MSH6] links again after a partition, within 5 s of its end', async () => {
    const peers = await connected(5)
    const [left, right] = [peers.slice(0, 2), peers.slice(2)]
    world.network.partition(
      left.map(({ id }) => id),
      right.map(({ id }) => id),
    )
    await world.run(60_000)
    expect(left[0]?.mesh.peers.size).toBe(1)
    expect(right[0]?.mesh.peers.size).toBe(2)
    world.network.heal()
    expect(await world.until(() => world.isComplete(), 30_000)).toBeLessThan(5_000)
  })

  it('[MSH6] links again after a one-way partition', async () => {
    const [a, b] = await connectedPair()
    world.network.block([b.id], [a.id])
    await world.run(30_000)
    expect(a.mesh.peers.size).toBe(0)
    world.network.heal()
    expect(await world.until(() => world.isComplete(), 30_000)).toBeLessThan(5_000)
  })

  it('[MSH7] keeps the links while the rendezvous is down, and says so', async () => {
    const peers = await connected(3)
    world.network.server.down()
    await world.run(20_000)
    expect(world.isComplete()).toBe(true)
    expect(peers[0]?.mesh.status()).toMatchObject({ rendezvous: 'offline', problem: expect.stringContaining('reach') })
  })

  it('[MSH8] heals a broken pair through a peer linked to both while the rendezvous is down', async () => {
    const [a, b] = await connected(3)
    world.network.server.down()
    await world.run(5_000)
    world.network.cut(a!.id, b!.id)
    await world.run(0)
    expect(world.isComplete()).toBe(false)
    expect(await world.until(() => world.isComplete(), 10_000)).toBeLessThan(3_000)
  })

  it('[MSH9] links peers that never met in a room, if a third one knows both', async () => {
    world = new SimulatedMeshes(9)
    const [a, b, c] = world.start(3) as [MeshPeer, MeshPeer, MeshPeer]
    world.network.server.unplug(a.id)
    await world.until(() => c.mesh.peers.size === 1, 5_000)
    world.network.server.plug(a.id)
    world.network.server.unplug(b.id) // b and c are linked, b is out of the room; a meets c alone
    expect(await world.until(() => world.isComplete(), 10_000)).toBeLessThan(5_000)
  })

  it('[MSH10] replaces the link of a peer that crashed and came back under its id', async () => {
    const [a, b, c] = (await connected(3)) as [MeshPeer, MeshPeer, MeshPeer]
    for (const crashed of [a, c]) {
      world.crash(crashed)
      const restarted = world.startPeer({ id: crashed.id })
      expect(await world.until(() => world.isComplete(), 20_000)).toBeLessThan(4_000)
      await world.run(100)
      expect(b.events.slice(-2)).toEqual([`left ${crashed.id} lost`, `joined ${crashed.id}`])
      await world.run(10_000)
      expect(restarted.events.map((event) => event.split(' ')[0])).toEqual(['joined', 'joined'])
    }
    expect(new Set([...b.mesh.peers.values()].map(({ info }) => info.bootNonce))).toEqual(new Set(['boot-4', 'boot-5']))
  })

  it.each([0, 1])('[MSH40] has a peer back soon that crashed and is in the room again (%s)', async (index) => {
    const peers = await connectedPair()
    await world.run(10_000)
    const [crashed, other] = [peers[index]!, peers[1 - index]!]
    world.crash(crashed)
    await world.run(500)
    world.startPeer({ id: crashed.id })
    const isBack = () => other.mesh.peers.get(crashed.id)?.info.bootNonce === 'boot-3'
    expect(await world.until(isBack, 10_000)).toBeLessThan(2_200)
  })

  it('[MSH40] keeps the link of a peer that only lost the signaling server', async () => {
    const [a, b] = await connectedPair()
    world.network.server.unplug(b.id)
    await world.run(1_000)
    world.network.server.plug(b.id)
    await world.run(10_000)
    expect(b.mesh.status().rendezvous).toBe('joined')
    expect([a.events, b.events]).toEqual([[`joined ${b.id}`], [`joined ${a.id}`]])
  })

  it('[MSH11] notices a crashed peer by its silence', async () => {
    const [a, b] = await connectedPair()
    world.crash(b)
    await world.run(8_000)
    expect(a.events.at(-1)).toBe(`left ${b.id} lost`)
  })

  it('[MSH12] notices it within the probe when told to suspect its links', async () => {
    const [a, b] = await connectedPair()
    world.crash(b)
    await world.run(100)
    a.mesh.suspectAll()
    await world.run(1_600)
    expect(a.events.at(-1)).toBe(`left ${b.id} lost`)
  })

  it('[MSH12] keeps links that answer when suspected', async () => {
    const [a, b] = await connectedPair()
    a.mesh.suspectAll()
    await world.run(3_000)
    expect([a.events, b.events]).toEqual([[`joined ${b.id}`], [`joined ${a.id}`]])
  })

  it('[MSH12] starts dials over when told that the network may be better now', async () => {
    world = new SimulatedMeshes(12, { dialFailure: 1 })
    const peers = world.start(3)
    await world.run(30_000)
    world.network.setConditions({ dialFailure: 0 })
    await world.run(600)
    expect(world.isComplete()).toBe(false)
    for (const { mesh } of peers) mesh.suspectAll()
    expect(await world.until(() => world.isComplete(), 10_000)).toBeLessThan(1_000)
  })

  it('[MSH13] says per peer whether it is connecting, direct or unreachable, and why', async () => {
    const [a, b] = await connectedPair()
    expect(a.mesh.status().peers[b.id]).toMatchObject({ state: 'direct', link: { stack: 'simulated' } })
    world.network.partition([a.id], [b.id])
    await world.until(() => a.mesh.peers.size === 0, 10_000)
    expect(a.mesh.status().peers[b.id]).toMatchObject({ state: 'connecting', link: undefined })
    await world.until(() => a.mesh.status().peers[b.id]?.state !== 'connecting', 60_000)
    expect(a.mesh.status().peers[b.id]?.state).toBe('unreachable: no connection in time')
  })
})

describe('leaving', () => {
  it('[MSH14] a goodbye ends the links at once, with the last words before peerLeft', async () => {
    const [a, b] = await connectedPair()
    b.mesh.goodbye(bytes('adieu'))
    expect(b.mesh.peers.size).toBe(0)
    await world.run(50)
    expect(a.events.slice(-2)).toEqual([`goodbye ${b.id} adieu`, `left ${b.id} goodbye`])
    expect(b.events).toEqual([`joined ${a.id}`])
  })

  it('[MSH14] the room is left before any link closes: browsers do not wait for that', async () => {
    const [a] = await connectedPair()
    const leave = vi.spyOn(SimulatedRendezvous.prototype, 'leave')
    const close = vi.spyOn(SimulatedChannel.prototype, 'close')
    a.mesh.goodbye()
    const [left, closed] = [leave, close].map(({ mock }) => mock.invocationCallOrder[0] ?? Number.NaN)
    expect(left).toBeLessThan(closed as number)
    vi.restoreAllMocks()
  })

  it('[MSH14] refuses a goodbye that browsers would not deliver', async () => {
    const [a] = await connectedPair()
    expect(() => a.mesh.goodbye(new Uint8Array(5_000))).toThrow(expect.objectContaining({ code: 'E_TOO_LARGE' }))
    expect(world.isComplete()).toBe(true)
  })

  it('[MSH14] a peer that said goodbye and starts again is linked again', async () => {
    const [a, b] = await connectedPair()
    await b.mesh.close()
    await world.run(50)
    world.peers.splice(world.peers.indexOf(b), 1)
    world.startPeer({ id: b.id })
    expect(await world.until(() => world.isComplete(), 10_000)).toBeLessThan(3_000)
    expect(a.events.slice(-2)).toEqual([`left ${b.id} goodbye`, `joined ${b.id}`])
  })

  it('[MSH14] after close nothing happens any more, whatever comes', async () => {
    const [a, b] = await connectedPair()
    const before = [...b.events]
    await b.mesh.close()
    await b.mesh.close()
    await world.run(20_000)
    expect(b.events).toEqual(before)
    expect(b.mesh.status().rendezvous).toBe('left')
    expect(a.mesh.peers.size).toBe(0)
  })
})

describe('ports', () => {
  it('[MSH15] carries messages to the same port, in order', async () => {
    const [a, b] = await connectedPair()
    const port = a.open('messages')
    b.open('messages')
    b.open('documents')
    for (let i = 0; i < 100; i++) expect(port.send(b.id, bytes(String(i)))).toBe('queued')
    await world.run(100)
    expect(b.messages).toEqual(Array.from({ length: 100 }, (_, i) => `${a.id}: ${i}`))
  })

  it('[MSH16] says no-link for a peer without one, full for a full lane and then drain, too-large for good', async () => {
    world = new SimulatedMeshes(16, { bytesPerSecond: 100_000 })
    const queueBytes = { control: 1e6, consensus: 1e6, calls: 1000, documents: 1e6, bulk: 1e6 }
    const [a, b] = world.start(2, { limits: { link: { queueBytes, messageBytes: 200_000 } } }) as [MeshPeer, MeshPeer]
    const port = a.open('messages')
    expect(port.send(b.id, bytes('early'))).toBe('no-link')
    await world.until(() => world.isComplete(), 5_000)
    expect(port.send(a.id, bytes('self'))).toBe('no-link')
    expect(port.send(b.id, new Uint8Array(200_001))).toBe('too-large')
    expect(port.send(b.id, new Uint8Array(200_000))).toBe('queued')
    expect(port.queuedBytes(b.id)).toBeGreaterThan(0)
    expect(port.send(b.id, bytes('more'))).toBe('full')
    await world.run(3_000)
    expect(a.events.at(-1)).toBe(`drain ${b.id}`)
    expect(port.send(b.id, bytes('more'))).toBe('queued')
  })

  it('[MSH17] a handler that throws disturbs nothing', async () => {
    const [a, b] = await connectedPair()
    const port = a.open('messages')
    b.open('messages', () => {
      throw new TypeError('a bug')
    })
    port.send(b.id, bytes('one'))
    port.send(b.id, bytes('two'))
    await world.run(100)
    expect(b.messages).toHaveLength(2)
    expect(b.logged.filter((line) => line.startsWith('error'))).toHaveLength(2)
    expect(world.isComplete()).toBe(true)
  })

  it('[MSH18] a DecodeError of a handler costs the sender its link', async () => {
    const [a, b] = await connectedPair()
    const port = a.open('messages')
    b.open('messages', () => {
      throw new DecodeError('nonsense')
    })
    port.send(b.id, bytes('one'))
    port.send(b.id, bytes('two'))
    await world.run(30)
    expect(b.messages).toHaveLength(1)
    expect(b.events.at(-1)).toBe(`left ${a.id} lost`)
    expect(b.mesh.status().malformed).toBe(1)
    await world.run(100)
    expect(a.events.slice(0, 2)).toEqual([`joined ${b.id}`, `left ${b.id} lost`])
  })

  it('[MSH15] opens each port once', async () => {
    const [a] = await connectedPair()
    a.open('messages')
    expect(() => a.open('messages')).toThrow('open already')
  })
})

describe('clusters', () => {
  it('[MSH19] tells linked peers the cluster, and when it changes', async () => {
    const [a, b] = await connectedPair()
    a.mesh.setClusterId(clusterId('x'))
    a.mesh.setClusterId(clusterId('x'))
    await world.run(100)
    a.mesh.setClusterId(clusterId('y'))
    await world.run(100)
    const seen = b.events.filter((event) => event.startsWith('cluster'))
    expect(seen).toEqual([`cluster ${a.id} ${clusterId('x')}`, `cluster ${a.id} ${clusterId('y')}`])
    expect(b.mesh.peers.get(a.id)?.clusterId).toBe(clusterId('y'))
  })

  it('[MSH19] a cluster that changes during the handshake arrives all the same', async () => {
    world = new SimulatedMeshes(19)
    const [a, b] = world.start(2) as [MeshPeer, MeshPeer]
    a.mesh.on('peerJoined', () => a.mesh.setClusterId(clusterId('y')))
    await world.until(() => a.mesh.peers.size + b.mesh.peers.size > 0, 5_000)
    b.mesh.setClusterId(clusterId('x'))
    await world.run(1_000)
    expect(a.mesh.peers.get(b.id)?.clusterId).toBe(clusterId('x'))
    expect(b.mesh.peers.get(a.id)?.clusterId).toBe(clusterId('y'))
  })

  it('[MSH20] between two clusters only rosters and documents pass', async () => {
    world = new SimulatedMeshes(20)
    const a = world.startPeer({ clusterId: clusterId('x') })
    const b = world.startPeer({ clusterId: clusterId('y') })
    await world.until(() => world.isComplete(), 5_000)
    const names = ['messages', 'documents', 'consensus', 'snapshots', 'roster'] as const
    for (const name of names) b.open(name)
    const results = names.map((name) => a.open(name).send(b.id, bytes(name)))
    expect(results).toEqual(['no-link', 'queued', 'no-link', 'no-link', 'queued'])
    await world.run(100)
    expect(b.messages.sort()).toEqual([`${a.id}: documents`, `${a.id}: roster`])
  })

  it('[MSH21] founds by the rendezvous: the first one wins, and who asks or joins later is told', async () => {
    const [a, b] = await connectedPair()
    a.mesh.found(clusterId('x'))
    await world.run(5_000)
    b.mesh.found(clusterId('y'))
    await world.run(1_000)
    for (const { events } of [a, b]) expect(events.at(-1)).toBe(`founded ${clusterId('x')}`)
    const late = world.startPeer()
    await world.run(1_000)
    expect(late.events).toContain(`founded ${clusterId('x')}`)
  })

  it('[MSH21] claims its cluster again when the rendezvous forgot it', async () => {
    const [a, b] = await connectedPair()
    a.mesh.setClusterId(clusterId('x'))
    await world.run(5_000)
    world.network.server.down()
    await world.run(1_000)
    world.network.server.up()
    b.mesh.found(clusterId('y'))
    await world.run(5_000)
    expect(b.events).toContain(`founded ${clusterId('x')}`)
    expect(world.network.server.clusterId).toBe(clusterId('x'))
  })
})

describe('determinism', () => {
  it('[MSH22] the same seed gives the same run, another seed another one', async () => {
    const run = async (seed: number) => {
      world = new SimulatedMeshes(seed, { dialFailure: 0.3, signalLoss: 0.1, bytesPerSecond: 1e6 })
      const peers = world.start(5)
      const ids = peers.map(({ id }) => id)
      await world.run(10_000)
      world.network.partition(ids.slice(0, 2), ids.slice(2))
      world.crash(peers[4]!)
      await world.run(20_000)
      world.network.heal()
      world.startPeer({ id: ids[4]! })
      await world.run(20_000)
      const { hash } = world.network
      await world.finish()
      return hash
    }
    const [first, second, other] = [await run(22), await run(22), await run(23)]
    expect(first).toBe(second)
    expect(first).not.toBe(other)
  })
})
