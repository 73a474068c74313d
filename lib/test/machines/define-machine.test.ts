import { describe, expect, it } from 'vitest'
import { LegionError } from '../../src/base/errors.js'
import { DecodeError } from '../../src/codec/decode.js'
import { encodeValue, type Value } from '../../src/codec/value.js'
import { type AnyMachine, type CommandResult, defineMachine, Rejected } from '../../src/machines/index.js'
import { machineTools } from '../../src/machines/machine-tools.js'
import { bytesOf, contextAt, pieces } from './context.js'

interface Seat {
  holder: string | null
  tags: string[]
}

interface State {
  seats: Record<string, Seat>
  log: unknown[]
  bytes: Uint8Array
}

const theatre = defineMachine({
  name: 'theatre',
  version: 3,
  initial: (): State => ({
    seats: { a: { holder: null, tags: [] }, b: { holder: null, tags: [] } },
    log: [],
    bytes: new Uint8Array([1, 2, 3]),
  }),
  commands: {
    reserve(state, id: string, { from }) {
      const seat = state.seats[id]
      if (seat === undefined) throw new Rejected('no such seat', { id, known: Object.keys(state.seats) })
      if (seat.holder !== null) return { ok: false, seat }
      seat.holder = from
      return { ok: true, seat }
    },
    note(state, what: unknown) {
      state.log.push(what)
    },
    set(state, [key, value]: [string, unknown]) {
      Object.assign(state, { [key]: value })
    },
    all: (state) => state,
    run(state, step: string) {
      state.log.push('before')
      return STEPS[step]?.(state)
    },
    touch() {},
    tell: (_state, _, context) => ({
      ...context,
      random: [context.random(), context.random()],
    }),
  },
  queries: {
    holder: (state, id: string) => state.seats[id]?.holder,
    seat: (state, id: string) => state.seats[id],
    bytes: (state) => state.bytes,
    spoil: (state) => Object.assign(state.seats, { x: 1 }),
    strict: (_state, id: string) => {
      throw new Rejected('not for you', { id })
    },
    broken: () => {
      throw new RangeError('broken')
    },
    date: () => ({ when: new Date(0) }),
    keep: (_state, list: number[]) => list.push(1),
  },
})

const STEPS: Record<string, (state: State) => object | undefined> = {
  throw: () => {
    throw new TypeError('no luck')
  },
  throwUndefined: () => {
    throw undefined
  },
  rejectBadly: (state) => {
    throw new Rejected('no', { state, when: new Date(0) })
  },
  storeDate: (state) => void state.log.push({ at: [new Date(0)] }),
  storeMap: (state) => void Object.assign(state, { map: new Map() }),
  storeFunction: (state) => void Object.assign(state.seats, { f: () => 1 }),
  storeLater(state) {
    const late: { when?: Date } = {}
    state.log.push(late)
    late.when = new Date(0) // after it was put into the state
    return undefined
  },
  storeFrozenDate: (state) => void state.log.push(Object.freeze({ when: new Date(0) })),
  storeFrozenDraft: (state) => void state.log.push(Object.freeze({ seat: state.seats['a'] })),
  storeSymbolKey: (state) => void Object.assign(state.seats, { [Symbol('s')]: 1 }),
  storeProto: (state) => void Object.assign(state.seats, { p: JSON.parse('{"__proto__": {"x": 1}}') }),
  storeBuffer: (state) => void state.log.push(Buffer.from([1])),
  storeBare: (state) => void state.log.push(Object.create(null)),
  storeHole: (state) => void Object.assign(state.log, { length: 3 }),
  storeCycle: (state) => void state.log.push(state),
  storeAccessor: (state) => void state.log.push(Object.defineProperty({}, 'x', { get: () => 1, enumerable: true })),
  returnDate: () => new Date(0),
  returnPromise: () => Promise.resolve(1),
}

const NO_CAUSE = Symbol()

function start(machine: AnyMachine = theatre) {
  const instance = machine.create(machineTools)
  let index = 0
  return {
    instance,
    state: () => instance.state as State,
    apply: (name: string, payload?: unknown): CommandResult =>
      instance.apply({ name, payload: payload as Value }, contextAt(++index, machine.version)),
    query: (name: string, payload?: unknown): Value =>
      instance.query({ name, payload: payload as Value }, contextAt(index, machine.version)),
  }
}

