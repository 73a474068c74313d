import * as Y from 'yjs'
import { LegionError } from '../base/errors.js'
import type { Runtime, Timer } from '../base/runtime.js'
import { aborted, deadlineOf, type WaitOptions, watchAbort } from '../groups/wait-options.js'

/** The agreed state of one document, and the way to change it. */
export interface AgreedSource {
  /** With everything that is agreed as far as it is known here. */
  readonly agreed: Y.Doc
  /** The place in the log of the last change in `agreed`; 0: none. */
  readonly index: number
  /** Longest update, in bytes. */
  readonly updateBytesMax: number
  /** Resolves when the state is here. */
  opened(): Promise<void>
  /**
   * @returns what became of it; settles when `agreed` shows it
   * @throws LegionError with its outcome
   */
  propose(base: number, update: Uint8Array): Promise<{ readonly ok: boolean; readonly ahead?: number | undefined }>
  /** The place of the last change, as of now (linearizable). */
  confirm(): Promise<number>
  /** Resolves when something else is agreed, or after `timeoutMs`. */
  changed(timeoutMs: number): Promise<void>
}

interface Transaction {
  readonly change: (y: Y.Doc) => unknown
  readonly resolve: (result: never) => void
  readonly reject: (error: unknown) => void
  timer: Timer
  unwatch: () => void
  /** Part of a proposal that may be on its way. */
  isSent: boolean
  isOver: boolean
}

/** What one run of some transactions came to. */
interface Draft {
  readonly done: readonly { readonly transaction: Transaction; readonly result: unknown }[]
  /** Undefined: they changed nothing. */
  readonly update: Uint8Array | undefined
  readonly base: number
}

/** A transaction that met others so often fails. With their turns it takes more peers than this at once. */
const ATTEMPTS_MAX = 100
const RETRY_AFTER_MS = 500

/**
 * Runs functions on the agreed state of a document, each as if it were alone: their changes are proposed together with
 * the state that they were made on, and if another change came first, they are run again (optimistic concurrency
 * control, Kung and Robinson 1981; the log is the validation).
 */
export class Transactions {
  readonly #source: AgreedSource
  readonly #runtime: Runtime
  #waiting: Transaction[] = []
  #isRunning = false
  #isClosed = false
  /**
   * A copy of the agreed state to run functions on; undefined: to be made. It is thrown away with all that is not
   * agreed.
   */
  #draft: Y.Doc | undefined
  /** Of the drafts; another one after an unknown outcome, whose changes may come yet. */
  #client: number | undefined

  constructor(source: AgreedSource, runtime: Runtime) {
    this.#source = source
    this.#runtime = runtime
  }

  run<T>(change: (y: Y.Doc) => T, { timeoutMs, signal }: WaitOptions = {}): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw closedError()
      const delayMs = deadlineOf(this.#runtime, timeoutMs) - this.#runtime.nowMs()
      if (signal?.aborted) throw aborted(signal, 'not-applied')
      const transaction: Transaction = {
        change,
        resolve,
        reject,
        timer: this.#runtime.setTimer(delayMs, () => this.#fail(transaction, timeoutError(outcomeOf(transaction)))),
        unwatch: watchAbort(signal, () => this.#fail(transaction, aborted(signal, outcomeOf(transaction)))),
        isSent: false,
        isOver: false,
      }
      this.#waiting.push(transaction)
      if (!this.#isRunning) void this.#runAll()
    })
  }

