import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { differences } from '../../src/machines/map-changes.js'
import {
  deleteEntry,
  draftMap,
  emptyMap,
  entriesFrom,
  finishMap,
  getValue,
  type MapDraft,
  type Node,
  type SortedMap,
  setEntry,
} from '../../src/machines/sorted-map.js'

/** Checks the invariants of the tree and gives its depth. */
function checkedDepth(node: Node<unknown>, isRoot: boolean, low: string | undefined, high: string | undefined): number {
  const { keys } = node
  expect(Object.isFrozen(node) && Object.isFrozen(keys)).toBe(true)
  expect(keys.length).toBeLessThanOrEqual(32)
  if (!isRoot) expect(keys.length).toBeGreaterThan(0)
  for (let i = 1; i < keys.length; i++) expect((keys[i - 1] as string) < (keys[i] as string)).toBe(true)
  if (!('children' in node)) {
    expect(node.values.length).toBe(keys.length)
    expect(Object.isFrozen(node.values)).toBe(true)
    for (const key of keys) expect((low === undefined || key >= low) && (high === undefined || key < high)).toBe(true)
    return 1
  }
  expect(node.children.length).toBe(keys.length)
  expect(Object.isFrozen(node.children)).toBe(true)
  if (isRoot) expect(keys.length).toBeGreaterThan(1)
  const depths = node.children.map((child, i) =>
    checkedDepth(child, false, i === 0 ? low : keys[i], keys[i + 1] ?? high),
  )
  expect(new Set(depths).size).toBe(1)
  return 1 + (depths[0] as number)
}

function withChange<V>(map: SortedMap<V>, change: (draft: MapDraft<V>) => void): SortedMap<V> {
  const draft = draftMap(map)
  change(draft)
  return finishMap(draft, map)
}

function withEntry<V>(map: SortedMap<V>, name: string, value: V): SortedMap<V> {
  return withChange(map, (draft) => setEntry(draft, name, value))
}

function withoutEntry<V>(map: SortedMap<V>, name: string): SortedMap<V> {
  return withChange(map, (draft) => deleteEntry(draft, name))
}

function entries(map: SortedMap<unknown>, from = '') {
  return [...entriesFrom(map, from)]
}

type Change = readonly [kind: 'set' | 'delete', keys: readonly string[]]

const key = fc.integer({ min: 0, max: 400 }).map((n) => n.toString(36))
const keys = fc.array(key, { minLength: 1, maxLength: 60 })
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constant('set' as const), keys) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('delete' as const), keys) },
)
const changes = fc.array(change, { maxLength: 30 })

/** The map with the changes, which are made to `model` too. */
function changed(map: SortedMap<number>, model: Map<string, number>, list: readonly Change[]): SortedMap<number> {
  let next = map
  let value = 0
  for (const [kind, names] of list) {
    for (const name of names) {
      const before = next
      next = kind === 'set' ? withEntry(next, name, ++value) : withoutEntry(next, name)
      if (kind === 'set') model.set(name, value)
      else expect(next !== before).toBe(model.delete(name))
    }
  }
  return next
}

