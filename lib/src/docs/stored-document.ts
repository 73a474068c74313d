import * as Y from 'yjs'
import { concatBytes } from '../base/bytes.js'
import { LegionError } from '../base/errors.js'
import type { Logger } from '../base/logger.js'
import { DecodeError } from '../codec/decode.js'
import type { Store, Write } from '../storage/storage.js'
import { hasNews, News } from './news.js'
import { DocumentKeys, damaged, decodeHead, deletion, encodeHead, type Head } from './store-format.js'
import { integrate } from './updates.js'

/** Snapshots are cut into such pieces, so that nobody else waits long for the disk; a larger update becomes one. */
const PIECE_BYTES = 512 * 1024
/** What an update costs beyond its bytes when it is loaded: with it small ones are counted too. */
const UPDATE_COST_BYTES = 1024
/** Updates are compacted when they cost as much as the snapshot, but not before. */
const MIN_COST_BYTES = 256 * 1024

export interface StoredDocumentOptions {
  readonly name: string
  readonly y: Y.Doc
  readonly store: Promise<Store>
  /** Whoever kept the document before has written all. */
  readonly released: Promise<void>
  readonly logger: Logger
  /** The disk failed: nothing is kept any more. At most once. */
  readonly failed: (error: LegionError) => void
}

/**
 * Keeps one document in the peer's store: what is new is appended, and compacted when it costs as much as a snapshot
 * (so what is written in all stays within a small multiple of what was changed). One write is under way at a time; what
 * comes meanwhile is the next. Whatever the disk has after a crash is the document as it was at some moment.
 */
export class StoredDocument {
  /** What was stored is in the document. @throws LegionError E_STORAGE */
  readonly loaded: Promise<void>
  readonly #options: StoredDocumentOptions
  readonly #keys: DocumentKeys
  #store: Store | undefined
  #head: Head | undefined
  #nextSequence = 1
  #oldestSequence = 1
  #updateCostBytes = 0
  #news = new News()
  /** What a compaction under way brings to the disk. */
  #compacting: News | undefined
  #changes = 0
  #savedChanges = 0
  #writing: Promise<void> | undefined
  #failure: LegionError | undefined
  #isClosed = false

