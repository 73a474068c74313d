import type { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { whenHere } from '../base/deferred.js'
import type { Unsubscribe } from '../base/emitter.js'
import type { DocumentEvents, DocumentStatus, LegionDocument } from '../docs/document.js'
import type { WaitOptions } from '../groups/wait-options.js'
import type { Agreement, Draft } from './agreement.js'

/**
 * A document at both speeds. `y` changes at once, as that of any document; `agreed` is what a majority has, in one
 * order, the same on every peer. What is changed in `y` becomes agreed soon; what is agreed is in `y` at once.
 */
export interface AgreedDocument extends LegionDocument {
  /** To be read and observed only: whoever changes it is alone with that. */
  readonly agreed: Y.Doc
  /**
   * Changes the agreed state as a transaction: `change` gets a copy of it, and what it does there takes effect, all of
   * it and at one place in the order, if nothing else changed in between; else `change` is run again on what is agreed
   * then. So it must depend on the document alone and have no effect elsewhere. Settles when `agreed` and `y` show it.
   * @param change must not be async. One that throws changes nothing
   * @returns what `change` returned, which is to be plain: the copy is gone
   * @throws LegionError E_BUSY if others were faster again and again; E_TIMEOUT, E_NO_QUORUM, E_TOO_LARGE, E_ABORTED,
   *   E_CLOSED; its `outcome` tells whether the change may still take effect. And what `change` throws
   */
  applyConsistent<T>(change: (y: Y.Doc) => T, options?: WaitOptions): Promise<T>
}

export interface AgreedDocumentOptions {
  readonly document: LegionDocument
  /** At once, or when the code for it is here. */
  agree(draft: Draft): Agreement | Promise<Agreement>
  closed(): void
}

export class OpenAgreedDocument implements AgreedDocument {
  readonly agreed: Y.Doc
  readonly #options: AgreedDocumentOptions
  readonly #document: LegionDocument
  readonly #agreement: Agreement | Promise<Agreement>
  #isClosed = false

  constructor(options: AgreedDocumentOptions) {
    const { document } = options
    this.#options = options
    this.#document = document
    this.agreed = new Y.Doc({ guid: document.name })
    this.#agreement = options.agree({ document, agreed: this.agreed })
    document.y.on('destroy', () => this.close())
  }

  get name(): string {
    return this.#document.name
  }

  get y(): Y.Doc {
    return this.#document.y
  }

  get awareness(): Awareness {
    return this.#document.awareness
  }

  get status(): DocumentStatus {
    return this.#document.status
  }

  get isReadOnly(): boolean {
    return this.#document.isReadOnly
  }

  get loaded(): Promise<void> {
    return this.#document.loaded
  }

  save(): Promise<void> {
    return this.#document.save()
  }

  applyFast<T>(change: (y: Y.Doc) => T): T {
    return this.#document.applyFast(change)
  }

  applyConsistent<T>(change: (y: Y.Doc) => T, options?: WaitOptions): Promise<T> {
    const agreement = this.#agreement
    if (agreement instanceof Promise) return agreement.then((there) => there.run(change, options))
    return agreement.run(change, options)
  }

  on<K extends keyof DocumentEvents>(event: K, listener: DocumentEvents[K]): Unsubscribe {
    return this.#document.on(event, listener)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    void whenHere(this.#agreement, (agreement) => agreement.close())
    this.#document.close()
    this.agreed.destroy()
    this.#options.closed()
  }
}