function causeOf(result: CommandResult): unknown {
  return !result.ok && result.rejected === undefined ? result.cause : NO_CAUSE
}

function expectDeeplyFrozen(value: unknown): void {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return
  expect(Object.isFrozen(value)).toBe(true)
  Object.values(value).forEach(expectDeeplyFrozen)
}

describe('a command', () => {
  it('[MAC1] changes the state and returns its output; what it did not touch stays the same object', () => {
    const { state, apply } = start()
    const before = state()
    const result = apply('reserve', 'a')
    const { from } = contextAt(1)
    expect(result).toEqual({ ok: true, output: { ok: true, seat: { holder: from, tags: [] } } })
    expect(state().seats['a']?.holder).toBe(from)
    expect(before.seats['a']?.holder).toBe(null)
    expect(state()).not.toBe(before)
    expect(state().seats['b']).toBe(before.seats['b'])
    expect(state().log).toBe(before.log)
  })

  it('[MAC1] that changes nothing leaves the same state object', () => {
    const { state, apply } = start()
    const before = state()
    expect(apply('touch')).toEqual({ ok: true, output: undefined })
    expect(state()).toBe(before)
  })

  it.each(Object.keys(STEPS))('[MAC2] that fails changes nothing: %s', (step) => {
    const { state, apply, instance } = start()
    const before = state()
    const bytes = bytesOf(instance)
    expect(causeOf(apply('run', step))).not.toBe(NO_CAUSE)
    expect(state()).toBe(before)
    expect(bytesOf(instance)).toEqual(bytes)
  })

  it('[MAC2] that throws gives its own error as the cause', () => {
    expect(causeOf(start().apply('run', 'throw'))).toEqual(new TypeError('no luck'))
    expect(causeOf(start().apply('run', 'throwUndefined'))).toBe(undefined)
  })

  it('[MAC3] that throws Rejected changes nothing and gives reason and details', () => {
    const { state, apply } = start()
    const before = state()
    const result = apply('reserve', 'z')
    expect(result).toEqual({ ok: false, rejected: 'no such seat', details: { id: 'z', known: ['a', 'b'] } })
    expect(state()).toBe(before)
  })

  it('[MAC3] Rejected is known across copies of the package and takes no details that are not plain', () => {
    const foreign = Object.assign(new Error('x'), { [Symbol.for('legion-mesh.rejected')]: true })
    expect(Rejected.is(foreign)).toBe(true)
    expect(Rejected.is(new Rejected('x'))).toBe(true)
    expect(Rejected.is(new Error('x'))).toBe(false)
    expect(Rejected.is(null)).toBe(false)
    expect(() => new Rejected('x', new Date(0))).toThrow(expect.objectContaining({ code: 'E_NOT_PLAIN' }))
    expect(() => new Rejected('\ud800')).toThrow(expect.objectContaining({ code: 'E_NOT_PLAIN' }))
    expect(new Rejected('full', { left: 0 })).toMatchObject({ reason: 'full', message: 'full', details: { left: 0 } })
  })

  it.each([
    ['storeDate', 'state.log[1].at[0]'],
    ['storeMap', 'state.map'],
    ['storeFunction', 'state.seats.f'],
    ['storeLater', 'state.log[1].when'],
    ['storeFrozenDate', 'state.log[1].when'],
    ['storeSymbolKey', 'state.seats'],
    ['storeProto', 'state.seats.p'],
    ['storeBuffer', 'state.log[1]'],
    ['storeBare', 'state.log[1]'],
    ['storeHole', 'state.log'],
    ['storeAccessor', 'state.log[1].x'],
    ['returnDate', 'output'],
    ['returnPromise', 'output'],
    ['rejectBadly', 'details.when'],
  ])('[MAC4] that leaves something not plain fails, naming it: %s', (step, path) => {
    expect(causeOf(start().apply('run', step))).toMatchObject({ code: 'E_NOT_PLAIN', details: { path } })
  })

  it('[MAC4] the next command after a failed one works', () => {
    const { state, apply } = start()
    for (const step of Object.keys(STEPS)) apply('run', step)
    expect(apply('note', 'fine').ok).toBe(true)
    expect(state().log).toEqual(['fine'])
  })

  it('[MAC5] gets a copy of the payload, which it may keep and which nobody else can change', () => {
    const { state, apply } = start()
    const payload = { deep: [Uint8Array.of(1)] }
    apply('note', payload)
    payload.deep[0]?.fill(9)
    payload.deep.push(Uint8Array.of(2))
    expect(state().log).toEqual([{ deep: [Uint8Array.of(1)] }])
    expect(Object.isFrozen(payload.deep)).toBe(false)
    expect(causeOf(apply('note', { when: new Date(0) }))).toMatchObject({ details: { path: 'payload.when' } })
  })

  it('[MAC6] returns a copy, even of the draft that it works on', () => {
    const { state, apply } = start()
    const result = apply('all')
    expect(result).toEqual({ ok: true, output: state() })
    expect(result.ok && result.output).not.toBe(state())
    apply('reserve', 'a')
    expect(result.ok && (result.output as unknown as State).seats['a']?.holder).toBe(null)
  })

  it('[MAC7] is told who, when, where in the log and which version, and the same chance everywhere', () => {
    const [first, second] = [start().apply('tell'), start().apply('tell')]
    expect(first).toEqual(second)
    const random = contextAt(1).random
    expect(first).toEqual({
      ok: true,
      output: { from: contextAt(1).from, index: 1, timestampMs: 1000, version: 3, random: [random(), random()] },
    })
  })

  it.each(['nothing', 'toString', 'constructor', '__proto__', 'holder'])('[MAC8] named %s is unknown', (name) => {
    const { instance, apply } = start()
    expect(instance.has(name, 3)).toBe(false)
    expect(() => apply(name)).toThrow(expect.objectContaining({ code: 'E_UNKNOWN_COMMAND' }))
    expect(instance.has('reserve', 1)).toBe(true)
  })
})

