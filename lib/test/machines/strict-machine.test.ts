import { describe, expect, it, vi } from 'vitest'
import type { LegionError } from '../../src/base/errors.js'
import type { Value } from '../../src/codec/value.js'
import { defineMachine, kv, Rejected, type StrictReport, strictMachine } from '../../src/machines/index.js'
import { machineTools } from '../../src/machines/machine-tools.js'
import { bytesOf, contextAt, pieces } from './context.js'

let outside = 0

const sloppy = defineMachine({
  name: 'sloppy',
  version: 2,
  initial: () => ({ seats: { a: {} as Record<string, unknown> }, log: [] as unknown[] }),
  commands: {
    sound(state, value: Value, { random, timestampMs, from }) {
      state.log.push(value, random(), timestampMs, from, new Date(timestampMs).toISOString())
      return [random(), Date.UTC(2000, 1), Math.max(1, 2)]
    },
    refuse(state) {
      state.log = []
      throw new Rejected('no', { left: 0 })
    },
    fail() {
      throw new Error(`failed ${++outside}`)
    },
    now: () => Date.now(),
    date: (state) => void state.log.push(new Date().getFullYear()),
    dateText: () => Date().length,
    dice: () => Math.random() >= 0,
    clock: () => performance.now() >= 0,
    bytes: () => crypto.getRandomValues(new Uint8Array(4)),
    uuid: () => crypto.randomUUID().length,
    net() {
      fetch('data:,').catch(() => {})
    },
    count: () => ++outside,
    spoil(state) {
      state.seats.a['last seen'] = { deep: [++outside] }
    },
    order(state) {
      const names = ++outside % 2 === 0 ? ['x', 'y'] : ['y', 'x']
      for (const name of names) state.seats.a[name] = 1
    },
    moody() {
      if (++outside % 2 === 0) throw new Rejected('not today')
    },
  },
  queries: { seats: (state) => state.seats },
  migrate: {
    2(state: { log: unknown[] }) {
      state.log.push(++outside)
    },
  },
  memberJoined: (state, peer) => state.log.push(peer, ++outside),
  memberLeft: (state, _peer, { random }) => state.log.push(random()),
})

function start() {
  const reports: LegionError[] = []
  const machine = strictMachine(sloppy, { report: (error) => reports.push(error) }).create(machineTools)
  const apply = (name: string, payload?: Value) => machine.apply({ name, payload }, contextAt(3, 2))
  const found = () => reports.map(({ details }) => details as StrictReport)
  return { machine, apply, reports, found }
}

describe('a strict machine', () => {
  it('[MAC42] does what the machine does, and reports nothing that is sound', async () => {
    const { machine, apply, reports } = start()
    const plain = sloppy.create(machineTools)
    expect(apply('sound', 7)).toEqual(plain.apply({ name: 'sound', payload: 7 }, contextAt(3, 2)))
    expect(apply('refuse')).toEqual(plain.apply({ name: 'refuse', payload: undefined }, contextAt(3, 2)))
    expect(apply('fail').ok).toBe(false)
    machine.memberLeft?.(contextAt(1).from, contextAt(4, 2))
    plain.memberLeft?.(contextAt(1).from, contextAt(4, 2))
    expect(machine.state).toEqual(plain.state)
    expect(machine.has('sound', 1)).toBe(true)
    expect(() => apply('nothing')).toThrow(expect.objectContaining({ code: 'E_UNKNOWN_COMMAND' }))

    const other = start().machine
    await other.restore(pieces(bytesOf(machine)))
    expect(other.query({ name: 'seats', payload: undefined }, contextAt(1))).toEqual({ a: {} })
    expect([other.state, other.fork().state]).toEqual([plain.state, plain.state])
    expect(reports).toEqual([])
  })

  it.each([
    ['now', ['Date.now']],
    ['date', ['new Date']],
    ['dateText', ['Date']],
    ['dice', ['Math.random']],
    ['clock', ['performance.now']],
    ['bytes', ['crypto.getRandomValues']],
    ['uuid', ['crypto.randomUUID']],
    ['net', ['fetch']],
  ])('[MAC43] reports a command that looks at the world: %s', (name, used) => {
    vi.stubGlobal('fetch', async () => new Response())
    const { apply, found, reports } = start()
    expect(apply(name).ok).toBe(true)
    expect(found()).toMatchObject([{ machine: 'sloppy', what: `command "${name}"`, used }])
    expect(reports[0]).toMatchObject({ code: 'E_MACHINE' })
    expect(reports[0]?.message).toContain(
      `The command "${name}" of machine "sloppy" would make replicas differ: it uses`,
    )
    vi.unstubAllGlobals()
  })

  it.each([
    ['count', 'output'],
    ['moody', 'output'],
    ['spoil', 'state.seats.a["last seen"].deep[0]'],
    ['order', 'state.seats.a'],
  ])('[MAC43] reports a command that does not do the same twice: %s', (name, difference) => {
    const { apply, found, reports } = start()
    apply(name)
    expect(found()).toEqual([{ machine: 'sloppy', what: `command "${name}"`, used: [], difference }])
    expect(reports[0]?.message).toContain(`run twice, it does not give the same ${difference}`)
  })

  it('[MAC43] reports hooks and migrations too', () => {
    const { machine, found } = start()
    machine.memberJoined?.(contextAt(1).from, contextAt(1, 1))
    machine.migrate?.(2)
    expect(found()).toMatchObject([
      { what: 'hook memberJoined', difference: 'state.log[1]' },
      { what: 'migration to version 2', difference: 'state.log[2]' },
    ])
  })

  it('[MAC44] the world is as it was afterwards, also when the command is unknown', () => {
    const globals = () => [
      Date,
      Date.now,
      Math.random,
      globalThis.fetch,
      performance.now,
      crypto.getRandomValues,
      crypto.randomUUID,
      Object.getOwnPropertyNames(performance).includes('now'),
      Object.getOwnPropertyNames(crypto).includes('getRandomValues'),
    ]
    const before = globals()
    const { apply } = start()
    apply('now')
    expect(() => apply('nothing')).toThrow()
    globals().forEach((value, i) => void expect(value).toBe(before[i]))
  })

  it('[MAC42] the built-in kv is sound', () => {
    const reports: LegionError[] = []
    const machine = strictMachine(kv, { report: (error) => reports.push(error) }).create(machineTools)
    const context = contextAt(1)
    machine.apply({ name: 'set', payload: { key: 'a', value: { x: 1 }, ttlMs: 5 } }, context)
    machine.apply({ name: 'increment', payload: { key: 'n' } }, { ...context, timestampMs: 9_000 })
    expect(machine.query({ name: 'range', payload: undefined }, contextAt(9))).toEqual([['n', 1]])
    expect(reports).toEqual([])
  })
})
