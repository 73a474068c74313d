import { invariant } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import type { Value } from '../codec/value.js'
import type { CommandResult } from '../machines/machine.js'
import type { CommandHeader, SessionRef, Ticket } from './entry.js'
import { SequenceRing } from './sequence-ring.js'

/**
 * The session table: what makes a proposal exactly-once, whatever is sent again (Ongaro, "Consensus: Bridging Theory
 * and Practice", section 6.3). Part of the replicated state and of every snapshot; changed only by log entries, so it
 * is the same on every replica at the same index.
 */

/** What became of one entry, for the proposer if it is here. */
export type Applied =
  | AppliedCommands
  | { readonly kind: 'one-shot'; readonly ticket: Ticket; readonly result: CommandResult }
  /** No session: the table is full of sessions that must stay. */
  | { readonly kind: 'register'; readonly nonce: string; readonly session: SessionRecord | undefined }

/** The results of `commands`, in their order; the last ones may be missing. */
export interface AppliedCommands {
  readonly kind: 'commands'
  readonly commands: readonly Pick<CommandHeader, 'session' | 'sequence'>[]
  readonly results: readonly AppliedResult[]
}

/**
 * `expired`: not applied, now or ever. `settled`: the client knew the outcome before. `dropped`: it was carried out,
 * but its output is not kept any longer.
 */
export type AppliedResult = CommandResult | 'expired' | 'settled' | 'dropped'

/** A result without what stays on one replica (the cause of a failed command). */
export type ReplicatedResult =
  | Exclude<CommandResult, { cause: unknown }>
  | { readonly ok: false; readonly rejected: undefined }

/** `dropped`: only that the command was carried out is still known. */
export type StoredResult = ReplicatedResult | 'dropped'

export function toReplicated(result: CommandResult): ReplicatedResult {
  return result.ok || result.rejected !== undefined ? result : { ok: false, rejected: undefined }
}

export function fromReplicated(result: StoredResult): CommandResult | 'dropped' {
  if (result === 'dropped' || result.ok || result.rejected !== undefined) return result
  return { ok: false, rejected: undefined, cause: undefined }
}

/** All of a session that is replicated. */
export interface SessionRecord {
  /** The index of the log entry that registered it. */
  readonly id: number
  /** Drawn by the client; finds the session again when its registration was proposed twice. */
  readonly nonce: string
  readonly peer: PeerId
  /** Every sequence number below it is settled at the client and forgotten here. */
  readonly lowest: number
  /** Results of the commands from `lowest` on that were applied, by their sequence numbers, which rise. */
  readonly results: ReadonlyMap<number, StoredResult>
  /** The index of the last entry that used it. */
  readonly lastIndex: number
  /** What it took the place of; until its first command, before which its client must have learned this. */
  readonly replaced: ReplacedSession | undefined
}

/** What was applied of a session when another one took its place. */
export interface ReplacedSession {
  readonly id: number
  readonly lowest: number
  /** The sequence numbers from `lowest` on that were applied. */
  readonly applied: readonly number[]
}

/** What to do with a command, decided before it is applied. */
export type Verdict =
  | { readonly kind: 'apply'; readonly session: Session }
  | { readonly kind: 'cached'; readonly session: Session; readonly result: StoredResult }
  /** The client knows its outcome already. */
  | { readonly kind: 'settled' }
  /** No such session, or not in its window: never applied. */
  | { readonly kind: 'expired' }

export interface SessionLimits {
  /** Sessions kept in all. */
  readonly sessions: number
  /** Commands one session may have unsettled: sequence < lowest + window. */
  readonly window: number
  /** An output of about more bytes than this is large … */
  readonly largeBytes: number
  /** … and of so many bytes of large outputs per session the newest are kept. */
  readonly largeBytesKept: number
}

/** Part of the protocol: replicas with other limits would differ. */
export const SESSION_LIMITS: SessionLimits = {
  sessions: 4096,
  window: 32_768,
  largeBytes: 16 * 1024,
  largeBytesKept: 1024 * 1024,
}

