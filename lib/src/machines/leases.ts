import { Rejected } from './rejected.js'
import { emptyMap, entriesFrom, getValue, type SortedMap, withEntry, withoutEntry } from './sorted-map.js'

/**
 * When keys end, in log time: the timestamps of the entries of the log, the same on every replica. It stands still
 * while no command comes; no local clock counts.
 */
export interface Leases {
  /** By key: milliseconds since 1970. */
  readonly ends: SortedMap<number>
  /** The same the other way: end and key in one text that sorts by the end. */
  readonly due: SortedMap<string>
}

const LONGEST_MS = 2 ** 50
const END_DIGITS = String(Number.MAX_SAFE_INTEGER).length

export function noLeases(): Leases {
  return Object.freeze({ ends: emptyMap<number>(), due: emptyMap<string>() })
}

/** @throws Rejected unless `ttlMs` is above 0 and at most 2^50 */
export function withLease(leases: Leases, key: string, nowMs: number, ttlMs: number): Leases {
  if (!(typeof ttlMs === 'number' && ttlMs > 0 && ttlMs <= LONGEST_MS)) {
    throw new Rejected('ttlMs must be a number of milliseconds above 0.')
  }
  const end = Math.min(Math.ceil(nowMs + ttlMs), Number.MAX_SAFE_INTEGER)
  const { ends, due } = withoutLease(leases, key)
  return Object.freeze({ ends: withEntry(ends, key, end), due: withEntry(due, dueKey(end, key), key) })
}

/** The same leases if the key has none. */
export function withoutLease(leases: Leases, key: string): Leases {
  const end = endOf(leases, key)
  if (end === undefined) return leases
  const { ends, due } = leases
  return Object.freeze({ ends: withoutEntry(ends, key), due: withoutEntry(due, dueKey(end, key)) })
}

/** Milliseconds since 1970; undefined without a lease. */
export function endOf(leases: Leases, key: string): number | undefined {
  return getValue(leases.ends, key)
}

export function isOver(leases: Leases, key: string, nowMs: number): boolean {
  const end = endOf(leases, key)
  return end !== undefined && end <= nowMs
}

/** The keys whose leases are over, the one that ended first first. */
export function* overdue(leases: Leases, nowMs: number): Iterable<string> {
  for (const [, key] of entriesFrom(leases.due, '')) {
    if (!isOver(leases, key, nowMs)) return
    yield key
  }
}

function dueKey(end: number, key: string): string {
  return `${String(end).padStart(END_DIGITS, '0')} ${key}`
}
