import { defineMachine, Legion, type PeerId, Rejected, type Settled } from '../../src/index.js'
import type { Frozen, kv } from '../../src/machines/index.js'

/** The first example of the design, as a program writes it: nothing is annotated but payloads. */
const theatre = defineMachine({
  name: 'theatre',
  version: 1,
  initial: () => ({ seats: {} as Record<string, string> }),
  commands: {
    reserve(state, seat: string, { from }) {
      if (Object.hasOwn(state.seats, seat)) return { ok: false, holder: state.seats[seat] }
      state.seats[seat] = from
      return { ok: true }
    },
    close() {
      throw new Rejected('closed')
    },
  },
  queries: { holder: (state, seat: string) => state.seats[seat] ?? null },
})

export async function program(peer: PeerId) {
  const legion = await Legion.join({
    cluster: 'theatre-42',
    signaling: 'ws://localhost:4455',
    secret: undefined,
    authorize: async ({ id, kind, credential }) => kind === 'node' || credential === id,
    credential: () => 'a token',
    machine: theatre,
    handlers: {
      ping: (n: number, { from, legion: own }) => {
        const sender: PeerId = from
        void own.applyConsistent('reserve', sender)
        return n + 1
      },
      greet: async (name: string) => ({ text: name, kind: 'greeting' }),
      stop() {},
    },
  })

  const length: number = legion.applyFast((doc) => {
    doc.getText('notes').insert(0, 'hello')
    return doc.getText('notes').length
  })
  const booked: { ok: true } | { ok: false; holder: string | undefined } = await legion
    .applyConsistent('reserve', '12A', { timeoutMs: 100 })
    .then((result) => (result.ok ? { ok: true } : { ok: false, holder: result.holder }))
  const holder: string | null = await legion.read('holder', '12A')
  const peeked: string | null = legion.peek('holder', '12A')
  const seats: Frozen<Record<string, string>> = legion.state.seats
  legion.subscribe(
    (state) => state.seats['12A'],
    (seat: string | undefined) => seat,
  )
  const answer: number = await legion.call(peer, 'ping', 41)
  const greeting: { text: string; kind: 'greeting' | string } = await legion.call(peer, 'greet', 'Ada', {
    timeoutMs: 5,
  })
  const all: Map<PeerId, Settled<number>> = await legion.broadcall('ping', 1, { timeoutMs: 500 })
  legion.cast(peer, 'ping', 1)
  legion.broadcast('ping', 1, { includeSelf: true })
  legion.cast(peer, 'stop')
  await legion.call(peer, 'stop', undefined, { timeoutMs: 1 })
  await legion.messages<{ other(n: bigint): string }>().call(peer, 'other', 1n)
  await legion.applyConsistent('close')

  // @ts-expect-error no such command
  legion.applyConsistent('resrve', '12A')
  // @ts-expect-error a seat is a string
  legion.applyConsistent('reserve', 12)
  // @ts-expect-error the seat is missing
  legion.applyConsistent('reserve')
  // @ts-expect-error no such query
  legion.read('holdr', '12A')
  // @ts-expect-error no such message
  legion.call(peer, 'pong', 1)
  // @ts-expect-error a ping carries a number
  legion.call(peer, 'ping', '1')
  // @ts-expect-error an id is not any string
  legion.call('someone', 'ping', 1)
  // @ts-expect-error the state is frozen
  legion.state.seats['12A'] = 'me'
  // @ts-expect-error no such event
  legion.on('peerJoind', () => {})
  return { length, booked, holder, peeked, seats, answer, greeting, all }
}

export async function withDefaults() {
  const legion = await Legion.join({ cluster: 'c', signaling: ['ws://a', 'ws://b'] })
  await legion.applyConsistent('set', { key: 'a', value: [1, 'two', { three: null }] })
  const count: number = await legion.applyConsistent('increment', { key: 'n' })
  const same: Legion<typeof kv> = legion
  // @ts-expect-error there are no handlers to call
  legion.broadcast('anything')
  // @ts-expect-error an async command is no command
  defineMachine({ name: 'a', version: 1, initial: () => ({}), commands: { async wait() {} } })
  // @ts-expect-error the cluster's name is missing
  Legion.open({ signaling: 'ws://a' })
  return { count, same }
}
