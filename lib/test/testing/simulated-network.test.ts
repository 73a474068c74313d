import { beforeEach, describe, expect, it } from 'vitest'
import { newPeerId, type PeerId } from '../../src/base/ids.js'
import { seededRandom } from '../../src/base/random.js'
import { QueuedPipe } from '../../src/mesh/queued-pipe.js'
import type { Conditions } from '../../src/testing/simulated-channel.js'
import { SimulatedNetwork } from '../../src/testing/simulated-network.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'
import type { Channel } from '../../src/transport/channel.js'

let clock: SimulatedClock
let network: SimulatedNetwork
let a: PeerId
let b: PeerId

beforeEach(() => create())

function create(conditions: Partial<Conditions> = {}, seed = 1): void {
  clock = new SimulatedClock()
  network = new SimulatedNetwork({ clock, random: seededRandom(seed), conditions })
  ;[a, b] = [newPeerId(clock.fork(seed, 1)), newPeerId(clock.fork(seed, 2))]
}

/** An end of a channel with everything that happened to it. */
class End {
  readonly events: string[] = []
  readonly channel: Channel

  constructor(channel: Channel) {
    this.channel = channel
    channel.on('open', () => this.events.push('open'))
    channel.on('message', (message) => this.events.push(`message ${[...message]}`))
    channel.on('drain', () => this.events.push('drain'))
    channel.on('close', (reason) => this.events.push(`close ${reason}`))
  }
}

/** Both ends of a dial whose signals take 1 ms. */
function dial(): [End, End] {
  const pipes: [QueuedPipe, QueuedPipe] = [pipeTo(() => pipes[1]), pipeTo(() => pipes[0])]
  const ends = [network.connector(a).connect(b, true, pipes[0], { iceServers: [] })]
  ends.push(network.connector(b).connect(a, false, pipes[1], { iceServers: [] }))
  return ends.map((channel) => new End(channel)) as [End, End]
}

function pipeTo(other: () => QueuedPipe): QueuedPipe {
  return new QueuedPipe((payload) => void clock.setTimer(1, () => other().deliver(payload)))
}

async function connected(): Promise<[End, End]> {
  const ends = dial()
  await clock.run(1_000)
  expect(ends.map(({ events }) => events.splice(0))).toEqual([['open'], ['open']])
  return ends
}

describe('channels', () => {
  it('[SIM1] open after the dial, carry messages in order, and close on both sides', async () => {
    const [x, y] = await connected()
    for (let i = 0; i < 50; i++) x.channel.send(Uint8Array.of(i))
    y.channel.send(Uint8Array.of(255))
    await clock.run(1_000)
    expect(y.events).toEqual(Array.from({ length: 50 }, (_, i) => `message ${i}`))
    expect(x.events).toEqual(['message 255'])
    x.channel.send(Uint8Array.of(99))
    x.channel.close('enough')
    x.channel.send(Uint8Array.of(100))
    await clock.run(1_000)
    expect(x.events.at(-1)).toBe('close enough')
    expect(y.events.slice(-2)).toEqual(['message 99', 'close closed by the other side'])
  })

  it('[SIM1] a message beyond the limit closes the channel, as WebRTC does', async () => {
    const [x] = await connected()
    x.channel.send(new Uint8Array(64 * 1024 + 1))
    expect(x.channel.state).toBe('closed')
  })

  it('[SIM11] deliver each message twice, in order, if they are to', async () => {
    const [x, y] = await connected()
    network.setConditions({ isDoubling: true })
    for (const byte of [1, 2]) x.channel.send(Uint8Array.of(byte))
    await clock.run(1_000)
    expect(y.events).toEqual(['message 1', 'message 1', 'message 2', 'message 2'])
  })

  it('[SIM2] dials fail with the probability given, at both ends or at one', async () => {
    create({ dialFailure: 0.5 })
    const outcomes = new Map<string, number>()
    for (let i = 0; i < 400; i++) {
      const ends = dial()
      await clock.run(500)
      const outcome = ends.map(({ channel }) => channel.state).join()
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      for (const { channel } of ends) channel.close()
    }
    expect([...outcomes.keys()].sort()).toEqual([
      'connecting,connecting',
      'connecting,open',
      'open,connecting',
      'open,open',
    ])
    expect(outcomes.get('open,open')).toBeGreaterThan(160)
    expect(outcomes.get('open,open')).toBeLessThan(240)
  })

  it('[SIM3] bandwidth fills bufferedBytes, and drain comes when it is low again', async () => {
    create({ bytesPerSecond: 100_000 })
    const [x, y] = await connected()
    for (let i = 0; i < 10; i++) x.channel.send(new Uint8Array(10_000))
    expect(x.channel.bufferedBytes).toBe(100_000)
    await clock.run(500)
    expect(x.channel.bufferedBytes).toBe(50_000)
    expect(x.events).toEqual([])
    await clock.run(600)
    expect(x.channel.bufferedBytes).toBe(0)
    expect(x.events).toEqual(['drain'])
    expect(y.events).toHaveLength(10)
  })

  it('[SIM3] of what is buffered when a channel closes only the first few KiB arrive', async () => {
    create({ bytesPerSecond: 1_000 })
    const [x, y] = await connected()
    x.channel.send(new Uint8Array(3_000))
    x.channel.send(new Uint8Array(3_000))
    x.channel.close()
    await clock.run(100)
    expect(y.events.map((event) => event.split(' ')[0])).toEqual(['message', 'close'])
  })
})

