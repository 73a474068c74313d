import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'
import { encodeFrames, FRAME_KIND, type Frame } from '../../src/transport/frames.js'
import { LANES } from '../../src/transport/lanes.js'
import { Link } from '../../src/transport/link.js'
import { memoryChannelPair } from '../../src/transport/memory-channel.js'
import { linkPair, patterned } from './link-pair.js'

const NOTHING = new Uint8Array(0)

/** A link whose other side is a bare channel that sends whatever the test wants. */
function victim(limits = {}) {
  const clock = new SimulatedClock()
  const channels = memoryChannelPair({ runtime: clock.fork(1) })
  const link = new Link(channels.b, { runtime: clock.fork(2), limits })
  const payloads: Uint8Array[] = []
  const reasons: string[] = []
  const answers: Uint8Array[] = []
  link.on('message', (_lane, _port, payload) => payloads.push(payload))
  link.on('close', (reason) => reasons.push(reason))
  channels.a.on('message', (message) => answers.push(message))
  return { clock, link, payloads, reasons, answers, attacker: channels.a }
}

function frame(kind: Frame['kind'], bytes: Uint8Array, { lane = 2, port = 1, word = 0 } = {}): Frame {
  return { kind, lane, port, word, bytes }
}

const whole = (bytes: Uint8Array) => frame(FRAME_KIND.whole, bytes)
const first = (bytes: Uint8Array, word: number) => frame(FRAME_KIND.first, bytes, { word })
const next = (bytes: Uint8Array, port = 1) => frame(FRAME_KIND.next, bytes, { port })

it('[LNK1] any payloads on any lanes and ports arrive intact, in order within their lane', async () => {
  const send = fc.record({
    lane: fc.constantFrom(...LANES),
    port: fc.integer({ min: 0, max: 255 }),
    size: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 3000 }), fc.constant(20_000)),
    pause: fc.boolean(),
  })
  const property = fc.asyncProperty(
    fc.array(send, { maxLength: 30 }),
    fc.constantFrom(200, 1500, 16 * 1024, 64 * 1024),
    async (sends, maxMessageBytes) => {
      const { clock, a, atB, closeReasons } = linkPair({ maxMessageBytes })
      for (const [index, { lane, port, size, pause }] of sends.entries()) {
        expect(a.send(lane, port, patterned(size, index))).toBe(true)
        if (pause) await clock.run(1)
      }
      await clock.run(3000)
      expect(closeReasons).toEqual({ a: [], b: [] })
      const sent = sends.map(({ lane, port, size }, index) => describeSent(lane, port, patterned(size, index)))
      const received = atB.map(({ lane, port, payload }) => describeSent(lane, port, payload))
      const ofLane = (lane: string, all: string[]) => all.filter((text) => text.startsWith(lane))
      for (const lane of LANES) expect(ofLane(lane, received)).toEqual(ofLane(lane, sent))
    },
  )
  await fc.assert(property, { numRuns: 60 })
})

function describeSent(lane: string, port: number, payload: Uint8Array): string {
  return `${lane} ${port} ${payload.length} ${createHash('sha1').update(payload).digest('hex')}`
}

