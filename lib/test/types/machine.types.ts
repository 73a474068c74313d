import type { PeerId } from '../../src/base/ids.js'
import type { Value } from '../../src/codec/value.js'
import type { Legion } from '../../src/index.js'
import {
  type AnyMachine,
  type ApplyConsistent,
  defineMachine,
  type Frozen,
  kv,
  type LockHolder,
  lock,
  type Peek,
  type Read,
  Rejected,
  type StateOf,
  type Watchable,
  watch,
} from '../../src/machines/index.js'
import { type Equal, expectTrue } from './expect.js'

interface Options {
  readonly timeoutMs?: number | undefined
}

interface Typed<M extends AnyMachine> {
  readonly applyConsistent: ApplyConsistent<M, Options>
  readonly read: Read<M, Options>
  readonly peek: Peek<M>
  readonly state: Frozen<StateOf<M>>
}

/** Stands for a Legion that runs `machine`. */
declare function join<M extends AnyMachine>(options: { readonly machine: M }): Typed<M>

// The machine of the README: everything infers.

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
  },
  queries: { holder: (state, seat: string) => state.seats[seat] ?? null },
})

const legion = join({ machine: theatre })

async function theatreInfers() {
  const reservation = await legion.applyConsistent('reserve', '12A')
  if (reservation.ok) {
    // @ts-expect-error there is no holder then
    reservation.holder.length
  } else {
    expectTrue<Equal<typeof reservation.holder, string | undefined>>()
  }
  expectTrue<Equal<typeof reservation.ok, boolean>>()

  const holder = await legion.read('holder', '12A', { timeoutMs: 5 })
  expectTrue<Equal<typeof holder, string | null>>()
  const peeked = legion.peek('holder', '12A')
  expectTrue<Equal<typeof peeked, string | null>>()

  // @ts-expect-error no such command
  legion.applyConsistent('reserv', '12A')
  // @ts-expect-error what every object inherits is no command
  legion.applyConsistent('toString')
  // @ts-expect-error a query is no command
  legion.applyConsistent('holder', '12A')
  // @ts-expect-error the payload is a string
  legion.applyConsistent('reserve', 12)
  // @ts-expect-error the payload is missing
  legion.applyConsistent('reserve')
  // @ts-expect-error the payload is not undefined
  legion.applyConsistent('reserve', undefined)
  // @ts-expect-error no such option
  legion.applyConsistent('reserve', '12A', { timeout: 5 })
  // @ts-expect-error too many
  legion.applyConsistent('reserve', '12A', { timeoutMs: 5 }, 1)
  // @ts-expect-error no such query
  legion.read('holders', '12A')
  // @ts-expect-error the payload is a string
  legion.peek('holder', 12)
  // @ts-expect-error peek has no options
  legion.peek('holder', '12A', { timeoutMs: 5 })
  // @ts-expect-error the state is for reading
  legion.state.seats['12A'] = 'me'
}

// Payloads: absent, optional, required; contexts; literals in outputs.

interface Order {
  id: string
  lines: { sku: string; count: number }[]
}

const shop = defineMachine({
  name: 'shop',
  version: 2,
  initial: () => ({
    phase: 'open' as 'open' | 'closed',
    orders: [] as Order[],
    at: 0,
    pair: ['a', 1] as [string, number],
  }),
  commands: {
    clear(state) {
      state.orders = []
    },
    declaredVoid(state): void {
      state.at++
    },
    close: (state, _, { timestampMs, index, random, version }) => {
      state.phase = 'closed'
      state.at = timestampMs + index + version + Math.floor(random() * 6)
      return { phase: state.phase, code: 7, note: 'closed for today' }
    },
    wait(state, days?: number) {
      state.at += days ?? 1
      return state.at
    },
    skip(state, days: number = 1) {
      state.at += days
      return 'skipped'
    },
    set(state, at: number | undefined) {
      state.at = at ?? 0
    },
    place(state, order: Order) {
      if (state.phase === 'closed') throw new Rejected('closed', { since: state.at })
      state.orders.push(order)
      return order
    },
    either(_state, how: 'now' | 'later') {
      return how === 'now' ? ['placed', how] : ['waiting', how]
    },
  },
  queries: {
    orders: (state) => state.orders,
    first: (state) => state.orders[0],
    find: (state, id?: string) => state.orders.find((order) => order.id === id),
    pair: (state) => state.pair,
  },
})

