import { equalValues } from '../codec/value.js'
import type { KvState, KvValue } from './kv.js'
import { type Difference, differences } from './map-changes.js'
import { emptyMap, type SortedMap } from './sorted-map.js'
import type { Frozen } from './types.js'

/** A Legion or Group that runs `kv`. */
export interface Watchable {
  subscribe(
    selector: (state: Frozen<KvState>) => Frozen<SortedMap<KvValue>>,
    listener: (entries: Frozen<SortedMap<KvValue>>) => void,
  ): () => void
}

/** One key, or all that start with a prefix: `''` for every key. */
export type Watched = { readonly key: string } | { readonly prefix: string }

/** An entry that was set, changed or removed: `value` is undefined then. A new one's `previous` is undefined. */
export type KvChange = Difference<KvValue>

/**
 * Calls `listener` with the watched entries that are there, and then with those that changed, in the order of their
 * keys; never without any. Commands that are applied together are one call: of several changes of an entry it tells
 * the last.
 *
 * It goes by what is stored here: an entry whose lease is over is told when a later command removes it.
 * @returns ends the watching
 */
export function watch(
  group: Watchable,
  watched: Watched,
  listener: (changes: readonly KvChange[]) => void,
): () => void {
  let last: SortedMap<KvValue> = emptyMap()
  return group.subscribe(
    (state) => state.entries,
    (entries) => {
      const changes = differences(last, entries).filter(
        ({ key, value, previous }) => matches(watched, key) && !equalValues(value, previous),
      )
      last = entries
      if (changes.length > 0) listener(changes)
    },
  )
}

function matches(watched: Watched, key: string): boolean {
  return 'key' in watched ? key === watched.key : key.startsWith(watched.prefix)
}
