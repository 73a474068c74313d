import { describe, expect, it } from 'vitest'
import { LegionError } from '../../src/base/errors.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'
import { Link, MAX_GOODBYE_BYTES } from '../../src/transport/link.js'
import { memoryChannelPair } from '../../src/transport/memory-channel.js'
import { linkPair, patterned, recording } from './link-pair.js'

const KIB = 1024
const MIB = 1024 * KIB
/** Ping, whole and fragment headers are small; what is sent beside the payload stays below this. */
const OVERHEAD_BYTES = 64

describe('batches and fragments', () => {
  it('[LNK2] sends everything of one task in one channel message', async () => {
    const { clock, a, atB, messagesOfA } = linkPair()
    await clock.run(10)
    messagesOfA.length = 0
    for (let i = 0; i < 100; i++) a.send('calls', 1, patterned(100, i))
    expect(messagesOfA).toHaveLength(0)
    await Promise.resolve()
    expect(messagesOfA).toHaveLength(1)
    await clock.run(10)
    expect(atB.map(({ payload }) => payload)).toEqual(Array.from({ length: 100 }, (_, i) => patterned(100, i)))
  })

  it('[LNK2] no batch is larger than 16 KiB, nor than the channel takes', async () => {
    for (const [maxMessageBytes, limit] of [
      [64 * KIB, 16 * KIB],
      [4 * KIB, 4 * KIB],
    ] as const) {
      const { clock, a, atB, messagesOfA } = linkPair({ maxMessageBytes })
      for (let i = 0; i < 100; i++) a.send('documents', 1, patterned(1000, i))
      a.send('documents', 1, patterned(100 * KIB))
      await clock.run(1000)
      expect(atB).toHaveLength(101)
      expect(Math.max(...messagesOfA.map((message) => message.length))).toBeLessThanOrEqual(limit)
    }
  })

  it('[LNK3] cuts a payload larger than a channel message, and no smaller one', async () => {
    const { clock, a, b, atB } = linkPair()
    a.send('bulk', 4, patterned(5 * MIB))
    await clock.run(1000)
    expect(atB).toHaveLength(1)
    expect(atB[0]?.port).toBe(4)
    expect(Buffer.compare(atB[0]?.payload as Uint8Array, patterned(5 * MIB))).toBe(0)
    const framesBefore = b.status().received.frames
    for (let i = 0; i < 4; i++) a.send('calls', 1, patterned(10 * KIB, i))
    await clock.run(100)
    expect(b.status().received.frames - framesBefore).toBe(4)
  })
})

describe('lanes', () => {
  it('[LNK4] control and consensus overtake whatever waits in the other lanes', async () => {
    const { clock, a, atB } = linkPair({ limits: { queueBytes: generous } })
    for (let i = 0; i < 10; i++) a.send('bulk', 1, patterned(200 * KIB, i))
    await Promise.resolve() // The channel is full now, most of it waits.
    a.send('consensus', 2, patterned(10))
    a.send('control', 3, patterned(20))
    await clock.run(1000)
    expect(atB.slice(0, 2).map(({ lane }) => lane)).toEqual(['control', 'consensus'])
    expect(atB).toHaveLength(12)
  })

  it('[LNK4] an urgent payload overtakes inside a large one', async () => {
    const { clock, a, atB } = linkPair()
    a.send('bulk', 1, patterned(1 * MIB))
    await Promise.resolve()
    a.send('consensus', 2, patterned(10))
    await clock.run(1000)
    expect(atB.map(({ lane }) => lane)).toEqual(['consensus', 'bulk'])
  })

  it('[LNK5] calls, documents and bulk share what is left 4:2:1, none starves', async () => {
    const { clock, a, atB } = linkPair({ limits: { queueBytes: generous } })
    for (let i = 0; i < 400; i++) {
      for (const lane of ['bulk', 'documents', 'calls'] as const) a.send(lane, 1, patterned(1000, i))
    }
    await clock.run(1000)
    expect(atB).toHaveLength(1200)
    const early = atB.slice(0, 420)
    const countOf = (lane: string) => early.filter((received) => received.lane === lane).length
    expect(countOf('calls')).toBeGreaterThan(200)
    expect(countOf('calls')).toBeLessThan(280)
    expect(countOf('bulk')).toBeGreaterThan(40)
    expect(countOf('documents') / countOf('bulk')).toBeCloseTo(2, 0)
  })
})

const generous = { control: 8 * MIB, consensus: 8 * MIB, calls: 8 * MIB, documents: 8 * MIB, bulk: 8 * MIB }