describe('the state', () => {
  it('[MAC9] is frozen at every level, from the start and after every command', () => {
    const { state, apply } = start()
    expectDeeplyFrozen(state())
    apply('set', ['extra', { deep: [{ list: [1, { x: 1 }] }] }])
    apply('reserve', 'a')
    expectDeeplyFrozen(state())
    expect(() => Object.assign(state(), { log: [] })).toThrow(TypeError)
  })

  it('[MAC10] of two instances is never shared', () => {
    const [one, other] = [start(), start()]
    one.apply('reserve', 'a')
    one.state().bytes.fill(0)
    expect(other.state().seats['a']?.holder).toBe(null)
    expect([...other.state().bytes]).toEqual([1, 2, 3])
  })

  it('[MAC11] comes back from a snapshot', async () => {
    const one = start()
    one.apply('reserve', 'a')
    one.apply('note', { n: -0, big: 2n ** 63n - 1n, nothing: undefined })
    const other = start()
    await other.instance.restore(pieces(bytesOf(one.instance)))
    expect(other.state()).toStrictEqual(one.state())
    expectDeeplyFrozen(other.state())
    expect(other.apply('reserve', 'b').ok).toBe(true)
    expect(one.state().seats['b']?.holder).toBe(null)
  })

  it.each([
    ['damaged bytes', Uint8Array.of(118, 3, 1)],
    ['no bytes', new Uint8Array()],
    ['a number', encodeValue(5)],
    ['a byte array', encodeValue(new Uint8Array(5))],
    ['null', encodeValue(null)],
  ])('[MAC11] is not restored from %s and stays as it was', async (_title, bytes) => {
    const { instance, state } = start()
    const before = state()
    await expect(instance.restore(pieces(bytes))).rejects.toThrow(DecodeError)
    expect(state()).toBe(before)
  })

  it('[MAC11] may be a list', async () => {
    const list = defineMachine({
      name: 'list',
      version: 1,
      initial: (): number[] => [],
      commands: {
        push: (state, item: number) => state.push(item),
      },
      queries: { sum: (state) => state.reduce((sum, item) => sum + item, 0) },
    })
    const [one, other] = [list.create(machineTools), list.create(machineTools)]
    expect(one.apply({ name: 'push', payload: 4 }, contextAt(1))).toEqual({ ok: true, output: 1 })
    await other.restore(pieces(bytesOf(one)))
    expect(other.query({ name: 'sum', payload: undefined }, contextAt(1))).toBe(4)
  })
})

