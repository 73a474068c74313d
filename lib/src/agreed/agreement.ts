import type * as Y from 'yjs'
import type { Unsubscribe } from '../base/emitter.js'
import type { Logger } from '../base/logger.js'
import type { Runtime } from '../base/runtime.js'
import type { LegionDocument } from '../docs/document.js'
import { applyChecked, checkUpdate } from '../docs/updates.js'
import type { Group } from '../groups/group.js'
import type { WaitOptions } from '../groups/wait-options.js'
import { type AgreedDocumentsMachine, type Chapter, chaptersOf, lastIndex } from './machine.js'
import { Settling } from './settling.js'
import { Transactions } from './transactions.js'

/** What peers agree on about one document, and what they do not yet. */
export interface Draft {
  readonly document: LegionDocument
  /** Empty so far; everything that is agreed comes here. */
  readonly agreed: Y.Doc
}

export interface AgreementOptions extends Draft {
  readonly runtime: Runtime
  readonly logger: Logger
  /** Of one change, in bytes. */
  readonly updateBytesMax: number
  /** The group that agrees on documents, when its state is here. */
  group(): Promise<Group<AgreedDocumentsMachine>>
}

/** The origin of transactions that bring what was agreed. */
const AGREED = { agreed: true }

/** Brings what is agreed on a document into its two sides, and what is changed there to the group. */
export class Agreement {
  readonly #options: AgreementOptions
  readonly #transactions: Transactions
  readonly #settling: Settling
  /** Of the last change in `agreed`. */
  #index = 0
  readonly #changeListeners = new Set<() => void>()
  #unsubscribe: Unsubscribe | undefined
  #isClosed = false

  constructor(options: AgreementOptions) {
    const { document, agreed, runtime, updateBytesMax } = options
    this.#options = options
    const index = () => this.#index
    this.#transactions = new Transactions(
      {
        agreed,
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
    this.#settling = new Settling({ runtime, y: document.y, agreed, propose })
    document.y.on('update', this.#changedFast)
    this.#follow().catch(() => {}) // whoever changes something is told
  }

  /** As `AgreedDocument.applyConsistent`. */
  run<T>(change: (y: Y.Doc) => T, options?: WaitOptions): Promise<T> {
    return this.#transactions.run(change, options)
  }

  close(): void {
    this.#isClosed = true
    this.#unsubscribe?.()
    this.#transactions.close()
    this.#settling.close()
  }

  get #name(): string {
    return this.#options.document.name
  }

  // What is agreed

  async #follow(): Promise<void> {
    const group = await this.#options.group()
    if (this.#isClosed) return
    this.#unsubscribe = group.subscribe(
      ({ documents }) => chaptersOf(documents, this.#name),
      (chapters) => this.#catchUp(chapters),
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
    const { document, agreed, logger } = this.#options
    try {
      checkUpdate(update)
      applyChecked(agreed, update, AGREED)
      this.#transactions.follow(update)
      applyChecked(document.y, update, AGREED)
    } catch (error) {
      logger.error(`An agreed change of the document ${document.name} can not be applied.`, error)
    }
  }

  async #propose(base: number | undefined, update: Uint8Array): Promise<{ ok: boolean; ahead?: number }> {
    const group = await this.#open()
    const answer = await group.applyConsistent('change', { name: this.#name, base, update })
    this.#catchUp(chaptersOf(group.state.documents, this.#name))
    return answer
  }

  /** The group, with `agreed` as new as what is known here. */
  async #open(): Promise<Group<AgreedDocumentsMachine>> {
    const group = await this.#options.group()
    this.#catchUp(chaptersOf(group.state.documents, this.#name))
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
