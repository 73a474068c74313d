import { describe, expect, it } from 'vitest'
import type { Runtime } from '../../src/base/runtime.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'
import { Link } from '../../src/transport/link.js'
import { memoryChannelPair } from '../../src/transport/memory-channel.js'
import { linkPair, patterned } from './link-pair.js'

/** A link to a channel at whose other end nobody answers. */
function lonelyLink() {
  const clock = new SimulatedClock()
  const channels = memoryChannelPair({ runtime: clock.fork(1) })
  const link = new Link(channels.a, { runtime: clock.fork(2) })
  const closes: { reason: string; atMs: number }[] = []
  link.on('close', (reason) => closes.push({ reason, atMs: clock.nowMs }))
  return { clock, link, closes, other: channels.b }
}

/** A clock that can jump while its timers stand still: a sleeping page. */
class SleepyRuntime {
  sleptMs = 0
  readonly runtime: Runtime

  constructor(clock: SimulatedClock) {
    const awake = clock.fork(9)
    this.runtime = {
      nowMs: () => awake.nowMs() + this.sleptMs,
      wallClockMs: () => awake.wallClockMs(),
      setTimer: (delayMs, fn) => awake.setTimer(delayMs, fn),
      randomBytes: (count) => awake.randomBytes(count),
      random: () => awake.random(),
    }
  }
}

/** Its timers fire so much too late. */
function lateRuntime(runtime: Runtime, lateMs: number): Runtime {
  return {
    nowMs: () => runtime.nowMs(),
    wallClockMs: () => runtime.wallClockMs(),
    setTimer: (delayMs, fn) => runtime.setTimer(delayMs + lateMs, fn),
    randomBytes: (count) => runtime.randomBytes(count),
    random: () => runtime.random(),
  }
}

function sleepyPair() {
  let sleepy: SleepyRuntime | undefined
  const pair = linkPair({
    runtimeOfA: (clock) => {
      sleepy = new SleepyRuntime(clock)
      return sleepy.runtime
    },
  })
  return { ...pair, sleepy: sleepy as SleepyRuntime }
}

describe('signs of life', () => {
  it('[LNK15] idle links ping each other and stay open', async () => {
    const { clock, a, b, closeReasons } = linkPair()
    await clock.run(60_000)
    expect(closeReasons).toEqual({ a: [], b: [] })
    expect(a.status().received.frames).toBeGreaterThan(20)
    expect(b.status().received.frames).toBeGreaterThan(20)
  })

  it('[LNK15] a link on which nothing arrives for 6 s closes as silent', async () => {
    const { clock, closes } = lonelyLink()
    await clock.run(5_900)
    expect(closes).toEqual([])
    await clock.run(200)
    expect(closes.map(({ reason }) => reason)).toEqual(['silent'])
  })

  it('[LNK15] idleMs and silentMs are options', async () => {
    const clock = new SimulatedClock()
    const { a } = memoryChannelPair({ runtime: clock.fork(1) })
    const link = new Link(a, { runtime: clock.fork(2), limits: { idleMs: 100, silentMs: 300 } })
    await clock.run(299)
    expect(link.channel.state).toBe('open')
    await clock.run(2)
    expect(link.channel.state).toBe('closed')
  })

  it('[LNK15] any bytes count, whatever they say', async () => {
    const { clock, closes, other } = lonelyLink()
    const note = Uint8Array.of(0, 1, 0, 1, 7) // One whole frame with one byte.
    for (let i = 0; i < 10; i++) {
      other.send(note)
      await clock.run(4_000)
    }
    expect(closes).toEqual([])
    await clock.run(10_000)
    expect(closes).toHaveLength(1)
  })

  it('[LNK15] a busy link does not ping more than once in 10 s', async () => {
    const { clock, a, b } = linkPair()
    await clock.run(1000)
    const pingsBefore = b.status().received.frames
    const notes = 900
    for (let i = 0; i < notes; i++) {
      a.send('calls', 1, patterned(10))
      b.send('calls', 1, patterned(10))
      await clock.run(100)
    }
    // A ping and a pong of each side in ten seconds.
    expect(b.status().received.frames - pingsBefore - notes).toBeLessThanOrEqual(20)
  })

  it('[LNK16] the round trip time is known soon after the start and follows changes smoothly', async () => {
    const { clock, a } = linkPair({ delayMs: 30 })
    expect(a.rttMs).toBeUndefined()
    await clock.run(100)
    expect(a.rttMs).toBe(60)
    await clock.run(60_000)
    expect(a.rttMs).toBe(60)
  })
})