describe('limits of what waits', () => {
  it('[LNK6] at most 64 KiB and one batch wait in the channel, the rest goes as it drains', async () => {
    const { clock, a, atB } = linkPair()
    let most = 0
    for (let i = 0; i < 20; i++) a.send('consensus', 1, patterned(50 * KIB, i))
    for (let i = 0; i < 200; i++) {
      await clock.run(0.5)
      most = Math.max(most, a.status().bufferedBytes)
    }
    expect(most).toBeGreaterThan(60 * KIB)
    expect(most).toBeLessThanOrEqual(80 * KIB)
    expect(atB).toHaveLength(20)
  })

  it('[LNK7] a full lane says so, takes nothing, and tells when it takes again; other lanes go on', async () => {
    const { clock, a, atB } = linkPair({ limits: { queueBytes: { ...generous, documents: 100 * KIB } } })
    const drained: string[] = []
    a.on('drain', (lane) => drained.push(lane))
    let taken = 0
    while (a.send('documents', 1, patterned(10 * KIB, taken))) taken++
    expect(taken).toBe(9)
    expect(a.queuedBytes('documents')).toBeLessThanOrEqual(100 * KIB)
    expect(a.send('calls', 1, patterned(10))).toBe(true)
    expect(drained).toEqual([])
    await clock.run(100)
    expect(drained).toEqual(['documents'])
    expect(a.queuedBytes('documents')).toBe(0)
    expect(atB).toHaveLength(taken + 1)
    expect(a.send('documents', 1, patterned(10))).toBe(true)
  })

  it('[LNK7] empty payloads fill a queue too', () => {
    const { a } = linkPair({ limits: { queueBytes: { ...generous, calls: 64 * KIB } } })
    let taken = 0
    while (taken < 100_000 && a.send('calls', 1, new Uint8Array(0))) taken++
    expect(taken).toBeLessThanOrEqual(1024)
  })

  it('[LNK8] an empty lane takes a payload up to messageBytes, above it E_TOO_LARGE', async () => {
    const { clock, a, atB } = linkPair({ limits: { messageBytes: 2 * MIB } })
    expect(a.send('bulk', 1, patterned(2 * MIB))).toBe(true)
    expect(codeOf(() => a.send('bulk', 1, patterned(2 * MIB + 1)))).toBe('E_TOO_LARGE')
    await clock.run(1000)
    expect(atB).toHaveLength(1)
  })
})

describe('the end', () => {
  it('[LNK9] goodbye goes ahead of all queues, within the call, and closes', async () => {
    const clock = new SimulatedClock()
    const channels = memoryChannelPair({ runtime: clock.fork(1), delayMs: 1 })
    const messages: Uint8Array[] = []
    const a = new Link(recording(channels.a, messages), { runtime: clock.fork(2) })
    const b = new Link(channels.b, { runtime: clock.fork(3) })
    const events: string[] = []
    b.on('message', (lane, port, payload) => events.push(`${lane} ${port} ${payload.length}`))
    b.on('close', () => events.push('close'))
    for (let i = 0; i < 10; i++) a.send('control', 1, patterned(1000))
    a.goodbye(9, patterned(MAX_GOODBYE_BYTES))
    expect(channels.a.state).toBe('closed')
    expect(messages).toHaveLength(1)
    expect(a.send('calls', 1, patterned(1))).toBe(false)
    await clock.run(1000)
    expect(events).toEqual([`control 9 ${MAX_GOODBYE_BYTES}`, 'close'])
  })

  it('[LNK9] a goodbye is at most 4 KiB', () => {
    const { a } = linkPair()
    expect(codeOf(() => a.goodbye(1, patterned(MAX_GOODBYE_BYTES + 1)))).toBe('E_TOO_LARGE')
    expect(a.channel.state).toBe('open')
  })

  it('[LNK10] close fires once, last, on both sides; after it send says false and nothing arrives', async () => {
    const { clock, a, b, atA, closeReasons } = linkPair()
    b.send('calls', 1, patterned(1))
    a.close('enough')
    a.close('again')
    a.goodbye(1, patterned(1))
    a.probe(10)
    expect(a.send('calls', 1, patterned(1))).toBe(false)
    await clock.run(60_000)
    expect(closeReasons).toEqual({ a: ['enough'], b: ['closed by the other side'] })
    expect(atA).toEqual([])
    expect(b.queuedBytes('calls')).toBe(0)
  })

  it('[LNK10] a closed link leaves no timer behind', async () => {
    const { clock, a } = linkPair()
    await clock.run(100)
    a.close('enough')
    await clock.run(10)
    const firedCount = clock.firedCount
    await clock.run(1_000_000)
    expect(clock.firedCount).toBe(firedCount)
  })
})

it('[LNK11] status tells traffic, queues and round trip time as plain data', async () => {
  const { clock, a, b } = linkPair({ delayMs: 5 })
  a.send('calls', 1, patterned(1000))
  const queued = a.status().queuedBytes
  expect(queued.calls).toBeGreaterThanOrEqual(1000)
  expect(queued.bulk).toBe(0)
  await clock.run(100)
  const status = structuredClone(a.status())
  expect(status.stack).toBe('memory')
  expect(status.rttMs).toBe(10)
  expect(status.queuedBytes.calls).toBe(0)
  expect(status.sent.bytes).toBeGreaterThanOrEqual(1000)
  expect(status.sent.bytes).toBeLessThan(1000 + OVERHEAD_BYTES)
  expect(b.status().received).toEqual(status.sent)
})

function codeOf(action: () => unknown): string | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    return LegionError.is(error) ? error.code : String(error)
  }
}
