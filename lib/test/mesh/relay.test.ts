import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { newPeerId, type PeerId } from '../../src/base/ids.js'
import { systemRuntime } from '../../src/base/system-runtime.js'
import { DecodeError } from '../../src/codec/decode.js'
import { BROADCAST_PORT } from '../../src/mesh/broadcasts.js'
import { encodeControl } from '../../src/mesh/control.js'
import {
  bootTag,
  decodeBroadcast,
  decodeEnvelope,
  encodeBroadcast,
  encodeEnvelope,
  oneHopLess,
} from '../../src/mesh/envelope.js'
import { encodeHello } from '../../src/mesh/handshake.js'
import { LinkMap } from '../../src/mesh/link-map.js'
import { weightOf } from '../../src/mesh/pair-weight.js'
import { decodeRecord, encodeRecord } from '../../src/mesh/peer-record.js'
import { RELAY_PORT } from '../../src/mesh/relay.js'
import { SequenceWindow } from '../../src/mesh/sequence-window.js'
import type { Link } from '../../src/transport/link.js'
import { LAST_ID, RawPeer } from './raw-peer.js'
import { bytes, clusterId, info, type MeshPeer, SimulatedMeshes } from './simulated-meshes.js'

const runtime = systemRuntime()
const ids = Array.from({ length: 5 }, () => newPeerId(runtime)) as [PeerId, PeerId, PeerId, PeerId, PeerId]
const [a, b, c, d, e] = ids

let world: SimulatedMeshes

/** Peers in a row: each is linked with the next one only, and can be, as far as the network goes. */
async function inARow(count: number): Promise<MeshPeer[]> {
  world = new SimulatedMeshes(41)
  const peers = world.start(count)
  for (const [i, { id }] of peers.entries()) {
    const apart = peers.filter((_, j) => Math.abs(i - j) > 1).map((other) => other.id)
    world.network.block([id], apart)
  }
  await world.until(() => peers.every(({ mesh }) => mesh.peers.size === count - 1), 20_000)
  return peers
}

describe('messages over others', () => {
  afterEach(() => world.finish())

  it('[MSH42] reach peers that no link can reach, in both directions, and status says by whom', async () => {
    const peers = await inARow(4)
    const [first, second, third, last] = peers as [MeshPeer, MeshPeer, MeshPeer, MeshPeer]
    for (const peer of peers) peer.open('messages')
    expect(first.mesh.links.size).toBe(1)
    expect(first.mesh.status().peers[last.id]?.state).toBe(`relayed by ${second.id}`)
    expect(first.mesh.peers.get(last.id)).toMatchObject({ via: second.id, rttMs: undefined, info: last.mesh.self })
    expect(first.ports.messages?.send(last.id, bytes('there'))).toBe('queued')
    expect(last.ports.messages?.send(first.id, bytes('back'))).toBe('queued')
    await world.run(200)
    expect(last.messages).toEqual([`${first.id}: there`])
    expect(first.messages).toEqual([`${last.id}: back`])
    expect([second, third].map(({ mesh }) => mesh.status().relay.relayed)).toEqual([2, 2])
  })

  it('[MSH42] obey the clusters of both ends, whose changes are told', async () => {
    const [first, , last] = (await inARow(3)) as [MeshPeer, MeshPeer, MeshPeer]
    const port = first.open('messages')
    last.open('messages')
    first.mesh.setClusterId(clusterId('x'))
    last.mesh.setClusterId(clusterId('y'))
    await world.run(1_000)
    expect(first.events.at(-1)).toBe(`cluster ${last.id} ${clusterId('y')}`)
    expect(port.send(last.id, bytes('x'))).toBe('no-link')
  })

  it('[MSH42] a peer without a way is lost, and there again when there is one', async () => {
    const [first, second, third] = (await inARow(3)) as [MeshPeer, MeshPeer, MeshPeer]
    world.network.block([second.id], [third.id])
    await world.until(() => first.mesh.peers.size === 1, 20_000)
    expect(first.events.at(-1)).toBe(`left ${third.id} lost`)
  })

  it('[MSH44] a broadcast travels over others as well, and everybody hears it once', async () => {
    const peers = await inARow(5)
    for (const peer of peers) peer.open('messages')
    await world.run(10_000)
    peers[1]?.ports.messages?.broadcast(bytes('hear'))
    await world.run(200)
    expect(peers.map(({ messages }) => messages.length)).toEqual([1, 0, 1, 1, 1])
    expect(peers.map(({ mesh }) => mesh.status().relay.broadcasts)).toEqual([1, 0, 1, 1, 1])
  })

  it('[MSH46] who was cut off when something was broadcast gets it from another peer', async () => {
    world = new SimulatedMeshes(46)
    const peers = world.start(4)
    await world.until(() => world.isComplete(), 10_000)
    for (const peer of peers) peer.open('messages')
    await world.run(10_000)
    const [first, second] = peers as [MeshPeer, MeshPeer]
    world.network.block([first.id], [second.id])
    first.ports.messages?.broadcast(bytes('hear'))
    await world.run(1_500)
    expect(second.messages).toEqual([])
    await world.run(8_000)
    expect(second.messages).toEqual([`${first.id}: hear`])
    for (const { messages } of peers.slice(1)) expect(messages).toHaveLength(1)
    const late = world.startPeer()
    late.open('messages')
    await world.run(5_000)
    expect(late.messages).toEqual([]) // it is not for who came after it
  })
})

