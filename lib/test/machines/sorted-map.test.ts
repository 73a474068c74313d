import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  deleteEntry,
  emptyMap,
  entriesFrom,
  getEntry,
  type SortedMap,
  setEntry,
} from '../../src/machines/sorted-map.js'

type Node = SortedMap['root']

/** Checks the invariants of the tree and gives its depth. */
function checkedDepth(node: Node, isRoot: boolean, low: string | undefined, high: string | undefined): number {
  const { keys } = node
  expect(keys.length).toBeLessThanOrEqual(32)
  if (!isRoot) expect(keys.length).toBeGreaterThan(0)
  for (let i = 1; i < keys.length; i++) expect((keys[i - 1] as string) < (keys[i] as string)).toBe(true)
  if (!('children' in node)) {
    expect(node.values.length).toBe(keys.length)
    for (const key of keys) expect((low === undefined || key >= low) && (high === undefined || key < high)).toBe(true)
    return 1
  }
  expect(node.children.length).toBe(keys.length)
  if (isRoot) expect(keys.length).toBeGreaterThan(1)
  const depths = node.children.map((child, i) =>
    checkedDepth(child, false, i === 0 ? low : keys[i], keys[i + 1] ?? high),
  )
  expect(new Set(depths).size).toBe(1)
  return 1 + (depths[0] as number)
}

function entries(map: SortedMap, from = '') {
  return [...entriesFrom(map, from)]
}

describe('the sorted map', () => {
  it('[MAC17] holds what a Map would, in order, and keeps its shape', () => {
    const key = fc.integer({ min: 0, max: 400 }).map((n) => n.toString(36))
    const change = fc.oneof(
      { weight: 3, arbitrary: fc.tuple(fc.constant('set'), fc.array(key, { minLength: 1, maxLength: 60 })) },
      { weight: 2, arbitrary: fc.tuple(fc.constant('delete'), fc.array(key, { minLength: 1, maxLength: 60 })) },
    )
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), key, (changes, from) => {
        const map = emptyMap()
        const model = new Map<string, number>()
        let value = 0
        for (const [kind, keys] of changes) {
          for (const name of keys) {
            if (kind === 'set') {
              setEntry(map, name, ++value)
              model.set(name, value)
            } else {
              expect(deleteEntry(map, name)).toBe(model.delete(name))
            }
          }
        }
        const sorted = [...model].sort(([a], [b]) => (a < b ? -1 : 1))
        expect(entries(map)).toEqual(sorted)
        expect(entries(map, from)).toEqual(sorted.filter(([name]) => name >= from))
        expect(getEntry(map, from)?.[1]).toBe(model.get(from))
        expect(map.size).toBe(model.size)
        checkedDepth(map.root, true, undefined, undefined)
      }),
      { numRuns: 300 },
    )
  })

  it.each([
    ['rising', (i: number) => i],
    ['falling', (i: number) => 3_000 - i],
    ['scattered', (i: number) => (i * 7919) % 3_001],
  ])('[MAC17] stays shallow with %s keys, and is empty again after all are deleted', (_title, order) => {
    const map = emptyMap()
    const keys = Array.from({ length: 3_000 }, (_, i) => String(order(i)).padStart(6, '0'))
    for (const key of keys) setEntry(map, key, key)
    expect(map.size).toBe(3_000)
    expect(checkedDepth(map.root, true, undefined, undefined)).toBeLessThanOrEqual(4)
    for (const key of keys.slice(0, 2_990)) deleteEntry(map, key)
    expect(checkedDepth(map.root, true, undefined, undefined)).toBe(1)
    for (const key of keys) deleteEntry(map, key)
    expect(map).toEqual(emptyMap())
  })

  it('[MAC17] removes a branch with its last key when its neighbour has no room', () => {
    const leaf = (key: string) => ({ keys: [key], values: [1] })
    const names = Array.from({ length: 32 }, (_, i) => `b${String(i).padStart(2, '0')}`)
    const full = { keys: names, children: names.map(leaf) }
    const map: SortedMap = {
      size: 33,
      root: { keys: ['a', 'b00'], children: [{ keys: ['a'], children: [leaf('a')] }, full] },
    }
    checkedDepth(map.root, true, undefined, undefined)
    expect(deleteEntry(map, 'a')).toBe(true)
    expect(checkedDepth(map.root, true, undefined, undefined)).toBe(2)
    expect(entries(map).map(([key]) => key)).toEqual(names)
  })
})
