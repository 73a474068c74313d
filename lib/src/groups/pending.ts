import type { LegionError } from '../base/errors.js'
import type { Piece } from '../codec/byte-pool.js'
import type { Value } from '../codec/value.js'
import type { Queue } from './pending-lists.js'

/** A proposal whose outcome is not known yet. As a piece it is its call, from `encodeCall`. */
export interface Pending extends Piece {
  /** Outside of the session: given out once at most. */
  isOneShot: boolean
  readonly timestampMs: number
  readonly deadlineMs: number
  /** Its id in the outbox, if it is to outlive this process. */
  recordId: number | undefined
  /** Settles the promise of the caller; what it is rejected with comes as a promise, for one function is enough. */
  settle: (outcome: Value | Promise<never>) => void
  /** Undefined once it was called. */
  onCommitted: ((index: number) => void) | undefined
  /** Ends the watch on the caller's AbortSignal. */
  release: () => void
  /** Its sequence number in the session, or the number of its ticket; given when it is first given out. */
  number: number | undefined
  /** How often it was given out and not returned: 0 means that it can't have been applied. */
  sends: number
  /** When it is given out again unasked; `Infinity` while it waits to be given out. */
  resendAtMs: number
  resendDelayMs: number
  isSettled: boolean
  /** In which it waits to be given out. */
  queue: Queue | undefined
  /** Its number there. */
  place: number
  /** The one that came before it, of those in flight. */
  before: Pending | undefined
  after: Pending | undefined
}

/** Entries to propose together. */
export interface Batch {
  readonly entries: readonly Uint8Array[]
  /** Whose entries they are. */
  readonly proposals: readonly Pending[]
  /** The nonce of the session that the only entry registers. */
  readonly registers: string | undefined
}

export const FIRST_RESEND_DELAY_MS = 3000
const RESEND_DELAY_MAX_MS = 30_000

export function nextResendDelayMs(delayMs: number): number {
  return Math.min(2 * delayMs, RESEND_DELAY_MAX_MS)
}

/** Of the session, not persistent, and nobody waits for it. */
export function newPending({ bytes, start, end }: Piece, timestampMs: number, deadlineMs: number): Pending {
  // One literal, and nothing else: a spread or an object of arguments took most of the time of a proposal.
  return {
    isOneShot: false,
    bytes,
    start,
    end,
    timestampMs,
    deadlineMs,
    recordId: undefined,
    onCommitted: undefined,
    settle: nothing,
    release: nothing,
    number: undefined,
    sends: 0,
    resendAtMs: Number.POSITIVE_INFINITY,
    resendDelayMs: FIRST_RESEND_DELAY_MS,
    isSettled: false,
    queue: undefined,
    place: 0,
    before: undefined,
    after: undefined,
  }
}

/** A function of its own: what else is captured beside the resolver stays as long as the promise waits. */
export function outcomeFor(pending: Pending): Promise<Value> {
  return new Promise((resolve) => {
    pending.settle = resolve
  })
}

/** Nothing is rejected where nobody waits: the platform would call that unhandled, and end a Node process. */
export function reject({ settle }: Pending, error: LegionError): void {
  if (settle !== nothing) settle(Promise.reject(error))
}

const nothing = () => {}