describe('links that are not needed', () => {
  it('[MSH43] end without anybody noticing: no message is lost, and nobody leaves', async () => {
    world = new SimulatedMeshes(43)
    const peers = world.start(9, { limits: { links: 8 } })
    for (const peer of peers) peer.open('messages')
    await world.until(() => world.isComplete(), 10_000)
    for (let i = 0; i < 6; i++) world.startPeer({ limits: { links: 8 } }).open('messages')
    await world.run(500)
    let sent = 0
    for (let i = 0; i < 300; i++) {
      for (const from of peers)
        for (const to of peers) if (from.ports.messages?.send(to.id, bytes(`${i}`)) === 'queued') sent++
      await world.run(100)
    }
    const degrees = peers.map(({ mesh }) => mesh.links.size)
    expect(Math.max(...degrees)).toBeLessThanOrEqual(8)
    expect(Math.min(...degrees)).toBeLessThan(8)
    expect(sent).toBe(300 * 9 * 8)
    expect(peers.flatMap(({ messages }) => messages)).toHaveLength(sent)
    expect(peers.flatMap(({ events }) => events.filter((event) => event.startsWith('left')))).toEqual([])
    await world.finish()
  })
})

describe('members that lie', () => {
  let honest: MeshPeer[]

  async function meets(greet: (link: Link) => void = () => {}): Promise<RawPeer> {
    world = new SimulatedMeshes(51)
    honest = world.start(3)
    for (const peer of honest) peer.open('messages')
    await world.until(() => world.isComplete(), 10_000)
    const raw = new RawPeer(world, LAST_ID, (link) => {
      link.send('control', 0, encodeHello({ info: info(LAST_ID, 'raw'), clusterId: undefined }))
      greet(link)
    })
    await world.run(3_000)
    return raw
  }

  afterEach(async () => {
    for (const { mesh, logged } of honest) {
      expect(mesh.links.size).toBeGreaterThanOrEqual(2)
      expect(logged.filter((line) => line.startsWith('error'))).toEqual([])
    }
    await world.finish()
  })

  const envelope = (to: MeshPeer, sequence: number, change = {}) =>
    encodeEnvelope({
      hops: 7,
      from: LAST_ID,
      to: to.id,
      fromBoot: bootTag('raw'),
      toBoot: bootTag(to.mesh.self.bootNonce),
      sequence,
      port: 1,
      payload: bytes(`${sequence}`),
      ...change,
    })

  it('[MSH50] a message that is played again, is for an older process or of an unknown one, is dropped', async () => {
    const raw = await meets()
    const [near, far] = honest as [MeshPeer, MeshPeer]
    const link = raw.links.find((_, i) => i === 0) as Link
    const target = near.mesh.links.has(LAST_ID) ? near : far
    for (const frame of [
      envelope(target, 1),
      envelope(target, 1),
      envelope(target, 2, { toBoot: 7 }),
      envelope(target, 3, { fromBoot: 7 }),
      envelope(target, 4, { from: newPeerId(runtime) }),
      envelope(target, 5, { from: target.id }),
    ]) {
      for (const each of [link, ...raw.links]) each.send('calls', RELAY_PORT, frame)
    }
    await world.run(500)
    expect(target.messages).toEqual([`${LAST_ID}: 1`])
    expect(target.mesh.status().relay.dropped).toBeGreaterThan(4)
  })

  it('[MSH50] a message for nobody, or one that has passed its last link, goes nowhere', async () => {
    const raw = await meets()
    const [first, second] = honest as [MeshPeer, MeshPeer]
    for (const link of raw.links) {
      link.send('calls', RELAY_PORT, envelope(first, 1, { to: newPeerId(runtime) }))
      link.send('calls', RELAY_PORT, envelope(second, 2, { hops: 0, to: LAST_ID }))
    }
    await world.run(500)
    for (const { mesh } of honest) expect(mesh.status().relay.relayed).toBe(0)
  })

  it('[MSH50] a message with too many hops costs the link that it came over', async () => {
    const raw = await meets()
    raw.links[0]?.send('calls', RELAY_PORT, envelope(honest[0] as MeshPeer, 1, { hops: 9 }))
    await world.run(100)
    expect(raw.links[0]?.channel.state).toBe('closed')
  })

  it('[MSH50] any bytes on the ports of relays and broadcasts cost at most the link', async () => {
    const raw = await meets()
    const ports = fc.constantFrom(RELAY_PORT, BROADCAST_PORT)
    await fc.assert(
      fc.asyncProperty(ports, fc.uint8Array({ maxLength: 100 }), async (port, frame) => {
        raw.links.at(-1)?.send('calls', port, frame)
        await world.run(300)
      }),
      { numRuns: 50 },
    )
  })

  it('[MSH50] a handler that refuses what came over another peer does not cost that one its link', async () => {
    const raw = await meets()
    world.peers[0]?.open('documents', () => {
      throw new DecodeError('nonsense')
    })
    const frame = envelope(honest[0] as MeshPeer, 1, { port: 2 })
    for (const link of raw.links) link.send('documents', RELAY_PORT, frame)
    await world.run(100)
    expect(raw.links.every(({ channel }) => channel.state === 'open')).toBe(true)
  })

  it('[MSH50] a peer whose record someone else made up goes above it', async () => {
    await meets((link) => {
      const lie = {
        info: (honest[0] as MeshPeer).mesh.self,
        clusterId: undefined,
        isFull: true,
        neighbours: [],
      }
      const forged = { peer: (honest[0] as MeshPeer).id, version: 2 ** 45, body: encodeRecord(lie) }
      link.send('control', 0, encodeControl({ kind: 'records', records: [forged] }))
    })
    await world.run(3_000)
    const [first, second] = honest as [MeshPeer, MeshPeer]
    world.network.block([first.id], [second.id])
    world.network.block([second.id], [first.id])
    await world.until(() => second.mesh.status().peers[first.id]?.state.startsWith('relayed') === true, 12_000)
    expect(second.mesh.status().peers[first.id]?.state).toContain('relayed by')
  })
})

