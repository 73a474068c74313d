/**
 * Where a peer keeps what shall survive it. An adapter for each kind of disk; all pass the same contract suite
 * (`describeStorageContract`).
 */
export interface Storage {
  /**
   * Opens a store, making it if there is none. Exclusive: until it is closed, or this process ends, nobody else can.
   * @param name 1 to 100 characters of a-z, A-Z, 0-9, `.`, `_`, `-`
   * @throws LegionError E_STORAGE_LOCKED if somebody has it open; E_STORAGE if it is damaged, of an unknown format, or
   *   the disk fails
   */
  open(name: string): Promise<Store>
  /** The names of all stores, open or not, sorted. */
  list(): Promise<string[]>
  /** Removes a store with all that is in it, if there is one. @throws LegionError E_STORAGE_LOCKED if it is open */
  remove(name: string): Promise<void>
}

/**
 * An ordered map from keys to bytes. Keys are printable ASCII, 1 to 200 characters, ordered by character code.
 *
 * Writes take effect in the order of the calls: what is durable after a crash is always a prefix of them. After one
 * has failed the store is broken: everything later fails with the same E_STORAGE. What is no key is refused with
 * E_INVALID, everything after `close` with E_CLOSED.
 */
export interface Store {
  /** @throws LegionError E_STORAGE if the disk fails or the value is damaged */
  get(key: string): Promise<Uint8Array | undefined>
  /** All entries whose key begins with `prefix`, in order of their keys; reads a few at a time. @throws as `get` */
  scan(prefix: string): AsyncIterable<StoreEntry>
  /** The keys alone, those of damaged values too. @throws LegionError E_STORAGE if the disk fails */
  scanKeys(prefix: string): AsyncIterable<string>
  /**
   * Does all of the batch or nothing, whatever happens. The values must not change until it resolves.
   * @param durability `synced`: it survives a loss of power once this resolves; `buffered`: it will, a little later
   * @throws LegionError E_STORAGE
   */
  write(batch: readonly Write[], durability: Durability): Promise<void>
  /** After all writes under way. Idempotent. */
  close(): Promise<void>
}

export interface StoreEntry {
  readonly key: string
  readonly value: Uint8Array
}

/** Puts the value; without one, deletes the key. */
export interface Write {
  readonly key: string
  readonly value: Uint8Array | undefined
}

export type Durability = 'synced' | 'buffered'