describe('[LNK12] a malformed frame closes the link with a reason', () => {
  const cases: Record<string, Frame[] | Uint8Array> = {
    'an unknown kind': Uint8Array.of(0xf0, 0, 0, 0),
    'an unknown lane': Uint8Array.of(0x05, 0, 0, 0),
    'half a header': Uint8Array.of(0, 0),
    'a body longer than the message': Uint8Array.of(0, 0, 0, 5, 1, 2),
    'a ping without its sequence': Uint8Array.of(0x30, 0, 0, 2, 1, 2),
    'a fragment of nothing': [next(patterned(5))],
    'an empty first fragment': [first(NOTHING, 10)],
    'a first fragment that is all': [first(patterned(10), 10)],
    'an empty next fragment': [first(patterned(5), 10), next(NOTHING)],
    'more than was announced': [first(patterned(5), 10), next(patterned(6))],
    'a fragment for another port': [first(patterned(5), 10), next(patterned(5), 2)],
    'a payload inside a payload': [first(patterned(5), 10), whole(patterned(1))],
    'a second beginning': [first(patterned(5), 10), first(patterned(5), 10)],
  }
  for (const [name, frames] of Object.entries(cases)) {
    it(`[LNK12] ${name}`, async () => {
      const { clock, attacker, payloads, reasons } = victim()
      attacker.send(frames instanceof Uint8Array ? frames : encodeFrames(frames))
      await clock.run(10)
      expect(reasons).toHaveLength(1)
      expect(reasons[0]).toMatch(/^malformed: /)
      expect(attacker.state).toBe('closed')
      expect(payloads).toEqual([])
    })
  }

  it('[LNK12] what came before it in the same message counts, what comes after does not', async () => {
    const { clock, attacker, payloads, reasons } = victim()
    const bad = encodeFrames([next(patterned(5))])
    attacker.send(
      new Uint8Array([...encodeFrames([whole(patterned(3))]), ...bad, ...encodeFrames([whole(patterned(4))])]),
    )
    await clock.run(10)
    expect(payloads).toEqual([patterned(3)])
    expect(reasons).toHaveLength(1)
  })

  it('[LNK12] any bytes whatever: payloads or a close, never an exception', async () => {
    const byte = fc.oneof(
      fc.constantFrom(0, 1, 2, 4, 0x10, 0x12, 0x20, 0x22, 0x30, 0x40),
      fc.integer({ min: 0, max: 255 }),
    )
    const message = fc.array(byte, { minLength: 1, maxLength: 40 }).map((bytes) => Uint8Array.from(bytes))
    const property = fc.asyncProperty(fc.array(message, { maxLength: 20 }), async (messages) => {
      const { clock, link, attacker, reasons } = victim()
      for (const bytes of messages) attacker.send(bytes)
      await clock.run(10)
      expect(reasons).toHaveLength(link.channel.state === 'closed' ? 1 : 0)
    })
    await fc.assert(property, { numRuns: 300 })
  })
})

describe('what a peer can make us hold', () => {
  it('[LNK13] a payload announced above messageBytes closes the link', async () => {
    const { clock, attacker, reasons } = victim({ messageBytes: 1000 })
    attacker.send(encodeFrames([first(patterned(10), 1001)]))
    await clock.run(10)
    expect(reasons).toEqual(['malformed: a payload of 1001 bytes is announced, the limit is 1000'])
  })

  it('[LNK13] an announced length alone costs next to nothing', async () => {
    const victims = Array.from({ length: 20 }, () => victim())
    const announce = LANES.map((_, lane) => frame(FRAME_KIND.first, patterned(1), { lane, word: 64 * 1024 * 1024 }))
    const before = process.memoryUsage().arrayBuffers
    for (const { clock, attacker } of victims) {
      attacker.send(encodeFrames(announce))
      await clock.run(1)
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * 1024 * 1024)
    expect(victims.every(({ link }) => link.channel.state === 'open')).toBe(true)
  })

  it('[LNK13] a payload that comes byte by byte is put together, without a buffer per byte', async () => {
    const { clock, attacker, payloads } = victim()
    const payload = patterned(3000)
    attacker.send(encodeFrames([first(payload.subarray(0, 1), payload.length)]))
    for (let i = 1; i < payload.length; i++) attacker.send(encodeFrames([next(payload.subarray(i, i + 1))]))
    await clock.run(10)
    expect(payloads).toEqual([payload])
  })

  it('[LNK14] a flood of pings gets one pong per flush', async () => {
    const { clock, attacker, answers } = victim()
    await clock.run(10)
    answers.length = 0
    const ping = (word: number) => frame(FRAME_KIND.ping, NOTHING, { lane: 0, port: 0, word })
    attacker.send(encodeFrames(Array.from({ length: 1000 }, (_, sequence) => ping(sequence))))
    await clock.run(10)
    expect(answers).toEqual([encodeFrames([frame(FRAME_KIND.pong, NOTHING, { lane: 0, port: 0, word: 999 })])])
  })
})