describe('the sorted map', { timeout: 60_000 }, () => {
  it('[MAC17] holds what a Map would, in order, and keeps its shape', () => {
    fc.assert(
      fc.property(changes, key, (list, from) => {
        const model = new Map<string, number>()
        const map = changed(emptyMap(), model, list)
        const sorted = [...model].sort(([a], [b]) => (a < b ? -1 : 1))
        expect(entries(map)).toEqual(sorted)
        expect(entries(map, from)).toEqual(sorted.filter(([name]) => name >= from))
        expect(getValue(map, from)).toBe(model.get(from))
        expect(map.size).toBe(model.size)
        checkedDepth(map.root, true, undefined, undefined)
      }),
      { numRuns: 300 },
    )
  })

  it('[MAC17] has the same shape whether each change is a map of its own or all are made in one draft', () => {
    fc.assert(
      fc.property(changes, changes, (first, second) => {
        const model = new Map<string, number>()
        const before = changed(emptyMap(), model, first)
        const oneByOne = changed(before, model, second)
        const sketch = JSON.stringify(before)
        let value = 0
        const atOnce = withChange(before, (draft) => {
          for (const [kind, names] of second) {
            for (const name of names) {
              if (kind === 'set') setEntry(draft, name, ++value)
              else deleteEntry(draft, name)
            }
          }
        })
        expect(atOnce).toEqual(oneByOne)
        checkedDepth(atOnce.root, true, undefined, undefined)
        expect(JSON.stringify(before)).toBe(sketch)
      }),
      { numRuns: 300 },
    )
  })

  it.each([
    ['rising', (i: number) => i],
    ['falling', (i: number) => 3_000 - i],
    ['scattered', (i: number) => (i * 7919) % 3_001],
  ])('[MAC17] stays shallow with %s keys, and is empty again after all are deleted', (_title, order) => {
    let map = emptyMap<string>()
    const names = Array.from({ length: 3_000 }, (_, i) => String(order(i)).padStart(6, '0'))
    for (const name of names) map = withEntry(map, name, name)
    expect(map.size).toBe(3_000)
    expect(checkedDepth(map.root, true, undefined, undefined)).toBeLessThanOrEqual(4)
    for (const name of names.slice(0, 2_990)) map = withoutEntry(map, name)
    expect(checkedDepth(map.root, true, undefined, undefined)).toBe(1)
    for (const name of names) map = withoutEntry(map, name)
    expect(map).toEqual(emptyMap())
  })

  it('[MAC17] removes a branch with its last key when its neighbour has no room', () => {
    const freeze = <T extends object>(value: T): T => {
      for (const inner of Object.values(value)) if (typeof inner === 'object') freeze(inner)
      return Object.freeze(value)
    }
    const leaf = (name: string) => ({ keys: [name], values: [1] })
    const names = Array.from({ length: 32 }, (_, i) => `b${String(i).padStart(2, '0')}`)
    const full = { keys: names, children: names.map(leaf) }
    const map: SortedMap<number> = freeze({
      size: 33,
      root: { keys: ['a', 'b00'], children: [{ keys: ['a'], children: [leaf('a')] }, full] },
    })
    checkedDepth(map.root, true, undefined, undefined)
    const less = withoutEntry(map, 'a')
    expect(checkedDepth(less.root, true, undefined, undefined)).toBe(2)
    expect(entries(less).map(([name]) => name)).toEqual(names)
    expect(entries(map).length).toBe(33)
  })

  it('[MAC30] tells what differs between two maps, whatever happened in between', () => {
    fc.assert(
      fc.property(changes, changes, (first, second) => {
        const before = new Map<string, number>()
        const map = changed(emptyMap(), before, first)
        const after = new Map(before)
        const next = changed(map, after, second)
        const names = [...new Set([...before.keys(), ...after.keys()])].sort()
        const expected = names
          .filter((name) => before.get(name) !== after.get(name))
          .map((name) => ({ key: name, value: after.get(name), previous: before.get(name) }))
        expect(differences(map, next)).toEqual(expected)
        expect(differences(next, map)).toHaveLength(expected.length)
        expect(differences(next, next)).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  it('[MAC17] shares all but a few nodes with the map before', () => {
    let map = emptyMap<number>()
    for (let i = 0; i < 20_000; i++) map = withEntry(map, `key ${i}`, i)
    const known = nodesOf(map.root)
    const created = [...nodesOf(withEntry(map, 'key 777', 0).root)].filter((node) => !known.has(node))
    expect(created.length).toBeGreaterThan(1)
    expect(created.length).toBeLessThan(5)
  })
})

function nodesOf(node: Node<unknown>, found = new Set<unknown>()): Set<unknown> {
  found.add(node)
  if ('children' in node) for (const child of node.children) nodesOf(child, found)
  return found
}
