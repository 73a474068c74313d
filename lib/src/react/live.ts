import { useCallback, useMemo, useRef, useSyncExternalStore } from 'react'
import type { Unsubscribe } from '../base/emitter.js'

/** What a component shows of something that changes outside of React. */
export interface Live<T> {
  /** @param changed called whenever `read` may give another value */
  subscribe(changed: () => void): Unsubscribe
  read(): T
}

/** The value, kept until something changed: what `read` makes anew each time would have React render without end. */
export function useLive<T>(make: () => Live<T>, dependencies: readonly unknown[]): T {
  // biome-ignore lint/correctness/useExhaustiveDependencies: they are the caller's
  const kept = useMemo(() => keep(make()), dependencies)
  return useSyncExternalStore(kept.subscribe, kept.read, kept.read)
}

function keep<T>({ subscribe, read }: Live<T>): Live<T> {
  let last: { readonly value: T } | undefined
  return {
    subscribe: (changed) => {
      last = undefined // it may have changed since it was read first
      return subscribe(() => {
        last = undefined
        changed()
      })
    },
    read: () => {
      last ??= { value: read() }
      return last.value
    },
  }
}

/** What `select` gives for the value; the same object as before if it is equal, so that nothing is rendered for it. */
export function useSelected<S, T>(live: Live<S>, select: (source: S) => T): T {
  const last = useRef<{ readonly source: S; readonly select: (source: S) => T; readonly selected: T }>(undefined)
  const read = useCallback(() => {
    const source = live.read()
    const before = last.current
    if (before !== undefined && before.source === source && before.select === select) return before.selected
    const selected = select(source)
    const kept = before !== undefined && isShallowEqual(before.selected, selected) ? before.selected : selected
    last.current = { source, select, selected: kept }
    return kept
  }, [live, select])
  return useSyncExternalStore(live.subscribe, read, read)
}

/** The same, or plain objects or lists with the same entries: selectors like to make new ones. */
function isShallowEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (!isPlain(a) || !isPlain(b) || Array.isArray(a) !== Array.isArray(b)) return false
  const [entries, others] = [Object.entries(a), new Map(Object.entries(b))]
  return (
    entries.length === others.size &&
    entries.every(([key, value]) => others.has(key) && Object.is(others.get(key), value))
  )
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === Array.prototype
}
