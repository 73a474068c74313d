import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { createSignalingServer, DEFAULT_LIMITS } from 'legion-signaling'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseMessage } from '../src/parse-message.js'
import { helloOf, idOf, roomOf } from './fake-client.js'
import { RawClient } from './raw-client.js'

const FRAMES = Number(process.env['LEGION_FUZZ_FRAMES'] ?? 40_000)
const FRAMES_PER_SOCKET = 200

/** What the heap may differ by before and after, by chance. */
const NOISE_BYTES = 8 * 1024 * 1024

/** Out of the way, so that many frames reach the parser and the rooms. */
const GENEROUS = 1e9

const server = createSignalingServer({
  warmupMs: 0,
  limits: { complaints: GENEROUS, messagesPerSecond: GENEROUS, messageBurst: GENEROUS, rooms: 100 },
})
let witness: RawClient

beforeAll(async () => {
  await server.listen(0, '127.0.0.1')
  witness = await RawClient.open(String(server.url))
  witness.send(helloOf('witness', { room: 'quiet' }))
  await witness.roundTrip()
})

afterAll(() => server.close())

const messages: object[] = [
  helloOf('a'),
  helloOf('b', { clusterId: 'x', durable: true, token: idOf('t') }),
  helloOf('c', { room: 'other' }),
  { type: 'found', clusterId: idOf('y') },
  { type: 'signal', to: idOf('a'), payload: 'SGVsbG8' },
  { type: 'ping' },
]

/** One valid message with some of its fields replaced by anything, and some added. */
const mutated = fc
  .tuple(fc.constantFrom(...messages), fc.dictionary(fieldName(), fc.jsonValue(), { maxKeys: 3 }))
  .map(([message, changes]) => JSON.stringify({ ...message, ...changes }))

/** The text of a valid message with one stretch replaced. */
const garbled = fc
  .tuple(fc.constantFrom(...messages), fc.nat(200), fc.nat(10), fc.string({ maxLength: 10 }))
  .map(([message, at, length, text]) => {
    const whole = JSON.stringify(message)
    return whole.slice(0, at) + text + whole.slice(at + length)
  })

const frame: fc.Arbitrary<string | Uint8Array> = fc.oneof(
  fc.constantFrom(...messages.map((message) => JSON.stringify(message))),
  mutated,
  garbled,
  fc.json(),
  fc.string({ maxLength: 200 }),
  fc.uint8Array({ maxLength: 200 }),
)

function fieldName(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom('type', 'version', 'room', 'peer', 'token', 'durable', 'clusterId', 'to', 'payload', '__proto__'),
    fc.string({ maxLength: 5 }),
  )
}

/** Resolves when the server has handled all frames of the client, or closed it. */
async function settled(client: RawClient): Promise<void> {
  client.socket.ping()
  await Promise.race([once(client.socket, 'pong'), client.closed])
}

async function sendAll(frames: readonly (string | Uint8Array)[]): Promise<void> {
  const client = await RawClient.open(String(server.url))
  for (const one of frames) client.socket.send(one)
  await settled(client)
  client.socket.terminate()
}

async function throwFrames(count: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(
      fc.array(frame, { minLength: FRAMES_PER_SOCKET, maxLength: FRAMES_PER_SOCKET }),
      async (frames) => {
        await sendAll(frames)
        await witness.roundTrip()
      },
    ),
    { numRuns: Math.ceil(count / FRAMES_PER_SOCKET), seed: 6 },
  )
}

/** After a collection. Client and server are in this process: neither may keep anything. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}

function rawUpgrade(): Promise<Socket> {
  const socket = connect(Number(server.port), '127.0.0.1')
  socket.on('error', () => {})
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n')
  socket.write('Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n')
  return once(socket, 'data').then(() => socket)
}

describe('a hostile client', () => {
  it(`[SIG33] neither ends the server nor fills its memory with ${FRAMES} random and mutated frames`, async () => {
    await throwFrames(FRAMES_PER_SOCKET * 20) // first, so that what is made once is there
    const before = heapBytes()
    await throwFrames(FRAMES)
    const grown = heapBytes() - before
    process.stdout.write(`${FRAMES} frames: the heap had ${before} bytes before and ${grown} more afterwards\n`)
    expect(grown).toBeLessThan(NOISE_BYTES)
  }, 1_200_000)

  it('[SIG12] never ends the server with bytes that are no WebSocket frames', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
        const socket = await rawUpgrade()
        socket.end(bytes)
        await once(socket.resume(), 'close')
        await witness.roundTrip()
      }),
      { numRuns: 300 },
    )
  }, 60_000)

  it('[SIG12] leaves nothing behind but remembered rooms, up to their limit', async () => {
    const text = async () => (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text()
    await expect.poll(text).toContain('legion_signaling_sockets 1\n')
    expect(await text()).toContain('legion_signaling_members 1\n')
    expect(Number(/_rooms (\d+)\n/.exec(await text())?.[1])).toBeLessThanOrEqual(100)
  })

  it('[SIG12] gets a verdict for any text, and valid messages through', () => {
    fc.assert(
      fc.property(fc.oneof(mutated, garbled, fc.json(), fc.string()), (text) => {
        const verdict = parseMessage(text)
        expect(typeof verdict === 'string' ? ['malformed', 'version'] : [verdict]).toContainEqual(verdict)
      }),
      { numRuns: 2000 },
    )
    for (const message of messages) expect(parseMessage(JSON.stringify(message))).toEqual(message)
  })

  it('[SIG12] cannot make ids of another length or alphabet pass', () => {
    const bad = [
      '',
      'A'.repeat(21),
      'A'.repeat(23),
      `${'A'.repeat(21)}B`,
      `${'A'.repeat(21)}/`,
      7,
      null,
      ['A'.repeat(22)],
    ]
    for (const peer of bad) expect(parseMessage(JSON.stringify({ ...helloOf('a'), peer }))).toBe('malformed')
    for (const room of [idOf('short'), roomOf('long').padEnd(44, 'A')]) {
      expect(parseMessage(JSON.stringify({ ...helloOf('a'), room }))).toBe('malformed')
    }
  })

  it('[SIG22] is cut off when it reads too slowly', async () => {
    const tight = createSignalingServer({
      limits: { ...DEFAULT_LIMITS, messagesPerSecond: GENEROUS, bufferedBytes: 1 },
    })
    await tight.listen(0, '127.0.0.1')
    const [sender, reader] = [await RawClient.open(String(tight.url)), await RawClient.open(String(tight.url))]
    for (const [client, peer] of [
      [reader, 'reader'],
      [sender, 'sender'],
    ] as const) {
      client.send(helloOf(peer))
      await client.roundTrip()
    }
    reader.socket.pause()
    const left = nextOfType(sender, 'peer-left')
    const payload = 'A'.repeat(60_000)
    const flood = setInterval(() => sender.send({ type: 'signal', to: idOf('reader'), payload }), 0)
    expect(await left).toEqual({ type: 'peer-left', peer: idOf('reader') })
    clearInterval(flood)
    await tight.close()
  }, 30_000)
})

async function nextOfType(client: RawClient, type: string) {
  for (;;) {
    const message = await client.next()
    if (message.type === type) return message
  }
}
