import { equalValues, type Value } from '../codec/value.js'
import { defineMachine } from './define-machine.js'
import { Rejected } from './rejected.js'
import { deleteEntry, type Entry, emptyMap, entriesFrom, getEntry, setEntry } from './sorted-map.js'

/**
 * The built-in machine: a sorted map from strings to plain values. No key has the value `undefined`: wherever it stands,
 * it means that there is no such key. Commands on one key cost the same however many keys there are.
 */
export const kv = defineMachine({
  name: 'kv',
  version: 1,
  initial: emptyMap,
  commands: {
    set(map, { key, value }: { key: string; value: Exclude<Value, undefined> }) {
      put(map, requireKey(key), value)
    },

    /** True if the key was there. */
    delete(map, key: string) {
      return deleteEntry(map, requireKey(key))
    },

    /** Sets the key if its value equals `expected`; the order of keys in objects does not matter. */
    compareAndSet(map, { key, expected, value }: { key: string; expected?: Value; value?: Value }) {
      const current = getEntry(map, requireKey(key))?.[1]
      if (!equalValues(current, expected)) return { ok: false, current }
      put(map, key, value)
      return { ok: true }
    },

    /** Adds `by` (1 if left out) to a number, 0 if there is none yet, and returns the sum. */
    increment(map, { key, by = 1 }: { key: string; by?: number | undefined }) {
      const current = getEntry(map, requireKey(key))?.[1] ?? 0
      if (typeof current !== 'number') throw new Rejected(`The value of "${key}" is not a number.`)
      if (typeof by !== 'number') throw new Rejected('An increment must be a number.')
      const sum = current + by
      setEntry(map, key, sum)
      return sum
    },
  },
  queries: {
    get(map, key: string): Value {
      return getEntry(map, requireKey(key))?.[1]
    },

    has(map, key: string) {
      return getEntry(map, requireKey(key)) !== undefined
    },

    /** The entries from `from` on and before `to`, at most `limit`, ordered by UTF-16 code units as strings are by `<`. */
    range(map, { from = '', to, limit = Number.POSITIVE_INFINITY }: KvRange = {}): Entry[] {
      const entries: Entry[] = []
      for (const entry of entriesFrom(map, from)) {
        if (entries.length >= limit || (to !== undefined && entry[0] >= to)) break
        entries.push(entry)
      }
      return entries
    },

    size: (map) => map.size,
  },
})

export interface KvRange {
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly limit?: number | undefined
}

function put(map: Parameters<typeof setEntry>[0], key: string, value: Value): void {
  if (value === undefined) deleteEntry(map, key)
  else setEntry(map, key, value)
}

function requireKey(key: string): string {
  if (typeof key !== 'string') throw new Rejected('A key must be a string.')
  return key
}
