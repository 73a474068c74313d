import type { KeyRange } from './raw-storage.js'
import type { StoreEntry, Write } from './storage.js'

/** An ordered map from keys to bytes, in memory. */
export class MemoryTable {
  readonly #values: Map<string, Uint8Array>
  /** Undefined after keys came or went. */
  #sortedKeys: string[] | undefined

  constructor(values: Iterable<readonly [string, Uint8Array]> = []) {
    this.#values = new Map(values)
  }

  /** Shares the values, which nobody changes. */
  copy(): MemoryTable {
    return new MemoryTable(this.#values)
  }

  get(key: string): Uint8Array | undefined {
    return this.#values.get(key)?.slice()
  }

  page({ from, to }: KeyRange, limit: number): StoreEntry[] {
    this.#sortedKeys ??= [...this.#values.keys()].sort()
    const keys = this.#sortedKeys
    const page: StoreEntry[] = []
    for (let at = firstNotBelow(keys, from); page.length < limit; at++) {
      const key = keys[at]
      if (key === undefined || key >= to) break
      page.push({ key, value: (this.#values.get(key) as Uint8Array).slice() })
    }
    return page
  }

  apply(batch: readonly Write[]): void {
    for (const { key, value } of batch) {
      if (this.#values.has(key) !== (value !== undefined)) this.#sortedKeys = undefined
      if (value === undefined) this.#values.delete(key)
      else this.#values.set(key, value)
    }
  }
}

/** By halving. */
function firstNotBelow(sorted: readonly string[], key: string): number {
  let low = 0
  for (let high = sorted.length; low < high; ) {
    const middle = (low + high) >> 1
    if ((sorted[middle] as string) < key) low = middle + 1
    else high = middle
  }
  return low
}
