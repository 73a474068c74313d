import { LegionError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import { aborted, deadlineOf, type WaitOptions, watchAbort } from './wait-options.js'

export interface ReadsOptions {
  readonly runtime: Runtime
  /** Reads that may wait at once; then E_BUSY. */
  readonly limit: number
  /** Called when there is something new to ask. */
  readonly changed: () => void
}

interface Waiting {
  readonly deadlineMs: number
  readonly resolve: () => void
  readonly reject: (error: LegionError) => void
  readonly release: () => void
}

/**
 * Linearizable reads by ReadIndex (Ongaro's dissertation, section 6.4), many per round: those that come while a round
 * is under way share the next one. A round that got lost (leader changed, message dropped) is asked again.
 */
export class Reads {
  readonly #options: ReadsOptions
  /** In no round yet. */
  #queued = new Set<Waiting>()
  #round: { readonly id: number; readonly askedAtMs: number; readonly reads: Set<Waiting> } | undefined
  /** Rounds that were answered; served once the index is applied here. */
  #confirmed: { readonly index: number; readonly reads: Set<Waiting> }[] = []
  #lastRoundId = 0

  constructor(options: ReadsOptions) {
    this.#options = options
  }

  /**
   * Resolves at a moment when the local state is not older than when this was called.
   * @throws LegionError E_INVALID, E_BUSY, E_ABORTED, at once
   */
  wait(options: WaitOptions = {}): Promise<void> {
    const { signal } = options
    const { runtime, limit, changed } = this.#options
    const deadlineMs = deadlineOf(runtime, options.timeoutMs)
    if (signal?.aborted) throw aborted(signal)
    if (this.waiting >= limit) {
      throw new LegionError('E_BUSY', `${limit} reads wait already (limits.reads): await some first.`)
    }
    return new Promise((resolve, reject) => {
      const release = watchAbort(signal, () => this.#fail(waiting, aborted(signal)))
      const waiting: Waiting = { deadlineMs, resolve, reject, release }
      this.#queued.add(waiting)
      changed()
    })
  }

  get isWaiting(): boolean {
    return this.#queued.size > 0 || this.#round !== undefined || this.#confirmed.length > 0
  }

  get waiting(): number {
    return [...this.#sets()].reduce((total, reads) => total + reads.size, 0)
  }

  /** The id of a round to ask the leader for, if one is due. */
  takeRound(): number | undefined {
    if (this.#round !== undefined || this.#queued.size === 0) return undefined
    const id = ++this.#lastRoundId
    this.#round = { id, askedAtMs: this.#options.runtime.nowMs(), reads: this.#queued }
    this.#queued = new Set()
    return id
  }

  /** A majority confirmed that everything up to `index` was all there was when round `id` began. */
  confirmed(id: number, index: number): void {
    if (this.#round?.id !== id) return
    this.#confirmed.push({ index, reads: this.#round.reads })
    this.#round = undefined
    if (this.#queued.size > 0) this.#options.changed()
  }

  /** Serves what became readable. */
  applied(index: number): void {
    if (this.#confirmed.length === 0) return
    const ready = this.#confirmed.filter((round) => round.index <= index)
    this.#confirmed = this.#confirmed.filter((round) => round.index > index)
    for (const round of ready) for (const waiting of round.reads) settle(waiting)
  }

  /** Asks again for a round that was asked before `askedBeforeMs`: the question or the answer may be lost. */
  retry(askedBeforeMs: number): void {
    if (this.#round === undefined || this.#round.askedAtMs > askedBeforeMs) return
    for (const waiting of this.#round.reads) this.#queued.add(waiting)
    this.#round = undefined
  }

  /** Another group takes the place of the one that was asked: what it answered says nothing. */
  startOver(): void {
    for (const reads of [...this.#sets()]) for (const waiting of reads) this.#queued.add(waiting)
    this.#round = undefined
    this.#confirmed = []
  }

  get hasQueued(): boolean {
    return this.#round === undefined && this.#queued.size > 0
  }

  expire(hasLeader: boolean): void {
    const nowMs = this.#options.runtime.nowMs()
    for (const reads of this.#sets()) {
      for (const waiting of reads) if (waiting.deadlineMs <= nowMs) this.#fail(waiting, timedOut(hasLeader))
    }
  }

  failAll(error: LegionError): void {
    for (const reads of this.#sets()) for (const waiting of reads) this.#fail(waiting, error)
  }

  *#sets(): Iterable<Set<Waiting>> {
    yield this.#queued
    if (this.#round !== undefined) yield this.#round.reads
    for (const round of this.#confirmed) yield round.reads
  }

  #fail(waiting: Waiting, error: LegionError): void {
    for (const reads of this.#sets()) {
      if (!reads.delete(waiting)) continue
      waiting.release()
      waiting.reject(error)
    }
  }
}

function settle(waiting: Waiting): void {
  waiting.release()
  waiting.resolve()
}

function timedOut(hasLeader: boolean): LegionError {
  return hasLeader
    ? new LegionError('E_TIMEOUT', 'The group did not answer the read in time.')
    : new LegionError('E_NO_QUORUM', 'No majority of the voters can be reached; peek() reads what is known here.')
}
