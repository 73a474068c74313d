const KEYS = 1000

/** The same keys for every store, so that all hold as much. */
export function keyAt(index: number): string {
  return `key-${index % KEYS}`
}
