import { equalBytes } from '../base/bytes.js'
import type { Channel, ChannelEvents } from '../transport/channel.js'

/** Two open ends of one channel. */
export interface ChannelPair {
  readonly a: Channel
  readonly b: Channel
}

/** What a test runner gives: Vitest, Jest, node:test and Mocha all fit. */
export interface ContractRunner {
  describe(name: string, body: () => void): void
  it(name: string, body: () => Promise<void>): void
}

/** Every channel takes at least this much in one message. */
const MIN_MESSAGE_BYTES = 16 * 1024
/** The last words of a peer. */
const GOODBYE_BYTES = 4096
const WINDOW_BYTES = 64 * 1024
/** Messages of MIN_MESSAGE_BYTES; some carriers take in megabytes before `bufferedBytes` rises. */
const MANY = 512

/**
 * What every Channel must do, as tests, for any test runner. Channels that need their time on the way may take it: the
 * suite waits for events, never for a time.
 * @param openPair gives a new pair; the suite closes it
 */
export function describeChannelContract(
  name: string,
  openPair: () => Promise<ChannelPair>,
  { describe, it }: ContractRunner,
): void {
  const test = (title: string, body: (pair: ChannelPair) => Promise<void>) => {
    it(title, async () => {
      const pair = await openPair()
      try {
        await body(pair)
      } finally {
        pair.a.close()
        pair.b.close()
      }
    })
  }
  describe(`the channel contract: ${name}`, () => {
    test('[CON1] is open on both sides and takes messages of at least 16 KiB', opensWithRoom)
    test('[CON2] keeps bytes, boundaries and order of messages of every size', keepsMessages)
    test('[CON3] sends views of larger buffers as what they show', sendsViews)
    test('[CON4] carries both directions at once', carriesBothDirections)
    test('[CON5] takes a burst of megabytes, and says drain when it has left', drainsAfterBurst)
    test('[CON9] a sender that waits for drain at 64 KiB gets everything through', drainsWhenPaced)
    test('[CON6] closes both sides, and fires close exactly once on each', closesBothSides)
    test('[CON7] close fires before it returns, sends after it are dropped', closesAtOnce)
    test('[CON8] delivers a message of 4 KiB sent just before close, once it has been in use', deliversLastWords)
  })
}

async function opensWithRoom({ a, b }: ChannelPair): Promise<void> {
  for (const end of [a, b]) {
    check(end.state === 'open', `state is ${end.state}`)
    check(end.maxMessageBytes >= MIN_MESSAGE_BYTES, `maxMessageBytes is ${end.maxMessageBytes}`)
    check(end.bufferedBytes === 0, `bufferedBytes is ${end.bufferedBytes}`)
    check(end.stack.length > 0, 'stack is empty')
  }
}

async function keepsMessages({ a, b }: ChannelPair): Promise<void> {
  const sizes = [1, 2, 1200, 4096, MIN_MESSAGE_BYTES, a.maxMessageBytes, 1]
  const sent = sizes.map((size, index) => patterned(size, index))
  const received = messages(b, sent.length)
  for (const message of sent) a.send(message)
  checkEqual(await received, sent)
}

async function sendsViews({ a, b }: ChannelPair): Promise<void> {
  const whole = patterned(1000, 7)
  const received = messages(b, 1)
  a.send(whole.subarray(100, 200))
  checkEqual(await received, [whole.slice(100, 200)])
}

async function carriesBothDirections({ a, b }: ChannelPair): Promise<void> {
  const fromA = Array.from({ length: 50 }, (_, index) => patterned(500, index))
  const fromB = Array.from({ length: 50 }, (_, index) => patterned(700, index + 100))
  const received = Promise.all([messages(b, 50), messages(a, 50)])
  for (let i = 0; i < 50; i++) {
    a.send(fromA[i] as Uint8Array)
    b.send(fromB[i] as Uint8Array)
  }
  const [atB, atA] = await received
  checkEqual(atB, fromA)
  checkEqual(atA, fromB)
}

