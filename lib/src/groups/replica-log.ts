import { invariant } from '../base/errors.js'
import type { Entry, HardState, Index, InitialState, SnapshotMeta } from '../raft/index.js'
import type { Durability, Store, Write } from '../storage/storage.js'
import type { StoreWriter } from '../storage/store-writer.js'
import { type ChunkReader, ChunkSets, type ChunkWriter } from './replica-log-chunks.js'
import { type ChunkSet, encodeHead, encodeMeta, encodeRecord, type Head, LogKeys } from './replica-log-format.js'
import type { LogIndex } from './replica-log-index.js'
import { type Loaded, loadLog, newLog } from './replica-log-load.js'

/** What a replica finds when it starts again. */
export interface StoredReplica {
  readonly incarnation: number
  /** As given to `create` or `install`. */
  readonly attributes: Uint8Array
  /** What the Raft core starts from. Its committed entries are to be applied to the state of `snapshot`. */
  readonly initial: InitialState
  /** Undefined: the state that the replica was created with. */
  readonly snapshot: StoredSnapshot | undefined
}

export interface StoredSnapshot extends SnapshotMeta {
  readonly totalBytes: number
  /** `hashBytes` of each chunk. */
  readonly checksums: readonly string[]
}

/**
 * The durable log of one replica: every Ready of its Raft core, the current snapshot, and what its owner wants to
 * remember, all below one prefix of a store.
 *
 * Every call is one atomic write, in the order of the calls; nobody needs to wait for one before the next. After a
 * crash `load` finds the state that some of them left, and never an earlier one than the last that was `synced` and
 * done. All promises reject with E_STORAGE once a write has failed.
 */
export class ReplicaLog {
  readonly #writer: StoreWriter
  readonly #keys: LogKeys
  readonly #chunks: ChunkSets
  readonly #unfinished = new Set<ChunkWriter>()
  #kept: Kept | undefined
  /** Of `#kept.head`, as soon as it is written. */
  #snapshot: HeadWithChunks | undefined

  private constructor(writer: StoreWriter, keys: LogKeys, chunks: ChunkSets, kept: Kept | undefined) {
    this.#writer = writer
    this.#keys = keys
    this.#chunks = chunks
    this.#kept = kept
    this.#snapshot = withChunks(kept?.head)
  }

  /**
   * @param writer everybody's who writes to `store`
   * @param prefix of all keys, such as `g/main/`. No other user's prefix may begin with it.
   * @throws LegionError E_STORAGE if what is there is damaged, or of another format
   */
  static async load(
    store: Store,
    writer: StoreWriter,
    prefix: string,
  ): Promise<{ readonly log: ReplicaLog; readonly stored: StoredReplica | undefined }> {
    const keys = new LogKeys(prefix)
    const loaded = await loadLog(store, keys)
    const chunks = await ChunkSets.load(store, writer, keys, loaded?.head.chunks)
    return { log: new ReplicaLog(writer, keys, chunks, loaded), stored: loaded && storedReplica(loaded) }
  }