describe('the map', () => {
  const record = (peer: PeerId, ...neighbours: PeerId[]) => ({
    info: info(peer, 'boot'),
    clusterId: undefined,
    isFull: false,
    neighbours,
  })

  function mapOf(self: PeerId, links: PeerId[], ...records: ReturnType<typeof record>[]): LinkMap {
    const map = new LinkMap(() => self, new Map(links.map((peer) => [peer, { isDoubted: false }])))
    map.changed()
    for (const each of records) map.put(each)
    return map
  }

  it('[MSH41] counts a link that both ends tell of, and finds the shortest way', () => {
    const map = mapOf(a, [b, c], record(b, a, d), record(c, a, d, e), record(d, b, c), record(e, d))
    expect(map.nextHop(b)).toBe(b)
    expect([b, c]).toContain(map.nextHop(d))
    expect(map.nextHop(e)).toBeUndefined()
    map.put(record(e, c))
    expect(map.nextHop(e)).toBe(c)
    expect([...map.reachable()].sort()).toEqual([...ids].sort())
  })

  it('[MSH54] goes round a link in doubt, if there is another way', () => {
    const doubts = { isDoubted: true }
    const map = new LinkMap(
      () => a,
      new Map([
        [b, doubts],
        [c, { isDoubted: false }],
      ]),
    )
    map.changed()
    map.put(record(b, a))
    expect(map.nextHop(b)).toBeUndefined()
    map.put(record(c, a, b))
    map.put(record(b, a, c))
    expect(map.nextHop(b)).toBe(c)
    doubts.isDoubted = false
    map.changed()
    expect(map.nextHop(b)).toBe(b)
  })

  it('[MSH44] trees of equal maps fit together: every peer has one parent', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { minLength: 7, maxLength: 24 }), (pairs) => {
        const peers = Array.from({ length: 8 }, () => newPeerId(runtime))
        const links = new Map(peers.map((peer) => [peer, new Set<PeerId>()]))
        for (const [x, y] of pairs) {
          if (x === y) continue
          links.get(peers[x] as PeerId)?.add(peers[y] as PeerId)
          links.get(peers[y] as PeerId)?.add(peers[x] as PeerId)
        }
        const linksOf = (peer: PeerId) => [...(links.get(peer) ?? [])]
        const maps = peers.map((self) =>
          mapOf(
            self,
            linksOf(self),
            ...peers.filter((peer) => peer !== self).map((peer) => record(peer, ...linksOf(peer))),
          ),
        )
        const [root] = peers as [PeerId]
        const children = maps.flatMap((map) => map.childrenOf(root))
        expect(children.sort()).toEqual([...(maps[0]?.reachable() ?? [])].filter((peer) => peer !== root).sort())
      }),
      { seed: 44, numRuns: 200 },
    )
  })

  it('[MSH43] weights are the same from both ends, and evenly spread', () => {
    expect(weightOf(a, b)).toBe(weightOf(b, a))
    const low = Array.from({ length: 2_000 }, () => weightOf(a, newPeerId(runtime))).filter(
      (weight) => weight < 2 ** 31,
    )
    expect(low.length).toBeGreaterThan(850)
    expect(low.length).toBeLessThan(1_150)
  })
})