describe('faults', () => {
  it('[SIM4] a blocked direction holds messages back until healed, in order', async () => {
    const [x, y] = await connected()
    network.block([a], [b])
    x.channel.send(Uint8Array.of(1))
    x.channel.send(Uint8Array.of(2))
    y.channel.send(Uint8Array.of(3))
    await clock.run(10_000)
    expect(x.events).toEqual(['message 3'])
    expect(y.events).toEqual([])
    network.heal()
    await clock.run(100)
    expect(y.events).toEqual(['message 1', 'message 2'])
    await clock.run(20_000)
    expect(x.channel.state).toBe('open')
  })

  it('[SIM4] a long partition closes both ends', async () => {
    const [x, y] = await connected()
    network.partition([a], [b])
    await clock.run(14_999)
    expect(x.events).toEqual([])
    await clock.run(1)
    expect([x, y].map(({ events }) => events)).toEqual([['close connection lost'], ['close connection lost']])
  })

  it('[SIM4] a dial in a partition opens when it is healed', async () => {
    network.partition([a], [b])
    const [x] = dial()
    await clock.run(5_000)
    expect(x.events).toEqual([])
    network.heal()
    expect(x.events).toEqual(['open'])
  })

  it('[SIM5] a cut is noticed at once on both sides', async () => {
    const [x, y] = await connected()
    network.cut(b, a)
    expect([x, y].map(({ events }) => events)).toEqual([['close cut'], ['close cut']])
  })

  it('[SIM6] a crash is silent: the other side sees the channel close much later, the crashed one nothing', async () => {
    const [x, y] = await connected()
    network.crash(a)
    x.channel.send(Uint8Array.of(1))
    y.channel.send(Uint8Array.of(2))
    await clock.run(14_999)
    expect(y.events).toEqual([])
    await clock.run(1)
    expect(y.events).toEqual(['close connection lost'])
    expect(x.events).toEqual([])
  })

  it('[SIM6] what a crashed process still dials goes nowhere, what its next one dials opens', async () => {
    const stale = network.connector(a)
    network.crash(a)
    const channel = stale.connect(b, true, new QueuedPipe(() => expect.unreachable()), { iceServers: [] })
    await clock.run(1_000)
    expect(channel.state).toBe('connecting')
    await connected()
  })
})

