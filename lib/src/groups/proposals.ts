import { toBase64Url } from '../base/bytes.js'
import { LegionError, type Outcome } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import type { Runtime } from '../base/runtime.js'
import type { Value } from '../codec/value.js'
import { encodeCall, encodeCommand, encodeRegister } from './entry.js'
import type { Applied, AppliedResult } from './replicated-state.js'
import { fromReplicated } from './replicated-state.js'
import { SESSION_LIMITS, type SessionTable } from './sessions.js'

export interface ProposeOptions {
  /** Milliseconds, 10,000 by default; then E_TIMEOUT or E_NO_QUORUM. */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

interface Pending {
  readonly sequence: number
  readonly call: Uint8Array
  readonly timestampMs: number
  readonly deadlineMs: number
  readonly resolve: (output: Value) => void
  readonly reject: (error: LegionError) => void
  readonly release: () => void
  /** The log entry; made once the session is known, then sent again unchanged. */
  entry: Uint8Array | undefined
  sentAtMs: number | undefined
  /** How often it was given out and not returned: 0 means that it can't have been applied. */
  sends: number
}

/** Entries to propose together. */
export interface Batch {
  readonly entries: Uint8Array[]
  /** Whose entries they are; empty for the session's registration. */
  readonly sequences: number[]
}

export interface ProposalsOptions {
  readonly runtime: Runtime
  readonly self: PeerId
  readonly limits: ProposalLimits
  /** Called when there is something new to send. */
  readonly changed: () => void
}

export interface ProposalLimits {
  /** Proposals in flight per group; then E_BUSY. */
  readonly proposals: number
  /** Bytes of one command, name included; then E_TOO_LARGE. */
  readonly commandBytes: number
}

const NONCE_BYTES = 16
const DEFAULT_TIMEOUT_MS = 10_000
const BATCH_BYTES_MAX = 256 * 1024

/**
 * This peer's side of its session in a group: numbers its proposals, keeps them until their outcome is known, and gives
 * them out again, unchanged, whenever they may have been lost. Sends nothing itself.
 *
 * Invariants: a proposal is settled exactly once; entries carry `lowest` = the lowest sequence unsettled when they were
 * made, so the replicated table never forgets a result that is still waited for.
 */
export class Proposals {
  readonly #options: ProposalsOptions
  #nonce: string
  #session: number | undefined
  #registerSentAtMs: number | undefined
  #nextSequence = 1
  readonly #pending = new Map<number, Pending>()
  /** Pending ones that wait to be given out, in order of sequence. */
  #unsent: Pending[] = []

  constructor(options: ProposalsOptions) {
    this.#options = options
    this.#nonce = this.#drawNonce()
  }

  get inFlight(): number {
    return this.#pending.size
  }

  propose(name: string, payload: unknown, options: ProposeOptions = {}): Promise<Value> {
    const call = encodeCall(name, payload)
    this.#requireRoom(call)
    if (options.signal?.aborted) throw aborted('not-applied', options.signal)
    return new Promise((resolve, reject) => {
      const { runtime } = this.#options
      const sequence = this.#nextSequence++
      const pending: Pending = {
        sequence,
        call,
        timestampMs: runtime.wallClockMs(),
        deadlineMs: runtime.nowMs() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS),
        resolve,
        reject,
        release: this.#watchAbort(sequence, options.signal),
        entry: undefined,
        sentAtMs: undefined,
        sends: 0,
      }
      this.#pending.set(sequence, pending)
      this.#unsent.push(pending)
      this.#options.changed()
    })
  }

