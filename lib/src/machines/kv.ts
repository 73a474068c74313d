import { equalValues, freezePlain, type Value } from '../codec/value.js'
import { buildMachine } from './define-machine.js'
import { editParts, type Parts } from './edit.js'
import { emptyLeasedMap, type LeasedMap, liveValue, purge, putEntry, removeEntry } from './leased-map.js'
import { endOf, isOver, overdue, withLease, withoutLease } from './leases.js'
import { Rejected } from './rejected.js'
import { type Entry, entriesFrom, getValue } from './sorted-map.js'

/** To be read by the queries of `kv` and by `watch` only: its shape is no promise. */
export interface KvState extends LeasedMap<KvValue> {}

export type KvValue = Exclude<Value, undefined>
export type KvEntry = Entry<KvValue>

export interface KvSet {
  readonly key: string
  readonly value: KvValue
  /** The entry ends so many milliseconds later, in log time; never if left out, whatever lease it had before. */
  readonly ttlMs?: number | undefined
}

export interface KvCompareAndSet {
  readonly key: string
  /** Undefined stands for no entry. */
  readonly expected?: Value
  /** Undefined removes the entry. */
  readonly value?: Value
  /** As in `set`. */
  readonly ttlMs?: number | undefined
}

export interface KvIncrement {
  readonly key: string
  /** 1 if left out. */
  readonly by?: number | undefined
  /** Gives or renews the lease; if left out, the entry keeps what it has. */
  readonly ttlMs?: number | undefined
}

export interface KvTouch {
  readonly key: string
  /** Counts from now on; left out: the entry stays for good. */
  readonly ttlMs?: number | undefined
}

export interface KvRange {
  /** The first key. */
  readonly from?: string | undefined
  /** The key before which to stop. */
  readonly to?: string | undefined
  /** The highest number of entries. */
  readonly limit?: number | undefined
}

/**
 * The built-in machine: a sorted map from strings to plain values. No key has the value `undefined`: wherever it stands,
 * it means that there is no such key. Commands on one key cost the same however many keys there are.
 *
 * An entry may have a lease. From its end on it is as if it were not there, for every command and query, and later
 * commands remove it. The time that counts is that of the log: the timestamps of the commands, which never fall. While
 * no command comes it stands still.
 */
export const kv = buildMachine(
  {
    name: 'kv',
    version: 1,
    initial: (): KvState => emptyLeasedMap(),
    commands: {
      set(draft: Parts<KvState>, { key, value, ttlMs }: KvSet, { timestampMs }) {
        begin(draft, key, timestampMs)
        put(draft, key, value)
        setLease(draft, key, timestampMs, ttlMs)
      },

      /** True if the key was there. */
      delete(draft, key: string, { timestampMs }) {
        const isThere = begin(draft, key, timestampMs) !== undefined
        removeEntry(draft, key)
        return isThere
      },

      /** Sets the key if its value equals `expected`; the order of keys in objects does not matter. */
      compareAndSet(draft, { key, expected, value, ttlMs }: KvCompareAndSet, { timestampMs }) {
        const current = begin(draft, key, timestampMs)
        if (!equalValues(current, expected)) return { ok: false, current }
        put(draft, key, value)
        setLease(draft, key, timestampMs, ttlMs)
        return { ok: true }
      },

      /** Adds to a number, 0 if there is none yet, and returns the sum. */
      increment(draft, { key, by = 1, ttlMs }: KvIncrement, { timestampMs }) {
        const current = begin(draft, key, timestampMs) ?? 0
        if (typeof current !== 'number') throw new Rejected(`The value of "${key}" is not a number.`)
        if (typeof by !== 'number') throw new Rejected('An increment must be a number.')
        put(draft, key, current + by)
        if (ttlMs !== undefined) setLease(draft, key, timestampMs, ttlMs)
        return current + by
      },

      /** Renews the lease of an entry, or ends the lease and keeps the entry. False if the key is not there. */
      touch(draft, { key, ttlMs }: KvTouch, { timestampMs }) {
        const isThere = begin(draft, key, timestampMs) !== undefined
        if (isThere) setLease(draft, key, timestampMs, ttlMs)
        return isThere
      },
    },
    queries: {
      get(state, key: string, { timestampMs }): Value {
        return liveValue(state, requireKey(key), timestampMs)
      },

      has(state, key: string, { timestampMs }) {
        return liveValue(state, requireKey(key), timestampMs) !== undefined
      },

      /** When the entry's lease ends, in milliseconds since 1970; undefined without entry or lease. */
      leaseEnd(state, key: string, { timestampMs }) {
        const end = endOf(state.leases, requireKey(key))
        return end === undefined || end <= timestampMs ? undefined : end
      },

      /** The entries from `from` on and before `to`, ordered by UTF-16 code units as strings are by `<`. */
      range(state, { from = '', to, limit = Number.POSITIVE_INFINITY }: KvRange = {}, { timestampMs }): KvEntry[] {
        const entries: KvEntry[] = []
        for (const entry of entriesFrom(state.entries, from)) {
          if (entries.length >= limit || (to !== undefined && entry[0] >= to)) break
          if (!isOver(state.leases, entry[0], timestampMs)) entries.push(entry)
        }
        return entries
      },

      /** Costs time by the number of entries that ended and are not removed yet. */
      size: (state, _, { timestampMs }) => state.entries.size - [...overdue(state.leases, timestampMs)].length,
    },
  },
  editParts,
)

/** Removes what is over, and gives the value of `key`. */
function begin(draft: Parts<KvState>, key: string, nowMs: number): KvValue | undefined {
  purge(draft, requireKey(key), nowMs)
  return getValue(draft.entries, key)
}

function put(draft: Parts<KvState>, key: string, value: Value): void {
  if (value === undefined) removeEntry(draft, key)
  else putEntry(draft, key, freezePlain(value, undefined))
}

/** @param ttlMs undefined for no lease */
function setLease(draft: Parts<KvState>, key: string, nowMs: number, ttlMs: number | undefined): void {
  const isGone = ttlMs === undefined || getValue(draft.entries, key) === undefined
  draft.leases = isGone ? withoutLease(draft.leases, key) : withLease(draft.leases, key, nowMs, ttlMs)
}

function requireKey(key: string): string {
  if (typeof key !== 'string') throw new Rejected('A key must be a string.')
  return key
}
