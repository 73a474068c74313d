import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { setPeriodicTimer } from '../../src/base/runtime.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'
import { Flow, RECEIPT_BYTES } from '../../src/transport/flow.js'
import type { Lane } from '../../src/transport/lanes.js'
import { linkPair, patterned } from './link-pair.js'
import { Path } from './path.js'

const KIB = 1024
const MIB = 1024 * KIB
const CHUNK_BYTES = 16 * KIB - 64
const HEARTBEAT_MS = 20

/** Sends on `lane` for ever, as much as the link takes. @returns bytes that arrived so far */
function flood({ a, b }: Path, lane: Lane): () => number {
  let arrivedBytes = 0
  b.on('message', (on, _port, payload) => {
    if (on === lane) arrivedBytes += payload.length
  })
  const chunk = patterned(CHUNK_BYTES)
  const pump = () => {
    while (a.send(lane, 1, chunk));
  }
  a.on('drain', (drained) => drained === lane && pump())
  pump()
  return () => arrivedBytes
}

/** Every so often a small payload there and back on the consensus lane. @returns how long each took, so far */
function heartbeats({ clock, a, b }: Path): number[] {
  const tookMs: number[] = []
  const sentMs: number[] = []
  a.on('message', () => tookMs.push(clock.nowMs - (sentMs.shift() ?? 0)))
  b.on('message', (lane, port, payload) => lane === 'consensus' && b.send(lane, port, payload))
  setPeriodicTimer(clock.fork(3), HEARTBEAT_MS, () => {
    sentMs.push(clock.nowMs)
    a.send('consensus', 2, patterned(100))
  })
  return tookMs
}

function p99(tookMs: readonly number[]): number {
  return tookMs.toSorted((a, b) => a - b)[Math.floor(tookMs.length * 0.99)] ?? Number.NaN
}

describe('what is under way', () => {
  const paths = [
    { bytesPerMs: 1_000, delayMs: 30 },
    { bytesPerMs: 4_000, delayMs: 5 },
    { bytesPerMs: 10_000, delayMs: 1 },
    { bytesPerMs: 10_000, delayMs: 20 },
    { bytesPerMs: 50_000, delayMs: 0.2 },
  ]
  it.each(paths)(
    '[LNK20] a path of $bytesPerMs bytes/ms and $delayMs ms is filled, and urgent ones hardly wait',
    async (options) => {
      const path = new Path({ ...options, hiddenBytes: MIB })
      const tookMs = heartbeats(path)
      await path.clock.run(1_000)
      const idleMs = p99(tookMs.splice(0))
      const arrivedBytes = flood(path, 'bulk')
      await path.clock.run(5_000)
      expect(p99(tookMs) / idleMs).toBeLessThan(5)
      expect(arrivedBytes() / 5_000).toBeGreaterThan(0.7 * options.bytesPerMs)
      const beforeBytes = arrivedBytes()
      await path.clock.run(2_000)
      expect((arrivedBytes() - beforeBytes) / 2_000).toBeGreaterThan(0.9 * options.bytesPerMs)
    },
  )

  it('[LNK20] without the window the same urgent ones wait for all that the stack hides', async () => {
    const path = new Path({ bytesPerMs: 10_000, delayMs: 1, hiddenBytes: MIB })
    const tookMs = heartbeats(path)
    flood(path, 'consensus')
    await path.clock.run(1_000)
    expect(Math.max(...tookMs)).toBeGreaterThan(100)
  })

  it('[LNK21] bulk yields to the traffic of others, and takes the path back after it', async () => {
    const path = new Path({ bytesPerMs: 5_000, delayMs: 10, hiddenBytes: MIB })
    const arrivedBytes = flood(path, 'bulk')
    const rateOver = async (forMs: number) => {
      const before = arrivedBytes()
      await path.clock.run(forMs)
      return (arrivedBytes() - before) / forMs
    }
    await path.clock.run(1_000)
    expect(await rateOver(1_000)).toBeGreaterThan(4_500)
    const others = setPeriodicTimer(path.clock.fork(4), 1, () => path.crowd(5_050))
    await path.clock.run(3_000)
    expect(await rateOver(500)).toBeLessThan(1_000)
    others.cancel()
    await path.clock.run(2_000)
    expect(await rateOver(1_000)).toBeGreaterThan(4_500)
  })

  it('[LNK19] what was received is told every 8 KiB, and status() tells what is under way', async () => {
    const { clock, a, b } = linkPair({ delayMs: 10 })
    await clock.run(100)
    for (let i = 0; i < 20; i++) a.send('calls', 1, patterned(16 * KIB))
    await Promise.resolve()
    const { inFlightBytes, windowBytes } = a.status()
    expect(inFlightBytes).toBeGreaterThanOrEqual(windowBytes)
    expect(inFlightBytes).toBeLessThan(windowBytes + 16 * KIB)
    await clock.run(1_000)
    expect(a.status().inFlightBytes).toBeLessThan(RECEIPT_BYTES)
    expect(a.status().windowBytes).toBeGreaterThan(windowBytes)
    expect(b.status().inFlightBytes).toBeLessThan(RECEIPT_BYTES)
  })

  it('[LNK19] a link that is told nothing goes on with control and consensus', async () => {
    const { clock, a, b, atB } = linkPair({ delayMs: 10 })
    await clock.run(100)
    b.channel.send = () => {}
    for (let i = 0; i < 20; i++) a.send('bulk', 1, patterned(16 * KIB))
    await clock.run(100)
    const before = atB.length
    expect(before).toBeLessThan(4)
    for (let i = 0; i < 20; i++) a.send('consensus', 1, patterned(16 * KIB))
    await clock.run(100)
    expect(atB.slice(before).map(({ lane }) => lane)).toEqual(Array.from({ length: 20 }, () => 'consensus'))
  })

  it('[LNK22] receipts of what was never sent, or older ones, change nothing', () => {
    const property = fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 })), (words) => {
      const flow = new Flow({ runtime: new SimulatedClock().fork(1), messageBytes: 16 * KIB })
      for (let i = 0; i < 3; i++) flow.sent(16 * KIB)
      flow.received(20 * KIB)
      for (const word of words.filter((each) => each <= 20 * KIB || each > 48 * KIB)) flow.received(word)
      expect(flow.inFlightBytes).toBe(28 * KIB)
    })
    fc.assert(property)
  })

  it('[LNK22] counts go on beyond 2³² bytes', () => {
    const flow = new Flow({ runtime: new SimulatedClock().fork(1), messageBytes: 16 * KIB })
    for (let sentBytes = 0; sentBytes < 2 ** 33; ) {
      for (let i = 0; i < 4; i++) flow.sent(2 ** 24)
      sentBytes += 2 ** 26
      flow.received((sentBytes - 1000) >>> 0)
      expect(flow.inFlightBytes).toBe(1000)
    }
  })
})
