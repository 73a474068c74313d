import {
  draftLeases,
  dropLease,
  finishLeases,
  isOver,
  type Leases,
  type LeasesDraft,
  nextOverdue,
  noLeases,
} from './leases.js'
import {
  deleteEntry,
  draftMap,
  emptyMap,
  finishMap,
  getValue,
  type MapDraft,
  type SortedMap,
  setEntry,
} from './sorted-map.js'

/**
 * A sorted map some of whose entries have leases. An entry whose lease is over is as if it were not there; `purge`
 * removes it, by and by.
 */
export interface LeasedMap<V> {
  readonly entries: SortedMap<V>
  /** Of entries; none outlives its entry. */
  readonly leases: Leases
}

/** A leased map that is being changed. */
export interface LeasedDraft<V> {
  readonly entries: MapDraft<V>
  readonly leases: LeasesDraft
}

/** More than a command can add, so that what is over never piles up. */
const PURGED_AT_ONCE = 4

export function emptyLeasedMap<V>(): LeasedMap<V> {
  return { entries: emptyMap(), leases: noLeases() }
}

export function draftLeased<V>({ entries, leases }: LeasedMap<V>): LeasedDraft<V> {
  return { entries: draftMap(entries), leases: draftLeases(leases) }
}

/** The parts of the state after `before`, from which the draft was made: the same objects where nothing has changed. */
export function finishLeased<V>({ entries, leases }: LeasedDraft<V>, before: LeasedMap<V>): LeasedMap<V> {
  return { entries: finishMap(entries, before.entries), leases: finishLeases(leases, before.leases) }
}

/** The value, if it is there and its lease is not over. */
export function liveValue<V>(map: LeasedMap<V>, key: string, nowMs: number): V | undefined {
  return isOver(map.leases, key, nowMs) ? undefined : getValue(map.entries, key)
}

/** @param value frozen; it keeps the entry's lease, if there is one */
export function putEntry<V>(draft: LeasedDraft<V>, key: string, value: V): void {
  setEntry(draft.entries, key, value)
}

export function removeEntry<V>(draft: LeasedDraft<V>, key: string): void {
  deleteEntry(draft.entries, key)
  dropLease(draft.leases, key)
}

/** Removes the entry of `key` if its lease is over, and a few others that ended first. */
export function purge<V>(draft: LeasedDraft<V>, key: string, nowMs: number): void {
  if (isOver(draft.leases, key, nowMs)) removeEntry(draft, key)
  for (let left = PURGED_AT_ONCE; left > 0; left--) {
    const ended = nextOverdue(draft.leases, nowMs)
    if (ended === undefined) return
    removeEntry(draft, ended)
  }
}