  constructor(options: StoredDocumentOptions) {
    this.#options = options
    this.#keys = new DocumentKeys(options.name)
    options.y.on('afterTransactionCleanup', this.#changed)
    this.loaded = this.#load()
    this.loaded.catch((error: unknown) => this.#fail(error))
  }

  /** It is loaded, and the disk has not failed. */
  get isWorking(): boolean {
    return this.#store !== undefined && this.#failure === undefined
  }

  /** Resolves when all that is in the document now survives whatever happens. @throws LegionError E_STORAGE, E_CLOSED */
  async save(): Promise<void> {
    await this.loaded
    const changes = this.#changes
    while (this.#savedChanges < changes && this.#failure === undefined && !this.#isClosed) await this.#writing
    if (this.#failure !== undefined) throw this.#failure
    await this.#store?.write([], 'synced')
  }

  /** What is not written yet is given to the disk before this returns; resolves when nothing is under way any more. */
  async close(): Promise<void> {
    if (!this.#isClosed) this.#appendLast()
    this.#isClosed = true
    this.#options.y.off('afterTransactionCleanup', this.#changed)
    await this.loaded.catch(() => {})
    await this.#writing
  }

  readonly #changed = (transaction: Y.Transaction) => {
    if (transaction.origin === this || !hasNews(transaction)) return
    this.#changes++
    this.#news.add(transaction)
    this.#evaluate()
  }

  // Loading

  async #load(): Promise<void> {
    const { name, store: opening, released } = this.#options
    const store = await opening
    await released
    const stored = await readStored(store, this.#keys, name)
    if (stored.leftovers.length > 0) await store.write(stored.leftovers.map(deletion), 'buffered')
    if (!this.#isClosed) this.#integrate(stored)
    this.#store = store
    this.#head = stored.head
    this.#oldestSequence = stored.firstSequence
    this.#nextSequence = stored.firstSequence + stored.updates.length
    this.#updateCostBytes = stored.updates.reduce((sum, update) => sum + costOf(update), 0)
    if (this.#isClosed) this.#appendLast()
    else this.#evaluate()
  }

  #integrate({ snapshot, updates }: Stored): void {
    const { name, y, logger } = this.#options
    try {
      integrate(y, this, () => {
        if (snapshot !== undefined) Y.applyUpdateV2(y, snapshot, this)
        for (const update of updates) Y.applyUpdate(y, update, this)
      })
    } catch (error) {
      if (error instanceof DecodeError) throw damaged(name, 'Yjs can not read it', error)
      logger.error(`An observer of the document ${name} threw.`, error)
    }
  }

  // Writing

  #evaluate(): void {
    const store = this.#store
    const isIdle = this.#writing === undefined && this.#failure === undefined && !this.#isClosed
    if (store === undefined || !isIdle || this.#news.isEmpty) return
    // In a microtask: what one task changes is one record, as long as the disk keeps up.
    this.#writing = Promise.resolve()
      .then(() => this.#write(store))
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#writing = undefined
        this.#evaluate()
      })
  }

  async #write(store: Store): Promise<void> {
    if (this.#isClosed) return
    const changes = this.#changes
    const news = this.#takeNews()
    const update = news.encode(this.#options.y)
    const costBytes = this.#updateCostBytes + costOf(update)
    const isSmall = update.length <= PIECE_BYTES
    if (isSmall && costBytes <= Math.max(MIN_COST_BYTES, this.#head?.snapshotBytes ?? 0)) {
      await store.write(this.#appending(update), 'buffered')
    } else {
      this.#compacting = news
      await this.#compact(store)
      this.#compacting = undefined
    }
    this.#savedChanges = changes
  }

  #takeNews(): News {
    const news = this.#news
    this.#news = new News()
    return news
  }

  #appending(update: Uint8Array): Write[] {
    this.#updateCostBytes += costOf(update)
    const record = { key: this.#keys.update(this.#nextSequence++), value: update }
    if (this.#head !== undefined) return [record]
    this.#head = { name: this.#options.name, set: 0, snapshotBytes: 0 }
    return [{ key: this.#keys.head, value: encodeHead(this.#head) }, record]
  }

  /** The document as it is now takes the place of all that is stored of it, with the last write. */
  async #compact(store: Store): Promise<void> {
    const snapshot = Y.encodeStateAsUpdateV2(this.#options.y)
    const previous = this.#head
    const { name } = this.#options
    const head = { name, set: (previous?.set ?? 0) + 1, snapshotBytes: snapshot.length }
    const end = this.#nextSequence
    const pieces = cut(snapshot).map((value, n) => ({ key: this.#keys.piece(head.set, n), value }))
    for (const piece of pieces.slice(0, -1)) {
      await store.write([piece], 'buffered')
      if (this.#isClosed) return // what it would have saved is in the last update
    }
    const old = [...this.#piecesOf(previous), ...this.#updatesUntil(end)]
    this.#head = head
    this.#oldestSequence = end
    this.#updateCostBytes = 0
    const last = pieces.slice(-1)
    await store.write([...last, { key: this.#keys.head, value: encodeHead(head) }, ...old.map(deletion)], 'buffered')
  }

  #piecesOf(head: Head | undefined): string[] {
    if (head === undefined || head.set === 0) return []
    return Array.from({ length: pieceCount(head.snapshotBytes) }, (_, n) => this.#keys.piece(head.set, n))
  }

  #updatesUntil(end: number): string[] {
    return Array.from({ length: end - this.#oldestSequence }, (_, i) => this.#keys.update(this.#oldestSequence + i))
  }

  /** Stores keep the order of the calls: this comes after what is under way. */
  #appendLast(): void {
    const store = this.#store
    if (store === undefined || this.#failure !== undefined) return
    const unsaved = [this.#compacting, this.#takeNews()].filter((news) => news !== undefined && !news.isEmpty)
    const batch = unsaved.flatMap((news) => this.#appending((news as News).encode(this.#options.y)))
    if (batch.length > 0) store.write(batch, 'buffered').catch((error: unknown) => this.#fail(error))
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return
    const failure = LegionError.is(error) ? error : damaged(this.#options.name, String(error), error)
    this.#failure = failure
    this.#options.y.off('afterTransactionCleanup', this.#changed)
    if (!this.#isClosed) this.#options.failed(failure)
  }
}

interface Stored {
  readonly head: Head | undefined
  readonly snapshot: Uint8Array | undefined
  readonly updates: readonly Uint8Array[]
  readonly firstSequence: number
  /** Keys of pieces that do not count. */
  readonly leftovers: readonly string[]
}

/** @throws LegionError E_STORAGE */
async function readStored(store: Store, keys: DocumentKeys, name: string): Promise<Stored> {
  const headBytes = await store.get(keys.head)
  const head = headBytes && decodeHead(headBytes)
  const pieces: Uint8Array[] = []
  const leftovers: string[] = []
  const counting = head === undefined ? undefined : keys.snapshot(head.set)
  for await (const { key, value } of store.scan(keys.snapshots)) {
    if (counting !== undefined && key.startsWith(counting)) pieces.push(value)
    else leftovers.push(key)
  }
  const updates: Uint8Array[] = []
  const sequences: number[] = []
  for await (const { key, value } of store.scan(keys.updates)) {
    updates.push(value)
    sequences.push(DocumentKeys.numberIn(key))
  }
  const snapshot = pieces.length === 0 ? undefined : concatBytes(pieces)
  const [firstSequence = 1] = sequences
  if (sequences.some((sequence, i) => sequence !== firstSequence + i)) throw damaged(name, 'an update is missing')
  if ((snapshot?.length ?? 0) !== (head?.snapshotBytes ?? 0)) throw damaged(name, 'a part of its snapshot is missing')
  return { head, snapshot, updates, firstSequence, leftovers }
}

function costOf(update: Uint8Array): number {
  return update.length + UPDATE_COST_BYTES
}

function cut(bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: pieceCount(bytes.length) }, (_, n) =>
    bytes.subarray(n * PIECE_BYTES, (n + 1) * PIECE_BYTES),
  )
}

function pieceCount(sizeBytes: number): number {
  return Math.ceil(sizeBytes / PIECE_BYTES)
}
