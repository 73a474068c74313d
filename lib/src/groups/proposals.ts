import { toBase64Url } from '../base/bytes.js'
import type { LegionError, Outcome } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import type { Logger } from '../base/logger.js'
import type { Runtime } from '../base/runtime.js'
import { pieceOf, viewOf } from '../codec/byte-pool.js'
import type { Value } from '../codec/value.js'
import { type Call, decodeCall, decodeOwner, encodeCall, type Ticket } from './entry.js'
import { InFlight } from './in-flight.js'
import { type Outbox, type OutboxRecord, sortOut } from './outbox.js'
import { type Proposer, pack } from './pack.js'
import { type Batch, newPending, nextResendDelayMs, outcomeFor, type Pending, reject } from './pending.js'
import {
  busy,
  commandTooLarge,
  diskFailed,
  dropped,
  noDurableStorage,
  noRoomForSession,
  outputDropped,
  refusal,
  sessionExpired,
  timedOut,
  unsessionedPersist,
} from './proposal-errors.js'
import { Registration } from './registration.js'
import type { Applied } from './replicated-state.js'
import {
  type AppliedCommands,
  type AppliedResult,
  fromReplicated,
  SESSION_LIMITS,
  type SessionRecord,
  type SessionTable,
} from './sessions.js'
import { TurnClock } from './turn-clock.js'
import { aborted, deadlineOf, type WaitOptions, watchAbort } from './wait-options.js'

export type { Batch } from './pending.js'

export interface ProposeOptions extends WaitOptions {
  /**
   * False: outside of the session, which saves its memory in the group. The command is sent once and never again: if
   * the leader refuses it, E_DROPPED; if it gets lost, E_TIMEOUT with outcome `unknown`. Default true.
   */
  readonly once?: boolean | undefined
  /**
   * True: the command outlives this process. It is written to disk before it is sent, and proposed again, exactly once,
   * when the peer comes back with the same storage; by default without a timeout. A timeout or an abort withdraws it,
   * closing does not. Without durable storage: E_UNSUPPORTED. Default false.
   */
  readonly persist?: boolean | undefined
  /**
   * Called once when the command has its place in the log for good, before it settles; it may still be refused then.
   * Not called if this peer learns of that by a snapshot. Default: none.
   */
  readonly onCommitted?: ((index: number) => void) | undefined
}

export interface ProposalsOptions {
  readonly runtime: Runtime
  readonly self: () => PeerId
  readonly limits: ProposalLimits
  readonly logger: Logger
  /** Undefined: nothing outlives this process. */
  readonly outbox?: Outbox | undefined
  /** Called when there is something new to send. */
  readonly changed: () => void
  /**
   * A persistent command of an earlier run that nobody can tell of whether it was applied: the group forgot its
   * session. It is not proposed again.
   */
  readonly lost: (call: LostCall) => void
}

export interface LostCall extends Call {
  /** The proposer's wall clock when it was proposed. */
  readonly timestampMs: number
}

export interface ProposalLimits {
  /** Proposals in flight per group; then E_BUSY. */
  readonly proposals: number
  /** Bytes of all commands in flight per group; then E_BUSY, unless it is the only one. */
  readonly proposalBytes: number
  /** Bytes of one command, name included; then E_TOO_LARGE. */
  readonly commandBytes: number
}

/** With the PeerId it only has to tell the starts of one peer apart. */
const TICKET_NONCE_BYTES = 6
const BATCH_BYTES_MAX = 256 * 1024
const NO_OPTIONS: ProposeOptions = {}

/**
 * This peer's side of its session in a group: numbers its proposals, keeps them until their outcome is known, and gives
 * them out again, unchanged, whenever they may have been lost. Sends nothing itself.
 *
 * Invariants: a proposal is settled exactly once; entries carry `lowest` = the lowest sequence unsettled when they were
 * made, so the replicated table never forgets a result that is still waited for; a persistent proposal is never given
 * out before its outbox holds the number under which it goes.
 */
export class Proposals {
  readonly #options: ProposalsOptions
  readonly #clock: TurnClock
  readonly #inFlight = new InFlight()
  readonly #registration: Registration
  readonly #ticketNonce: string
  #session: number | undefined
  /** Records of an earlier run's session, until it is known what was applied of them. */
  #past: readonly OutboxRecord[] = []
  #broken: { readonly cause: unknown } | undefined

  constructor(options: ProposalsOptions) {
    const { runtime, self, outbox } = options
    this.#options = options
    this.#clock = new TurnClock(runtime)
    this.#registration = new Registration(runtime, self)
    this.#ticketNonce = toBase64Url(runtime.randomBytes(TICKET_NONCE_BYTES))
    if (outbox !== undefined) this.#recover(outbox)
  }

  get inFlight(): number {
    return this.#inFlight.size
  }

