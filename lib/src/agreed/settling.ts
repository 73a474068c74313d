import * as Y from 'yjs'
import type { Runtime, Timer } from '../base/runtime.js'
import { hashBytes } from '../codec/hash.js'

export interface SettlingOptions {
  readonly runtime: Runtime
  /** With what is not agreed yet. */
  readonly y: Y.Doc
  readonly agreed: Y.Doc
  /** Adds an update to what is agreed. @throws whatever keeps it from that */
  propose(update: Uint8Array): Promise<void>
}

/** Typing becomes one change every so often. */
const OWN_DELAY_MS = 100
/** So long the author of a change has the word; then anybody who has it takes care of it, at most one in most cases. */
const OTHERS_DELAY_MS = [4_000, 8_000] as const

/**
 * Sees to it that what is changed fast is agreed on soon. Each peer proposes what was changed there; what its author
 * could not propose any more is found by comparing, and proposed by somebody else.
 */
export class Settling {
  readonly #options: SettlingOptions
  /** Changed here, and not proposed yet. */
  #own: Uint8Array[] = []
  #ownTimer: Timer | undefined
  #othersTimer: Timer | undefined
  #isClosed = false

  constructor(options: SettlingOptions) {
    this.#options = options
    this.lookSoon()
  }

  /** Changed here, by `update`. */
  changedHere(update: Uint8Array): void {
    this.#own.push(update)
    this.#ownTimer ??= this.#options.runtime.setTimer(OWN_DELAY_MS, () => void this.#proposeOwn())
  }

  /** There may be something that nobody proposed. */
  lookSoon(): void {
    const [least, most] = OTHERS_DELAY_MS
    const delayMs = least + (most - least) * this.#options.runtime.random()
    if (!this.#isClosed) this.#othersTimer ??= this.#options.runtime.setTimer(delayMs, () => void this.#proposeRest())
  }

  close(): void {
    this.#isClosed = true
    this.#ownTimer?.cancel()
    this.#othersTimer?.cancel()
  }

  async #proposeOwn(): Promise<void> {
    const update = Y.mergeUpdates(this.#own)
    this.#own = []
    await this.#options.propose(update).catch(() => this.lookSoon())
    this.#ownTimer = undefined
    const next = this.#own.pop()
    if (next !== undefined && !this.#isClosed) this.changedHere(next)
  }

  async #proposeRest(): Promise<void> {
    const { y, agreed, propose } = this.#options
    if (stateOf(y) !== stateOf(agreed)) {
      await propose(Y.encodeStateAsUpdate(y, Y.encodeStateVector(agreed))).catch(() => {})
    }
    this.#othersTimer = undefined
    if (stateOf(y) !== stateOf(agreed)) this.lookSoon()
  }
}

function stateOf(y: Y.Doc): string {
  return hashBytes(Y.encodeSnapshot(Y.snapshot(y)))
}
