import type { Runtime, Timer } from '../base/runtime.js'

export interface LivenessTiming {
  /** Nothing received for this long: ask for a sign of life. */
  readonly idleMs: number
  /** Nothing received for this long: the link is dead. */
  readonly silentMs: number
}

export interface LivenessActions {
  /** Send a ping now; the other side echoes its sequence. */
  ping(sequence: number): void
  /**
   * The other side owes a sign of life for a while: called once in each silence, and in each probe.
   * @returns whether something is done about it, which takes time
   */
  suspect(): boolean
  /** Called at most once. */
  silent(): void
}

/** A busy link is asked this often too, so that its round trip time stays true. */
const REFRESH_RTT_MS = 10_000
/** A timer this late means that the page or machine slept: silence until now says nothing about the other side. */
const SLEPT_AFTER_MS = 2_000
/** How long the other side has to answer after we slept. */
const WAKE_DEADLINE_MS = 2_000
/** When a silent link is suspect: with so much of the time left that it has. */
const SUSPECT_LEFT = 0.4
/**
 * What a silent link gets for that. SCTP does not notice a new path: it sends again after 0.4 or 1 s, twice that, and
 * so on, so that what was sent when the silence began comes after 6 or 7 s at the earliest (measured). A probe waits
 * for no such thing: who probes knows more.
 */
const SUSPECT_MS = 5_000
/** Weight of a new sample in the smoothed round trip time (RFC 6298). */
const RTT_GAIN = 1 / 8

/**
 * Watches one link: any received bytes are a sign of life; asks for one when idle, and says when there was none.
 *
 * One timer at a time. Receiving does not touch it: when it fires, it looks at what happened since.
 */
export class Liveness {
  readonly #runtime: Runtime
  readonly #timing: LivenessTiming
  readonly #actions: LivenessActions
  #timer: Timer
  #timerDueMs: number
  #heardMs: number
  #deadlineMs: number
  /** When the link is suspect unless something is heard; undefined once it is. */
  #suspectMs: number | undefined
  /** Since anything was heard. */
  #isProbed = false
  #pingMs: number
  #sequence = 0
  #answered = true
  #rttMs: number | undefined

  /** Pings once at the start, so that the round trip time is known early: after the current work, by a timer. */
  constructor(runtime: Runtime, timing: LivenessTiming, actions: LivenessActions) {
    this.#runtime = runtime
    this.#timing = timing
    this.#actions = actions
    const nowMs = runtime.nowMs()
    this.#heardMs = nowMs
    this.#deadlineMs = nowMs + timing.silentMs
    this.#suspectMs = this.#deadlineMs - SUSPECT_LEFT * timing.silentMs
    this.#pingMs = nowMs - REFRESH_RTT_MS
    this.#timerDueMs = nowMs
    this.#timer = this.#setTimer(nowMs)
  }

  /** Smoothed; undefined until the first answer. */
  get rttMs(): number | undefined {
    return this.#rttMs
  }

  heard(): void {
    this.#isProbed = false
    this.#heardMs = this.#runtime.nowMs()
    this.#deadlineMs = this.#heardMs + this.#timing.silentMs
    this.#suspectMs = this.#deadlineMs - SUSPECT_LEFT * this.#timing.silentMs
  }

  /** An answer to `ping(sequence)`; any other sequence is ignored. */
  pong(sequence: number): void {
    if (sequence !== this.#sequence || this.#answered) return
    this.#answered = true
    const sampleMs = this.#runtime.nowMs() - this.#pingMs
    this.#rttMs = this.#rttMs === undefined ? sampleMs : this.#rttMs + (sampleMs - this.#rttMs) * RTT_GAIN
  }

  /** Pings now; silent unless something is heard within `deadlineMs`. */
  probe(deadlineMs: number): void {
    const nowMs = this.#runtime.nowMs()
    const latestMs = nowMs + deadlineMs
    this.#isProbed = true
    this.#deadlineMs = this.#slept(nowMs) ? latestMs : Math.min(this.#deadlineMs, latestMs)
    this.#suspectMs = this.#deadlineMs - SUSPECT_LEFT * deadlineMs
    this.#ping(nowMs)
    this.#arm(nowMs)
  }

  stop(): void {
    this.#timer.cancel()
  }

  #evaluate(): void {
    const nowMs = this.#runtime.nowMs()
    if (this.#slept(nowMs)) this.probe(WAKE_DEADLINE_MS)
    else if (nowMs >= this.#deadlineMs) this.#actions.silent()
    else this.#keepAwake(nowMs)
  }

  #keepAwake(nowMs: number): void {
    if (nowMs >= this.#nextPingMs()) this.#ask(nowMs)
    else if (this.#suspectMs !== undefined && nowMs >= this.#suspectMs) this.#suspect(nowMs)
    this.#arm(nowMs)
  }

  /** Who is asked late, by a timer of a hidden tab or a busy process, has as long to answer as who is asked in time. */
  #ask(nowMs: number): void {
    this.#ping(nowMs)
    if (this.#suspectMs === undefined || this.#isProbed) return
    const { idleMs, silentMs } = this.#timing
    this.#suspectMs = Math.max(this.#suspectMs, nowMs + (1 - SUSPECT_LEFT) * silentMs - idleMs)
  }

  #suspect(nowMs: number): void {
    this.#suspectMs = undefined
    const isTried = this.#actions.suspect()
    if (isTried && !this.#isProbed) this.#deadlineMs = nowMs + SUSPECT_MS
  }

  #slept(nowMs: number): boolean {
    return nowMs - this.#timerDueMs > SLEPT_AFTER_MS
  }

  #nextPingMs(): number {
    const idleAtMs = Math.max(this.#heardMs, this.#pingMs) + this.#timing.idleMs
    return Math.min(idleAtMs, this.#pingMs + REFRESH_RTT_MS)
  }

  #ping(nowMs: number): void {
    this.#sequence = (this.#sequence + 1) >>> 0
    this.#pingMs = nowMs
    this.#answered = false
    this.#actions.ping(this.#sequence)
  }

  #arm(nowMs: number): void {
    this.#timer.cancel()
    const dueMs = Math.min(this.#suspectMs ?? this.#deadlineMs, this.#deadlineMs, this.#nextPingMs())
    this.#timer = this.#setTimer(dueMs, nowMs)
  }

  #setTimer(dueMs: number, nowMs = dueMs): Timer {
    this.#timerDueMs = dueMs
    return this.#runtime.setTimer(Math.max(0, dueMs - nowMs), () => this.#evaluate())
  }
}
