import { LegionError } from '../../src/base/errors.js'
import type { Durability, Store, StoreEntry, Write } from '../../src/storage/storage.js'

export interface WrittenBatch {
  readonly batch: readonly Write[]
  readonly durability: Durability
}

/** What an I/O operation that fails did before. */
export type FailedWrite = 'nothing' | 'everything'

/** A disk with one store, which can fail at any operation and be looked at as it was after any of its writes. */
export class Disk implements Store {
  /** What there was before the first of `written`. */
  readonly #initial: ReadonlyMap<string, Uint8Array>
  readonly #entries: Map<string, Uint8Array>
  readonly written: WrittenBatch[] = []
  /** So many of `written` survive anything. */
  safe = 0
  reads = 0
  failingWrite: { readonly at: number; readonly after: FailedWrite } | undefined
  failingRead: number | undefined
  /** Writes wait for it. */
  gate: Promise<void> = Promise.resolve()

  constructor(entries: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.#initial = entries
    this.#entries = new Map(entries)
  }

  /** The disk after a crash that left only the first `count` writes. */
  after(count: number): Disk {
    const entries = new Map(this.#initial)
    for (const { batch } of this.written.slice(0, count)) applyTo(entries, batch)
    return new Disk(entries)
  }

  keys(prefix = ''): string[] {
    return [...this.#entries.keys()].filter((key) => key.startsWith(prefix)).sort()
  }

  /** Past the writer's back. */
  tamper(key: string, value: Uint8Array | undefined): void {
    applyTo(this.#entries, [{ key, value }])
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    this.#countRead()
    return this.#entries.get(key)
  }

  async *scan(prefix: string): AsyncGenerator<StoreEntry> {
    this.#countRead()
    for (const key of this.keys(prefix)) {
      this.#countRead()
      const value = this.#entries.get(key)
      if (value !== undefined) yield { key, value }
    }
  }

  async *scanKeys(prefix: string): AsyncGenerator<string> {
    yield* this.keys(prefix)
  }

  async write(batch: readonly Write[], durability: Durability): Promise<void> {
    await this.gate
    const failing = this.failingWrite?.at === this.written.length ? this.failingWrite : undefined
    if (failing?.after === 'nothing') throw diskFailure()
    applyTo(this.#entries, batch)
    this.written.push({ batch: [...batch], durability })
    if (failing !== undefined) throw diskFailure()
    if (durability === 'synced') this.safe = this.written.length
  }

  async close(): Promise<void> {}

  #countRead(): void {
    if (this.reads++ === this.failingRead) throw diskFailure()
  }
}

function diskFailure(): LegionError {
  return new LegionError('E_STORAGE', 'The disk failed.')
}

function applyTo(entries: Map<string, Uint8Array>, batch: readonly Write[]): void {
  for (const { key, value } of batch) {
    if (value === undefined) entries.delete(key)
    else entries.set(key, value.slice())
  }
}
