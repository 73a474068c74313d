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
    const closing = document.close().finally(() => {
      if (this.#closing.get(name) === closing) this.#closing.delete(name)
    })
    this.#closing.set(name, closing)
  }

  async names(): Promise<string[]> {
    const names: string[] = []
    const store = await this.#store
    for await (const { value } of store.scan(DocumentKeys.heads)) names.push(decodeHead(value).name)
    return names.sort()
  }

  /** The document must not be open. */
  async remove(name: string): Promise<void> {
    const store = await this.#store
    const removal = (this.#closing.get(name) ?? Promise.resolve()).then(() => removeAll(store, new DocumentKeys(name)))
    this.#closing.set(
      name,
      removal.catch(() => {}),
    )
    await removal
  }
}

async function removeAll(store: Store, keys: DocumentKeys): Promise<void> {
  const batch: Write[] = [deletion(keys.head)]
  for (const prefix of [keys.snapshots, keys.updates]) {
    for await (const { key } of store.scan(prefix)) batch.push(deletion(key))
  }
  await store.write(batch, 'synced')
}

export function nothingKept(): LegionError {
  return new LegionError('E_UNSUPPORTED', 'This peer keeps no documents: it was opened without storage.')
}