async function drainsAfterBurst({ a, b }: ChannelPair): Promise<void> {
  const sent = manyMessages()
  const received = messages(b, sent.length)
  const drained = once(a, 'drain')
  for (const message of sent) a.send(message)
  const [, arrived] = await Promise.all([drained, received])
  checkEqual(arrived, sent)
}

async function drainsWhenPaced({ a, b }: ChannelPair): Promise<void> {
  const sent = manyMessages()
  const received = messages(b, sent.length)
  let next = 0
  const fill = () => {
    while (next < sent.length && a.bufferedBytes < WINDOW_BYTES) a.send(sent[next++] as Uint8Array)
  }
  a.on('drain', fill)
  fill()
  checkEqual(await received, sent)
}

async function closesBothSides({ a, b }: ChannelPair): Promise<void> {
  const closes = { a: 0, b: 0 }
  a.on('close', () => closes.a++)
  b.on('close', () => closes.b++)
  const closedAtB = once(b, 'close')
  a.close('enough')
  a.close('again')
  await closedAtB
  b.close()
  check(closes.a === 1 && closes.b === 1, `close fired ${closes.a} and ${closes.b} times`)
  check(a.state === 'closed' && b.state === 'closed', `states are ${a.state} and ${b.state}`)
}

async function closesAtOnce({ a, b }: ChannelPair): Promise<void> {
  const closedAtB = once(b, 'close')
  let reason: string | undefined
  a.on('close', (text) => {
    reason = text
  })
  a.close('enough')
  check(reason === 'enough', `the reason is ${reason}`)
  a.send(patterned(10, 1))
  check(a.bufferedBytes === 0, 'a closed channel buffers')
  await closedAtB
  b.send(patterned(10, 1))
}

async function deliversLastWords({ a, b }: ChannelPair): Promise<void> {
  await exchange(a, b) // What is sent in the first milliseconds of a channel may be lost with it in Chromium.
  const received: Uint8Array[] = []
  b.on('message', (message) => received.push(message))
  const closedAtB = once(b, 'close')
  const words = patterned(GOODBYE_BYTES, 3)
  a.send(words)
  a.close()
  await closedAtB
  checkEqual(received, [words])
}

async function exchange(a: Channel, b: Channel): Promise<void> {
  const atB = messages(b, 1)
  const atA = messages(a, 1)
  a.send(patterned(1, 1))
  await atB
  b.send(patterned(1, 2))
  await atA
}

/** The next `count` messages; rejects if the channel closes before. */
function messages(channel: Channel, count: number): Promise<Uint8Array[]> {
  return new Promise((resolve, reject) => {
    const received: Uint8Array[] = []
    channel.on('message', (message) => {
      received.push(message)
      if (received.length === count) resolve(received)
    })
    channel.on('close', (reason) =>
      reject(new Error(`closed after ${received.length} of ${count} messages: ${reason}`)),
    )
  })
}

function once(channel: Channel, event: keyof ChannelEvents): Promise<void> {
  return new Promise((resolve) => {
    channel.on(event, () => resolve())
  })
}

function manyMessages(): Uint8Array[] {
  return Array.from({ length: MANY }, (_, index) => patterned(MIN_MESSAGE_BYTES, index))
}

/** Bytes that differ from place to place and from seed to seed. */
function patterned(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + seed * 17 + (i >> 8)) & 255
  return bytes
}

function check(condition: boolean, problem: string): void {
  if (!condition) throw new Error(problem)
}

function checkEqual(actual: readonly Uint8Array[], expected: readonly Uint8Array[]): void {
  check(actual.length === expected.length, `${actual.length} messages came, ${expected.length} were sent`)
  actual.forEach((message, index) => {
    const wanted = expected[index] as Uint8Array
    check(message.length === wanted.length, `message ${index} has ${message.length} bytes, ${wanted.length} were sent`)
    check(equalBytes(message, wanted), `message ${index} differs`)
  })
}
