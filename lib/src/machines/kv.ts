import { equalValues, freezePlain, type Value } from '../codec/value.js'
import { buildMachine } from './define-machine.js'
import type { Drafting } from './edit.js'
import {
  draftLeased,
  emptyLeasedMap,
  finishLeased,
  type LeasedDraft,
  type LeasedMap,
  liveValue,
  purge,
  putEntry,
  removeEntry,
} from './leased-map.js'
import { dropLease, endOf, isOver, leaseEnd, overdue, putLease } from './leases.js'
import { Rejected } from './rejected.js'
import { type Entry, entriesFrom } from './sorted-map.js'

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

type KvDraft = LeasedDraft<KvValue>

const drafting: Drafting<KvState, KvDraft> = {
  draft: draftLeased,
  finish(draft, before) {
    const { entries, leases } = finishLeased(draft, before)
    return entries === before.entries && leases === before.leases ? before : Object.freeze({ entries, leases })
  },
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
      set(draft: KvDraft, { key, value, ttlMs }: KvSet, { timestampMs }) {
        requireKey(key)
        const end = endOfNew(value, timestampMs, ttlMs)
        put(draft, key, value, timestampMs)
        setLease(draft, key, end)
      },

      /** True if the key was there. */
      delete(draft, key: string, { timestampMs }) {
        const isThere = current(draft, key, timestampMs) !== undefined
        purge(draft, key, timestampMs)
        removeEntry(draft, key)
        return isThere
      },

      /** Sets the key if its value equals `expected`; the order of keys in objects does not matter. */
      compareAndSet(draft, { key, expected, value, ttlMs }: KvCompareAndSet, { timestampMs }) {
        const found = current(draft, key, timestampMs)
        if (!equalValues(found, expected)) {
          purge(draft, key, timestampMs)
          return { ok: false, current: found }
        }
        const end = endOfNew(value, timestampMs, ttlMs)
        put(draft, key, value, timestampMs)
        setLease(draft, key, end)
        return { ok: true }
      },

      /** Adds to a number, 0 if there is none yet, and returns the sum. */
      increment(draft, { key, by = 1, ttlMs }: KvIncrement, { timestampMs }) {
        const found = current(draft, key, timestampMs) ?? 0
        if (typeof found !== 'number') throw new Rejected(`The value of "${key}" is not a number.`)
        if (typeof by !== 'number') throw new Rejected('An increment must be a number.')
        const end = endOfNew(found, timestampMs, ttlMs)
        put(draft, key, found + by, timestampMs)
        if (end !== undefined) setLease(draft, key, end)
        return found + by
      },

      /** Renews the lease of an entry, or ends the lease and keeps the entry. False if the key is not there. */
      touch(draft, { key, ttlMs }: KvTouch, { timestampMs }) {
        const isThere = current(draft, key, timestampMs) !== undefined
        const end = isThere && ttlMs !== undefined ? leaseEnd(timestampMs, ttlMs) : undefined
        purge(draft, key, timestampMs)
        if (isThere) setLease(draft, key, end)
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
  drafting,
)

/** What the key has, before anything is changed. */
function current(draft: KvDraft, key: string, nowMs: number): KvValue | undefined {
  return liveValue(draft, requireKey(key), nowMs)
}

/** Removes what is over, and sets the key, which keeps its lease. */
function put(draft: KvDraft, key: string, value: Value, nowMs: number): void {
  const frozen = freezePlain(value, undefined)
  purge(draft, key, nowMs)
  if (frozen === undefined) removeEntry(draft, key)
  else putEntry(draft, key, frozen)
}

/** Undefined without a lease. @throws Rejected */
function endOfNew(value: Value, nowMs: number, ttlMs: number | undefined): number | undefined {
  return value === undefined || ttlMs === undefined ? undefined : leaseEnd(nowMs, ttlMs)
}

/** @param end undefined for no lease */
function setLease(draft: KvDraft, key: string, end: number | undefined): void {
  if (end === undefined) dropLease(draft.leases, key)
  else putLease(draft.leases, key, end)
}

function requireKey(key: string): string {
  if (typeof key !== 'string') throw new Rejected('A key must be a string.')
  return key
}