describe('wire', () => {
  it('[MSH35] envelopes, broadcasts and records survive it, and their bytes stay as they are', () => {
    const message = {
      hops: 7,
      from: a,
      to: b,
      fromBoot: 0xffffffff,
      toBoot: 1,
      sequence: 300,
      port: 2,
      payload: bytes('p'),
    }
    expect(decodeEnvelope(encodeEnvelope(message))).toEqual(message)
    expect([...encodeEnvelope(message).subarray(33)]).toEqual([255, 255, 255, 255, 15, 1, 172, 2, 2, 112])
    const broadcast = { hops: 7, origin: a, boot: 5, sequence: 6, port: 1, payload: bytes('') }
    expect(decodeBroadcast(encodeBroadcast(broadcast))).toEqual(broadcast)
    expect(decodeBroadcast(oneHopLess(encodeBroadcast(broadcast))).hops).toBe(6)
    const record = { info: info(a, 'boot'), clusterId: clusterId('x'), isFull: true, neighbours: [b, c] }
    expect(decodeRecord({ peer: a, version: 1, body: encodeRecord(record) })).toEqual(record)
    expect(() => decodeRecord({ peer: b, version: 1, body: encodeRecord(record) })).toThrow(DecodeError)
  })

  it('[MSH50] a sequence counts once, however it comes, and a window keeps no more than 128', () => {
    const window = new SequenceWindow()
    expect([3, 1, 2, 1, 3].map((sequence) => window.take(sequence))).toEqual([true, true, true, false, false])
    for (let sequence = 10; sequence < 200; sequence++) window.take(sequence)
    expect([1, 10, 199].map((sequence) => window.take(sequence))).toEqual([false, false, false])
    expect(window.take(Number.MAX_SAFE_INTEGER)).toBe(true)
    expect(window.take(200)).toBe(true)
  })
})
