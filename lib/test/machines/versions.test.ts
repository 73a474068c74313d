import { describe, expect, it } from 'vitest'
import type { Value } from '../../src/codec/value.js'
import { defineMachine, type ForkableMachine, Rejected } from '../../src/machines/index.js'
import { machineTools } from '../../src/machines/machine-tools.js'
import { bytesOf, contextAt, pieces } from './context.js'

interface First {
  titles: string[]
}

const shelf = defineMachine({
  name: 'shelf',
  version: 4,
  initial: () => ({ books: [] as { title: string }[], readers: [] as string[] }),
  commands: {
    add(state, title: string, { version }) {
      if (version === 1) (state as unknown as First).titles.push(title)
      else state.books.push({ title })
    },
    clear(state) {
      state.books = []
    },
    shelve() {},
  },
  queries: { version: (_state, _, { version, timestampMs }) => [version, timestampMs] },
  since: { clear: 3, shelve: undefined },
  migrate: {
    2: ({ titles }: First) => ({ books: titles.map((title) => ({ title })) }),
    4(state: { readers: string[] }) {
      state.readers = []
    },
  },
  memberJoined(state, peer, { index, random }) {
    state.readers.push(peer, String(index), String(random()))
  },
  memberLeft(state, peer) {
    state.readers = state.readers.filter((reader) => reader !== peer)
    if (state.readers.length === 0) throw new Rejected('nobody is left')
  },
})

async function atVersion1(): Promise<ForkableMachine> {
  const old = defineMachine({
    name: 'shelf',
    version: 1,
    initial: () => ({ titles: ['Emma'] }),
    commands: {},
  })
  const machine = shelf.create(machineTools)
  await machine.restore(pieces(bytesOf(old.create(machineTools))))
  return machine
}

function apply(machine: ForkableMachine, version: number, name: string, payload?: Value) {
  return machine.apply({ name, payload }, contextAt(1, version))
}

describe('versions of a machine', () => {
  it('[MAC24] a migration moves the state step by step, in place or to a new state', async () => {
    const machine = await atVersion1()
    apply(machine, 1, 'add', 'Ulysses')
    machine.migrate?.(2)
    expect(machine.state).toEqual({ books: [{ title: 'Emma' }, { title: 'Ulysses' }] })
    const before = machine.state
    machine.migrate?.(3)
    expect(machine.state).toBe(before)
    machine.migrate?.(4)
    expect(machine.state).toEqual({ books: [{ title: 'Emma' }, { title: 'Ulysses' }], readers: [] })
    expect(before).not.toHaveProperty('readers')
    expect(Object.isFrozen((machine.state as { readers: [] }).readers)).toBe(true)
    expect(apply(machine, 4, 'clear').ok).toBe(true)
  })

  it.each([
    ['throws', () => JSON.parse('no JSON'), SyntaxError],
    ['returns what is no state', () => 5, expect.objectContaining({ code: 'E_INVALID' })],
    ['leaves what is not plain', () => ({ when: new Date(0) }), expect.objectContaining({ code: 'E_NOT_PLAIN' })],
  ])('[MAC24] a migration that %s changes nothing and stops the replica', (_title, migration, cause) => {
    const machine = defineMachine({
      name: 'm',
      version: 2,
      initial: () => ({ count: 1 }),
      commands: {},
      migrate: { 2: migration as () => number },
    }).create(machineTools)
    const before = machine.state
    const problem = 'The migration of machine "m" to version 2 failed.'
    try {
      machine.migrate?.(2)
      expect.unreachable()
    } catch (error) {
      expect(error).toMatchObject({ code: 'E_MACHINE', message: problem })
      expect((error as Error).cause).toEqual(typeof cause === 'function' ? expect.any(cause) : cause)
    }
    expect(machine.state).toBe(before)
  })

  it('[MAC25] a command is unknown before the version with which it came', () => {
    const machine = shelf.create(machineTools)
    expect([1, 2, 3, 4].map((version) => machine.has('clear', version))).toEqual([false, false, true, true])
    expect([machine.has('add', 1), machine.has('shelve', 1), machine.has('toString', 4)]).toEqual([true, true, false])
    expect(() => apply(machine, 2, 'clear')).toThrow(expect.objectContaining({ code: 'E_UNKNOWN_COMMAND' }))
    expect(apply(machine, 3, 'clear').ok).toBe(true)
  })

  it('[MAC26] a query is told the time of the log and the version', () => {
    const answer = shelf
      .create(machineTools)
      .query({ name: 'version', payload: undefined }, { timestampMs: 77, version: 2 })
    expect(answer).toEqual([2, 77])
  })

  it.each([
    ['a migration to version 1', { migrate: { 1: () => {} } }],
    ['a migration above its version', { migrate: { 4: () => {} } }],
    ['a migration to no number', { migrate: { next: () => {} } }],
    ['an async migration', { migrate: { 2: async () => {} } }],
    ['a migration that is no function', { migrate: { 2: {} } }],
    ['a command since version 0', { since: { go: 0 } }],
    ['a command since a later version', { since: { go: 4 } }],
    ['a command since "2"', { since: { go: '2' } }],
    ['a version for no command', { since: { toString: 1 } }],
    ['an async hook', { memberJoined: async () => {} }],
    ['a hook that is no function', { memberLeft: 1 }],
  ])('[MAC27] a definition with %s is refused', (_title, change) => {
    const sound = { name: 'm', version: 3, initial: () => ({}), commands: { go() {} } }
    expect(() => defineMachine({ ...sound, ...(change as object) })).toThrow(
      expect.objectContaining({ code: 'E_INVALID' }),
    )
  })
})

