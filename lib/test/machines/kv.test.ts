import { describe, expect, it } from 'vitest'
import type { Value } from '../../src/codec/value.js'
import { kv, type StateMachine } from '../../src/machines/index.js'
import { contextAt } from './context.js'

function start() {
  const machine: StateMachine = kv.create()
  let index = 0
  return {
    machine,
    apply(name: string, payload?: Value): unknown {
      const result = machine.apply({ name, payload }, contextAt(++index))
      if (result.ok) return result.output
      return result.rejected === undefined ? 'failed' : { rejected: result.rejected }
    },
    query: (name: string, payload?: Value): Value => machine.query({ name, payload }, contextAt(index)),
  }
}

describe('kv', () => {
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
