import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newPeerId, type PeerId } from '../../src/base/ids.js'
import { encodeControl } from '../../src/mesh/control.js'
import { encodeHello } from '../../src/mesh/handshake.js'
import { encodeRecord } from '../../src/mesh/peer-record.js'
import { encodeSignal } from '../../src/mesh/signals.js'
import { FIRST_ID, LAST_ID, RawPeer } from './raw-peer.js'
import { bytes, clusterId, info, type MeshPeer, SimulatedMeshes } from './simulated-meshes.js'

let world: SimulatedMeshes
let honest: [MeshPeer, MeshPeer]

beforeEach(async () => {
  world = new SimulatedMeshes(50)
  honest = world.start(2) as [MeshPeer, MeshPeer]
  await world.until(() => world.isComplete(), 10_000)
})

afterEach(async () => {
  for (const { logged, mesh } of honest) {
    expect(logged.filter((line) => line.startsWith('error'))).toEqual([])
    expect(mesh.peers.size).toBeGreaterThan(0) // the honest ones stay linked whatever the other says
  }
  await world.finish()
})

const identity = { info: info(LAST_ID, 'raw'), clusterId: undefined }

async function greetedWith(...frames: Uint8Array[]): Promise<RawPeer> {
  const raw = new RawPeer(world, LAST_ID, (link) => {
    for (const frame of frames) link.send('control', 0, frame)
  })
  await world.run(2_000)
  return raw
}

describe('handshake', () => {
  it('[MSH23] links with a peer that says a sound hello', async () => {
    const raw = await greetedWith(encodeHello(identity))
    expect(honest[0].mesh.peers.get(LAST_ID)?.info).toEqual(identity.info)
    expect(raw.links.map(({ channel }) => channel.state)).toEqual(['open', 'open'])
  })

  it('[MSH24] refuses another protocol version with a sentence, whatever else is in the hello', async () => {
    await greetedWith(
      encodeControl({ kind: 'hello', versions: { min: 2, max: 3 }, identity: bytes('from the future') }),
    )
    expect(honest[0].mesh.peers.has(LAST_ID)).toBe(false)
    const problem = 'speaks protocol 2 to 3, this peer 1: update the older one'
    expect(honest[0].events).toContain(`incompatible ${LAST_ID} ${problem}`)
    expect(honest[0].mesh.status().peers[LAST_ID]?.state).toBe(`unreachable: ${problem}`)
  })

  it('[MSH24] does not dial a refused peer again for a while', async () => {
    const raw = await greetedWith(encodeHello(identity, { min: 2, max: 2 }))
    await world.run(10_000)
    expect(raw.attempts).toHaveLength(2) // one of each honest peer
    await world.run(18_500) // the pause is over for both, and none of a second one
    expect(raw.attempts).toHaveLength(4)
  })

  it('[MSH25] speaks with a newer peer that still knows its version', async () => {
    await greetedWith(encodeHello(identity, { min: 1, max: 7 }))
    expect(honest[0].mesh.peers.has(LAST_ID)).toBe(true)
  })

  it('[MSH26] refuses who is not the peer that was dialled', async () => {
    await greetedWith(encodeHello({ ...identity, info: info(FIRST_ID, 'raw') }))
    expect(honest[0].mesh.peers.size).toBe(1)
    expect(honest[0].events).toContain(`incompatible ${LAST_ID} calls itself ${FIRST_ID}`)
  })

  it('[MSH27] closes a link whose first message is no hello', async () => {
    const raw = await greetedWith(encodeControl({ kind: 'summary', versions: [] }), encodeHello(identity))
    expect(honest[0].mesh.peers.has(LAST_ID)).toBe(false)
    expect(raw.links[0]?.channel.state).toBe('closed')
  })

  it('[MSH27] closes a link that says nothing in time, and dials again', async () => {
    const raw = await greetedWith()
    expect(honest[0].mesh.peers.has(LAST_ID)).toBe(false)
    await world.run(6_000)
    expect(raw.links[0]?.channel.state).toBe('closed')
    expect(raw.attempts.length).toBeGreaterThan(2)
  })

  it('[MSH27] survives any first message', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (frame) => {
        await greetedWith(frame)
        expect(honest[0].mesh.peers.has(LAST_ID)).toBe(false)
        world.network.crash(LAST_ID)
        await world.run(40_000)
      }),
      { numRuns: 20 },
    )
  })
})