describe('hooks of membership', () => {
  const { from, random } = contextAt(5)

  it('[MAC28] change the state, and are told peer, index and a random sequence', () => {
    const machine = shelf.create(machineTools)
    const before = machine.state
    machine.memberJoined?.(from, contextAt(5, 4))
    const readers = [from, '5', String(random())]
    expect(machine.state).toEqual({ books: [], readers })
    expect(before).toEqual({ books: [], readers: [] })
    machine.memberLeft?.(from, contextAt(6, 4))
    expect(machine.state).toEqual({ books: [], readers: readers.slice(1) })
  })

  it('[MAC28] that fail change nothing, and a machine without them stays as it is', () => {
    const machine = shelf.create(machineTools)
    const before = machine.state
    expect(() => machine.memberLeft?.(from, contextAt(6, 4))).not.toThrow()
    expect(machine.state).toBe(before)
    const plain = defineMachine({ name: 'm', version: 1, initial: () => ({}), commands: {} }).create(machineTools)
    expect(() => plain.memberJoined?.(from, contextAt(1))).not.toThrow()
  })
})

describe('a snapshot', () => {
  it('[MAC29] that is read while commands go on has the state of its moment', async () => {
    const machine = shelf.create(machineTools)
    for (let i = 0; i < 50; i++) apply(machine, 4, 'add', `${i}: a very long title`.repeat(300))
    const bytes = bytesOf(machine)
    const snapshot = machine.snapshot()[Symbol.iterator]()
    const chunks = [snapshot.next()]
    apply(machine, 4, 'add', 'one more')
    apply(machine, 4, 'clear')
    for (let chunk = snapshot.next(); chunk.done !== true; chunk = snapshot.next()) chunks.push(chunk)
    expect(chunks.length).toBeGreaterThan(2)
    expect(Buffer.concat(chunks.map(({ value }) => value as Uint8Array)).equals(bytes)).toBe(true)
  })

  it('[MAC10] a fork goes its own way', () => {
    const machine = shelf.create(machineTools)
    apply(machine, 4, 'add', 'Emma')
    const fork = machine.fork()
    apply(fork, 4, 'clear')
    expect([machine.state, fork.state]).toEqual([
      { books: [{ title: 'Emma' }], readers: [] },
      { books: [], readers: [] },
    ])
  })
})
