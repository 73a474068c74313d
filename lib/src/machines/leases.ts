import { Rejected } from './rejected.js'
import {
  deleteEntry,
  draftMap,
  emptyMap,
  entriesFrom,
  finishMap,
  getValue,
  type MapDraft,
  type SortedMap,
  setEntry,
} from './sorted-map.js'

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

/** Leases that are being changed. */
export interface LeasesDraft {
  readonly ends: MapDraft<number>
  readonly due: MapDraft<string>
}

const LONGEST_MS = 2 ** 50
const END_DIGITS = String(Number.MAX_SAFE_INTEGER).length

export function noLeases(): Leases {
  return Object.freeze({ ends: emptyMap<number>(), due: emptyMap<string>() })
}

export function draftLeases({ ends, due }: Leases): LeasesDraft {
  return { ends: draftMap(ends), due: draftMap(due) }
}

/** Ends the draft. @returns `before`, from which it was made, if nothing has changed */
export function finishLeases(draft: LeasesDraft, before: Leases): Leases {
  const ends = finishMap(draft.ends, before.ends)
  const due = finishMap(draft.due, before.due)
  return ends === before.ends && due === before.due ? before : Object.freeze({ ends, due })
}

/** @returns when a lease ends that begins now. @throws Rejected unless `ttlMs` is above 0 and at most 2^50 */
export function leaseEnd(nowMs: number, ttlMs: number): number {
  if (typeof ttlMs === 'number' && ttlMs > 0 && ttlMs <= LONGEST_MS) {
    return Math.min(Math.ceil(nowMs + ttlMs), Number.MAX_SAFE_INTEGER)
  }
  throw new Rejected('ttlMs must be a number of milliseconds above 0.')
}

/** @param end from `leaseEnd` */
export function putLease(draft: LeasesDraft, key: string, end: number): void {
  dropLease(draft, key)
  setEntry(draft.ends, key, end)
  setEntry(draft.due, dueKey(end, key), key)
}

export function dropLease(draft: LeasesDraft, key: string): void {
  const end = endOf(draft, key)
  if (end === undefined) return
  deleteEntry(draft.ends, key)
  deleteEntry(draft.due, dueKey(end, key))
}

/** Milliseconds since 1970; undefined without a lease. */
export function endOf(leases: Leases, key: string): number | undefined {
  return leases.ends.size === 0 ? undefined : getValue(leases.ends, key)
}

export function isOver(leases: Leases, key: string, nowMs: number): boolean {
  const end = endOf(leases, key)
  return end !== undefined && end <= nowMs
}

/** The keys whose leases are over, the one that ended first first. The leases must not be changed meanwhile. */
export function* overdue(leases: Leases, nowMs: number): Iterable<string> {
  for (const [, key] of entriesFrom(leases.due, '')) {
    if (!isOver(leases, key, nowMs)) return
    yield key
  }
}

/** The key whose lease ended first of those that are over. */
export function nextOverdue(leases: Leases, nowMs: number): string | undefined {
  if (leases.due.size === 0) return undefined
  const [first] = overdue(leases, nowMs)
  return first
}

function dueKey(end: number, key: string): string {
  return `${String(end).padStart(END_DIGITS, '0')} ${key}`
}
