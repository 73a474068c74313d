import { FIRST_RESEND_DELAY_MS, type Pending } from './pending.js'
import { Chain, Queue } from './pending-lists.js'
import { SequenceRing } from './sequence-ring.js'

/**
 * A peer's unsettled proposals in one group: found by their numbers, queued to be given out, each operation in constant
 * time on average.
 */
export class InFlight {
  readonly #all = new Chain()
  /** By sequence number, those of the session that have one: not further apart than the session's window. */
  readonly #numbered = new SequenceRing<Pending>()
  /** By the number of their ticket, those one-shot ones that have one. */
  readonly #ticketed = new Map<number, Pending>()

  // What waits to be given out, in this order; those to be given out again have a number.
  readonly #again = new Queue()
  readonly #fresh = new Queue()
  readonly #freshOneShots = new Queue()

  #lastTicket = 0
  #nextSequence = 1
  #bytes = 0
  #watchers = 0
  #dueAtMs = Number.POSITIVE_INFINITY

  get size(): number {
    return this.#all.size
  }

  /** In the order in which they came. */
  get all(): Iterable<Pending> {
    return this.#all
  }

  /** Those of the session that have a sequence number. */
  get numbered(): Iterable<Pending> {
    return this.#numbered.values()
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Those with an `onCommitted` that was not called yet. */
  get watchers(): number {
    return this.#watchers
  }

  /** No proposal is due to fail or to be given out again before this. */
  get dueAtMs(): number {
    return this.#dueAtMs
  }

  bySequence(sequence: number): Pending | undefined {
    return this.#numbered.get(sequence)
  }

  byTicket(number: number): Pending | undefined {
    return this.#ticketed.get(number)
  }

  /** The lowest sequence number that is unsettled; the next one if none is. */
  get lowest(): number {
    return this.#numbered.lowest ?? this.#nextSequence
  }

  /** How far the sequence numbers will reach from the lowest unsettled one on, if everything here gets one. */
  get span(): number {
    return this.#nextSequence - this.lowest + this.#all.size - this.#numbered.size
  }

  add(pending: Pending): void {
    this.#all.add(pending)
    this.#bytes += pending.end - pending.start
    if (pending.onCommitted !== undefined) this.#watchers++
    this.noteDue(pending)
  }

  delete(pending: Pending): void {
    if (pending.isSettled) return
    pending.isSettled = true
    this.#all.delete(pending)
    pending.queue?.delete(pending)
    this.#bytes -= pending.end - pending.start
    if (pending.number !== undefined) (pending.isOneShot ? this.#ticketed : this.#numbered).delete(pending.number)
    this.takeWatcher(pending)
  }

  /** Its sequence number or the number of its ticket; a new one if it has none. */
  numberOf(pending: Pending): number {
    if (pending.number !== undefined) return pending.number
    pending.number = pending.isOneShot ? ++this.#lastTicket : this.#nextSequence++
    const numbers = pending.isOneShot ? this.#ticketed : this.#numbered
    numbers.set(pending.number, pending)
    return pending.number
  }

  /** A new session counts from 1. */
  restartSequence(): void {
    for (const pending of this.#numbered.values()) {
      pending.queue?.delete(pending)
      pending.number = undefined
    }
    this.#numbered.clear()
    this.#nextSequence = 1
  }

  /** Nothing that was given out counts: all of it waits to be given out again, as something new. */
  startOver(): void {
    const givenOut = [...this.#all].filter(({ number }) => number !== undefined)
    this.restartSequence()
    for (const pending of givenOut) {
      pending.sends = 0
      pending.resendAtMs = Number.POSITIVE_INFINITY
      if (pending.recordId === undefined) this.queue(pending)
    }
  }

  // --- the queue

  /** The next one to give out, which does not wait for that any more. */
  takeQueued(hasSession: boolean): Pending | undefined {
    return (hasSession ? (this.#again.take() ?? this.#fresh.take()) : undefined) ?? this.#freshOneShots.take()
  }

  hasQueued(hasSession: boolean): boolean {
    return this.#freshOneShots.size > 0 || (hasSession && this.#again.size + this.#fresh.size > 0)
  }

  /** Queues what has no number yet. */
  queue(pending: Pending): void {
    const queue = pending.isOneShot ? this.#freshOneShots : this.#fresh
    queue.add(pending)
  }

  /** Queues what has a number, before everything that has none. */
  queueAgain(pending: Pending, resendDelayMs = FIRST_RESEND_DELAY_MS): void {
    pending.resendAtMs = Number.POSITIVE_INFINITY
    pending.resendDelayMs = resendDelayMs
    this.#again.add(pending)
  }

  // --- time, and the early signal

  noteDue({ deadlineMs, resendAtMs }: Pending): void {
    this.#dueAtMs = Math.min(this.#dueAtMs, deadlineMs, resendAtMs)
  }

  /** What is due, now that `dueAtMs` is reached; `noteDue` tells of the rest, and so must be called for what is kept. */
  takeDue(nowMs: number): Pending[] {
    this.#dueAtMs = Number.POSITIVE_INFINITY
    const due: Pending[] = []
    for (const pending of this.#all) {
      if (Math.min(pending.deadlineMs, pending.resendAtMs) <= nowMs) due.push(pending)
      else this.noteDue(pending)
    }
    return due
  }

  /** @returns its `onCommitted`, to be called now or never; undefined if it was before, or there is none */
  takeWatcher(pending: Pending): Pending['onCommitted'] {
    const { onCommitted } = pending
    if (onCommitted === undefined) return undefined
    pending.onCommitted = undefined
    this.#watchers--
    return onCommitted
  }
}