const SETTLED: Verdict = { kind: 'settled' }
const EXPIRED: Verdict = { kind: 'expired' }

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
   * The session of `nonce`, made now if it is new: then the session of `replaces`, if it is there and the same peer's,
   * ends. If the table is full the longest unused session goes that is not the newest one of a member.
   * @returns undefined if none may go
   */
  register(
    nonce: string,
    peer: PeerId,
    index: number,
    isMember: (peer: PeerId) => boolean,
    replaces?: SessionRef | undefined,
  ): Session | undefined {
    const known = this.#byNonce.get(nonce)
    if (known !== undefined) return known
    const replaced = replaces && this.#replace(replaces, peer)
    if (this.#sessions.size >= this.#limits.sessions && !this.#evict(isMember)) return undefined
    return this.restore({ id: index, nonce, peer, lowest: 1, results: new Map(), lastIndex: index, replaced })
  }

  /** The checks in their order: unknown, prune, settled, cached, new. */
  check(id: number, sequence: number, lowest: number, index: number): Verdict {
    const session = this.#sessions.get(id)
    if (session === undefined) return EXPIRED
    session.use(lowest, index)
    if (sequence < session.lowest) return SETTLED
    if (sequence >= session.lowest + this.#limits.window) return EXPIRED
    const result = session.resultOf(sequence)
    return result === undefined ? session.applies : { kind: 'cached', session, result }
  }

  record(session: Session, sequence: number, result: ReplicatedResult): void {
    session.record(sequence, result)
  }

  /** Puts a session of a snapshot into the table. */
  restore(record: SessionRecord): Session {
    const session = new Session(record, this.#limits)
    this.#sessions.set(session.id, session)
    this.#byNonce.set(session.nonce, session)
    return session
  }

  #replace(ref: SessionRef, peer: PeerId): ReplacedSession | undefined {
    const old = this.#byNonce.get(ref.nonce)
    if (old === undefined || old.id !== ref.id || old.peer !== peer) return undefined
    this.#remove(old)
    return { id: old.id, lowest: old.lowest, applied: [...old.results.keys()] }
  }

  /** @returns false if every session is the newest one of a member */
  #evict(isMember: (peer: PeerId) => boolean): boolean {
    const newest = new Map([...this.#sessions.values()].map(({ peer, id }) => [peer, id]))
    const byUse = [...this.#sessions.values()].sort((a, b) => a.lastIndex - b.lastIndex)
    const victim = byUse.find(({ peer }) => !isMember(peer)) ?? byUse.find(({ peer, id }) => newest.get(peer) !== id)
    if (victim !== undefined) this.#remove(victim)
    return victim !== undefined
  }

  #remove(session: Session): void {
    this.#sessions.delete(session.id)
    this.#byNonce.delete(session.nonce)
  }
}

/** A session in the table. */
export class Session implements SessionRecord {
  readonly id: number
  readonly nonce: string
  readonly peer: PeerId
  /** The verdict on each command that is new. */
  readonly applies: Verdict = { kind: 'apply', session: this }
  readonly #limits: SessionLimits
  /** Not a Map, which with ten thousand commands in flight costs more than applying them. */
  readonly #results = new SequenceRing<StoredResult>()
  /** About how many bytes each large output has that is kept. */
  readonly #large = new Map<number, number>()
  #largeBytes = 0
  #lowest: number
  #lastIndex: number
  #replaced: ReplacedSession | undefined

  constructor(record: SessionRecord, limits: SessionLimits) {
    this.id = record.id
    this.nonce = record.nonce
    this.peer = record.peer
    this.#limits = limits
    this.#lowest = record.lowest
    this.#lastIndex = record.lastIndex
    this.#replaced = record.replaced
    for (const [sequence, result] of record.results) this.record(sequence, result)
  }

  get lowest(): number {
    return this.#lowest
  }

  get results(): ReadonlyMap<number, StoredResult> {
    return new Map(this.#results.entries())
  }

  resultOf(sequence: number): StoredResult | undefined {
    return this.#results.get(sequence)
  }

  get lastIndex(): number {
    return this.#lastIndex
  }

  get replaced(): ReplacedSession | undefined {
    return this.#replaced
  }

  /** A command of it is in the log; `lowest` may be an old one. */
  use(lowest: number, index: number): void {
    this.#lastIndex = index
    this.#replaced = undefined
    this.#prune(lowest)
  }

  record(sequence: number, result: StoredResult): void {
    invariant(this.#results.get(sequence) === undefined, () => `session ${this.id}: sequence ${sequence} applied twice`)
    this.#results.set(sequence, result)
    this.#weigh(sequence, result)
  }

  #prune(lowest: number): void {
    while (this.#lowest < lowest) {
      // A far jump costs no more than what is stored.
      if (this.#results.size === 0) {
        this.#lowest = lowest
        return
      }
      this.#results.delete(this.#lowest)
      if (this.#large.size > 0) this.#unweigh(this.#lowest)
      this.#lowest++
    }
  }

  #weigh(sequence: number, result: StoredResult): void {
    const bytes = outputBytes(result)
    if (bytes <= this.#limits.largeBytes) return
    this.#large.set(sequence, bytes)
    this.#largeBytes += bytes
    while (this.#largeBytes > this.#limits.largeBytesKept) {
      const lowest = Math.min(...this.#large.keys())
      this.#results.set(lowest, 'dropped')
      this.#unweigh(lowest)
    }
  }

  #unweigh(sequence: number): void {
    this.#largeBytes -= this.#large.get(sequence) ?? 0
    this.#large.delete(sequence)
  }
}

function outputBytes(result: StoredResult): number {
  if (result === 'dropped') return 0
  if (result.ok) return roughBytes(result.output)
  return result.rejected === undefined ? 0 : result.rejected.length + roughBytes(result.details)
}

const SCALAR_BYTES = 8

/** About what the value costs in memory: the same on every replica, and cheaper than encoding it. */
function roughBytes(value: Value): number {
  if (typeof value === 'string') return SCALAR_BYTES + value.length
  if (typeof value !== 'object' || value === null) return SCALAR_BYTES
  if (value instanceof Uint8Array) return SCALAR_BYTES + value.length
  let bytes = SCALAR_BYTES
  for (const [key, part] of Object.entries(value)) bytes += key.length + roughBytes(part as Value)
  return bytes
}