describe('a query', () => {
  it('[MAC12] answers from the state with a copy', () => {
    const { query, apply, state } = start()
    apply('reserve', 'a')
    expect(query('holder', 'a')).toBe(contextAt(1).from)
    expect(query('holder', 'z')).toBe(undefined)
    expect(query('seat', 'a')).toEqual(state().seats['a'])
    expect(query('seat', 'a')).not.toBe(state().seats['a'])
    ;(query('bytes') as Uint8Array).fill(0)
    expect([...state().bytes]).toEqual([1, 2, 3])
  })

  it('[MAC12] can change neither the state nor the payload of its caller', () => {
    const { query, state } = start()
    const before = state()
    expect(() => query('spoil')).toThrow(TypeError)
    expect(state()).toBe(before)
    const list = [0]
    expect(query('keep', list)).toBe(2)
    expect(list).toEqual([0])
  })

  it('[MAC13] that throws Rejected fails with E_REJECTED, any other error is passed on', () => {
    const { query } = start()
    const rejection = { code: 'E_REJECTED', message: 'not for you', details: { id: 'a' } }
    expect(() => query('strict', 'a')).toThrow(expect.objectContaining(rejection))
    expect(() => query('broken')).toThrow(new RangeError('broken'))
    expect(() => query('date')).toThrow(
      expect.objectContaining({ code: 'E_NOT_PLAIN', details: { path: 'answer.when' } }),
    )
  })

  it.each(['nothing', 'toString', 'reserve'])('[MAC8] named %s is unknown', (name) => {
    expect(() => start().query(name)).toThrow(expect.objectContaining({ code: 'E_UNKNOWN_COMMAND' }))
  })
})

describe('a definition', () => {
  const sound = { name: 'm', version: 1, initial: () => ({}), commands: {} }
  const define = (change: object) => () => defineMachine({ ...sound, ...change })

  it('[MAC15] carries its parts and makes machines', () => {
    expect(theatre).toMatchObject({ name: 'theatre', version: 3 })
    expect(theatre.initial().log).toEqual([])
    const draft = theatre.initial()
    expect(theatre.commands.reserve(draft, 'a', { ...contextAt(1), version: 3 }).ok).toBe(true)
    expect(define({})().queries).toEqual({})
    expect(define({ name: 'a name with spaces, ünïcode and 😀' })).not.toThrow()
  })

  it.each([
    ['an empty name', { name: '' }],
    ['a name of one space', { name: ' ' }],
    ['a long name', { name: 'x'.repeat(65) }],
    ['a name that is a number', { name: 5 }],
    ['version 0', { version: 0 }],
    ['version 1.5', { version: 1.5 }],
    ['version "1"', { version: '1' }],
    ['a command that is no function', { commands: { a: 1 } }],
    ['an async command', { commands: { a: async () => {} } }],
    ['an async query', { queries: { a: async () => {} } }],
    ['a generator', { queries: { *a() {} } }],
    ['a state that is a number', { initial: () => 1 }],
    ['a state that is bytes', { initial: () => new Uint8Array(1) }],
    ['no state', { initial: () => null }],
  ])('[MAC15] with %s is refused', (_title, change) => {
    expect(define(change)).toThrow(expect.objectContaining({ code: 'E_INVALID' }))
  })

  it('[MAC15] whose initial state is not plain is refused, naming the place', () => {
    const initial = () => ({ seats: new Map() })
    expect(define({ initial })).toThrow(
      expect.objectContaining({ code: 'E_NOT_PLAIN', details: { path: 'initial().seats' } }),
    )
    expect(define({ initial })).toThrow(LegionError)
  })
})