  /**
   * A new incarnation begins, with `emptyState` or `foundingState`. What was there before is gone.
   * @param attributes must not change
   */
  async create(incarnation: number, attributes: Uint8Array, initial: InitialState): Promise<void> {
    const removal = this.#forget()
    const { head, index } = newLog(initial.snapshot, removal.nextSequence)
    this.#kept = { incarnation, head, index }
    const record = this.#record(initial.hardState, initial.entries)
    const batch = [...removal.batch, this.#meta(incarnation, attributes), this.#head(head), record]
    await this.#replace(batch, removal.chunks, head)
  }

  /**
   * Keeps what a Ready brings.
   * @param hardState undefined: as before
   * @param entries replace all stored entries from the first one's index on. Their data must not change.
   */
  append(hardState: HardState | undefined, entries: readonly Entry[], durability: Durability): Promise<void> {
    if (hardState === undefined && entries.length === 0) return Promise.resolve()
    return this.#writer.write([this.#record(hardState, entries)], durability)
  }

  /** A place for a snapshot that is being made or received. */
  beginSnapshot(): SnapshotWriter {
    const chunks = this.#chunks.begin()
    this.#unfinished.add(chunks)
    return {
      add: (chunk) => chunks.add(chunk),
      commit: (meta) => this.#finish(chunks, (set) => this.#commit(set, meta)),
      install: (meta, hardState, entries, successor) =>
        this.#finish(chunks, (set) => this.#install(set, meta, hardState, entries, successor)),
      abort: () => this.#abort(chunks),
    }
  }

  /** The current snapshot, undefined if there is none. To be closed, or a later snapshot can't take its place on disk. */
  openSnapshot(): SnapshotReader | undefined {
    const head = this.#snapshot
    if (head === undefined) return undefined
    const reader = this.#chunks.open(head.chunks)
    return { snapshot: storedSnapshot(head), chunks: (from) => reader.chunks(from), close: () => reader.close() }
  }

  /**
   * Forgets the entries up to `index`, if they are not forgotten yet.
   * @param index not after the snapshot's
   */
  compact(index: Index): Promise<void> {
    const { head, index: log } = this.#current
    const term = log.term(index)
    invariant(index <= head.state.index, () => `compacting to ${index}, the snapshot is at ${head.state.index}`)
    if (index <= head.base.index || term === undefined) return Promise.resolve()
    const dropped = log.compact({ index, term })
    const next = { ...head, base: { index, term }, firstSequence: log.firstSequence }
    this.#kept = { ...this.#current, head: next }
    return this.#writer.write([...this.#deletions(dropped), this.#head(next)], 'buffered')
  }

  /** Removes everything. `create` may follow. */
  async destroy(): Promise<void> {
    const removal = this.#forget()
    this.#kept = undefined
    const { meta, head } = this.#keys
    const batch = [...removal.batch, { key: meta, value: undefined }, { key: head, value: undefined }]
    await this.#replace(batch, removal.chunks, undefined)
  }

  get #current(): Kept {
    invariant(this.#kept !== undefined, () => `nothing was created under ${this.#keys.prefix}`)
    return this.#kept
  }

  /** Ends what is under way. @returns what removes the log */
  #forget(): { batch: Write[]; chunks: ChunkSet | undefined; nextSequence: number } {
    for (const chunks of [...this.#unfinished]) this.#abort(chunks)
    const batch = this.#deletions(this.#kept?.index.sequences ?? [])
    return { batch, chunks: this.#kept?.head.chunks, nextSequence: this.#kept?.index.nextSequence ?? 1 }
  }

  async #finish(chunks: ChunkWriter, write: (set: ChunkSet) => Promise<void>): Promise<void> {
    const set = chunks.finish()
    this.#unfinished.delete(chunks)
    try {
      await write(set)
    } finally {
      chunks.release()
    }
  }

  #abort(chunks: ChunkWriter): void {
    if (this.#unfinished.delete(chunks)) chunks.release()
  }

  /** The log stays as it is. */
  async #commit(chunks: ChunkSet, state: SnapshotMeta): Promise<void> {
    const { head: previous, index } = this.#current
    if (state.index < previous.state.index) return // a received one was faster
    invariant(
      index.term(state.index) === state.term,
      () => `snapshot at ${state.term}/${state.index}, the log has term ${index.term(state.index)} there`,
    )
    const head = { ...previous, state, chunks }
    this.#kept = { ...this.#current, head }
    await this.#replace([this.#head(head)], previous.chunks, head)
  }

  /** The log goes; what it says may contradict the snapshot. */
  async #install(
    chunks: ChunkSet,
    state: SnapshotMeta,
    hardState: HardState | undefined,
    entries: readonly Entry[] = [],
    successor?: Successor | undefined,
  ): Promise<void> {
    const { head: previous, index: old } = this.#current
    invariant(
      state.index >= previous.state.index,
      () => `installing a snapshot at ${state.index}, it was at ${previous.state.index}`,
    )
    const { head, index } = newLog(state, old.nextSequence, chunks)
    this.#kept = { incarnation: successor?.incarnation ?? this.#current.incarnation, head, index }
    const record = this.#record(hardState ?? old.hardState, entries)
    const meta = successor === undefined ? [] : [this.#meta(successor.incarnation, successor.attributes)]
    await this.#replace([...this.#deletions(old.sequences), ...meta, this.#head(head), record], previous.chunks, head)
  }

  /** Writes a batch that makes `head` the current one. */
  async #replace(batch: readonly Write[], previous: ChunkSet | undefined, head: Head | undefined): Promise<void> {
    const replacement = this.#chunks.replacement(previous, head?.chunks)
    await this.#writer.write([...batch, ...replacement], 'synced')
    this.#snapshot = withChunks(head)
    this.#chunks.replaced(previous, head?.chunks)
  }

