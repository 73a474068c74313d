import { type Deferred, defer } from '../base/deferred.js'
import type { Durability, Store, Write } from './storage.js'

/** What was written so far. */
export interface WriteCounts {
  /** Calls of `write`. */
  readonly writes: number
  /** Calls of the store that they became. */
  readonly batches: number
  readonly syncedBatches: number
  /** Of keys and values. */
  readonly bytes: number
}

/** A store is given at most so many bytes at once, unless a single write has more. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024

/**
 * Group commit: all who write to one store go through one of these. While the store is busy, what comes is joined into
 * the next batch, so that one sync to disk serves everybody who waits for one.
 *
 * Order and atomicity are those of `Store.write`: no write is split, none overtakes another.
 */
export class StoreWriter {
  readonly #store: Store
  readonly #maxBatchBytes: number
  #queue: Pending[] = []
  #queuedBytes = 0
  #running = false
  #failure: { readonly error: unknown } | undefined
  #counts: WriteCounts = { writes: 0, batches: 0, syncedBatches: 0, bytes: 0 }

  /** @param maxBatchBytes of keys and values */
  constructor(store: Store, maxBatchBytes = MAX_BATCH_BYTES) {
    this.#store = store
    this.#maxBatchBytes = maxBatchBytes
  }

  /** Bytes that were given to `write` and are not written: whoever can wait does so while this is large. */
  get queuedBytes(): number {
    return this.#queuedBytes
  }

  get counts(): WriteCounts {
    return this.#counts
  }

  /**
   * As `Store.write`. An idle store is given it as soon as the current call stack has unwound.
   * @throws LegionError E_STORAGE if this or any earlier write failed
   */
  write(batch: readonly Write[], durability: Durability): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error)
    const pending = { batch, durability, bytes: sizeOf(batch), done: defer() }
    this.#queue.push(pending)
    this.#queuedBytes += pending.bytes
    if (!this.#running) {
      this.#running = true
      queueMicrotask(() => void this.#run())
    }
    return pending.done.promise
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) await this.#writeNext(this.#take())
    this.#running = false
  }

  async #writeNext(joined: readonly Pending[]): Promise<void> {
    const durability = joined.some((pending) => pending.durability === 'synced') ? 'synced' : 'buffered'
    const bytes = joined.reduce((total, pending) => total + pending.bytes, 0)
    try {
      await this.#store.write(join(joined), durability)
    } catch (error) {
      this.#fail(error, joined)
      return
    }
    this.#queuedBytes -= bytes
    this.#count(joined.length, durability, bytes)
    for (const { done } of joined) done.resolve()
  }

  /** From the front of the queue as much as fits into one batch. */
  #take(): Pending[] {
    let bytes = 0
    const end = this.#queue.findIndex((pending, i) => {
      bytes += pending.bytes
      return i > 0 && bytes > this.#maxBatchBytes
    })
    return this.#queue.splice(0, end < 0 ? this.#queue.length : end)
  }

  #fail(error: unknown, joined: readonly Pending[]): void {
    this.#failure = { error }
    const failed = [...joined, ...this.#queue]
    this.#queue = []
    this.#queuedBytes = 0
    for (const { done } of failed) done.reject(error)
  }

  #count(writes: number, durability: Durability, bytes: number): void {
    const counts = this.#counts
    this.#counts = {
      writes: counts.writes + writes,
      batches: counts.batches + 1,
      syncedBatches: counts.syncedBatches + (durability === 'synced' ? 1 : 0),
      bytes: counts.bytes + bytes,
    }
  }
}

interface Pending {
  readonly batch: readonly Write[]
  readonly durability: Durability
  readonly bytes: number
  readonly done: Deferred<void>
}

function sizeOf(batch: readonly Write[]): number {
  return batch.reduce((total, { key, value }) => total + key.length + (value?.length ?? 0), 0)
}

/** One batch with each key once: what was written last counts. */
function join(joined: readonly Pending[]): Write[] {
  const writes = new Map<string, Write>()
  for (const { batch } of joined) for (const write of batch) writes.set(write.key, write)
  return [...writes.values()]
}
