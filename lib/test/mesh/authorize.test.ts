import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defer } from '../../src/base/deferred.js'
import type { Authorize, Candidate } from '../../src/mesh/authorization.js'
import { decodeControl, encodeControl } from '../../src/mesh/control.js'
import { encodeHello } from '../../src/mesh/handshake.js'
import { FIRST_ID, LAST_ID, RawPeer } from './raw-peer.js'
import { bytes, info, type MeshPeer, SimulatedMeshes } from './simulated-meshes.js'

let world: SimulatedMeshes

beforeEach(() => {
  world = new SimulatedMeshes(70)
})

afterEach(() => world.finish())

function start(authorize: Authorize, credential?: string): [MeshPeer, MeshPeer] {
  return [world.startPeer({ authorize }), world.startPeer({ credential: () => credential })]
}

function stateOf({ mesh }: MeshPeer, other: MeshPeer): string | undefined {
  return mesh.status().peers[other.id]?.state
}

describe('authorize', () => {
  it('[MSH60] is asked with what the peer says of itself and shows; true links', async () => {
    const asked: Candidate[] = []
    const [host, guest] = start((candidate) => {
      asked.push(candidate)
      return candidate.credential === 'a token'
    }, 'a token')
    await world.until(() => world.isComplete(), 5_000)
    expect(world.isComplete()).toBe(true)
    expect(asked).toEqual([{ ...guest.mesh.self, credential: 'a token' }])
    expect(host.mesh.status().refused).toBe(0)
  })

  it('[MSH60] nobody else is asked, and who has no hook shows nothing unasked to do', async () => {
    const [host, guest] = start(() => true)
    await world.until(() => world.isComplete(), 5_000)
    expect([...host.mesh.peers.keys(), ...guest.mesh.peers.keys()]).toEqual([guest.id, host.id])
  })

  it('[MSH60] both sides may ask; one no is enough', async () => {
    const [yes, no] = [world.startPeer({ authorize: () => true }), world.startPeer({ authorize: () => false })]
    await world.run(3_000)
    expect([yes.mesh.peers.size, no.mesh.peers.size]).toEqual([0, 0])
    const both = [world.startPeer({ authorize: () => true }), yes]
    await world.run(3_000)
    expect(both.map(({ mesh }) => mesh.peers.size)).toEqual([1, 1])
  })

  it('[MSH61] whom it refuses is told so, and both count it', async () => {
    const [host, guest] = start(() => false)
    await world.run(2_000)
    expect(guest.events).toEqual([`unauthorized ${host.id} refused us: it is not authorized`])
    expect(host.events).toEqual([])
    expect(stateOf(guest, host)).toBe('unreachable: refused us: it is not authorized')
    expect(stateOf(host, guest)).toBe('unreachable: refused: not authorized here')
    expect([host.mesh.status().refused, guest.mesh.status().refused]).toEqual([1, 1])
  })

  it('[MSH61] who is refused is asked about again only after the pause', async () => {
    let asked = 0
    start(() => ++asked < 0)
    await world.run(14_000)
    expect(asked).toBe(1)
    await world.run(40_000)
    expect(asked).toBeGreaterThan(1)
  })

  it('[MSH62] a hook that throws, rejects or says anything but true refuses; the logger gets what it threw', async () => {
    const answers: (() => unknown)[] = [
      () => {
        throw new Error('broken')
      },
      () => Promise.reject(new Error('broken')),
      () => 'yes',
      () => Promise.resolve(undefined),
    ]
    for (const answer of answers) {
      const [host, guest] = start(answer as Authorize)
      await world.run(2_000)
      expect(host.mesh.peers.has(guest.id)).toBe(false)
      expect(host.mesh.status().refused).toBeGreaterThan(0)
    }
    const errors = world.peers.flatMap(({ logged }) => logged.filter((line) => line.startsWith('error')))
    expect(errors.filter((line) => line.includes('broken')).length).toBeGreaterThanOrEqual(2)
  })

  it('[MSH62] a hook that never answers leaves nobody linked, holds no dial for ever, and is named as the cause', async () => {
    const host = world.startPeer({ id: FIRST_ID, authorize: () => new Promise(() => {}) })
    const guest = world.startPeer()
    const named = 'unreachable: authorize did not answer in time'
    await world.until(() => stateOf(host, guest) === named, 60_000)
    expect(stateOf(host, guest)).toBe(named)
    expect([host.mesh.peers.size, guest.mesh.peers.size]).toEqual([0, 0])
    expect(world.network.dialsInProgress(host.id)).toBeLessThanOrEqual(1)
    expect(host.mesh.status().refused).toBe(0)
  })

  it('[MSH62] an answer that comes after its attempt ended changes nothing', async () => {
    const answer = defer<boolean>()
    const [host, guest] = start(() => answer.promise)
    await world.run(100)
    world.crash(guest)
    await world.run(20_000)
    answer.resolve(true)
    await world.run(100)
    expect(host.mesh.peers.size).toBe(0)
    expect(host.events).toEqual([])
  })
})

