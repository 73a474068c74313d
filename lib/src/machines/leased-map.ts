import type { Parts } from './edit.js'
import { isOver, type Leases, noLeases, overdue, withoutLease } from './leases.js'
import { emptyMap, getValue, type SortedMap, withEntry, withoutEntry } from './sorted-map.js'

/**
 * A sorted map some of whose entries have leases. An entry whose lease is over is as if it were not there; `purge`
 * removes it, by and by.
 */
export interface LeasedMap<V> {
  readonly entries: SortedMap<V>
  /** Of entries; none outlives its entry. */
  readonly leases: Leases
}

/** More than a command can add, so that what is over never piles up. */
const PURGED_AT_ONCE = 4

export function emptyLeasedMap<V>(): LeasedMap<V> {
  return { entries: emptyMap(), leases: noLeases() }
}

/** The value, if it is there and its lease is not over. */
export function liveValue<V>(map: LeasedMap<V>, key: string, nowMs: number): V | undefined {
  return isOver(map.leases, key, nowMs) ? undefined : getValue(map.entries, key)
}

/** @param value frozen; it keeps the entry's lease, if there is one */
export function putEntry<V>(draft: Parts<LeasedMap<V>>, key: string, value: V): void {
  draft.entries = withEntry(draft.entries, key, value)
}

export function removeEntry<V>(draft: Parts<LeasedMap<V>>, key: string): void {
  draft.entries = withoutEntry(draft.entries, key)
  draft.leases = withoutLease(draft.leases, key)
}

/** Removes the entry of `key` if its lease is over, and a few others that ended first. */
export function purge<V>(draft: Parts<LeasedMap<V>>, key: string, nowMs: number): void {
  if (isOver(draft.leases, key, nowMs)) removeEntry(draft, key)
  let left = PURGED_AT_ONCE
  for (const ended of overdue(draft.leases, nowMs)) {
    if (left-- === 0) return
    removeEntry(draft, ended)
  }
}
