import { LegionError } from '../base/errors.js'
import type { Logger } from '../base/logger.js'
import type { Store, Write } from '../storage/storage.js'
import { DocumentKeys, decodeHead, deletion } from './store-format.js'
import { StoredDocument, type StoredDocumentOptions } from './stored-document.js'

/** The documents that this peer keeps, whether they are open or not. */
export interface KeptDocuments {
  /** The names of all, sorted. @throws LegionError E_STORAGE; E_UNSUPPORTED without storage */
  names(): Promise<string[]>
  /**
   * Closes the document here and deletes what is kept of it. Other peers keep theirs: opened again, it comes back from
   * whoever has it open.
   * @throws LegionError E_STORAGE; E_UNSUPPORTED without storage
   */
  remove(name: string): Promise<void>
}

/** All documents of one peer in its store; each is kept by one `StoredDocument` at a time. */
export class DocumentStore {
  readonly #store: Promise<Store>
  readonly #logger: Logger
  /** By name, what was given up and is not finished writing. */
  readonly #closing = new Map<string, Promise<void>>()

  constructor(store: Promise<Store>, logger: Logger) {
    this.#store = store
    this.#logger = logger
  }

  open({ name, y, failed }: Pick<StoredDocumentOptions, 'name' | 'y' | 'failed'>): StoredDocument {
    const released = this.#closing.get(name) ?? Promise.resolve()
    return new StoredDocument({ name, y, failed, released, store: this.#store, logger: this.#logger })
  }

  close(name: string, document: StoredDocument): void {
    this.#release(name, document.close())
  }

  async names(): Promise<string[]> {
    const names: string[] = []
    const store = await this.#store
    for await (const { value } of store.scan(DocumentKeys.heads)) names.push(decodeHead(value).name)
    return names.sort()
  }

  /** The document must not be open; who opens it meanwhile waits. */
  remove(name: string): Promise<void> {
    const closed = this.#closing.get(name) ?? Promise.resolve()
    const removal = closed.then(async () => removeAll(await this.#store, new DocumentKeys(name)))
    this.#release(name, removal)
    return removal
  }

  #release(name: string, ending: Promise<void>): void {
    const released = ending
      .catch(() => {}) // whoever began it is told
      .finally(() => {
        if (this.#closing.get(name) === released) this.#closing.delete(name)
      })
    this.#closing.set(name, released)
  }
}

/** Damaged or not. */
async function removeAll(store: Store, keys: DocumentKeys): Promise<void> {
  const batch: Write[] = [deletion(keys.head)]
  for (const prefix of [keys.snapshots, keys.updates]) {
    for await (const key of store.scanKeys(prefix)) batch.push(deletion(key))
  }
  await store.write(batch, 'synced')
}

export function nothingKept(): LegionError {
  return new LegionError('E_UNSUPPORTED', 'This peer keeps no documents: it was opened without storage.')
}