describe('while a verdict is awaited', () => {
  it('[MSH63] neither side counts the link; afterwards everything comes in order', async () => {
    const answer = defer<boolean>()
    const [host, guest] = start(() => answer.promise)
    host.open('messages')
    const port = guest.open('messages')
    guest.mesh.on('peerJoined', ({ info: { id } }) => {
      for (let i = 0; i < 3; i++) port.send(id, bytes(`${i}`))
    })
    await world.run(1_000)
    expect([host.mesh.peers.size, guest.mesh.peers.size]).toEqual([0, 0])
    expect(port.send(host.id, bytes('too early'))).toBe('no-link')
    answer.resolve(true)
    await world.run(500)
    expect(host.messages).toEqual(['0', '1', '2'].map((text) => `${guest.id}: ${text}`))
    expect(host.events[0]).toBe(`joined ${guest.id}`)
  })

  it.each([
    ['a message on another lane', 'calls', 1, bytes('x')],
    ['a message of the mesh', 'control', 0, encodeControl({ kind: 'summary', versions: [] })],
    ['a verdict that nobody waits for', 'control', 0, encodeControl({ kind: 'admitted' })],
  ] as const)('[MSH63] %s costs the attempt: nothing is kept for later', async (_, lane, port, payload) => {
    const host = world.startPeer({ authorize: () => new Promise(() => {}) })
    const raw = new RawPeer(world, LAST_ID, (link) => {
      link.send('control', 0, encodeHello({ info: info(LAST_ID, 'raw'), clusterId: undefined }))
      link.send(lane, port, payload)
    })
    await world.run(1_000)
    expect(raw.links[0]?.channel.state).toBe('closed')
    expect(host.mesh.peers.size).toBe(0)
  })

  it('[MSH63] who says that it authorizes and then says nothing is no peer', async () => {
    const host = world.startPeer()
    const raw = new RawPeer(world, LAST_ID, (link) => {
      link.send('control', 0, encodeHello({ info: info(LAST_ID, 'raw'), clusterId: undefined, authorizes: true }))
    })
    await world.run(4_000)
    expect(host.mesh.peers.size).toBe(0)
    expect(raw.links[0]?.channel.state).toBe('open')
    await world.run(4_000)
    expect(raw.links[0]?.channel.state).toBe('closed')
  })

  it('[MSH61] a refusal is the last message of a link', async () => {
    world.startPeer({ authorize: () => false })
    const raw = new RawPeer(world, LAST_ID, (link) => {
      link.send('control', 0, encodeHello({ info: info(LAST_ID, 'raw'), clusterId: undefined }))
    })
    await world.run(1_000)
    const last = raw.received.at(-1)?.payload ?? bytes('')
    expect(decodeControl(last)).toEqual({ kind: 'refused', problem: 'it is not authorized' })
    expect(raw.links[0]?.channel.state).toBe('closed')
  })
})
