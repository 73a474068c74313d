import type { Durability, StoreEntry, Write } from './storage.js'

/**
 * What an adapter brings: bytes on its kind of disk. `checkedStorage` makes a Storage of it, and does there once what
 * all need: checking names, keys and values, the format, the order of writes, what happens after a failure.
 *
 * Methods may reject with whatever the disk says; it becomes an E_STORAGE. A LegionError passes as it is.
 */
export interface RawStorage {
  /** @throws LegionError E_STORAGE_LOCKED (see `lockedError`) */
  open(name: string): Promise<RawStore>
  /** In any order. */
  list(): Promise<string[]>
  /** @throws LegionError E_STORAGE_LOCKED */
  remove(name: string): Promise<void>
}

export interface RawStore {
  /** The bytes are the caller's. */
  get(key: string): Promise<Uint8Array | undefined>
  /** At most the first `limit` entries from `range.from` to before `range.to`, in order of their keys. */
  page(range: KeyRange, limit: number): Promise<StoreEntry[]>
  /**
   * Atomic; later writes of the same key win. Never called while another is under way, nor with an empty batch. Synced
   * means: with everything written before. The values are the adapter's, and views of nothing larger.
   */
  write(batch: readonly Write[], durability: Durability): Promise<void>
  /** Called once, after all other calls have settled. Resolves when the store can be opened again. */
  close(): Promise<void>
}

export interface KeyRange {
  readonly from: string
  /** Exclusive. */
  readonly to: string
}
