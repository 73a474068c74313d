/**
 * Durable bytes: one Store per replica, document or identity.
 */
export interface Storage {
  /** False if what is written is gone with the process. */
  readonly durable: boolean
  /** Opens or creates. @throws LegionError E_STORAGE_LOCKED if it is open already, here or in another process or tab */
  open(name: string): Promise<Store>
  list(): Promise<string[]>
  /** @throws LegionError E_STORAGE_LOCKED if it is open */
  remove(name: string): Promise<void>
}

/** An ordered map of byte values. Keys are ordered as by compareBytes. */
export interface Store {
  /** Everything in [from, to), in key order. */
  read(from: Uint8Array, to: Uint8Array): Promise<StoreEntry[]>
  /**
   * One atomic, durable batch, in order: after the promise resolves it survives a crash, before that either all of it
   * does or nothing. Undefined instead of a promise if done at once (memory): no await on the hot path.
   * @throws LegionError E_STORAGE; the store is then closed
   */
  write(batch: readonly StoreChange[]): Promise<void> | undefined
  close(): Promise<void>
}

export interface StoreEntry {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

export type StoreChange =
  | { readonly put: Uint8Array; readonly value: Uint8Array }
  | { readonly deleteFrom: Uint8Array; readonly deleteTo: Uint8Array }