async function payloads() {
  const { applyConsistent, read, peek, state } = join({ machine: shop })

  const cleared = await applyConsistent('clear')
  expectTrue<Equal<typeof cleared, undefined>>()
  applyConsistent('declaredVoid', undefined, { timeoutMs: 1 })

  const closed = await applyConsistent('close')
  expectTrue<Equal<typeof closed.code, 7>>()
  expectTrue<Equal<typeof closed.note, 'closed for today'>>()
  // @ts-expect-error takes no payload
  applyConsistent('close', 1)

  expectTrue<Equal<Awaited<ReturnType<typeof waited>>, number>>()
  async function waited() {
    applyConsistent('wait')
    applyConsistent('wait', undefined, { timeoutMs: 1 })
    return applyConsistent('wait', 2, { timeoutMs: 1 })
  }
  // @ts-expect-error days are a number
  applyConsistent('wait', 'two')
  const skipped = await applyConsistent('skip')
  expectTrue<Equal<typeof skipped, 'skipped'>>()
  applyConsistent('set')
  applyConsistent('set', 3)

  const placed = await applyConsistent('place', { id: 'a', lines: [] })
  expectTrue<Equal<typeof placed, Order>>()
  // @ts-expect-error an order needs lines
  applyConsistent('place', { id: 'a' })
  applyConsistent('either', 'now')
  // @ts-expect-error neither
  applyConsistent('either', 'never')

  const orders = await read('orders')
  expectTrue<Equal<(typeof orders)[number]['id'], string>>()
  // @ts-expect-error answers are read-only, being parts of the state
  orders.push({ id: 'b', lines: [] })
  const first = peek('first')
  expectTrue<Equal<NonNullable<typeof first>['lines'][number]['count'], number>>()
  read('find', undefined, { timeoutMs: 1 })
  peek('find', 'a')
  peek('find')
  const pair = peek('pair')
  expectTrue<Equal<typeof pair, readonly [string, number]>>()
  // @ts-expect-error read-only at every level
  state.orders[0].lines[0].count = 1
}

// The parts stay what they are: a command can be tested as a function.
expectTrue<Equal<StateOf<typeof theatre>, { seats: Record<string, string> }>>()
theatre.commands.reserve({ seats: {} }, '1A', {} as never).ok satisfies boolean

// A machine known only at run time.
async function dynamic(machine: AnyMachine) {
  const { applyConsistent, peek } = join({ machine })
  const output = await applyConsistent('anything', { at: 'all' }, { timeoutMs: 5 })
  expectTrue<Equal<typeof output, unknown>>()
  peek('anything')
}

// The built-in one.
async function builtIn() {
  const { applyConsistent, read, peek } = join({ machine: kv })
  await applyConsistent('set', { key: 'a', value: { deep: [1n, new Uint8Array(1)] } })
  // @ts-expect-error undefined is no value
  applyConsistent('set', { key: 'a', value: undefined })
  const swap = await applyConsistent('compareAndSet', { key: 'a', expected: 1, value: 2 })
  expectTrue<Equal<typeof swap.ok, boolean>>()
  if (swap.ok) expectTrue<Equal<typeof swap.current, undefined>>()
  const sum = await applyConsistent('increment', { key: 'visits' })
  expectTrue<Equal<typeof sum, number>>()
  const isGone = await applyConsistent('delete', 'a')
  expectTrue<Equal<typeof isGone, boolean>>()
  const range = await read('range')
  expectTrue<Equal<(typeof range)[number][0], string>>()
  peek('range', { from: 'a', to: 'b', limit: 1 })
  const size = peek('size')
  expectTrue<Equal<typeof size, number>>()
}

// Versions and hooks.

const shelf = defineMachine({
  name: 'shelf',
  version: 3,
  initial: () => ({ books: [] as { title: string }[], readers: [] as string[] }),
  commands: {
    add(state, title: string) {
      state.books.push({ title })
    },
    remove(state, title: string, { version }) {
      const before = state.books.length
      state.books = state.books.filter((book) => book.title !== title)
      return version < 3 ? undefined : before - state.books.length
    },
  },
  queries: {
    count: (state) => state.books.length,
    asOf: (_state, _, { timestampMs, version }) => timestampMs + version,
    since: (_state, title: string, { timestampMs }) => [title, timestampMs] as const,
  },
  since: { remove: 2 },
  migrate: {
    2: (state: { titles: string[] }) => ({ books: state.titles.map((title) => ({ title })) }),
    3(state: { books: { title: string }[]; readers?: string[] }) {
      state.readers = []
    },
  },
  memberJoined(state, peer, { index, timestampMs, random, version }) {
    if (version > 1) state.readers.push(`${peer} ${index + timestampMs + random()}`)
  },
  memberLeft: (state, peer) => state.readers.splice(state.readers.indexOf(peer), 1),
})