  #record(hardState: HardState | undefined, entries: readonly Entry[]): Write {
    const { index } = this.#current
    const kept = hardState ?? index.hardState
    invariant(kept !== undefined, () => `no hard state under ${this.#keys.prefix}`)
    const record = { hardState: kept, entries }
    const problem = index.problem(record)
    invariant(problem === undefined, () => `to be stored: ${problem}`)
    return { key: this.#keys.record(index.add(record)), value: encodeRecord(record) }
  }

  #meta(incarnation: number, attributes: Uint8Array): Write {
    return { key: this.#keys.meta, value: encodeMeta({ incarnation, attributes }) }
  }

  #head(head: Head): Write {
    return { key: this.#keys.head, value: encodeHead(head) }
  }

  #deletions(sequences: readonly number[]): Write[] {
    return sequences.map((sequence) => ({ key: this.#keys.record(sequence), value: undefined }))
  }
}

/**
 * Takes the data first, then what it is. Ends by `commit`, `install` or `abort`; E_ABORTED if the log was created anew
 * or destroyed meanwhile.
 */
export interface SnapshotWriter {
  /**
   * The next piece of the data, which must not change until this resolves. Wait for it, so that memory does not fill.
   */
  add(chunk: Uint8Array): Promise<void>
  /** The data is a snapshot of this replica's own state. Dropped if a received one is further by now. */
  commit(meta: SnapshotMeta): Promise<void>
  /**
   * The data came from a leader: in one write it takes the place of the log, and brings hard state and entries of the
   * same Ready.
   * @param hardState undefined: as before, but for the commit index
   * @param successor a new incarnation begins with it, in the same write
   */
  install(
    meta: SnapshotMeta,
    hardState: HardState | undefined,
    entries?: readonly Entry[] | undefined,
    successor?: Successor | undefined,
  ): Promise<void>
  /** Idempotent; does nothing after the others. */
  abort(): void
}

export interface SnapshotReader {
  readonly snapshot: StoredSnapshot
  /**
   * May be called more than once.
   * @param from the number of the first chunk
   * @throws LegionError E_STORAGE if a chunk is not what was written; E_CLOSED after `close`
   */
  chunks(from?: number | undefined): ReturnType<ChunkReader['chunks']>
  /** Idempotent. */
  close(): void
}

/** Who goes on with a log. */
export interface Successor {
  readonly incarnation: number
  readonly attributes: Uint8Array
}

interface Kept {
  readonly incarnation: number
  readonly head: Head
  readonly index: LogIndex
}

type HeadWithChunks = Head & { readonly chunks: ChunkSet }

function withChunks(head: Head | undefined): HeadWithChunks | undefined {
  return head?.chunks === undefined ? undefined : { ...head, chunks: head.chunks }
}

function storedSnapshot({ state, chunks }: HeadWithChunks): StoredSnapshot {
  return { ...state, totalBytes: chunks.totalBytes, checksums: chunks.checksums }
}

/**
 * The core's log begins at the base; the entries from there to the snapshot are for members that lag a little. The
 * configuration at the base is unknown, and not needed when that at the snapshot is `applied`.
 */
function storedReplica({ incarnation, attributes, head, hardState, entries }: Loaded): StoredReplica {
  const { base, state } = head
  const snapshot = withChunks(head)
  return {
    incarnation,
    attributes,
    initial: {
      hardState: { ...hardState, commit: Math.max(hardState.commit, state.index) },
      snapshot: { ...base, configuration: state.configuration },
      entries,
      applied: base.index < state.index ? { index: state.index, configuration: state.configuration } : undefined,
    },
    snapshot: snapshot && storedSnapshot(snapshot),
  }
}