describe('afterwards', () => {
  it('[MSH28] closes the link on a malformed message of its own, or for a port or lane that does not exist', async () => {
    const nonsense = [
      { lane: 'control', port: 0, frame: bytes('nonsense') },
      { lane: 'control', port: 0, frame: encodeHello(identity) },
      { lane: 'calls', port: 0, frame: encodeControl({ kind: 'summary', versions: [] }) },
      { lane: 'calls', port: 77, frame: bytes('x') },
      { lane: 'bulk', port: 1, frame: bytes('x') },
    ] as const
    const raw = await greetedWith(encodeHello(identity))
    for (const { lane, port, frame } of nonsense) {
      raw.links.at(-1)?.send(lane, port, frame)
      await world.run(3_000)
    }
    const total = honest.reduce((sum, { mesh }) => sum + mesh.status().malformed, 0)
    expect(total).toBe(nonsense.length)
    expect(honest[0].mesh.peers.has(LAST_ID)).toBe(true) // and it may always try again
  })

  it('[MSH28] survives any bytes on any lane and port', async () => {
    const raw = await greetedWith(encodeHello(identity))
    const lanes = fc.constantFrom('control', 'consensus', 'calls', 'documents', 'bulk' as const)
    await fc.assert(
      fc.asyncProperty(lanes, fc.nat(6), fc.uint8Array({ maxLength: 100 }), async (lane, port, frame) => {
        raw.links.at(-1)?.send(lane, port, frame)
        await world.run(1_000)
      }),
      { numRuns: 100 },
    )
  })

  it('[MSH20] drops what the other cluster must not send', async () => {
    honest[0].mesh.setClusterId(clusterId('x'))
    const raw = await greetedWith(encodeHello({ ...identity, clusterId: clusterId('y') }))
    honest[0].open('consensus')
    honest[0].open('roster')
    for (const link of raw.links) {
      link.send('consensus', 3, bytes('vote for me'))
      link.send('control', 5, bytes('who are you'))
    }
    await world.run(100)
    expect(honest[0].messages).toEqual([`${LAST_ID}: who are you`])
  })

  it('[MSH29] a member that invents thousands of peers exhausts nothing', async () => {
    const runtime = world.clock.fork(29)
    const strangers = Array.from({ length: 2000 }, () => newPeerId(runtime))
    const record = (peer: PeerId, neighbours: PeerId[]) => {
      const body = { info: info(peer, 'no'), clusterId: undefined, isFull: false, neighbours }
      return { peer, version: 1, body: encodeRecord(body) }
    }
    const invented = [
      record(LAST_ID, [...strangers.slice(0, 250), ...honest.map(({ id }) => id)]),
      ...strangers.map((peer) => record(peer, [LAST_ID])),
    ]
    const batches = Array.from({ length: 21 }, (_, i) => invented.slice(100 * i, 100 * i + 100))
    await greetedWith(encodeHello(identity), ...batches.map((records) => encodeControl({ kind: 'records', records })))
    for (const { mesh, id } of honest) {
      expect(world.network.dialsInProgress(id)).toBeGreaterThan(1)
      expect(world.network.dialsInProgress(id)).toBeLessThanOrEqual(8)
      expect(mesh.links.size).toBe(2)
    }
    await world.run(4_000)
    for (const { mesh } of honest) expect(mesh.peers.size).toBe(252) // as many as its record can name
    world.network.crash(LAST_ID)
    await world.run(12_000)
    for (const { mesh } of honest) expect(mesh.peers.size).toBe(1)
  })
})