  /** Bytes of all commands in flight. */
  get bytesInFlight(): number {
    return this.#inFlight.bytes
  }

  /**
   * Settles with the command's output.
   * @throws LegionError E_INVALID, E_UNSUPPORTED, E_NOT_PLAIN, E_TOO_LARGE, E_BUSY, E_ABORTED, E_STORAGE, at once
   */
  propose(name: string, payload: unknown, options: ProposeOptions = NO_OPTIONS): Promise<Value> {
    const { outbox } = this.#options
    const { once = true, persist = false, signal, onCommitted } = options
    this.#requireOffered(once, persist)
    const timeoutMs = options.timeoutMs ?? (persist ? Number.POSITIVE_INFINITY : undefined)
    const deadlineMs = deadlineOf(this.#clock, timeoutMs)
    const call = encodeCall(name, payload)
    this.#requireRoom(call.end - call.start, persist)
    if (signal?.aborted) throw aborted(signal, 'not-applied')
    const pending = newPending(call, this.#clock.wallClockMs(), deadlineMs)
    pending.isOneShot = !once
    pending.recordId = persist ? outbox?.newId() : undefined
    pending.onCommitted = onCommitted
    const outcome = outcomeFor(pending)
    if (signal !== undefined) this.#watch(pending, signal)
    this.#inFlight.add(pending)
    this.#admit(pending)
    this.#options.changed()
    return outcome
  }

  /**
   * What to propose now, at most about `BATCH_BYTES_MAX` of it; it counts as sent unless it is `returned`. A
   * registration goes alone.
   */
  takeBatch(): Batch {
    if (this.#isRegistrationDue()) {
      return { entries: [this.#registration.take()], proposals: [], registers: this.#registration.nonce }
    }
    const proposals: Pending[] = []
    const nowMs = this.#options.runtime.nowMs()
    let bytes = 0
    while (bytes < BATCH_BYTES_MAX) {
      const pending = this.#inFlight.takeQueued(this.#session !== undefined)
      if (pending === undefined) break
      this.#giveOut(pending, nowMs)
      proposals.push(pending)
      bytes += pending.end - pending.start
    }
    return { entries: pack(proposals, this.#proposer()), proposals, registers: undefined }
  }

  get hasUnsent(): boolean {
    return this.#isRegistrationDue() || this.#inFlight.hasQueued(this.#session !== undefined)
  }

  /** The batch was certainly dropped: as if it had not been sent. */
  returned(batch: Batch): void {
    if (batch.registers === this.#registration.nonce) this.#registration.again()
    for (const pending of batch.proposals) {
      if (pending.isSettled) continue
      pending.sends--
      if (pending.isOneShot) this.#fail(pending, dropped)
      else this.#inFlight.queueAgain(pending)
    }
  }

  /** What was sent may be lost, with the leader or the link to it: everything is given out again at once. */
  resend(): void {
    this.#registration.again()
    for (const pending of this.#inFlight.numbered) if (pending.sends > 0) this.#inFlight.queueAgain(pending)
  }

  /**
   * To be called with every tick: fails what waited too long, and gives out again, ever more rarely, what was not
   * answered.
   * @param hasLeader tells a slow group from one without a quorum
   */
  expire(hasLeader: boolean): void {
    const nowMs = this.#options.runtime.nowMs()
    if (nowMs < this.#inFlight.dueAtMs) return
    for (const pending of this.#inFlight.takeDue(nowMs)) {
      if (pending.deadlineMs <= nowMs) {
        this.#fail(pending, (outcome) => timedOut(outcome, hasLeader))
      } else {
        this.#inFlight.queueAgain(pending, nextResendDelayMs(pending.resendDelayMs))
        this.#inFlight.noteDue(pending)
      }
    }
  }

  /** An entry has its place in the log for good; it is not applied yet. Need not be called unless `watchesCommits`. */
  committed(index: number, data: Uint8Array): void {
    const owner = decodeOwner(data)
    if (owner?.kind === 'one-shot') this.#noteCommitted(this.#byTicket(owner.ticket), index)
    else if (owner?.session === this.#session) {
      for (const sequence of owner?.sequences ?? []) this.#noteCommitted(this.#inFlight.bySequence(sequence), index)
    }
  }

  get watchesCommits(): boolean {
    return this.#inFlight.watchers > 0
  }

  /** Takes note of what was applied here. */
  applied(applied: Applied, index: number): void {
    if (applied.kind === 'commands') {
      this.#settleOwn(applied, index)
    } else if (applied.kind === 'register') {
      if (applied.nonce === this.#registration.nonce) this.#registered(applied.session)
    } else if (applied.kind === 'one-shot') {
      this.#settle(this.#byTicket(applied.ticket), applied.result, index)
    }
  }

  /** The same after a snapshot, which may have skipped the entries of this session. */
  restored(sessions: SessionTable): void {
    const session = sessions.byNonce(this.#registration.nonce)
    if (this.#session === undefined) {
      if (session !== undefined) this.#registered(session)
    } else if (session?.id !== this.#session) {
      this.#restart(this.#session)
    } else {
      for (const [sequence, result] of session.results) {
        this.#settle(this.#inFlight.bySequence(sequence), fromReplicated(result), undefined)
      }
    }
  }

  /**
   * Another group takes the place of the one in which nothing that was given out was applied or ever will be: all of it
   * goes out again, in another session.
   */
  startOver(): void {
    this.#session = undefined
    this.#inFlight.startOver()
    for (const { id, call, timestampMs } of this.#past) {
      this.#options.lost({ ...decodeCall(call), timestampMs })
      this.#options.outbox?.remove(id)
    }
    this.#past = []
    this.#registration.renew()
  }

  /**
   * Fails what was never sent and may not be.
   * @param judge what is wrong with a command of this name, if something is
   */
  refuse(judge: (name: string) => LegionError | undefined): void {
    for (const pending of this.#inFlight.all) {
      const error = pending.sends === 0 ? judge(decodeCall(viewOf(pending)).name) : undefined
      if (error !== undefined) this.#fail(pending, () => error)
    }
  }

  /** Fails everything, as definite or not as it is known. What is persistent stays in the outbox. */
  failAll(makeError: (outcome: Outcome) => LegionError): void {
    for (const pending of this.#inFlight.all) {
      this.#forget(pending)
      reject(pending, makeError(outcomeOf(pending)))
    }
  }

  // --- coming in

  #requireOffered(once: boolean, persist: boolean): void {
    if (this.#broken !== undefined) throw diskFailed('not-applied', this.#broken.cause)
    if (persist && !once) throw unsessionedPersist()
    if (persist && this.#options.outbox === undefined) throw noDurableStorage()
  }

  #requireRoom(bytes: number, persist: boolean): void {
    const { limits, outbox } = this.#options
    const { size, span, bytes: bytesInFlight } = this.#inFlight
    if (bytes > limits.commandBytes) throw commandTooLarge(bytes, limits.commandBytes)
    if (size >= limits.proposals) throw busy(`${size} commands are in flight already (limits.proposals)`)
    if (span >= SESSION_LIMITS.window) throw busy(`${span} commands came since the oldest that is in flight`)
    if (size > 0 && bytesInFlight + bytes > limits.proposalBytes) {
      throw busy(`Commands of ${bytesInFlight} bytes are in flight already (limits.proposalBytes)`)
    }
    if (persist) outbox?.requireRoom(bytes)
  }

  #watch(pending: Pending, signal: AbortSignal): void {
    pending.release = watchAbort(signal, () => this.#fail(pending, (outcome) => aborted(signal, outcome)))
  }

  /** Queues it; what is persistent as soon as it is on disk with its number, for which there must be a session. */
  #admit(pending: Pending): void {
    const { recordId: id, timestampMs } = pending
    const session = this.#session
    if (id === undefined) {
      this.#inFlight.queue(pending)
      return
    }
    const sentAs = session === undefined ? undefined : this.#sentAs(session, pending)
    const write = this.#options.outbox?.put({ id, call: viewOf(pending), timestampMs, sentAs })
    write?.then(
      () => {
        if (session === undefined || session !== this.#session || pending.isSettled) return
        this.#inFlight.queueAgain(pending)
        this.#options.changed()
      },
      (error: unknown) => this.#break(error),
    )
  }

  #sentAs(session: number, pending: Pending): OutboxRecord['sentAs'] {
    const { nonce } = this.#registration
    return { session: { id: session, nonce }, sequence: this.#inFlight.numberOf(pending) }
  }

  /** Without its disk this peer can't keep what it promised. */
  #break(cause: unknown): void {
    this.#broken ??= { cause }
    this.#registration.hold()
    this.failAll((outcome) => diskFailed(outcome, cause))
  }

  // --- going out

  #giveOut(pending: Pending, nowMs: number): void {
    this.#inFlight.numberOf(pending)
    pending.sends++
    if (!pending.isOneShot) pending.resendAtMs = nowMs + pending.resendDelayMs
    this.#inFlight.noteDue(pending)
  }

  #proposer(): Proposer {
    const { lowest } = this.#inFlight
    return { session: this.#session, lowest, peer: this.#options.self(), ticketNonce: this.#ticketNonce }
  }

  // --- the session

  #isRegistrationDue(): boolean {
    return this.#session === undefined && this.#registration.isDue
  }

  #registered(session: SessionRecord | undefined): void {
    // What comes while none is under way comes of a copy of the registration.
    if (this.#session !== undefined || this.#registration.isHeld) return
    if (session === undefined) {
      for (const pending of this.#inFlight.all) {
        if (pending.queue !== undefined && !pending.isOneShot) this.#fail(pending, noRoomForSession)
      }
      return
    }
    this.#registration.hold()
    const { outbox } = this.#options
    if (this.#past.length === 0 || outbox === undefined) this.#start(session.id)
    else this.#succeed(outbox, session)
  }

  #start(session: number): void {
    this.#session = session
    for (const pending of this.#inFlight.all) if (pending.recordId !== undefined) this.#admit(pending)
    this.#options.changed()
  }

  /** The replicated table forgot this session. What was never sent goes on with the next one. */
  #restart(session: number): void {
    this.#registration.succeed({ id: session, nonce: this.#registration.nonce })
    this.#session = undefined
    const unsent: Pending[] = []
    for (const pending of this.#inFlight.numbered) {
      if (pending.sends > 0) this.#fail(pending, sessionExpired)
      else unsent.push(pending)
    }
    this.#inFlight.restartSequence()
    for (const pending of unsent) if (pending.recordId === undefined) this.#inFlight.queue(pending)
    this.#options.changed()
  }

  // --- what an earlier run of this peer left

  #recover(outbox: Outbox): void {
    for (const record of outbox.recovered) if (record.sentAs === undefined) this.#adopt(record)
    this.#past = outbox.recovered.filter(({ sentAs }) => sentAs !== undefined)
    const replaces = this.#past.at(-1)?.sentAs?.session
    if (replaces === undefined) return
    this.#registration.succeed(replaces, outbox.successor)
    this.#registration.hold()
    outbox.announceSuccessor(this.#registration.nonce).then(
      () => {
        this.#registration.release()
        this.#options.changed()
      },
      (error: unknown) => this.#break(error),
    )
  }

  /** Proposes again what was certainly not applied. Nobody waits for it any more. */
  #adopt({ id, call, timestampMs }: OutboxRecord): void {
    const pending = newPending(pieceOf(call), timestampMs, Number.POSITIVE_INFINITY)
    pending.recordId = id
    this.#inFlight.add(pending)
  }

  #succeed(outbox: Outbox, session: SessionRecord): void {
    const { settled, open, lost } = sortOut(this.#past, session.replaced)
    for (const { call, timestampMs } of lost) this.#options.lost({ ...decodeCall(call), timestampMs })
    outbox.succeed([...settled, ...lost], open).then(
      () => {
        this.#past = []
        for (const record of open) this.#adopt(record)
        this.#start(session.id)
      },
      (error: unknown) => this.#break(error),
    )
  }

  // --- the end of a proposal

  #byTicket({ nonce, number }: Ticket): Pending | undefined {
    return nonce === this.#ticketNonce ? this.#inFlight.byTicket(number) : undefined
  }

  #noteCommitted(pending: Pending | undefined, index: number): void {
    const onCommitted = pending && this.#inFlight.takeWatcher(pending)
    if (onCommitted === undefined) return
    try {
      onCommitted(index)
    } catch (error) {
      this.#options.logger.error('An onCommitted threw.', error)
    }
  }

  #settleOwn({ commands, results }: AppliedCommands, index: number): void {
    for (let i = 0; i < results.length; i++) {
      const { session, sequence } = commands[i] as (typeof commands)[number]
      const result = results[i] as AppliedResult
      if (session !== this.#session) continue
      if (result === 'expired') this.#restart(session)
      else this.#settle(this.#inFlight.bySequence(sequence), result, index)
    }
  }

  /** @param index of the entry; undefined if a snapshot skipped it */
  #settle(pending: Pending | undefined, result: Exclude<AppliedResult, 'expired'>, index: number | undefined): void {
    if (pending === undefined || result === 'settled') return
    if (index !== undefined) this.#noteCommitted(pending, index)
    this.#withdraw(pending)
    if (result === 'dropped') reject(pending, outputDropped())
    else if (result.ok) pending.settle(result.output)
    else reject(pending, refusal(result))
  }

  #fail(pending: Pending, makeError: (outcome: Outcome) => LegionError): void {
    this.#withdraw(pending)
    reject(pending, makeError(outcomeOf(pending)))
  }

  #withdraw(pending: Pending): void {
    this.#forget(pending)
    if (pending.recordId !== undefined) this.#options.outbox?.remove(pending.recordId)
  }

  #forget(pending: Pending): void {
    this.#inFlight.delete(pending)
    pending.release()
  }
}

/** What is in an outbox may be proposed by a later run, whatever became of it in this one. */
function outcomeOf({ sends, recordId }: Pending): Outcome {
  return sends === 0 && recordId === undefined ? 'not-applied' : 'unknown'
}
