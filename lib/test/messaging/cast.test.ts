import { describe, expect, it, vi } from 'vitest'
import type { Handlers } from '../../src/messaging/types.js'
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

describe('cast', () => {
  it('[MSG18] reaches the handler, in the order sent', async () => {
    const seen: unknown[] = []
    const [a, b] = pair({ handlers: { note: (n: number, { from }) => void seen.push([n, from]) } })
    for (let n = 0; n < 5; n++) a.messaging.cast(b.id, 'note', n)
    await networks.settle()
    expect(seen).toEqual([0, 1, 2, 3, 4].map((n) => [n, a.id]))
    expect(networks.sent).toHaveLength(5)
  })

  it('[MSG18] throws what is known at once', () => {
    const [a, b] = pair()
    const error = (fn: () => void) => thrownBy(fn).code
    expect(error(() => a.messaging.cast(peerIdOf(9), 'x'))).toBe('E_NO_PEER')
    expect(error(() => a.messaging.cast(b.id, 'x', Symbol('s')))).toBe('E_NOT_PLAIN')
    networks.setFull(a.network, b.network, true)
    expect(error(() => a.messaging.cast(b.id, 'x'))).toBe('E_BUSY')
  })

  it('[MSG19] to an unknown handler is counted and logged by the receiver, once per name', async () => {
    const warn = vi.fn()
    const [a, b] = pair({ logger: { warn } })
    for (let i = 0; i < 3; i++) a.messaging.cast(b.id, 'nobody')
    await networks.settle()
    expect(b.messaging.metrics().unknownHandlers).toBe(3)
    expect(warn).toHaveBeenCalledTimes(1)
    expect(warn.mock.calls[0]?.[0]).toContain('nobody')
  })

  it('[MSG20] does no harm when its handler throws or rejects: logged, and the next one is handled', async () => {
    const error = vi.fn()
    const seen: number[] = []
    const [a, b] = pair({
      logger: { error },
      handlers: {
        bad: () => {
          throw new Error('sync')
        },
        worse: async () => {
          throw new Error('async')
        },
        good: (n: number) => void seen.push(n),
      },
    })
    for (const name of ['bad', 'worse', 'good']) a.messaging.cast(b.id, name, 1)
    await networks.settle()
    expect(seen).toEqual([1])
    expect(error.mock.calls.map(([, cause]) => (cause as Error).message)).toEqual(['sync', 'async'])
    expect(b.messaging.metrics()).toMatchObject({ failures: 2, runningHandlers: 0 })
  })

  it('[MSG14] is dropped while too many handlers run for its sender', async () => {
    const seen: number[] = []
    const [a, b] = pair({
      handlers: { waitForever, note: (n: number) => void seen.push(n) },
      limits: { inboundCalls: 1 },
    })
    a.messaging.cast(b.id, 'waitForever')
    a.messaging.cast(b.id, 'note', 1)
    await networks.settle()
    expect(seen).toEqual([])
    expect(b.messaging.metrics().refused).toBe(1)
  })
})

describe('broadcast and broadcall', () => {
  function star(handlers: (n: number) => Handlers<string>): Peer[] {
    const peers = [1, 2, 3].map((n) => addPeer(n, { handlers: handlers(n) }))
    for (const peer of peers.slice(1)) networks.connect((peers[0] as Peer).network, peer.network)
    return peers
  }

  it('[MSG21] broadcast reaches every linked peer, this one only if wanted', async () => {
    const seen: number[] = []
    const [a] = star((n) => ({ note: () => void seen.push(n) })) as [Peer]
    a.messaging.broadcast('note')
    await networks.settle()
    expect(seen).toEqual([2, 3])
    a.messaging.broadcast('note', undefined, { includeSelf: true })
    await networks.settle()
    expect(seen.sort()).toEqual([1, 2, 2, 3, 3])
  })

  it('[MSG21] broadcast leaves out a peer whose queue is full', async () => {
    const seen: number[] = []
    const [a, b] = star((n) => ({ note: () => void seen.push(n) })) as [Peer, Peer]
    networks.setFull(a.network, b.network, true)
    a.messaging.broadcast('note')
    await networks.settle()
    expect(seen).toEqual([3])
  })

  it('[MSG22] broadcall gives a settled result per peer', async () => {
    const [a, b, c] = star((n) => ({
      ask: (payload: number) => {
        if (n === 3) throw new Error('no')
        return payload * n
      },
    })) as [Peer, Peer, Peer]
    const answers = await answerOf(a.messaging.broadcall('ask', 10, { includeSelf: true }))
    expect(answers.get(a.id)).toEqual({ ok: true, value: 10 })
    expect(answers.get(b.id)).toEqual({ ok: true, value: 20 })
    expect(answers.get(c.id)).toMatchObject({ ok: false, error: { code: 'E_REMOTE' } })
    expect([...(await answerOf(a.messaging.broadcall('ask', 1))).keys()]).toEqual([b.id, c.id])
  })

  it('[MSG22] broadcall keeps the answers it has when the rest is too late or given up', async () => {
    const [a, b, c] = star((n) => ({ ask: () => (n === 2 ? 'here' : waitForever()) })) as [Peer, Peer, Peer]
    const late = a.messaging.broadcall('ask', 0, { timeoutMs: 500 })
    await networks.settle()
    await clock.run(500)
    expect((await late).get(b.id)).toEqual({ ok: true, value: 'here' })
    expect((await late).get(c.id)).toMatchObject({ ok: false, error: { code: 'E_TIMEOUT' } })

    const controller = new AbortController()
    const aborted = a.messaging.broadcall('ask', 0, { signal: controller.signal })
    await networks.settle()
    controller.abort()
    expect((await aborted).get(b.id)).toEqual({ ok: true, value: 'here' })
    expect((await aborted).get(c.id)).toMatchObject({ ok: false, error: { code: 'E_ABORTED', outcome: 'unknown' } })
  })

  it('[MSG22] broadcall rejects for a bad payload and sends nothing; with nobody there it is empty', async () => {
    const [a] = star(() => ({})) as [Peer]
    expect((await failureOf(a.messaging.broadcall('ask', () => {}))).code).toBe('E_NOT_PLAIN')
    expect((await failureOf(a.messaging.broadcall('ask', 1, { timeoutMs: -1 }))).code).toBe('E_INVALID')
    expect(networks.sent).toEqual([])
    networks.isolate(a.network)
    expect((await answerOf(a.messaging.broadcall('ask'))).size).toBe(0)
  })
})