describe('signaling server', () => {
  it('[SIM7] shows who is in the room, routes signals, and knows when somebody left or crashed', async () => {
    const [x, y] = [joined(a), joined(b)]
    await clock.run(100)
    expect([...x.events, ...y.events].filter((event) => event.startsWith('peer'))).toHaveLength(1)
    expect(x.rendezvous.send(b, Uint8Array.of(7))).toBe(true)
    expect(x.rendezvous.send(newPeerId(clock.fork(5)), Uint8Array.of(7))).toBe(false)
    await clock.run(100)
    expect(y.events.at(-1)).toBe(`signal ${a} 7`)
    void y.rendezvous.leave()
    await clock.run(100)
    expect(x.events.at(-1)).toBe(`peerLeft ${b}`)
    const again = joined(b)
    await clock.run(100)
    expect(again.events).toEqual(['status joined', `joined ${a} undefined`])
    network.crash(b)
    await clock.run(9_000)
    expect(x.events.at(-1)).toBe(`peerJoined ${b}`)
    await clock.run(1_100)
    expect(x.events.at(-1)).toBe(`peerLeft ${b}`)
  })

  it('[SIM8] grants one founding after its warm-up, forgets it when all said that they end', async () => {
    const [x, y] = [joined(a), joined(b)]
    x.rendezvous.found('x' as never)
    y.rendezvous.found('y' as never)
    await clock.run(1_900)
    expect(network.server.clusterId).toBeUndefined()
    await clock.run(1_000)
    const winner = network.server.clusterId
    for (const { events } of [x, y]) expect(events.at(-1)).toBe(`founded ${winner}`)
    for (const { rendezvous } of [x, y]) rendezvous.claim(winner as never)
    await clock.run(100)
    await x.rendezvous.leave()
    await clock.run(100)
    expect(network.server.clusterId).toBe(winner)
    await y.rendezvous.leave()
    await clock.run(100)
    expect(network.server.clusterId).toBeUndefined()
  })

  it('[SIM8] remembers it for a grace when somebody vanished', async () => {
    const [x, y] = [joined(a), joined(b)]
    x.rendezvous.found('x' as never)
    await clock.run(3_000)
    y.rendezvous.claim('x' as never)
    await clock.run(100)
    network.crash(b)
    await clock.run(12_000)
    await x.rendezvous.leave()
    await clock.run(7_000)
    expect(network.server.clusterId).toBe('x')
    await clock.run(2_000)
    expect(network.server.clusterId).toBeUndefined()
  })

  it('[SIM9] going down is noticed, coming up lets everybody in again, with their claims', async () => {
    const x = joined(a)
    x.rendezvous.found('x' as never)
    await clock.run(3_000)
    network.server.down()
    expect(x.events.at(-1)).toBe('status offline')
    expect(x.rendezvous.send(b, Uint8Array.of(1))).toBe(false)
    await clock.run(5_000)
    network.server.up()
    await clock.run(2_100)
    expect(x.rendezvous.status).toBe('joined')
    expect(network.server.clusterId).toBe('x')
    network.server.unplug(a)
    await clock.run(5_000)
    expect(x.rendezvous.status).toBe('offline')
    network.server.plug(a)
    await clock.run(3_000)
    expect(x.rendezvous.status).toBe('joined')
  })
})

function joined(id: PeerId) {
  const events: string[] = []
  const rendezvous = network.rendezvous(id)
  rendezvous.join(
    { id, durable: false, clusterId: undefined },
    {
      joined: ({ peers, clusterId }) => events.push(`joined ${peers} ${clusterId}`),
      peerJoined: (peer) => events.push(`peerJoined ${peer}`),
      peerLeft: (peer) => events.push(`peerLeft ${peer}`),
      signal: (from, payload) => events.push(`signal ${from} ${payload}`),
      founded: (clusterId) => events.push(`founded ${clusterId}`),
      status: (status) => events.push(`status ${status}`),
    },
  )
  return { rendezvous, events }
}

describe('hash', () => {
  it('[SIM10] is equal for equal runs and differs otherwise', async () => {
    const run = async (seed: number, byte: number) => {
      create({ dialFailure: 0.2 }, seed)
      const [x] = dial()
      await clock.run(1_000)
      x.channel.send(Uint8Array.of(byte))
      await clock.run(1_000)
      return network.hash
    }
    expect(await run(1, 1)).toBe(await run(1, 1))
    expect(await run(1, 1)).not.toBe(await run(1, 2))
    expect(await run(1, 1)).not.toBe(await run(2, 1))
  })
})
