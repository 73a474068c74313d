import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBase64Url, toBase64Url } from '../../src/base/bytes.js'
import { openRoomId } from '../../src/signaling/sealing.js'
import { tokenFor } from '../../src/signaling/token.js'
import { bytes, ClientBench, cluster, KEY, peer, ROOM } from './harness.js'

const TOKEN = tokenFor(KEY, 'ws://server', ROOM)

function joinedBench(parts: object = { peers: [peer('a')] }): ClientBench {
  const bench = new ClientBench()
  bench.join()
  bench.welcome(parts)
  bench.socket.take()
  return bench
}

const signalFrom = (from: string, text: string) => ({
  type: 'signal',
  from: peer(from),
  payload: toBase64Url(bytes(text)),
})

describe('SignalingClient', () => {
  it('[SGC1] says who it is and tells what the server answers', () => {
    const bench = new ClientBench()
    bench.join({ durable: true, clusterId: cluster('x') })
    expect(bench.client.status).toBe('connecting')
    bench.socket.accept()
    expect(bench.socket.take()).toEqual([
      {
        type: 'hello',
        version: 1,
        room: ROOM,
        peer: peer('me'),
        token: TOKEN,
        durable: true,
        clusterId: cluster('x'),
      },
    ])
    const iceServers = [{ urls: 'stun:example.org' }, { urls: ['turn:example.org'], username: 'u', credential: 'c' }]
    bench.welcome({ peers: [peer('a'), peer('me')], iceServers, clusterId: cluster('x') })
    expect(bench.client.status).toBe('joined')
    expect(bench.events.statuses).toEqual([['joined', undefined]])
    expect(bench.events.views).toEqual([
      {
        peers: [peer('a')],
        iceServers: [{ urls: ['stun:example.org'] }, { urls: ['turn:example.org'], username: 'u', credential: 'c' }],
        clusterId: cluster('x'),
      },
    ])
  })

  it('[SGC2] tells who joins and leaves, never itself', () => {
    const bench = joinedBench()
    for (const one of ['b', 'me', 'a']) bench.socket.say({ type: 'peer-joined', peer: peer(one) })
    for (const one of ['a', 'a', 'stranger']) bench.socket.say({ type: 'peer-left', peer: peer(one) })
    expect(bench.events.presence).toEqual([`+${peer('b')}`, `+${peer('a')}`, `-${peer('a')}`])
  })

  it('[SGC3] sends signals to peers of the room only, and none that no server would take', () => {
    const bench = joinedBench()
    expect(bench.client.send(peer('a'), bytes('hi'))).toBe(true)
    expect(bench.client.send(peer('b'), bytes('hi'))).toBe(false)
    expect(bench.client.send(peer('a'), new Uint8Array(32 * 1024 + 1))).toBe(false)
    expect(bench.socket.take()).toEqual([{ type: 'signal', to: peer('a'), payload: 'aGk' }])
    bench.socket.drop()
    expect(bench.client.send(peer('a'), bytes('hi'))).toBe(false)
  })

  it('[SGC4] delivers the signals of peers of the room only', () => {
    const bench = joinedBench()
    for (const [from, text] of [
      ['a', '1'],
      ['b', '2'],
      ['a', '3'],
    ] as const)
      bench.socket.say(signalFrom(from, text))
    expect(bench.events.signals).toEqual([
      [peer('a'), '1'],
      [peer('a'), '3'],
    ])
  })

  it('[SGC5] asks to found until it is answered, over reconnects', async () => {
    const bench = new ClientBench()
    bench.join()
    bench.client.found(cluster('x'))
    bench.welcome()
    const request = { type: 'found', clusterId: cluster('x') }
    expect(bench.socket.take().slice(1)).toEqual([request])
    bench.socket.drop()
    await bench.clock.run(2000)
    bench.welcome()
    expect(bench.socket.take().slice(1)).toEqual([request])
    bench.socket.say({ type: 'founded', clusterId: cluster('y') })
    expect(bench.events.clusters).toEqual([cluster('y')])
    bench.socket.drop()
    await bench.clock.run(2000)
    bench.welcome()
    expect(bench.socket.take().slice(1)).toEqual([])
  })

  it('[SGC6] comes back with its token, also in a new process, and with the cluster it was granted', async () => {
    const bench = joinedBench()
    bench.client.found(cluster('x'))
    bench.socket.say({ type: 'founded', clusterId: cluster('x') })
    bench.socket.drop()
    await bench.clock.run(2000)
    bench.socket.accept()
    expect(bench.socket.take()).toEqual([expect.objectContaining({ token: TOKEN, clusterId: cluster('x') })])
  })

  it('[SGC6] has another token for each key, server and room', () => {
    const tokens = [
      tokenFor(KEY, 'ws://server', ROOM),
      tokenFor(new Uint8Array(16), 'ws://server', ROOM),
      tokenFor(KEY, 'ws://other', ROOM),
      tokenFor(KEY, 'ws://server', openRoomId('other')),
    ]
    expect(new Set(tokens).size).toBe(4)
    for (const token of tokens) expect(fromBase64Url(token)).toHaveLength(16)
  })

  it('[SGC6] does not come back as a member of a cluster that it was refused', async () => {
    const bench = joinedBench()
    bench.client.found(cluster('x'))
    bench.socket.say({ type: 'founded', clusterId: cluster('y') })
    bench.socket.drop()
    await bench.clock.run(2000)
    bench.socket.accept()
    expect(bench.socket.take()[0]).not.toHaveProperty('clusterId')
  })

  it('[SGC7] waits 100 ms to 2 s between attempts, longer as they fail, and short after one that lasted', async () => {
    const bench = new ClientBench()
    bench.join()
    const waits: number[] = []
    for (let i = 0; i < 30; i++) {
      bench.socket.drop()
      waits.push(await timeToNextSocket(bench))
    }
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(100)
    expect(Math.max(...waits)).toBeGreaterThan(1000)
    expect(Math.max(...waits)).toBeLessThanOrEqual(2000)
    expect(new Set(waits.map(Math.round)).size).toBeGreaterThan(20)
    bench.welcome()
    await bench.clock.run(3000)
    bench.socket.drop()
    expect(await timeToNextSocket(bench)).toBeLessThanOrEqual(200)
  })

  it('[SGC7] does not hurry back to a server that welcomes and hangs up', async () => {
    const bench = new ClientBench()
    bench.join()
    const waits: number[] = []
    for (let i = 0; i < 100; i++) {
      bench.welcome()
      bench.socket.drop()
      waits.push(await timeToNextSocket(bench))
    }
    expect(Math.max(...waits)).toBeGreaterThan(1000)
  })

  it('[SGC27] shows its credential at every hello, the one of that moment', async () => {
    let shown = 0
    const bench = new ClientBench({ credential: () => `ticket ${++shown}` })
    bench.join()
    bench.welcome()
    bench.socket.drop()
    await bench.clock.run(2000)
    bench.socket.accept()
    expect(bench.sockets.map(({ sent }) => sent[0]?.['credential'])).toEqual(['ticket 1', 'ticket 2'])
    bench.socket.say({ type: 'error', code: 'unauthorized' })
    bench.socket.drop()
    expect(bench.events.statuses.at(-1)?.[1]).toContain('credential')
  })

  it('[SGC28] takes over the ICE servers that a server renews, and nothing else changes', () => {
    const bench = joinedBench()
    bench.client.found(cluster('x'))
    bench.socket.say({ type: 'founded', clusterId: cluster('x') })
    const iceServers = [{ urls: ['turn:example.org'], username: '2:u', credential: 'd' }]
    bench.socket.say({ type: 'ice', iceServers })
    expect(bench.events.views.at(-1)).toEqual({ peers: [peer('a')], iceServers, clusterId: cluster('x') })
    bench.socket.say({ type: 'ice', iceServers: [{ urls: 'http://example.org' }] })
    expect([bench.events.views.length, bench.events.presence]).toEqual([2, []])
  })

  it('[SGC29] uses one of several instances of a server at a time, the next one when it is lost', async () => {
    const bench = new ClientBench({ url: 'ws://one  ws://two ws://three' })
    bench.join()
    bench.welcome()
    for (let i = 0; i < 3; i++) {
      await bench.clock.run(3000)
      bench.socket.drop('shutdown')
      await bench.clock.run(200)
      bench.welcome()
    }
    const urls = bench.sockets.map(({ url }) => url)
    expect(urls[3]).toBe(urls[0])
    expect(new Set(urls)).toEqual(new Set(['ws://one', 'ws://two', 'ws://three']))
    expect(new Set(bench.sockets.map(({ sent }) => sent[0]?.['token'])).size).toBe(1)
  })

  it('[SGC8] pings, and leaves a server that does not answer', async () => {
    const bench = joinedBench()
    await bench.clock.run(10_000)
    expect(bench.socket.take()).toEqual([{ type: 'ping' }])
    bench.socket.say({ type: 'pong' })
    await bench.clock.run(10_000)
    expect(bench.client.status).toBe('joined')
    await bench.clock.run(10_000)
    expect(bench.sockets[0]?.isClosed).toBe(true)
    expect(bench.events.statuses.at(-1)).toEqual(['offline', 'ws://server does not answer; trying again'])
    await bench.clock.run(2000)
    expect(bench.sockets).toHaveLength(2)
  })

  it.each(['never opens', 'never welcomes'])('[SGC8] leaves a server that %s', async (kind) => {
    const bench = new ClientBench()
    bench.join()
    if (kind === 'never welcomes') {
      bench.socket.accept()
      bench.socket.say({ type: 'pong' })
    }
    await bench.clock.run(6_000)
    expect(bench.sockets[0]?.isClosed).toBe(true)
    expect(bench.sockets).toHaveLength(2)
    expect(bench.client.status).toBe('offline')
  })

  it('[SGC9] says in words what is wrong', async () => {
    const bench = new ClientBench()
    bench.join()
    bench.socket.drop('ECONNREFUSED')
    await bench.clock.run(2000)
    bench.welcome()
    bench.socket.drop()
    await bench.clock.run(2000)
    bench.socket.accept()
    bench.socket.say({ type: 'error', code: 'room-full' })
    bench.socket.drop()
    expect(bench.events.statuses).toEqual([
      ['offline', 'cannot reach ws://server: is the signaling server running? (ECONNREFUSED)'],
      ['joined', undefined],
      ['offline', 'lost the connection to ws://server; trying again'],
      ['offline', 'the signaling server ws://server has no place left in the room of this cluster'],
    ])
  })

  it('[SGC9] survives a URL that the platform refuses', async () => {
    const openSocket = () => {
      throw new SyntaxError('Invalid URL')
    }
    const bench = new ClientBench({ url: 'nonsense', openSocket })
    bench.join()
    await bench.clock.run(5000)
    expect(bench.events.statuses).toEqual([['offline', 'cannot connect to nonsense: Invalid URL']])
  })

  it('[SGC10] is unharmed by anything a server says', () => {
    const known = ['welcome', 'founded', 'peer-joined', 'peer-left', 'signal', 'error', 'pong']
    const field = fc.oneof(fc.jsonValue(), fc.constantFrom(peer('a'), cluster('x'), [peer('a')], [{ urls: 'stun:x' }]))
    const message = fc.record(
      {
        type: fc.constantFrom(...known),
        peers: field,
        iceServers: field,
        clusterId: field,
        peer: field,
        from: field,
        payload: field,
        code: field,
      },
      { requiredKeys: ['type'] },
    )
    const frame = fc.oneof(
      fc.string(),
      fc.json(),
      message.map((one) => JSON.stringify(one)),
    )
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 30 }), (frames) => {
        const bench = joinedBench()
        for (const one of frames) bench.socket.say(one)
        bench.client.send(peer('a'), bytes('still here'))
        expect(bench.client.status).toBe('joined')
      }),
      { numRuns: 300 },
    )
  })

  it('[SGC11] leaves for good', async () => {
    const bench = joinedBench()
    await bench.client.leave()
    await bench.client.leave()
    expect(bench.socket.sent.at(-1)).toEqual({ type: 'bye' })
    expect(bench.socket.isClosed).toBe(true)
    expect(bench.client.status).toBe('left')
    expect(bench.client.send(peer('a'), bytes('hi'))).toBe(false)
    await bench.clock.run(60_000)
    expect(bench.sockets).toHaveLength(1)
  })

  it('[SGC11] leaves while it waits for the next attempt', async () => {
    const bench = joinedBench()
    bench.socket.drop()
    await bench.client.leave()
    await bench.clock.run(60_000)
    expect(bench.sockets).toHaveLength(1)
  })
})

async function timeToNextSocket(bench: ClientBench): Promise<number> {
  const [count, startMs] = [bench.sockets.length, bench.clock.nowMs]
  while (bench.sockets.length === count && bench.clock.nowMs < startMs + 2_001) await bench.clock.run(1)
  return bench.clock.nowMs - startMs
}
