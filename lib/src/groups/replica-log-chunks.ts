import { invariant, LegionError } from '../base/errors.js'
import { hashBytes } from '../codec/hash.js'
import type { Store, Write } from '../storage/storage.js'
import type { StoreWriter } from '../storage/store-writer.js'
import { type ChunkSet, LogKeys } from './replica-log-format.js'

const NOTHING = new Uint8Array(0)

/**
 * The data of a replica's snapshots in its store: sets of chunks. A set is trash, and says so in the store, from its
 * first chunk until the owner's record speaks of it, and again when that speaks of another one. Trash is deleted when
 * nobody writes or reads it, at the latest when the replica is loaded again.
 */
export class ChunkSets {
  readonly #store: Store
  readonly #writer: StoreWriter
  readonly #keys: LogKeys
  readonly #sets = new Map<number, KeptSet>()
  #lastId: number

  private constructor(store: Store, writer: StoreWriter, keys: LogKeys, lastId: number) {
    this.#store = store
    this.#writer = writer
    this.#keys = keys
    this.#lastId = lastId
  }

  /** Deletes what an earlier run left. @param current what the owner's record speaks of */
  static async load(
    store: Store,
    writer: StoreWriter,
    keys: LogKeys,
    current: ChunkSet | undefined,
  ): Promise<ChunkSets> {
    const sets = new ChunkSets(store, writer, keys, current?.id ?? 0)
    if (current !== undefined) sets.#sets.set(current.id, { chunks: current.checksums.length, users: 0, trash: false })
    const leftovers: number[] = []
    for await (const { key } of store.scan(keys.trashes)) leftovers.push(LogKeys.numberIn(key))
    for (const id of leftovers) await sets.#deleteLeftover(id)
    return sets
  }

  async #deleteLeftover(id: number): Promise<void> {
    const batch: Write[] = [{ key: this.#keys.trash(id), value: undefined }]
    for await (const { key } of this.#store.scan(this.#keys.chunks(id))) batch.push({ key, value: undefined })
    await this.#writer.write(batch, 'buffered')
  }

  begin(): ChunkWriter {
    const id = ++this.#lastId
    const kept: KeptSet = { chunks: 0, users: 1, trash: true }
    this.#sets.set(id, kept)
    const add = (chunk: Uint8Array) => {
      const batch: Write[] = [{ key: this.#keys.chunk(id, kept.chunks++), value: chunk }]
      if (kept.chunks === 1) batch.push({ key: this.#keys.trash(id), value: NOTHING })
      return this.#writer.write(batch, 'buffered')
    }
    return new ChunkWriter(id, add, () => this.#release(id))
  }

  /** What to write together with the owner's record when that speaks of `next` instead of `previous`. */
  replacement(previous: ChunkSet | undefined, next: ChunkSet | undefined): Write[] {
    const batch: Write[] = []
    if (previous !== undefined) batch.push({ key: this.#keys.trash(previous.id), value: NOTHING })
    if (next !== undefined) batch.push({ key: this.#keys.trash(next.id), value: undefined })
    return batch
  }

  /** The replacement is written. */
  replaced(previous: ChunkSet | undefined, next: ChunkSet | undefined): void {
    if (next !== undefined) this.#kept(next.id).trash = false
    if (previous === undefined) return
    this.#kept(previous.id).trash = true
    this.#deleteUnused(previous.id)
  }

  /** Nobody deletes the set until the reader is closed. */
  open(set: ChunkSet): ChunkReader {
    this.#kept(set.id).users++
    const read = (number: number) => this.#store.get(this.#keys.chunk(set.id, number))
    return new ChunkReader(set, this.#keys, read, () => this.#release(set.id))
  }

  #release(id: number): void {
    this.#kept(id).users--
    this.#deleteUnused(id)
  }

  #deleteUnused(id: number): void {
    const { chunks, users, trash } = this.#kept(id)
    if (users > 0 || !trash) return
    this.#sets.delete(id)
    const batch: Write[] = [{ key: this.#keys.trash(id), value: undefined }]
    for (let number = 0; number < chunks; number++) batch.push({ key: this.#keys.chunk(id, number), value: undefined })
    // If it fails the store is broken, and the owner's next write says so.
    this.#writer.write(batch, 'buffered').catch(() => {})
  }

  #kept(id: number): KeptSet {
    const kept = this.#sets.get(id)
    invariant(kept !== undefined, () => `no chunk set ${id} among ${[...this.#sets.keys()]}`)
    return kept
  }
}

interface KeptSet {
  chunks: number
  /** Who writes or reads it. */
  users: number
  trash: boolean
}

/** Writes one set. Whoever has it releases it in the end. */
export class ChunkWriter {
  readonly #id: number
  readonly #add: (chunk: Uint8Array) => Promise<void>
  readonly #release: () => void
  readonly #checksums: string[] = []
  #totalBytes = 0
  #finished = false
  #released = false

  constructor(id: number, add: (chunk: Uint8Array) => Promise<void>, release: () => void) {
    this.#id = id
    this.#add = add
    this.#release = release
  }

  /** @throws LegionError E_STORAGE; E_ABORTED after `finish` or `release` */
  add(chunk: Uint8Array): Promise<void> {
    if (this.#finished) return Promise.reject(notWanted())
    this.#checksums.push(hashBytes(chunk))
    this.#totalBytes += chunk.length
    return this.#add(chunk)
  }

  /** @throws LegionError E_ABORTED after `finish` or `release` */
  finish(): ChunkSet {
    if (this.#finished) throw notWanted()
    this.#finished = true
    return { id: this.#id, totalBytes: this.#totalBytes, checksums: this.#checksums }
  }

  /** The set is deleted now, unless it has replaced another one. Idempotent. */
  release(): void {
    if (this.#released) return
    this.#finished = true
    this.#released = true
    this.#release()
  }
}

/** Reads one set, from any chunk on and as often as wanted, until it is closed. */
export class ChunkReader {
  readonly #set: ChunkSet
  readonly #keys: LogKeys
  readonly #read: (number: number) => Promise<Uint8Array | undefined>
  readonly #release: () => void
  #closed = false

  constructor(
    set: ChunkSet,
    keys: LogKeys,
    read: (number: number) => Promise<Uint8Array | undefined>,
    release: () => void,
  ) {
    this.#set = set
    this.#keys = keys
    this.#read = read
    this.#release = release
  }

  /** @throws LegionError E_STORAGE if a chunk is missing or is not what was written; E_CLOSED after `close` */
  async *chunks(from = 0): AsyncGenerator<Uint8Array, void, undefined> {
    for (let number = from; number < this.#set.checksums.length; number++) {
      if (this.#closed) throw new LegionError('E_CLOSED', 'The reader of this snapshot was closed.')
      const chunk = await this.#read(number)
      if (chunk === undefined) throw this.#keys.damaged(`chunk ${number} of the snapshot is missing`)
      if (hashBytes(chunk) !== this.#set.checksums[number]) {
        throw this.#keys.damaged(`chunk ${number} of the snapshot has another checksum`)
      }
      yield chunk
    }
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#release()
  }
}

function notWanted(): LegionError {
  return new LegionError('E_ABORTED', 'This snapshot was aborted, or is complete already.')
}
