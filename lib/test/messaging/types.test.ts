import { describe, expectTypeOf, it } from 'vitest'
import type { PeerId } from '../../src/base/ids.js'
import type { HandlerContext, Handlers, Messages, Settled } from '../../src/messaging/types.js'

interface FakeLegion {
  leader: string
}

interface Order {
  id: number
  lines: string[]
}

/** As the facade takes handlers. */
function takeHandlers<H>(handlers: H & Handlers<FakeLegion>): Messages<H> {
  return handlers as unknown as Messages<H>
}

const peer = '' as PeerId

describe('types of handlers and messages', () => {
  it('[MSG25] contexts are inferred, payloads are unknown unless annotated', () => {
    takeHandlers({
      ping: (n: number, { from, legion, signal }) => {
        expectTypeOf(n).toBeNumber()
        expectTypeOf(from).toEqualTypeOf<PeerId>()
        expectTypeOf(legion).toEqualTypeOf<FakeLegion>()
        expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
        return n + 1
      },
      raw: (payload) => {
        expectTypeOf(payload).toBeUnknown()
      },
      method(payload: string, context) {
        expectTypeOf(context).toEqualTypeOf<HandlerContext<FakeLegion>>()
        return payload
      },
    })
  })

  it('[MSG25] names, payloads and answers are checked', () => {
    const messages = takeHandlers({
      ping: (n: number) => n + 1,
      none: () => 'x',
      optional: (text?: string) => text?.length,
      raw: (payload: unknown) => payload === 1,
      order: async (order: Order) => order,
      book: (seat: string) => (seat === '' ? { ok: false, holder: 'x' } : { ok: true }),
      shout: (text: string) => void text,
    })
    const check = () => {
      expectTypeOf(messages.call(peer, 'ping', 1)).toEqualTypeOf<Promise<number>>()
      expectTypeOf(messages.call(peer, 'ping', 1, { timeoutMs: 5 })).toEqualTypeOf<Promise<number>>()
      expectTypeOf(messages.call(peer, 'none')).toEqualTypeOf<Promise<string>>()
      expectTypeOf(messages.call(peer, 'none', undefined, { timeoutMs: 5 })).toEqualTypeOf<Promise<string>>()
      expectTypeOf(messages.call(peer, 'optional')).toEqualTypeOf<Promise<number | undefined>>()
      expectTypeOf(messages.call(peer, 'optional', 'x')).toEqualTypeOf<Promise<number | undefined>>()
      expectTypeOf(messages.call(peer, 'raw', { any: 1 })).toEqualTypeOf<Promise<boolean>>()
      expectTypeOf(messages.call(peer, 'order', { id: 1, lines: [] })).toEqualTypeOf<Promise<Order>>()
      expectTypeOf(messages.broadcall('ping', 1)).toEqualTypeOf<Promise<Map<PeerId, Settled<number>>>>()
      messages.cast(peer, 'ping', 1)
      messages.broadcast('none', undefined, { includeSelf: true })
      messages.broadcast('shout', 'x')
    }
    expectTypeOf(check).toBeFunction()
  })

  it('[MSG25] literals in answers keep their types', () => {
    const messages = takeHandlers({
      book: (seat: string) => (seat === '' ? { ok: false, holder: 'x' } : { ok: true }),
      later: async (seat: string) => (seat === '' ? { ok: false, holder: 'x' } : { ok: true }),
    })
    const check = async () => {
      for (const answer of [await messages.call(peer, 'book', '1'), await messages.call(peer, 'later', '1')]) {
        if (!answer.ok) expectTypeOf(answer.holder).toBeString()
        expectTypeOf(answer.ok).toEqualTypeOf<boolean>()
      }
    }
    expectTypeOf(check).toBeFunction()
  })

  it('[MSG25] wrong names, payloads and answers do not compile', () => {
    const messages = takeHandlers({ ping: (n: number) => n + 1, none: () => 'x', optional: (text?: string) => text })
    const check = () => {
      // @ts-expect-error no such handler
      messages.call(peer, 'pong', 1)
      // @ts-expect-error wrong payload
      messages.call(peer, 'ping', '1')
      // @ts-expect-error missing payload
      messages.call(peer, 'ping')
      // @ts-expect-error options in the place of the payload
      messages.call(peer, 'ping', { timeoutMs: 1 })
      // @ts-expect-error payload for a handler that takes none
      messages.call(peer, 'none', 1)
      // @ts-expect-error wrong optional payload
      messages.call(peer, 'optional', 1)
      // @ts-expect-error a cast has no options
      messages.cast(peer, 'ping', 1, {})
      // @ts-expect-error no timeouts in broadcasts
      messages.broadcast('ping', 1, { timeoutMs: 5 })
      // @ts-expect-error not a peer
      messages.cast('somebody', 'ping', 1)
      // @ts-expect-error not a handler
      takeHandlers({ ping: 1 })
    }
    expectTypeOf(check).toBeFunction()
  })
})
