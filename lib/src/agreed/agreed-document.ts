import type { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import type { Unsubscribe } from '../base/emitter.js'
import type { Logger } from '../base/logger.js'
import type { Runtime } from '../base/runtime.js'
import type { DocumentEvents, DocumentStatus, LegionDocument } from '../docs/document.js'
import { applyChecked, checkUpdate } from '../docs/updates.js'
import type { Group } from '../groups/group.js'
import type { WaitOptions } from '../groups/wait-options.js'
import { type AgreedDocumentsMachine, type Chapter, lastIndex } from './machine.js'
import { Settling } from './settling.js'
import { Transactions } from './transactions.js'

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
  readonly runtime: Runtime
  readonly logger: Logger
  /** Of one change, in bytes. */
  readonly updateBytesMax: number
  /** The group that agrees on documents, when its state is here. */
  group(): Promise<Group<AgreedDocumentsMachine>>
  closed(): void
}

/** The origin of transactions that bring what was agreed. */
const AGREED = { agreed: true }

export class OpenAgreedDocument implements AgreedDocument {
  readonly agreed: Y.Doc
  readonly #options: AgreedDocumentOptions
  readonly #document: LegionDocument
  readonly #transactions: Transactions
  readonly #settling: Settling
  /** Of the last change in `agreed`. */
  #index = 0
  readonly #changeListeners = new Set<() => void>()
  #unsubscribe: Unsubscribe | undefined
  #isClosed = false

  constructor(options: AgreedDocumentOptions) {
    const { document, runtime, updateBytesMax } = options
    this.#options = options
    this.#document = document
    this.agreed = new Y.Doc({ guid: document.name })
    const index = () => this.#index
    this.#transactions = new Transactions(
      {
        agreed: this.agreed,
        get index() {
          return index()
        },
        updateBytesMax,
        opened: async () => void (await this.#open()),
        propose: (base, update) => this.#propose(base, update),
        confirm: async () => (await this.#open()).read('lastIndex', document.name),
        changed: (timeoutMs) => this.#changed(timeoutMs),
      },
      runtime,
    )
    const propose = async (update: Uint8Array) => void (await this.#propose(undefined, update))
    this.#settling = new Settling({ runtime, y: document.y, agreed: this.agreed, propose })
    document.y.on('update', this.#changedFast)
    document.y.on('destroy', () => this.close())
    void this.#follow()
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
    return this.#transactions.run(change, options)
  }

  on<K extends keyof DocumentEvents>(event: K, listener: DocumentEvents[K]): Unsubscribe {
    return this.#document.on(event, listener)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#unsubscribe?.()
    this.#transactions.close()
    this.#settling.close()
    this.#document.close()
    this.agreed.destroy()
    this.#options.closed()
  }

  // What is agreed

  async #follow(): Promise<void> {
    const group = await this.#options.group()
    if (this.#isClosed) return
    this.#unsubscribe = group.subscribe(
      ({ documents }) => (Object.hasOwn(documents, this.name) ? documents[this.name]?.chapters : undefined),
      (chapters) => this.#catchUp(chapters ?? []),
    )
  }

  /** Chapters that were merged meanwhile bring what is here already once more, which does no harm. */
  #catchUp(chapters: readonly Chapter[]): void {
    if (this.#isClosed) return
    const before = this.#index
    for (const { index, update } of chapters) if (index > before) this.#take(update)
    this.#index = lastIndex(chapters)
    if (this.#index === before) return
    for (const listener of [...this.#changeListeners]) listener()
  }

  /** What is no update of Yjs is none for anybody. */
  #take(update: Uint8Array): void {
    try {
      checkUpdate(update)
      applyChecked(this.agreed, update, AGREED)
      this.#transactions.follow(update)
      applyChecked(this.y, update, AGREED)
    } catch (error) {
      this.#options.logger.error(`An agreed change of the document ${this.name} can not be applied.`, error)
    }
  }

  async #propose(base: number | undefined, update: Uint8Array): Promise<{ ok: boolean; ahead?: number }> {
    const group = await this.#open()
    const answer = await group.applyConsistent('change', { name: this.name, base, update })
    const { documents } = group.state
    this.#catchUp(documents[this.name]?.chapters ?? [])
    return answer
  }

  /** The group, with `agreed` as new as what is known here. */
  async #open(): Promise<Group<AgreedDocumentsMachine>> {
    const group = await this.#options.group()
    this.#catchUp(
      Object.hasOwn(group.state.documents, this.name) ? (group.state.documents[this.name]?.chapters ?? []) : [],
    )
    return group
  }

  #changed(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        timer.cancel()
        this.#changeListeners.delete(done)
        resolve()
      }
      const timer = this.#options.runtime.setTimer(timeoutMs, done)
      this.#changeListeners.add(done)
    })
  }

  // What is not agreed yet

  readonly #changedFast = (update: Uint8Array, origin: unknown, _y: Y.Doc, transaction: Y.Transaction) => {
    if (origin === AGREED) return
    if (transaction.local) this.#settling.changedHere(update)
    else this.#settling.lookSoon()
  }
}
