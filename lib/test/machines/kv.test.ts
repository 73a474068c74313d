import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Value } from '../../src/codec/value.js'
import { type KvState, kv } from '../../src/machines/index.js'
import { machineTools } from '../../src/machines/machine-tools.js'
import { bytesOf, contextAt, pieces } from './context.js'

function start() {
  const machine = kv.create(machineTools)
  let index = 0
  const now = { timestampMs: 0 }
  return {
    machine,
    now,
    apply(name: string, payload?: Value): unknown {
      const result = machine.apply({ name, payload }, { ...contextAt(++index), ...now })
      if (result.ok) return result.output
      return result.rejected === undefined ? 'failed' : { rejected: result.rejected }
    },
    query: (name: string, payload?: Value): Value => machine.query({ name, payload }, { ...now, version: 1 }),
  }
}

describe('kv', { timeout: 60_000 }, () => {
  it('[MAC18] sets, gets, has, deletes and counts', () => {
    const { apply, query } = start()
    expect(query('get', 'a')).toBe(undefined)
    expect(apply('set', { key: 'a', value: { deep: [1n, Uint8Array.of(1)] } })).toBe(undefined)
    expect(apply('set', { key: '', value: null })).toBe(undefined)
    expect(query('get', 'a')).toEqual({ deep: [1n, Uint8Array.of(1)] })
    expect(query('get', '')).toBe(null)
    expect([query('has', ''), query('has', 'b'), query('size')]).toEqual([true, false, 2])
    expect(apply('set', { key: 'a', value: 2 })).toBe(undefined)
    expect([query('get', 'a'), query('size')]).toEqual([2, 2])
    expect([apply('delete', 'a'), apply('delete', 'a'), query('size')]).toEqual([true, false, 1])
  })

  it('[MAC18] a value of undefined is no value', () => {
    const { apply, query } = start()
    apply('set', { key: 'a', value: 1 })
    apply('set', { key: 'a', value: undefined })
    expect([query('has', 'a'), query('size')]).toEqual([false, 0])
  })

  it.each(['__proto__', 'constructor', 'toString', 'length', '0'])('[MAC18] takes the key %s like any other', (key) => {
    const { apply, query } = start()
    expect(query('has', key)).toBe(false)
    apply('set', { key, value: 1 })
    expect([query('get', key), query('range'), apply('delete', key)]).toEqual([1, [[key, 1]], true])
  })

  it('[MAC19] compares and sets, creates, deletes', () => {
    const { apply, query } = start()
    expect(apply('compareAndSet', { key: 'a', expected: 1, value: 2 })).toEqual({ ok: false, current: undefined })
    expect(apply('compareAndSet', { key: 'a', value: { x: 1, y: [2] } })).toEqual({ ok: true })
    expect(apply('compareAndSet', { key: 'a', value: 5 })).toEqual({ ok: false, current: { x: 1, y: [2] } })
    expect(apply('compareAndSet', { key: 'a', expected: { y: [2], x: 1 }, value: 3 })).toEqual({ ok: true })
    expect(query('get', 'a')).toBe(3)
    expect(apply('compareAndSet', { key: 'a', expected: 3 })).toEqual({ ok: true })
    expect(query('has', 'a')).toBe(false)
  })

  it('[MAC20] increments numbers and nothing else', () => {
    const { apply, query } = start()
    expect([apply('increment', { key: 'n' }), apply('increment', { key: 'n', by: -3 })]).toEqual([1, -2])
    expect(query('get', 'n')).toBe(-2)
    apply('set', { key: 's', value: '1' })
    expect(apply('increment', { key: 's' })).toEqual({ rejected: 'The value of "s" is not a number.' })
    expect(apply('increment', { key: 'n', by: '1' })).toEqual({ rejected: 'An increment must be a number.' })
    expect(query('get', 'n')).toBe(-2)
  })

  it('[MAC21] gives ranges in order', () => {
    const { apply, query } = start()
    for (const key of ['b/2', 'a', 'c', 'b/10', 'b/1']) apply('set', { key, value: key.length })
    const keys = (range?: Value) => (query('range', range) as [string, Value][]).map(([key]) => key)
    expect(query('range')).toEqual([
      ['a', 1],
      ['b/1', 3],
      ['b/10', 4],
      ['b/2', 3],
      ['c', 1],
    ])
    expect(keys({ from: 'b/', to: 'b0' })).toEqual(['b/1', 'b/10', 'b/2'])
    expect(keys({ from: 'b/10', limit: 2 })).toEqual(['b/10', 'b/2'])
    expect(keys({ to: 'b' })).toEqual(['a'])
    expect(keys({ from: 'd' })).toEqual([])
    expect(keys({ limit: 0 })).toEqual([])
  })

  it('[MAC31] an entry with a lease is gone from its end on, for every command and query', () => {
    const { apply, query, now } = start()
    const seen = () => [query('get', 'a'), query('has', 'a'), query('leaseEnd', 'a'), query('range'), query('size')]
    now.timestampMs = 1_000
    apply('set', { key: 'a', value: 1, ttlMs: 500 })
    now.timestampMs = 1_499
    expect(seen()).toEqual([1, true, 1_500, [['a', 1]], 1])
    now.timestampMs = 1_500
    expect(seen()).toEqual([undefined, false, undefined, [], 0])
    expect(apply('delete', 'a')).toBe(false)
    expect(apply('touch', { key: 'a', ttlMs: 5 })).toBe(false)
    expect(apply('increment', { key: 'a' })).toBe(1)
    expect(seen()).toEqual([1, true, undefined, [['a', 1]], 1])
  })

  it.each([
    ['delete', 'a', false],
    ['touch', { key: 'a' }, false],
    ['increment', { key: 'a', by: 2 }, 2],
    ['compareAndSet', { key: 'a', expected: 1, value: 2 }, { ok: false, current: undefined }],
    ['compareAndSet', { key: 'a', value: 2 }, { ok: true }],
    ['set', { key: 'a', value: 2 }, undefined],
  ])('[MAC31] %s of an entry that is over: %o', (name, payload, output) => {
    const { apply, query, now } = start()
    // Older ones, so that it is not removed only because it is its turn.
    for (let i = 0; i < 20; i++) apply('set', { key: `older ${i}`, value: 1, ttlMs: 9 })
    apply('set', { key: 'a', value: 1, ttlMs: 10 })
    now.timestampMs = 10
    expect(apply(name, payload)).toEqual(output)
    const isThere = query('has', 'a') === true
    expect(query('get', 'a')).toBe(isThere ? 2 : undefined)
    now.timestampMs = 1e9
    expect(query('has', 'a')).toBe(isThere)
  })

  it('[MAC32] says what becomes of the lease', () => {
    const { apply, query, now } = start()
    const leaseAfter = (name: string, payload: Value) => {
      apply('set', { key: 'a', value: 1, ttlMs: 100 })
      apply(name, payload)
      return query('leaseEnd', 'a')
    }
    now.timestampMs = 1_000
    expect(leaseAfter('set', { key: 'a', value: 2 })).toBe(undefined)
    expect(leaseAfter('set', { key: 'a', value: 2, ttlMs: 7 })).toBe(1_007)
    expect(leaseAfter('compareAndSet', { key: 'a', expected: 1, value: 2 })).toBe(undefined)
    expect(leaseAfter('compareAndSet', { key: 'a', expected: 1, value: 2, ttlMs: 7 })).toBe(1_007)
    expect(leaseAfter('compareAndSet', { key: 'a', expected: 5, value: 2, ttlMs: 7 })).toBe(1_100)
    expect(leaseAfter('increment', { key: 'a' })).toBe(1_100)
    expect(leaseAfter('increment', { key: 'a', ttlMs: 7 })).toBe(1_007)
    expect(leaseAfter('touch', { key: 'a', ttlMs: 7 })).toBe(1_007)
    expect(leaseAfter('touch', { key: 'a' })).toBe(undefined)
    expect(leaseAfter('delete', 'a')).toBe(undefined)
    apply('set', { key: 'a', value: undefined, ttlMs: 7 })
    expect(query('leaseEnd', 'a')).toBe(undefined)
    expect(query('has', 'a')).toBe(false)
  })

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5', null])('[MAC32] refuses a lease of %o', (ttlMs) => {
    const { apply, machine } = start()
    const before = machine.state
    const problem = { rejected: 'ttlMs must be a number of milliseconds above 0.' }
    expect(apply('set', { key: 'a', value: 1, ttlMs })).toEqual(problem)
    expect(machine.state).toBe(before)
  })

  it('[MAC33] removes what is over with later commands, a few each time', () => {
    const { apply, machine, now, query } = start()
    for (let i = 0; i < 100; i++) apply('set', { key: `k${i}`, value: i, ttlMs: 1 + (i % 50) })
    now.timestampMs = 1_000
    expect([query('size'), query('range')]).toEqual([0, []])
    const stored = () => (machine.state as KvState).entries.size
    const sizes = Array.from({ length: 60 }, () => {
      apply('touch', { key: 'none' })
      return stored()
    })
    const steps = sizes.map((size, i) => (sizes[i - 1] ?? 100) - size)
    expect(Math.max(...steps)).toBeLessThanOrEqual(4)
    expect(sizes.at(-1)).toBe(0)
    expect(machine.state).toEqual(kv.create(machineTools).state)
  })

  it('[MAC33] keys and leases behave like a simple model, also on a replica that restores', async () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
    const ttlMs = fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined })
    const step = fc.record({ key: name, ttlMs, after: fc.nat(12), restore: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { machine, apply, query, now } = start()
        const model = new Map<string, number>()
        for (const { key, ttlMs, after, restore } of steps) {
          now.timestampMs += after
          if (restore) await machine.restore(pieces(bytesOf(machine)))
          apply('set', { key, value: key, ttlMs })
          model.set(key, ttlMs === undefined ? Number.POSITIVE_INFINITY : now.timestampMs + ttlMs)
          const live = [...model].filter(([, end]) => end > now.timestampMs).map(([key]) => [key, key])
          expect(query('range')).toEqual(live.sort())
          expect(query('size')).toBe(live.length)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('[MAC22] refuses keys that are not strings, and survives payloads of any shape', () => {
    const { apply, query, machine } = start()
    const before = machine.state
    expect(apply('set', { key: 1, value: 1 })).toEqual({ rejected: 'A key must be a string.' })
    expect(apply('delete', { key: 'a' })).toEqual({ rejected: 'A key must be a string.' })
    for (const name of ['set', 'compareAndSet', 'increment']) expect(apply(name, undefined)).toBe('failed')
    expect(machine.state).toBe(before)
    expect(() => query('get', 1)).toThrow(expect.objectContaining({ code: 'E_REJECTED' }))
  })

  it('[MAC23] touches little of a large state', () => {
    const { apply, machine } = start()
    for (let i = 0; i < 2000; i++) apply('set', { key: `key ${i}`, value: { i } })
    const before = reachable(machine.state)
    apply('set', { key: 'key 777', value: 0 })
    const created = [...reachable(machine.state)].filter((part) => !before.has(part))
    expect(created.length).toBeGreaterThan(0)
    expect(created.length).toBeLessThan(15)
  })
})

function reachable(value: unknown, found = new Set<unknown>()): Set<unknown> {
  if (typeof value !== 'object' || value === null) return found
  found.add(value)
  for (const part of Object.values(value)) reachable(part, found)
  return found
}
