import { LegionError } from '../base/errors.js'
import { storageError } from './failure.js'
import { ALL_KEYS, formatRecord, frame, unframe } from './format.js'
import type { KeyRange, RawStore } from './raw-storage.js'
import type { Durability, Store, StoreEntry, Write } from './storage.js'

const KEY = /^[ -~]{1,200}$/
const PREFIX = /^[ -~]{0,200}$/

/** What a page of a scan shall hold, judged by the page before. */
const PAGE_BYTES = 512 * 1024
const FIRST_PAGE_ENTRIES = 16
const PAGE_ENTRIES_MAX = 256

/** A Store on a raw one: checks keys and values, writes in order, fails for good after the first failed write. */
export class CheckedStore implements Store {
  readonly #name: string
  readonly #raw: RawStore
  readonly #reads = new Set<Promise<unknown>>()
  /** The one after which the next is begun; never rejects. */
  #lastWrite = Promise.resolve()
  #failure: LegionError | undefined
  #closing: Promise<void> | undefined

  constructor(name: string, raw: RawStore) {
    this.#name = name
    this.#raw = raw
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    checkKey(KEY, key)
    const value = await this.#read(() => this.#raw.get(key))
    return value === undefined ? undefined : unframe(this.#name, { key, value })
  }

  scan(prefix: string): AsyncIterable<StoreEntry> {
    return this.#scan(rangeOf(prefix))
  }

  scanKeys(prefix: string): AsyncIterable<string> {
    return this.#scanKeys(rangeOf(prefix))
  }

  async write(batch: readonly Write[], durability: Durability): Promise<void> {
    for (const { key } of batch) checkKey(KEY, key)
    this.#checkUsable()
    const framed = batch.map(frame)
    const writing = this.#lastWrite.then(() => this.#writeRaw(framed, durability))
    this.#lastWrite = writing.catch(() => {})
    await writing
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async *#scan(range: KeyRange): AsyncGenerator<StoreEntry> {
    for await (const { key, value } of this.#entries(range)) yield { key, value: unframe(this.#name, { key, value }) }
  }

  async *#scanKeys(range: KeyRange): AsyncGenerator<string> {
    for await (const { key } of this.#entries(range)) yield key
  }

  /** Values as they are on the disk. */
  async *#entries(range: KeyRange): AsyncGenerator<StoreEntry> {
    let limit = FIRST_PAGE_ENTRIES
    for (let { from } = range; ; ) {
      const page = await this.#read(() => this.#raw.page({ from, to: range.to }, limit))
      yield* page
      const last = page.at(-1)
      if (last === undefined || page.length < limit) return
      from = last.key + ALL_KEYS.from // the first key after it
      limit = nextLimit(page)
    }
  }

  async #read<T>(read: () => Promise<T>): Promise<T> {
    this.#checkUsable()
    const reading = read()
    this.#reads.add(reading)
    try {
      return await reading
    } catch (cause) {
      throw storageError(this.#name, 'Reading', cause)
    } finally {
      this.#reads.delete(reading)
    }
  }

  async #writeRaw(batch: readonly Write[], durability: Durability): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    // An empty batch still says: everything before it. Some disks sync nothing if they have nothing to write.
    const written = batch.length === 0 ? [formatRecord()] : batch
    try {
      await this.#raw.write(written, durability)
    } catch (cause) {
      this.#failure = storageError(this.#name, 'Writing', cause)
      throw this.#failure
    }
  }

  async #close(): Promise<void> {
    await Promise.allSettled([this.#lastWrite, ...this.#reads])
    await this.#raw.close().catch((cause) => {
      throw storageError(this.#name, 'Closing', cause)
    })
  }

  #checkUsable(): void {
    if (this.#closing !== undefined) throw new LegionError('E_CLOSED', `Store "${this.#name}" is closed.`)
    if (this.#failure !== undefined) throw this.#failure
  }
}

function checkKey(pattern: RegExp, key: string): void {
  if (pattern.test(key)) return
  throw new LegionError(
    'E_INVALID',
    `A key is 1 to 200 printable ASCII characters, a prefix 0 to 200; this is not: ${JSON.stringify(key)}`,
  )
}

function rangeOf(prefix: string): KeyRange {
  checkKey(PREFIX, prefix)
  return { from: prefix === '' ? ALL_KEYS.from : prefix, to: prefix + ALL_KEYS.to }
}

function nextLimit(page: readonly StoreEntry[]): number {
  const sizeBytes = page.reduce((total, { value }) => total + value.length, 0)
  const fitting = Math.floor((PAGE_BYTES * page.length) / Math.max(1, sizeBytes))
  return Math.min(PAGE_ENTRIES_MAX, Math.max(1, fitting))
}
