import { equalBytes } from '../base/bytes.js'
import type { Runtime } from '../base/runtime.js'
import { newTicket, type SealedSignal, type Ticket } from './sealed-signal.js'

/** Of one peer: what waits for its ticket. A dial is some twenty signals; the older ones are of no use then. */
const MAX_HELD = 64
/** Greetings on request come no faster than this, whatever is played again. */
const GREETING_PAUSE_MS = 250
const ASKING_PAUSE_MS = 1_000

/** What to do with a signal that came. */
export interface Heard {
  readonly payload?: Uint8Array | undefined
  /** Undefined if the signal is fresh. */
  readonly problem?: string | undefined
  readonly replies: readonly SealedSignal[]
}

/**
 * What two peers that may not have met before say to each other through a server that may play anything again, late, in
 * another order, or to a later process. Each gives the other a *ticket*; a signal counts only if it shows the ticket of
 * its receiver, which proves that it was made for this process and after the ticket was drawn, and a count above all that
 * came with that ticket before. So nothing counts twice, whoever plays it, and forgetting a conversation is always safe:
 * its tickets are drawn anew.
 *
 * A greeting brings a ticket and proves nothing. If an old one is played again, what we say with it is refused, and the
 * other side greets us again.
 */
export class Conversation {
  readonly #runtime: Runtime
  /** Our ticket for the other side, and the highest count that came with it. */
  #mine: Ticket
  #heardCount = 0
  /** The other side's ticket for us. */
  #theirs: Ticket | undefined
  #saidCount = 0
  readonly #held: Uint8Array[] = []
  #greetedMs = Number.NEGATIVE_INFINITY
  #askedMs = Number.NEGATIVE_INFINITY

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    this.#mine = newTicket(runtime)
  }

  /** Our process entered the room again: the other side forgets us, and what it gave us. */
  restart(): void {
    this.#theirs = undefined
    this.#greetedMs = Number.NEGATIVE_INFINITY
    this.#askedMs = Number.NEGATIVE_INFINITY
  }

  /** What to send for it now; the payload itself waits as long as we have no ticket. */
  say(payload: Uint8Array): SealedSignal[] {
    if (this.#theirs !== undefined) return [this.#data(this.#theirs, payload)]
    if (this.#held.push(payload) > MAX_HELD) this.#held.shift()
    return this.#ask()
  }

  /** Gives the other side a ticket before it asks. Nothing if it was given one just now. */
  greet(): SealedSignal[] {
    const nowMs = this.#runtime.nowMs()
    if (nowMs - this.#greetedMs < GREETING_PAUSE_MS) return []
    this.#greetedMs = nowMs
    return [{ kind: 'greeting', mine: this.#mine }]
  }

  hear(signal: SealedSignal): Heard {
    if (signal.kind !== 'data') {
      const flushed = this.#took(signal.mine)
      return { replies: signal.kind === 'asks' ? [...flushed, ...this.#asked()] : flushed }
    }
    if (!equalBytes(signal.yours, this.#mine)) return { problem: 'not of this conversation', replies: this.greet() }
    if (signal.count <= this.#heardCount) return { problem: 'played again', replies: [] }
    this.#heardCount = signal.count
    return { payload: signal.payload, replies: this.#took(signal.mine) }
  }

  /** We have a ticket: what waited for one can go. */
  #took(ticket: Ticket): SealedSignal[] {
    this.#theirs = ticket.slice() // not the signal that it came in
    return this.#held.splice(0).map((payload) => this.#data(ticket, payload))
  }

  /** Who has lost the ticket that it used may have lost its count as well. */
  #asked(): SealedSignal[] {
    const greeting = this.greet()
    if (greeting.length === 0 || this.#heardCount === 0) return greeting
    this.#mine = newTicket(this.#runtime)
    this.#heardCount = 0
    return [{ kind: 'greeting', mine: this.#mine }]
  }

  #ask(): SealedSignal[] {
    const nowMs = this.#runtime.nowMs()
    if (nowMs - this.#askedMs < ASKING_PAUSE_MS) return []
    this.#askedMs = nowMs
    return [{ kind: 'asks', mine: this.#mine }]
  }

  #data(yours: Ticket, payload: Uint8Array): SealedSignal {
    return { kind: 'data', mine: this.#mine, yours, count: ++this.#saidCount, payload }
  }
}