describe('doubts', () => {
  it('[LNK24] come when a link that was asked is silent for 3.6 s, or most of a probe, and end with the first bytes', async () => {
    const { clock, link, other } = lonelyLink()
    const doubts: [atMs: number, isDoubted: boolean][] = []
    link.on('doubt', () => doubts.push([clock.nowMs, link.isDoubted]))
    await clock.run(4_500)
    link.probe(1_000)
    await clock.run(500)
    other.send(Uint8Array.of(0, 1, 0, 1, 7)) // One whole frame with one byte.
    await clock.run(1_000)
    link.probe(1_000)
    await clock.run(700)
    expect(doubts).toEqual([
      [3_600, true],
      [5_000, false],
      [6_600, true],
    ])
  })

  it.each([1_700, 1_900])('[LNK24] who is asked %i ms late has as long to answer', async (lateMs) => {
    const runtimeOfA = (clock: SimulatedClock) => lateRuntime(clock.fork(9), lateMs)
    const { clock, a, closeReasons } = linkPair({ delayMs: 200, runtimeOfA })
    const doubts: number[] = []
    a.on('doubt', () => doubts.push(clock.nowMs))
    await clock.run(60_000)
    expect(doubts).toEqual([])
    expect(closeReasons.a).toEqual([])
  })
})

describe('probes and sleep', () => {
  it('[LNK17] a probe that is answered changes nothing', async () => {
    const { clock, a, closeReasons } = linkPair({ delayMs: 20 })
    await clock.run(500)
    a.probe(100)
    await clock.run(20_000)
    expect(closeReasons.a).toEqual([])
  })

  it('[LNK17] a probe without an answer closes the link as silent at its deadline', async () => {
    const { clock, link, closes } = lonelyLink()
    await clock.run(500)
    link.probe(100)
    await clock.run(99)
    expect(closes).toEqual([])
    await clock.run(2)
    expect(closes.map(({ reason }) => reason)).toEqual(['silent'])
  })

  it('[LNK17] a later deadline does not undo an earlier one', async () => {
    const { clock, link, closes } = lonelyLink()
    link.probe(100)
    link.probe(5_000)
    await clock.run(101)
    expect(closes).toHaveLength(1)
  })

  it('[LNK18] after a sleep the link is probed, not closed; it lives if the other side does', async () => {
    const { clock, sleepy, closeReasons } = sleepyPair()
    await clock.run(1_000)
    sleepy.sleptMs = 600_000
    await clock.run(20_000)
    expect(closeReasons.a).toEqual([])
  })

  it('[LNK18] after a sleep a dead link closes within 2 s', async () => {
    const { clock, a, b, sleepy, closeReasons } = sleepyPair()
    await clock.run(1_000)
    sleepy.sleptMs = 600_000
    b.channel.send = () => {} // The other side is there no more, and nobody says so.
    await clock.run(1_900) // The timer that was due fires within 2 s.
    expect(closeReasons.a).toEqual([])
    await clock.run(2_100)
    expect(closeReasons.a).toEqual(['silent'])
    expect(a.channel.state).toBe('closed')
  })

  it('[LNK18] a probe right after a sleep counts its deadline from now', async () => {
    const { clock, a, sleepy, closeReasons } = sleepyPair()
    await clock.run(1_000)
    sleepy.sleptMs = 600_000
    a.probe(500)
    await clock.run(20_000)
    expect(closeReasons.a).toEqual([])
  })
})
