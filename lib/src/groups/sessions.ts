import { invariant } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import type { CommandResult } from '../machines/machine.js'

/**
 * The session table: what makes a proposal exactly-once, whatever is sent again (Ongaro, "Consensus: Bridging Theory
 * and Practice", section 6.3). Part of the replicated state and of every snapshot; changed only by log entries, so it
 * is the same on every replica at the same index.
 *
 * A session's number is the index of the log entry that registered it.
 */
export interface Session {
  readonly id: number
  /** Drawn by the client; finds the session again when its registration was proposed twice. */
  readonly nonce: string
  readonly peer: PeerId
  /** Every sequence number below it is settled at the client and forgotten here. */
  lowest: number
  /** Results of the commands from `lowest` on that were applied. */
  readonly results: Map<number, ReplicatedResult>
  /** The index of the last entry that used it. */
  lastIndex: number
}

/** A result without what stays on one replica (the cause of a failed command). */
export type ReplicatedResult =
  | Exclude<CommandResult, { cause: unknown }>
  | { readonly ok: false; readonly rejected: undefined }

/** What to do with a command, decided before it is applied. */
export type Verdict =
  | { readonly kind: 'apply'; readonly session: Session }
  | { readonly kind: 'cached'; readonly session: Session; readonly result: ReplicatedResult }
  /** The client knows its outcome already. */
  | { readonly kind: 'settled' }
  /** No such session, or not in its window: never applied. */
  | { readonly kind: 'expired' }

export interface SessionLimits {
  /** Sessions kept in all. */
  readonly sessions: number
  /** Commands one session may have unsettled: sequence < lowest + window. */
  readonly window: number
}

export const SESSION_LIMITS: SessionLimits = { sessions: 4096, window: 32_768 }

export class SessionTable {
  readonly #limits: SessionLimits
  readonly #sessions = new Map<number, Session>()
  readonly #byNonce = new Map<string, Session>()

  constructor(limits: SessionLimits = SESSION_LIMITS) {
    this.#limits = limits
  }

  get all(): ReadonlyMap<number, Session> {
    return this.#sessions
  }

  byNonce(nonce: string): Session | undefined {
    return this.#byNonce.get(nonce)
  }

  /**
   * The session of `nonce`, made now if it is new. If the table is full the longest unused session of a peer that is
   * no member goes.
   */
  register(nonce: string, peer: PeerId, index: number, isMember: (peer: PeerId) => boolean): Session {
    const known = this.#byNonce.get(nonce)
    if (known !== undefined) return known
    if (this.#sessions.size >= this.#limits.sessions) this.#evict(isMember)
    const session: Session = { id: index, nonce, peer, lowest: 1, results: new Map(), lastIndex: index }
    this.restore(session)
    return session
  }

  /** The checks in their order: unknown, prune, settled, cached, new. */
  check(id: number, sequence: number, lowest: number, index: number): Verdict {
    const session = this.#sessions.get(id)
    if (session === undefined) return { kind: 'expired' }
    session.lastIndex = index
    prune(session, lowest)
    if (sequence < session.lowest) return { kind: 'settled' }
    if (sequence >= session.lowest + this.#limits.window) return { kind: 'expired' }
    const result = session.results.get(sequence)
    return result === undefined ? { kind: 'apply', session } : { kind: 'cached', session, result }
  }

  record(session: Session, sequence: number, result: ReplicatedResult): void {
    invariant(!session.results.has(sequence), () => `session ${session.id}: sequence ${sequence} applied twice`)
    session.results.set(sequence, result)
  }

  /** Puts a session of a snapshot into the table. */
  restore(session: Session): void {
    this.#sessions.set(session.id, session)
    this.#byNonce.set(session.nonce, session)
  }

  #evict(isMember: (peer: PeerId) => boolean): void {
    let oldest: Session | undefined
    for (const session of this.#sessions.values()) {
      const candidate = !isMember(session.peer) && (oldest === undefined || session.lastIndex < oldest.lastIndex)
      if (candidate) oldest = session
    }
    if (oldest === undefined) return
    this.#sessions.delete(oldest.id)
    this.#byNonce.delete(oldest.nonce)
  }
}

function prune(session: Session, lowest: number): void {
  while (session.lowest < lowest) {
    // A far jump costs no more than what is stored.
    if (session.results.size === 0) {
      session.lowest = lowest
      return
    }
    session.results.delete(session.lowest++)
  }
}