  /**
   * What to propose now, at most about `BATCH_BYTES_MAX` of it; it counts as sent unless it is `returned`. The
   * registration goes first, alone.
   */
  takeBatch(): Batch {
    const nowMs = this.#options.runtime.nowMs()
    if (this.#session === undefined) return this.#takeRegistration(nowMs)
    const batch: Batch = { entries: [], sequences: [] }
    let bytes = 0
    let taken = 0
    for (; taken < this.#unsent.length && bytes < BATCH_BYTES_MAX; taken++) {
      const pending = this.#unsent[taken] as Pending
      if (!this.#pending.has(pending.sequence)) continue
      const entry = this.#entryOf(pending, this.#session)
      pending.sentAtMs = nowMs
      pending.sends++
      batch.entries.push(entry)
      batch.sequences.push(pending.sequence)
      bytes += entry.length
    }
    this.#unsent = this.#unsent.slice(taken)
    return batch
  }

  /** The batch was certainly dropped: as if it had not been sent. */
  returned(batch: Batch): void {
    if (batch.sequences.length === 0) this.#registerSentAtMs = undefined
    const back: Pending[] = []
    for (const sequence of batch.sequences) {
      const pending = this.#pending.get(sequence)
      if (pending === undefined) continue
      pending.sends--
      back.push(pending)
    }
    const known = new Set(back)
    this.#unsent = [...back, ...this.#unsent.filter((pending) => !known.has(pending))]
  }

  get hasUnsent(): boolean {
    return this.#session === undefined ? this.#registerSentAtMs === undefined : this.#unsent.length > 0
  }

  /**
   * Gives out again what was sent before `sentBeforeMs` and is not settled: it may have been lost. Harmless if it was
   * not, the session applies it once.
   */
  resend(sentBeforeMs: number): void {
    if (this.#registerSentAtMs !== undefined && this.#registerSentAtMs <= sentBeforeMs)
      this.#registerSentAtMs = undefined
    const lost = (pending: Pending) => pending.sentAtMs !== undefined && pending.sentAtMs <= sentBeforeMs
    const waiting = new Set(this.#unsent)
    this.#unsent = [...this.#pending.values()].filter((pending) => waiting.has(pending) || lost(pending))
  }

  /** Takes note of what was applied here. */
  applied(applied: Applied): void {
    if (applied.kind === 'register') {
      if (applied.session.nonce === this.#nonce) this.#session = applied.session.id
    } else if (applied.session === this.#session) {
      this.#settle(applied.sequence, applied.result)
    }
  }

  /** The same after a snapshot, which may have skipped the entries of this session. */
  restored(sessions: SessionTable): void {
    const session = sessions.byNonce(this.#nonce)
    if (session === undefined) return
    this.#session = session.id
    for (const [sequence, result] of session.results) this.#settle(sequence, fromReplicated(result))
  }

  /**
   * Fails what waited too long.
   * @param hasLeader tells a slow group from one without a quorum
   */
  expire(hasLeader: boolean): void {
    const nowMs = this.#options.runtime.nowMs()
    for (const pending of this.#pending.values()) {
      if (pending.deadlineMs <= nowMs) this.#fail(pending, (outcome) => timedOut(outcome, hasLeader))
    }
  }

  /** Fails everything, as definite or not as it is known. */
  failAll(makeError: (outcome: Outcome) => LegionError): void {
    for (const pending of this.#pending.values()) this.#fail(pending, makeError)
  }

  #takeRegistration(nowMs: number): Batch {
    if (this.#registerSentAtMs !== undefined) return { entries: [], sequences: [] }
    this.#registerSentAtMs = nowMs
    return { entries: [encodeRegister(this.#nonce, this.#options.self)], sequences: [] }
  }

  #entryOf(pending: Pending, session: number): Uint8Array {
    const { sequence, timestampMs, call } = pending
    pending.entry ??= encodeCommand({ session, sequence, lowest: this.#lowest(), timestampMs }, call)
    return pending.entry
  }

  #lowest(): number {
    const [lowest] = this.#pending.keys()
    return lowest ?? this.#nextSequence
  }

  #settle(sequence: number, result: AppliedResult): void {
    if (result === 'expired') {
      this.#restart()
      return
    }
    const pending = this.#pending.get(sequence)
    if (pending === undefined || result === 'settled') return
    this.#forget(pending)
    if (result.ok) pending.resolve(result.output)
    else pending.reject(refusal(result))
  }

  /** The replicated table forgot this session: nobody can tell any more what was applied. */
  #restart(): void {
    this.failAll((outcome) => {
      const problem = 'The group forgot this session (too many others came since): read the state before trying again.'
      return new LegionError('E_SESSION_EXPIRED', problem, { outcome })
    })
    this.#nonce = this.#drawNonce()
    this.#session = undefined
    this.#registerSentAtMs = undefined
    this.#nextSequence = 1
    this.#options.changed()
  }

  #fail(pending: Pending, makeError: (outcome: Outcome) => LegionError): void {
    this.#forget(pending)
    pending.reject(makeError(pending.sends === 0 ? 'not-applied' : 'unknown'))
  }

  #forget(pending: Pending): void {
    this.#pending.delete(pending.sequence)
    pending.release()
  }

  #watchAbort(sequence: number, signal: AbortSignal | undefined): () => void {
    if (signal === undefined) return () => {}
    const onAbort = () => {
      const pending = this.#pending.get(sequence)
      if (pending !== undefined) this.#fail(pending, (outcome) => aborted(outcome, signal))
    }
    signal.addEventListener('abort', onAbort)
    return () => signal.removeEventListener('abort', onAbort)
  }

  #requireRoom(call: Uint8Array): void {
    const { proposals, commandBytes } = this.#options.limits
    if (call.length > commandBytes) {
      const problem = `The command has ${call.length} bytes, the limit is ${commandBytes} (limits.commandBytes).`
      throw new LegionError('E_TOO_LARGE', problem, { outcome: 'not-applied' })
    }
    const oldest = this.#lowest()
    if (this.#pending.size >= proposals || this.#nextSequence - oldest >= SESSION_LIMITS.window) {
      const problem = `${proposals} commands are in flight already (limits.proposals): await some first.`
      throw new LegionError('E_BUSY', problem, { outcome: 'not-applied' })
    }
  }

  #drawNonce(): string {
    return toBase64Url(this.#options.runtime.randomBytes(NONCE_BYTES))
  }
}

function refusal(result: Exclude<AppliedResult, 'expired' | 'settled' | { ok: true }>): LegionError {
  if (result.rejected !== undefined) {
    return new LegionError('E_REJECTED', result.rejected, { details: result.details, outcome: 'not-applied' })
  }
  const problem = 'The command threw an error and changed nothing; see cause, if it was applied here first.'
  return new LegionError('E_COMMAND_FAILED', problem, { cause: result.cause, outcome: 'not-applied' })
}

function timedOut(outcome: Outcome, hasLeader: boolean): LegionError {
  return hasLeader
    ? new LegionError('E_TIMEOUT', 'The group did not commit the command in time.', { outcome })
    : new LegionError('E_NO_QUORUM', 'No majority of the voters can be reached, so nothing can be agreed.', { outcome })
}

function aborted(outcome: Outcome, signal: AbortSignal): LegionError {
  return new LegionError('E_ABORTED', 'The caller gave up waiting.', { outcome, cause: signal.reason })
}
