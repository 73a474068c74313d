import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { LegionError } from '../../src/base/errors.js'
import type { HandlerContext } from '../../src/messaging/types.js'
import { peerIdOf } from '../support/memory-network.js'
import {
  addPeer,
  answerOf,
  clock,
  failureOf,
  networks,
  type Peer,
  pair,
  thrownBy,
  waitForever,
} from '../support/messaging-peers.js'

describe('call', () => {
  it('[MSG1] gives the answer of a handler, whether it returns or resolves', async () => {
    const [a, b] = pair({ handlers: { double: (n: number) => n * 2, later: async (n: number) => n + 1 } })
    expect(await answerOf(a.messaging.call(b.id, 'double', 21))).toBe(42)
    expect(await answerOf(a.messaging.call(b.id, 'later', 41))).toBe(42)
  })

  it('[MSG1] carries plain values, bytes, bigints and undefined included', async () => {
    const [a, b] = pair({ handlers: { echo: (value: unknown) => value as object } })
    const value = { text: 'ü', bytes: new Uint8Array([1, 2]), big: 2n ** 62n, list: [null, undefined, 1.5] }
    expect(await answerOf(a.messaging.call(b.id, 'echo', value))).toEqual(value)
    expect(await answerOf(a.messaging.call(b.id, 'echo'))).toBeUndefined()
  })

  it('[MSG1] keeps concurrent calls apart', async () => {
    const resolvers = new Map<number, (value: string) => void>()
    const [a, b] = pair({ handlers: { slow: (n: number) => new Promise((done) => resolvers.set(n, done)) } })
    const calls = [0, 1, 2].map((n) => a.messaging.call(b.id, 'slow', n))
    await networks.settle()
    for (const n of [2, 0, 1]) resolvers.get(n)?.(`answer ${n}`)
    expect(await answerOf(Promise.all(calls))).toEqual(['answer 0', 'answer 1', 'answer 2'])
  })

  it('[MSG2] tells the handler who called and gives it its own legion', async () => {
    const [a, b] = pair({ handlers: { who: (_: unknown, { from, legion }) => [from, legion] } })
    expect(await answerOf(a.messaging.call(b.id, 'who'))).toEqual([a.id, 'legion 2'])
  })

  it('[MSG3] lets a handler call back while it is being called', async () => {
    const peers: Peer[] = []
    const askBack = (payload: number, { from }: HandlerContext<string>) =>
      peers[1]?.messaging.call(from, 'name', payload)
    peers.push(...pair({ handlers: { askBack } }, { handlers: { name: (n: number) => `a${n}` } }))
    const [a, b] = peers as [Peer, Peer]
    expect(await answerOf(a.messaging.call(b.id, 'askBack', 7))).toBe('a7')
  })

  it('[MSG4] to this peer itself works the same way: copied, and after the current work', async () => {
    const seen: unknown[] = []
    const a = addPeer(1, {
      handlers: {
        take: (value: unknown, { from }) => {
          seen.push(value, from)
          return value as object
        },
      },
    })
    const sent = { list: [1] }
    const call = a.messaging.call(a.id, 'take', sent)
    expect(seen).toEqual([])
    const answer = await answerOf(call)
    expect(answer).toEqual(sent)
    expect(answer).not.toBe(sent)
    expect(seen).toEqual([sent, a.id])
    expect(seen[0]).not.toBe(sent)
    expect((await failureOf(a.messaging.call(a.id, 'nothing'))).code).toBe('E_NO_HANDLER')
    expect((await failureOf(a.messaging.call(a.id, 'take', () => {}))).code).toBe('E_NOT_PLAIN')
  })

  it('[MSG5] brings back what the handler threw: code, text and details, but no stack', async () => {
    const [a, b] = pair({
      handlers: {
        legion: () => {
          throw new LegionError('E_REJECTED', 'sold out', { details: { seat: '12A' } })
        },
        node: () => {
          throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
        },
        rejects: async () => {
          throw new TypeError('boom')
        },
        text: () => {
          throw 'just text'
        },
      },
    })
    const failure = (name: string) => failureOf(a.messaging.call(b.id, name))
    const legion = await failure('legion')
    expect(legion).toMatchObject({ code: 'E_REMOTE', outcome: 'unknown' })
    expect(legion.details).toEqual({ code: 'E_REJECTED', message: 'sold out', details: { seat: '12A' } })
    expect(legion.message).toContain('sold out')
    expect((await failure('node')).details).toMatchObject({ code: 'ENOENT', message: 'no such file' })
    const rejected = await failure('rejects')
    expect(rejected.details).toEqual({ code: undefined, message: 'boom', details: undefined })
    expect(JSON.stringify(rejected.details)).not.toContain('messaging.test')
    expect((await failure('text')).details).toMatchObject({ message: 'just text' })
  })

  it('[MSG5] bounds the text and the details of an error', async () => {
    const [a, b] = pair({
      handlers: {
        long: () => {
          throw new LegionError('E_REJECTED', 'x'.repeat(5_000), { details: 'y'.repeat(50_000) })
        },
        hostile: () => {
          throw {
            get message(): string {
              throw new Error('again')
            },
            toString: () => {
              throw new Error('and again')
            },
          }
        },
      },
    })
    const long = (await failureOf(a.messaging.call(b.id, 'long'))).details as { message: string; details: unknown }
    expect(long.message).toHaveLength(1_000)
    expect(long.details).toBeUndefined()
    expect((await failureOf(a.messaging.call(b.id, 'hostile'))).code).toBe('E_REMOTE')
  })

  it('[MSG6] of an unknown handler fails with E_NO_HANDLER, for inherited names too', async () => {
    const [a, b] = pair({ handlers: { known: () => 1 } })
    for (const name of ['unknown', 'toString', '__proto__', 'constructor']) {
      expect(await failureOf(a.messaging.call(b.id, name))).toMatchObject({
        code: 'E_NO_HANDLER',
        outcome: 'not-applied',
      })
    }
  })

  it('[MSG7] fails with E_NO_PEER: not applied without a link, unknown if the link breaks while waiting', async () => {
    const [a, b] = pair({ handlers: { waitForever } })
    expect(await failureOf(a.messaging.call(peerIdOf(9), 'x'))).toMatchObject({
      code: 'E_NO_PEER',
      outcome: 'not-applied',
    })
    const call = a.messaging.call(b.id, 'waitForever')
    await networks.settle()
    networks.disconnect(a.network, b.network, 'goodbye')
    expect(await failureOf(call)).toMatchObject({ code: 'E_NO_PEER', outcome: 'unknown' })
    expect(a.messaging.metrics().pendingCalls).toBe(0)
  })

  it('[MSG8] times out after 10 s by default, or after timeoutMs', async () => {
    const [a, b] = pair({ handlers: { waitForever } })
    const settledAt: Record<string, number> = {}
    const note = (name: string) => (error: LegionError) => {
      settledAt[name] = clock.nowMs
      expect(error).toMatchObject({ code: 'E_TIMEOUT', outcome: 'unknown' })
    }
    a.messaging.call(b.id, 'waitForever').catch(note('default'))
    a.messaging.call(b.id, 'waitForever', 0, { timeoutMs: 500 }).catch(note('short'))
    a.messaging.call(b.id, 'waitForever', 0, { timeoutMs: 20_000 }).catch(note('long'))
    a.messaging.call(b.id, 'waitForever', 0, { timeoutMs: Number.POSITIVE_INFINITY }).catch(note('never'))
    await networks.settle()
    await clock.run(60_000)
    expect(settledAt).toEqual({ short: 500, default: 10_000, long: 20_000 })
  })

  it('[MSG8] uses one timer for calls with one timeout, and none once all are settled', async () => {
    const [a, b] = pair({ handlers: { ping: () => 'pong' } })
    for (let i = 0; i < 100; i++) await answerOf(a.messaging.call(b.id, 'ping'))
    await clock.run(100_000)
    expect(clock.firedCount).toBe(1)
  })

  it('[MSG8] refuses a timeout that is no duration', async () => {
    const [a, b] = pair()
    for (const timeoutMs of [0, -1, Number.NaN]) {
      expect((await failureOf(a.messaging.call(b.id, 'x', 0, { timeoutMs }))).code).toBe('E_INVALID')
    }
  })

  it('[MSG9] is given up by its signal, which it then lets go', async () => {
    const [a, b] = pair({ handlers: { waitForever, ping: () => 'pong' } })
    const controller = new AbortController()
    const { signal } = controller
    const listeners = () => getEventListeners(signal, 'abort').length
    const call = a.messaging.call(b.id, 'waitForever', 0, { signal })
    await answerOf(a.messaging.call(b.id, 'ping', 0, { signal }))
    expect(listeners()).toBe(1)
    controller.abort(new Error('enough'))
    expect(await failureOf(call)).toMatchObject({ code: 'E_ABORTED', outcome: 'unknown', cause: signal.reason })
    expect(listeners()).toBe(0)
    const sentBefore = networks.sent.length
    expect(await failureOf(a.messaging.call(b.id, 'ping', 0, { signal }))).toMatchObject({
      code: 'E_ABORTED',
      outcome: 'not-applied',
    })
    expect(networks.sent).toHaveLength(sentBefore)
  })

  it('[MSG10] tells the handler by its signal that nobody waits any more', async () => {
    const reasons: string[] = []
    const untilAborted = (_: unknown, { signal }: HandlerContext<string>) =>
      new Promise<void>((done) =>
        signal.addEventListener('abort', () => {
          reasons.push((signal.reason as LegionError).code)
          done()
        }),
      )
    const [a, b] = pair({ handlers: { untilAborted } })
    const call = () =>
      failureOf(a.messaging.call(b.id, 'untilAborted', 0, { timeoutMs: 100, signal: controller.signal }))
    let controller = new AbortController()

    const timedOut = call()
    await clock.run(200)
    expect((await timedOut).code).toBe('E_TIMEOUT')
    await networks.settle()
    expect(reasons).toEqual(['E_ABORTED'])

    const aborted = call()
    await networks.settle()
    controller.abort()
    expect((await aborted).code).toBe('E_ABORTED')
    expect(reasons).toEqual(['E_ABORTED', 'E_ABORTED'])

    controller = new AbortController()
    const cutOff = call()
    await networks.settle()
    networks.disconnect(a.network, b.network)
    expect((await cutOff).code).toBe('E_NO_PEER')
    networks.connect(a.network, b.network)
    const closed = call()
    await networks.settle()
    b.messaging.close()
    await clock.run(200)
    await closed
    expect(reasons).toEqual(['E_ABORTED', 'E_ABORTED', 'E_NO_PEER', 'E_CLOSED'])
    expect(b.messaging.metrics().runningHandlers).toBe(0)
  })

  it('[MSG10] aborts the signal of a handler that looks at it too late', async () => {
    let look: () => boolean = () => false
    const [a, b] = pair({
      handlers: {
        late: (_: unknown, context) => {
          look = () => context.signal.aborted
          return waitForever()
        },
      },
    })
    const call = a.messaging.call(b.id, 'late')
    await networks.settle()
    networks.disconnect(a.network, b.network)
    await failureOf(call)
    expect(look()).toBe(true)
  })

  it('[MSG11] is refused before it is sent if the payload is not plain, naming the place', async () => {
    const [a, b] = pair({ handlers: { ping: () => 1 } })
    const error = await failureOf(a.messaging.call(b.id, 'ping', { when: [new Date()] }))
    expect(error).toMatchObject({ code: 'E_NOT_PLAIN', outcome: 'not-applied' })
    expect(error.message).toContain('payload.when[0]')
    expect(networks.sent).toEqual([])
  })

  it('[MSG11] fails with E_REMOTE and that reason if the answer is not plain', async () => {
    const [a, b] = pair({ handlers: { now: () => new Map(), later: async () => ({ f: () => 1 }) } })
    for (const name of ['now', 'later']) {
      const error = await failureOf(a.messaging.call(b.id, name))
      expect(error).toMatchObject({ code: 'E_REMOTE', details: { code: 'E_NOT_PLAIN' } })
    }
  })

  it('[MSG12] fails with E_TOO_LARGE for a message or an answer above the limit', async () => {
    const limits = { messageBytes: 1_000 }
    const [a, b] = pair({ handlers: { grow: () => 'x'.repeat(2_000) }, limits }, { limits })
    const big = await failureOf(a.messaging.call(b.id, 'grow', 'x'.repeat(2_000)))
    expect(big).toMatchObject({ code: 'E_TOO_LARGE', outcome: 'not-applied' })
    expect((await failureOf(a.messaging.call(b.id, 'n'.repeat(129)))).code).toBe('E_TOO_LARGE')
    expect(networks.sent).toEqual([])
    const answer = await failureOf(a.messaging.call(b.id, 'grow'))
    expect(answer).toMatchObject({ code: 'E_REMOTE', details: { code: 'E_TOO_LARGE' } })
  })

  it('[MSG13] fails with E_BUSY while the queue to the peer is full', async () => {
    const [a, b] = pair({ handlers: { ping: () => 'pong' } })
    networks.setFull(a.network, b.network, true)
    expect(await failureOf(a.messaging.call(b.id, 'ping'))).toMatchObject({ code: 'E_BUSY', outcome: 'not-applied' })
    networks.setFull(a.network, b.network, false)
    expect(await answerOf(a.messaging.call(b.id, 'ping'))).toBe('pong')
  })

  it('[MSG13] fails with E_BUSY while too many own calls wait', async () => {
    const [a, b] = pair({ handlers: { waitForever } }, { limits: { pendingCalls: 1 } })
    a.messaging.call(b.id, 'waitForever').catch(() => {})
    expect(await failureOf(a.messaging.call(b.id, 'waitForever'))).toMatchObject({ code: 'E_BUSY' })
  })

  it('[MSG14] is refused with E_BUSY while too many handlers run for this caller, not for others', async () => {
    const [a, b] = pair({ handlers: { waitForever, ping: () => 'pong' }, limits: { inboundCalls: 2 } })
    const c = addPeer(3)
    networks.connect(b.network, c.network)
    for (let i = 0; i < 2; i++) a.messaging.call(b.id, 'waitForever').catch(() => {})
    expect(await failureOf(a.messaging.call(b.id, 'ping'))).toMatchObject({ code: 'E_BUSY', outcome: 'not-applied' })
    expect(await answerOf(c.messaging.call(b.id, 'ping'))).toBe('pong')
    // A new link does not lift the limit: the handlers still run.
    networks.disconnect(a.network, b.network)
    networks.connect(a.network, b.network)
    expect(await failureOf(a.messaging.call(b.id, 'ping'))).toMatchObject({ code: 'E_BUSY' })
    expect(b.messaging.metrics()).toMatchObject({ refused: 2, runningHandlers: 2 })
  })

  it('[MSG27] is refused with E_BUSY while handlers run for too many bytes of this caller', async () => {
    const [a, b] = pair({ handlers: { waitForever, ping: () => 'pong' }, limits: { inboundBytes: 1_000 } })
    a.messaging.call(b.id, 'waitForever', 'x'.repeat(2_000)).catch(() => {}) // a single one may be longer
    expect(await failureOf(a.messaging.call(b.id, 'ping'))).toMatchObject({ code: 'E_BUSY', outcome: 'not-applied' })
    expect(b.messaging.metrics()).toMatchObject({ refused: 1, runningHandlers: 1 })
  })

  it('[MSG27] bytes of handlers that ended count no more', async () => {
    const handlers = { echo: async (text: string) => text.length, fail: async () => Promise.reject(new Error('no')) }
    const [a, b] = pair({ handlers, limits: { inboundBytes: 1_000 } })
    for (let i = 0; i < 5; i++) {
      expect(await answerOf(a.messaging.call(b.id, 'echo', 'x'.repeat(900)))).toBe(900)
      expect(await failureOf(a.messaging.call(b.id, 'fail', 'x'.repeat(900)))).toMatchObject({ code: 'E_REMOTE' })
    }
  })

  it('[MSG27] is not even read if it is longer than the limit here', async () => {
    const handled: number[] = []
    const [a, b] = pair({
      handlers: { take: (text: string) => handled.push(text.length) },
      limits: { messageBytes: 100 },
    })
    a.messaging.cast(b.id, 'take', 'x'.repeat(200))
    a.messaging.cast(b.id, 'take', 'x'.repeat(50))
    await networks.settle()
    expect(handled).toEqual([50])
    expect(b.messaging.metrics()).toMatchObject({ refused: 1, received: 2 })
  })

  it('[MSG15] gets answers that found the queue full once it drains, or E_BUSY if they are too many', async () => {
    const [a, b] = pair({ handlers: { grow: () => 'x'.repeat(600) }, limits: { waitingAnswerBytes: 1_000 } })
    networks.setFull(b.network, a.network, true)
    const first = a.messaging.call(b.id, 'grow')
    const second = a.messaging.call(b.id, 'grow')
    await networks.settle()
    networks.setFull(b.network, a.network, false)
    const failure = failureOf(second)
    expect(await answerOf(first)).toHaveLength(600)
    expect(await failure).toMatchObject({ code: 'E_REMOTE', details: { code: 'E_BUSY' } })
  })

  it('[MSG16] ignores answers that come late or for nobody', async () => {
    let finish: (value: string) => void = () => {}
    const [a, b] = pair({ handlers: { slow: () => new Promise((done) => (finish = done)) } })
    const slow = failureOf(a.messaging.call(b.id, 'slow', 0, { timeoutMs: 100 }))
    await clock.run(100)
    finish('late')
    expect((await slow).code).toBe('E_TIMEOUT')
    // The handler's answer after the caller's cancellation is not even sent.
    expect(a.messaging.metrics().lateAnswers).toBe(0)
  })

  it('[MSG16] never takes an answer of an earlier link for that of a later call', async () => {
    const finishers: ((value: string) => void)[] = []
    const [a, b] = pair({ handlers: { slow: () => new Promise((done) => finishers.push(done)) } })
    const first = failureOf(a.messaging.call(b.id, 'slow'))
    await networks.settle()
    networks.disconnect(a.network, b.network)
    expect((await first).code).toBe('E_NO_PEER')
    networks.connect(a.network, b.network)
    const second = a.messaging.call(b.id, 'slow')
    await networks.settle()
    finishers[0]?.('old')
    await networks.settle()
    finishers[1]?.('new')
    expect(await answerOf(second)).toBe('new')
  })

  it('[MSG17] fails with E_CLOSED when this peer closes: unknown if it waited, not applied after', async () => {
    const [a, b] = pair({ handlers: { waitForever } })
    const call = a.messaging.call(b.id, 'waitForever')
    await networks.settle()
    a.messaging.close()
    a.messaging.close()
    expect(await failureOf(call)).toMatchObject({ code: 'E_CLOSED', outcome: 'unknown' })
    expect(await failureOf(a.messaging.call(b.id, 'x'))).toMatchObject({ code: 'E_CLOSED', outcome: 'not-applied' })
    expect(thrownBy(() => a.messaging.cast(b.id, 'x')).code).toBe('E_CLOSED')
    expect(thrownBy(() => a.messaging.broadcast('x')).code).toBe('E_CLOSED')
    expect((await failureOf(a.messaging.broadcall('x'))).code).toBe('E_CLOSED')
    await clock.run(100_000)
    expect(clock.firedCount).toBe(0)
  })
})