async function versions() {
  const { applyConsistent, peek } = join({ machine: shelf })
  const removed = await applyConsistent('remove', 'Ulysses')
  expectTrue<Equal<typeof removed, number | undefined>>()
  const asOf = peek('asOf')
  expectTrue<Equal<typeof asOf, number>>()
  // @ts-expect-error takes no payload
  peek('asOf', 1)
  peek('since', 'Ulysses')[1] satisfies number
  // @ts-expect-error the payload is a string
  peek('since', 1)
}

async function leases(group: Watchable & Typed<typeof kv>, legion: Legion<typeof kv>) {
  watch(legion, { prefix: '' }, ([change]) => change?.key.length)
  await group.applyConsistent('set', { key: 'a', value: 1, ttlMs: 5 })
  const renewed = await group.applyConsistent('touch', { key: 'a', ttlMs: 5 })
  expectTrue<Equal<typeof renewed, boolean>>()
  watch(group, { prefix: 'a/' }, (changes) => {
    expectTrue<Equal<(typeof changes)[number]['value'], Value>>()
  })
  watch(group, { key: 'a' }, ([change]) => change?.previous)
  // @ts-expect-error a key or a prefix
  watch(group, {}, () => {})
}

async function locks() {
  const { applyConsistent, peek } = join({ machine: lock })
  const granted = await applyConsistent('acquire', { name: 'door', ttlMs: 1000 })
  if (granted.ok) {
    expectTrue<Equal<typeof granted.token, number>>()
    const released = await applyConsistent('release', { name: 'door', token: granted.token })
    expectTrue<Equal<typeof released, boolean>>()
  } else {
    expectTrue<Equal<typeof granted.holder, PeerId>>()
  }
  const holder = peek('holder', 'door')
  expectTrue<Equal<typeof holder, LockHolder | null>>()
}

// What must not compile in a definition.

const empty = { name: 'm', version: 1, initial: () => ({ count: 0 }) }

defineMachine({
  ...empty,
  // @ts-expect-error async
  commands: {
    async later(state) {
      state.count++
    },
  },
})
defineMachine({
  ...empty,
  // @ts-expect-error a promise
  commands: {
    later: (state, by: number) => Promise.resolve(state.count + by),
  },
})
defineMachine({
  ...empty,
  commands: {
    wrong(state) {
      // @ts-expect-error no such part of the state
      state.counts++
    },
  },
})
// @ts-expect-error another state
defineMachine({
  ...empty,
  commands: {
    wrong(_state: { other: string }, by: number) {
      return by
    },
  },
})
defineMachine({
  ...empty,
  commands: {
    wrong(state, _by: number, context) {
      // @ts-expect-error no such part of the context
      state.count = context.now
    },
  },
})
defineMachine({
  ...empty,
  // @ts-expect-error one payload, and the context
  commands: {
    wrong(_state, _a: number, _context, _b: number) {},
  },
})
defineMachine({
  ...empty,
  commands: {},
  queries: {
    wrong(state) {
      // @ts-expect-error queries only read
      state.count = 1
    },
  },
})
defineMachine({
  ...empty,
  commands: {},
  // @ts-expect-error async
  queries: {
    async later(state) {
      return state.count
    },
  },
})
defineMachine({
  ...empty,
  commands: {
    add(state) {
      state.count++
    },
  },
  // @ts-expect-error no such command
  since: { sub: 1 },
})
defineMachine({
  ...empty,
  commands: {},
  memberJoined(state) {
    // @ts-expect-error no such part of the state
    state.counts++
  },
})
defineMachine({
  ...empty,
  commands: {},
  // @ts-expect-error async
  async memberLeft(state) {
    state.count++
  },
})
defineMachine({
  ...empty,
  commands: {},
  // @ts-expect-error async
  migrate: { 2: async (state: { old: number }) => ({ count: state.old }) },
})
defineMachine({
  ...empty,
  commands: {},
  queries: {
    wrong(_state, _payload: string, context) {
      // @ts-expect-error a query does not know who asks
      return context.from
    },
  },
})
// @ts-expect-error a state is an object
defineMachine({ ...empty, initial: () => 0, commands: {} })
// @ts-expect-error no commands
defineMachine(empty)

export { builtIn, dynamic, leases, locks, payloads, theatreInfers, versions }