describe('signals', () => {
  it('[MSH30] survives any signal', async () => {
    const raw = await greetedWith(encodeHello(identity))
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (payload) => {
        raw.signal(honest[0].id, payload)
        await world.run(100)
      }),
      { numRuns: 100 },
    )
    expect(honest[0].mesh.peers.has(LAST_ID)).toBe(true)
  })

  it('[MSH30] ignores an offer of a peer that it dials itself, and an answer to no attempt', async () => {
    const raw = await greetedWith(encodeHello(identity))
    const attempt = { boot: 1, number: 1 }
    raw.signal(honest[0].id, encodeSignal({ kind: 'offer', attempt, payload: bytes('x') }))
    raw.signal(honest[0].id, encodeSignal({ kind: 'answer', attempt, payload: bytes('x') }))
    raw.signal(honest[0].id, encodeSignal({ kind: 'gone', attempt }))
    await world.run(100)
    expect(world.network.dialsInProgress(honest[0].id)).toBe(0)
    expect(honest[0].mesh.peers.has(LAST_ID)).toBe(true)
  })

  it('[MSH31] ignores signals of an attempt that a newer one replaced', async () => {
    const raw = new RawPeer(world, FIRST_ID, () => {})
    await world.run(100)
    const offer = (number: number) => encodeSignal({ kind: 'offer', attempt: { boot: 1, number }, payload: bytes('x') })
    raw.signal(honest[0].id, offer(7))
    await world.run(100)
    expect(world.network.dialsInProgress(honest[0].id)).toBe(1)
    raw.signal(honest[0].id, encodeSignal({ kind: 'gone', attempt: { boot: 1, number: 7 } }))
    await world.run(100)
    raw.signal(honest[0].id, offer(6))
    raw.signal(honest[0].id, offer(7))
    await world.run(100)
    expect(world.network.dialsInProgress(honest[0].id)).toBe(0)
    raw.signal(honest[0].id, offer(8))
    await world.run(100)
    expect(world.network.dialsInProgress(honest[0].id)).toBe(1)
  })

  it('[MSH32] drops its link when the other side says that its end is gone', async () => {
    const raw = await greetedWith(encodeHello(identity))
    const last = raw.attempts.length
    for (const attempt of [...raw.attempts]) {
      for (const { id } of honest) raw.signal(id, encodeSignal({ kind: 'gone', attempt }))
    }
    await world.run(3_000)
    for (const { events } of honest) expect(events.slice(-2)).toEqual([`left ${LAST_ID} lost`, `joined ${LAST_ID}`])
    expect(raw.attempts.length).toBe(last + 2)
  })

  it('[MSH32] gives up an attempt at once when the other side does, and says so when it does itself', async () => {
    const raw = await greetedWith()
    const before = raw.attempts.length
    for (const attempt of raw.attempts) {
      for (const { id } of honest) raw.signal(id, encodeSignal({ kind: 'gone', attempt }))
    }
    await world.run(1_000)
    expect(raw.attempts.length).toBe(before + 2)
    const gone = () => raw.signals.filter(({ kind }) => kind === 'gone').length
    const goneBefore = gone()
    await world.run(5_000)
    expect(gone()).toBe(goneBefore + 2)
  })

  it('[MSH33] starts over when asked to dial while the other side knows of no attempt', async () => {
    const raw = await greetedWith()
    const before = raw.attempts.length
    raw.signal(honest[0].id, encodeSignal({ kind: 'dial' }))
    await world.run(400)
    raw.signal(honest[0].id, encodeSignal({ kind: 'dial' })) // crosses the new attempt
    await world.run(400)
    expect(raw.attempts.length).toBe(before + 1)
  })

  it('[MSH38] does not hurry to dial a peer that said goodbye', async () => {
    const raw = await greetedWith(encodeHello(identity))
    const before = raw.attempts.length
    for (const link of raw.links) link.goodbye(0, encodeControl({ kind: 'goodbye', payload: bytes('') }))
    await world.run(900)
    expect(honest[0].events.at(-1)).toBe(`left ${LAST_ID} goodbye`)
    expect(raw.attempts.length).toBe(before)
    await world.run(2_000)
    expect(raw.attempts.length).toBe(before + 2)
  })

  it('[MSH38] dials at once who enters the room again, whatever came before', async () => {
    const raw = await greetedWith(encodeHello(identity, { min: 2, max: 2 }))
    const before = raw.attempts.length
    await raw.leave()
    await world.run(100)
    const again = await greetedWith(encodeHello(identity))
    expect(raw.attempts.length).toBe(before)
    expect(again.attempts.length).toBe(2)
    expect(honest.map(({ mesh }) => mesh.peers.has(LAST_ID))).toEqual([true, true])
  })

  it('[MSH38] starts a dial over when the other side leaves the room and enters it again', async () => {
    const raw = await greetedWith() // two dials that lead to nothing
    await raw.leave()
    const again = new RawPeer(world, LAST_ID, () => {})
    await world.run(500)
    expect(again.attempts.length).toBe(2)
  })

  it('[MSH33] dials when asked to, and asks who should dial', async () => {
    const raw = new RawPeer(world, FIRST_ID, () => {})
    await world.run(5_000)
    const asked = raw.signals.filter(({ kind }) => kind === 'dial').length
    expect(asked).toBeGreaterThanOrEqual(4) // both, more than once
    const other = await greetedWith(encodeHello({ ...identity, info: info(LAST_ID, 'raw') }))
    const before = other.attempts.length
    other.links[0]?.close('gone')
    other.signal(honest[0].id, encodeSignal({ kind: 'dial' }))
    other.signal(honest[1].id, encodeSignal({ kind: 'dial' }))
    await world.run(1_000)
    expect(other.attempts.length).toBe(before + 1)
  })
})