  /** The agreed state got an update: the draft follows. */
  follow(update: Uint8Array): void {
    if (this.#draft !== undefined) Y.applyUpdate(this.#draft, update)
  }

  close(): void {
    this.#isClosed = true
    for (const transaction of this.#waiting.splice(0)) this.#fail(transaction, closedError())
    this.#dropDraft()
  }

  async #runAll(): Promise<void> {
    this.#isRunning = true
    try {
      await this.#source.opened()
      for (let attempt = 1; this.#dropOver().length > 0; ) attempt = (await this.#attempt(attempt)) ? 1 : attempt + 1
    } catch (error) {
      for (const transaction of this.#waiting.splice(0)) this.#fail(transaction, error)
    }
    this.#isRunning = false
  }

  /** @returns false if another change came first */
  async #attempt(attempt: number): Promise<boolean> {
    const draft = this.#runWaiting()
    const sent = draft.done.map(({ transaction }) => transaction)
    if (sent.length === 0) return true
    try {
      if (await this.#settle(draft, attempt)) return true
      if (attempt >= ATTEMPTS_MAX) throw conflictError(attempt)
      this.#putBack(sent)
      return false
    } catch (error) {
      this.#dropDraft()
      if (!LegionError.is(error) || error.outcome !== 'not-applied') this.#client = undefined
      for (const transaction of sent) this.#fail(transaction, error)
      return true
    }
  }

  /** Runs what waits, as much as fits into one proposal. */
  #runWaiting(): Draft {
    const base = this.#source.index
    const y = this.#openDraft()
    const updates: Uint8Array[] = []
    const note = (update: Uint8Array) => updates.push(update)
    const done: { transaction: Transaction; result: unknown }[] = []
    y.on('update', note)
    while (this.#waiting.length > 0 && bytesOf(updates) < this.#source.updateBytesMax / 2) {
      const transaction = this.#waiting.shift() as Transaction
      try {
        const result = y.transact(() => transaction.change(y))
        done.push({ transaction, result })
      } catch (error) {
        // What it did before it threw can't be taken out of the draft: the others run again on a new one.
        this.#fail(transaction, error)
        this.#waiting.unshift(...done.map((other) => other.transaction))
        this.#dropDraft()
        return this.#runWaiting()
      }
    }
    y.off('update', note)
    return { done, base, update: updates.length === 0 ? undefined : Y.mergeUpdates(updates) }
  }

  /** @returns false if another change came first */
  async #settle({ done, update, base }: Draft, attempt: number): Promise<boolean> {
    for (const { transaction } of done) transaction.isSent = update !== undefined
    const isCurrent =
      update === undefined ? (await this.#source.confirm()) === base : await this.#propose(base, update, attempt)
    if (!isCurrent) return false
    for (const { transaction, result } of done) this.#end(transaction, () => transaction.resolve(result as never))
    return true
  }

  async #propose(base: number, update: Uint8Array, attempt: number): Promise<boolean> {
    const { ok, ahead = 0 } = await this.#source.propose(base, update)
    if (ok) return true
    this.#dropDraft() // its changes will never be
    if (ahead > 0 && attempt < ATTEMPTS_MAX) await this.#source.changed(RETRY_AFTER_MS)
    return false
  }

  #putBack(transactions: readonly Transaction[]): void {
    for (const transaction of transactions) transaction.isSent = false
    this.#waiting.unshift(...transactions)
  }

  #dropOver(): readonly Transaction[] {
    this.#waiting = this.#waiting.filter(({ isOver }) => !isOver)
    return this.#waiting
  }

  #openDraft(): Y.Doc {
    if (this.#draft !== undefined) return this.#draft
    const draft = new Y.Doc({ guid: this.#source.agreed.guid })
    Y.applyUpdate(draft, Y.encodeStateAsUpdate(this.#source.agreed))
    this.#client ??= new DataView(this.#runtime.randomBytes(4).buffer).getUint32(0)
    draft.clientID = this.#client // now: Yjs would draw another one, were this one's earlier changes to come in
    this.#draft = draft
    return draft
  }

  #dropDraft(): void {
    this.#draft?.destroy()
    this.#draft = undefined
  }

  #fail(transaction: Transaction, error: unknown): void {
    this.#end(transaction, () => transaction.reject(error))
  }

  #end(transaction: Transaction, tell: () => void): void {
    if (transaction.isOver) return
    transaction.isOver = true
    transaction.timer.cancel()
    transaction.unwatch()
    tell()
  }
}

function bytesOf(updates: readonly Uint8Array[]): number {
  return updates.reduce((sum, update) => sum + update.length, 0)
}

function outcomeOf({ isSent }: Transaction): 'unknown' | 'not-applied' {
  return isSent ? 'unknown' : 'not-applied'
}

function closedError(): LegionError {
  return new LegionError('E_CLOSED', 'The document was closed.', { outcome: 'not-applied' })
}

function timeoutError(outcome: 'unknown' | 'not-applied'): LegionError {
  const problem =
    outcome === 'unknown'
      ? 'The change was sent, and may or may not be agreed on: read the document.'
      : 'The change could not be agreed on in time; nothing was changed.'
  return new LegionError('E_TIMEOUT', problem, { outcome })
}

function conflictError(attempts: number): LegionError {
  const problem = `The document was changed by others before this change, ${attempts} times. Nothing was changed; try again.`
  return new LegionError('E_BUSY', problem, { outcome: 'not-applied' })
}
