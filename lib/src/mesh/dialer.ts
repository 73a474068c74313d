import type { PeerId } from '../base/ids.js'
import type { Logger } from '../base/logger.js'
import type { Runtime, Timer } from '../base/runtime.js'
import { DecodeError } from '../codec/decode.js'
import type { Connector, IceServer } from '../transport/channel.js'
import type { Link } from '../transport/link.js'
import { Attempt, type AttemptPhase } from './attempt.js'
import type { Authorize } from './authorization.js'
import type { Directory } from './directory.js'
import type { Refusal } from './greeting.js'
import type { Identity } from './handshake.js'
import type { MeshLimits, MeshTiming } from './settings.js'
import { type AttemptId, decodeSignal, encodeSignal, isNewerAttempt, isSameAttempt, type Signal } from './signals.js'

/** What the dialer needs of the mesh, and tells it. */
export interface DialerOptions {
  readonly runtime: Runtime
  readonly logger: Logger
  readonly limits: MeshLimits
  readonly timing: MeshTiming
  readonly directory: Directory
  readonly authorize: Authorize | undefined
  self(): PeerId
  connector(): Connector
  iceServers(): readonly IceServer[]
  hello(): Uint8Array
  canSignal(peer: PeerId): boolean
  signal(to: PeerId, signal: Uint8Array): void
  /** The attempt that became the link to `peer`, if there is one. */
  attemptOfLink(peer: PeerId): Attempt | undefined
  /** Whom to link with, asked when something has changed. */
  wanted(): ReadonlySet<PeerId>
  /** All known peers are wanted, there as well as here. */
  isFullMesh(): boolean
  /** False: there is no room for a link with `peer`. */
  makeRoom(peer: PeerId): boolean
  /** `peer` has no room for a link. */
  refusedBy(peer: PeerId): void
  linked(peer: PeerId, attempt: Attempt, link: Link, identity: Identity): void
  refused(peer: PeerId, problem: string, refusal: Refusal): void
  /** No path leads to `peer`; said once until there is a link. */
  relayNeeded(peer: PeerId, problem: string): void
  /** `peer` says that it has no link, though we have one. */
  suspect(peer: PeerId): void
  /** `peer` says that its end of the link is gone. */
  linkGone(peer: PeerId): void
}

export type DialState = 'connecting' | `unreachable: ${string}`

/** A known peer, as far as linking with it goes. */
interface Prospect {
  attempt: Attempt | undefined
  /** The newest attempt of the other side that was seen: signals of older ones are stale. */
  newest: AttemptId | undefined
  /** Since the last link that lasted. */
  failures: number
  /** When to dial or to nudge next, if not linked by then. */
  nextAtMs: number
  problem: string
  /** Dials in a row that failed for want of a path. */
  pathless: number
  /** It asked to be dialled, wanted or not. */
  isInvited: boolean
}

/** So many dial slots are kept for answering: two peers never wait for each other's. */
const SLOTS_FOR_ANSWERS = 2
/** An attempt as young as this is not given up: its signals may have crossed what speaks against it. */
const YOUNG_MS = 500
/** Looks again at most this often by itself, however many peers there are to wait for. */
const LEAST_SLEEP_MS = 50
/** A peer that failed less often counts as `connecting`. */
const UNREACHABLE_AFTER = 3
/** So many dials without a path are no accident: about ten seconds. */
const PATHLESS_AFTER = 2

/**
 * Links with every wanted peer. Of two, the smaller PeerId dials, so that they never dial each other at once; the other
 * one answers, and asks to be dialled if nothing comes.
 *
 * Invariant: a prospect is linked, has an attempt, or has a time for the next one.
 */
export class Dialer {
  readonly #options: DialerOptions
  readonly #boot: number
  readonly #prospects = new Map<PeerId, Prospect>()
  /** As of the last look. */
  #wanted: ReadonlySet<PeerId> = new Set()
  #attempts = 0
  #wake: Timer | undefined
  #isDue = false
  #isClosed = false

  constructor(options: DialerOptions) {
    this.#options = options
    this.#boot = new DataView(options.runtime.randomBytes(4).buffer).getUint32(0)
  }

  /** A signal came, by whatever way. */
  receive(from: PeerId, bytes: Uint8Array): void {
    if (this.#isClosed || from === this.#options.self()) return
    try {
      this.#handle(from, decodeSignal(bytes))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#options.logger.warn(`dropped a malformed signal of ${from}: ${error.message}`)
    }
  }

  /** Something changed: looks again at everybody, once the current work is done. */
  evaluateSoon(): void {
    if (this.#isDue) return
    this.#isDue = true
    queueMicrotask(() => {
      this.#isDue = false
      if (!this.#isClosed) this.#evaluate()
    })
  }

  /** The network may be better now: dials everybody anew, without waiting. */
  hurry(): void {
    for (const peer of this.#prospects.keys()) this.#startOver(peer, YOUNG_MS)
  }

  /** There is a way for signals again: nobody waits any longer; what is under way goes on. */
  signalsPass(): void {
    for (const peer of this.#prospects.keys()) this.#startOver(peer, Number.POSITIVE_INFINITY)
  }

  /** `peer` is new in the room, or there again: what was said to an older process of its is in vain. */
  arrived(peer: PeerId): void {
    this.#startOver(peer, 0)
  }

  /** The link to `peer` ended. */
  linkEnded(peer: PeerId, livedMs: number, saidGoodbye: boolean): void {
    const prospect = this.#prospect(peer)
    if (prospect === undefined) return
    const { stableMs, mostBackoffMs } = this.#options.timing
    if (livedMs >= stableMs) prospect.failures = 0
    prospect.nextAtMs = saidGoodbye ? this.#inMs(mostBackoffMs) : this.#nextTry(peer, prospect.failures)
    prospect.problem = saidGoodbye ? 'said goodbye' : 'link lost'
    this.evaluateSoon()
  }

  /** Of a peer without a link. */
  stateOf(peer: PeerId): DialState {
    const prospect = this.#prospects.get(peer)
    if (prospect === undefined) return 'connecting'
    if (prospect.pathless >= PATHLESS_AFTER) return `unreachable: ${this.#relayProblem()}`
    if (prospect.attempt !== undefined) return 'connecting'
    if (!this.#options.canSignal(peer)) return 'unreachable: no way to signal to it'
    return prospect.failures < UNREACHABLE_AFTER ? 'connecting' : `unreachable: ${prospect.problem}`
  }

  /** Since the last link that lasted. */
  failuresOf(peer: PeerId): number {
    return this.#prospects.get(peer)?.failures ?? 0
  }

  /** With whom links are on their way. */
  attempting(): PeerId[] {
    return [...this.#prospects].filter(([, { attempt }]) => attempt !== undefined).map(([peer]) => peer)
  }

  close(): void {
    this.#isClosed = true
    this.#wake?.cancel()
    for (const { attempt } of this.#prospects.values()) attempt?.cancel('closed')
    this.#prospects.clear()
  }

  // What the other side says

  #handle(from: PeerId, signal: Signal): void {
    if (signal.kind === 'dial') this.#askedToDial(from)
    else if (signal.kind === 'full') this.#otherIsFull(from)
    else if (signal.kind === 'gone') this.#otherEndGone(from, signal.attempt)
    else if ((signal.kind === 'offer') === this.#iDial(from))
      return // the other side's role is ours
    else this.#connectorSaid(from, signal.attempt, signal.payload)
  }

  #connectorSaid(from: PeerId, id: AttemptId, payload: Uint8Array): void {
    const attempt = this.#findAttempt(from, id) ?? (this.#iDial(from) ? undefined : this.#answer(from, id))
    attempt?.receive(payload)
  }

  /** Takes part in a new attempt of the other side, which ends an older one. */
  #answer(from: PeerId, id: AttemptId): Attempt | undefined {
    const prospect = this.#prospect(from)
    if (prospect === undefined || !isNewerAttempt(id, prospect.newest)) return undefined
    prospect.newest = id
    if (!this.#hasRoomFor(from)) return undefined
    prospect.attempt?.cancel('replaced by a newer attempt')
    prospect.attempt = this.#newAttempt(from, id, false)
    this.evaluateSoon()
    return prospect.attempt
  }

  #askedToDial(from: PeerId): void {
    if (!this.#iDial(from)) return
    if (this.#options.attemptOfLink(from) !== undefined) this.#options.suspect(from)
    else if (this.#prospects.get(from)?.attempt !== undefined) this.#giveUpOlderThan(from, YOUNG_MS)
    else if (!this.#wanted.has(from)) this.#invited(from)
  }

  #invited(from: PeerId): void {
    if (!this.#options.directory.known().has(from) || !this.#hasRoomFor(from)) return
    const prospect = this.#prospect(from)
    if (prospect === undefined) return
    prospect.isInvited = true
    if (prospect.failures === 0) prospect.nextAtMs = this.#options.runtime.nowMs()
    this.evaluateSoon()
  }

  /** If not, tells it so. */
  #hasRoomFor(peer: PeerId): boolean {
    const hasRoom = this.#options.makeRoom(peer)
    if (!hasRoom) this.#options.signal(peer, encodeSignal({ kind: 'full' }))
    return hasRoom
  }

  #otherIsFull(from: PeerId): void {
    this.#options.refusedBy(from)
    this.#prospects.get(from)?.attempt?.giveUp('it is full')
  }

  #startOver(peer: PeerId, graceMs: number): void {
    this.#giveUpOlderThan(peer, graceMs)
    const prospect = this.#prospects.get(peer)
    if (prospect !== undefined) {
      prospect.failures = 0
      prospect.nextAtMs = Math.min(prospect.nextAtMs, this.#inMs(this.#options.timing.leastBackoffMs))
    }
    this.evaluateSoon()
  }

  /** Ends our own attempt, which the other side does not know of or the network has forgotten. */
  #giveUpOlderThan(peer: PeerId, graceMs: number): void {
    const attempt = this.#prospects.get(peer)?.attempt
    const ageMs = this.#options.runtime.nowMs() - (attempt?.startedMs ?? 0)
    if (attempt?.isOfferer && ageMs > graceMs) attempt.giveUp('started over')
  }

  #otherEndGone(from: PeerId, id: AttemptId): void {
    const attempt = this.#findAttempt(from, id)
    if (attempt?.phase === 'linked') this.#options.linkGone(from)
    else attempt?.giveUp('the other side gave up')
  }

  #findAttempt(peer: PeerId, id: AttemptId): Attempt | undefined {
    const attempts = [this.#prospects.get(peer)?.attempt, this.#options.attemptOfLink(peer)]
    return attempts.find((attempt) => attempt !== undefined && isSameAttempt(attempt.id, id))
  }

  // What to do next

  #evaluate(): void {
    this.#wake?.cancel()
    this.#updateProspects()
    this.#beginAnswers()
    const nowMs = this.#options.runtime.nowMs()
    const idle = this.#idleProspects()
    const due = idle.filter(([, { nextAtMs }]) => nextAtMs <= nowMs)
    for (const [peer, prospect] of due.filter(([peer]) => !this.#iDial(peer))) this.#nudge(peer, prospect)
    for (const [peer, prospect] of due.filter(([peer]) => this.#iDial(peer)).slice(0, this.#slotsToDial())) {
      this.#dial(peer, prospect)
    }
    this.#wakeAt(Math.min(...idle.map(([, { nextAtMs }]) => nextAtMs).filter((atMs) => atMs > nowMs)))
  }

  #wakeAt(atMs: number): void {
    if (atMs === Number.POSITIVE_INFINITY) return
    const delayMs = Math.max(LEAST_SLEEP_MS, atMs - this.#options.runtime.nowMs())
    this.#wake = this.#options.runtime.setTimer(delayMs, () => this.#evaluate())
  }

  #updateProspects(): void {
    const known = this.#options.directory.known()
    this.#wanted = this.#options.wanted()
    for (const peer of this.#wanted) this.#prospect(peer)
    for (const [peer, prospect] of this.#prospects) {
      if (!known.has(peer) && this.#isIdle(peer, prospect)) this.#prospects.delete(peer)
    }
  }

  #beginAnswers(): void {
    const waiting = this.#attemptsIn('waiting')
    for (const attempt of waiting.slice(0, this.#freeSlots())) this.#begin(attempt)
  }

  /** Without link and attempt, and within reach; who waits longest comes first. */
  #idleProspects(): [PeerId, Prospect][] {
    return [...this.#prospects]
      .filter(([peer, prospect]) => this.#wanted.has(peer) || prospect.isInvited)
      .filter(([peer, prospect]) => this.#isIdle(peer, prospect) && this.#options.canSignal(peer))
      .sort(([, a], [, b]) => a.nextAtMs - b.nextAtMs)
  }

  #dial(peer: PeerId, prospect: Prospect): void {
    prospect.isInvited = false
    if (!this.#options.makeRoom(peer)) {
      prospect.nextAtMs = this.#nextTry(peer, prospect.failures)
      return
    }
    this.#options.logger.debug(`dialling ${peer}`)
    prospect.attempt = this.#newAttempt(peer, { boot: this.#boot, number: ++this.#attempts }, true)
    this.#begin(prospect.attempt)
  }

  #nudge(peer: PeerId, prospect: Prospect): void {
    prospect.failures++
    prospect.problem = 'it does not dial'
    prospect.nextAtMs = this.#nextTry(peer, prospect.failures)
    this.#options.signal(peer, encodeSignal({ kind: 'dial' }))
  }

  #begin(attempt: Attempt): void {
    attempt.begin(this.#options.iceServers())
  }

  #newAttempt(peer: PeerId, id: AttemptId, isOfferer: boolean): Attempt {
    const { runtime, logger, authorize, connector, limits, timing, hello, signal } = this.#options
    const kind = isOfferer ? 'offer' : 'answer'
    const attempt = new Attempt({
      peer,
      id,
      isOfferer,
      runtime,
      connector: connector(),
      linkLimits: limits.link,
      timeoutMs: timing.dialTimeoutMs,
      logger,
      authorize,
      hello,
      send: (payload) => signal(peer, encodeSignal({ kind, attempt: id, payload })),
      succeeded: (link, identity) => this.#succeeded(peer, attempt, link, identity),
      failed: (problem, refusal) => this.#failed(peer, attempt, problem, refusal),
    })
    return attempt
  }

  #succeeded(peer: PeerId, attempt: Attempt, link: Link, identity: Identity): void {
    const prospect = this.#prospects.get(peer)
    if (prospect !== undefined) prospect.pathless = 0
    if (prospect?.attempt === attempt) prospect.attempt = undefined
    this.#options.linked(peer, attempt, link, identity)
    this.evaluateSoon()
  }

  #failed(peer: PeerId, attempt: Attempt, problem: string, refusal: Refusal | undefined): void {
    // Who is declined is told on the link, and must not take the signal that overtakes it for an accident.
    if (refusal !== 'declined') this.#options.signal(peer, encodeSignal({ kind: 'gone', attempt: attempt.id }))
    if (refusal !== undefined) this.#options.refused(peer, problem, refusal)
    const prospect = this.#prospects.get(peer)
    if (prospect?.attempt !== attempt) return
    prospect.attempt = undefined
    prospect.failures += refusal === undefined ? 1 : UNREACHABLE_AFTER
    prospect.problem = problem
    prospect.pathless = attempt.lackedRelay ? prospect.pathless + 1 : 0
    if (prospect.pathless === PATHLESS_AFTER) this.#options.relayNeeded(peer, this.#relayProblem())
    prospect.nextAtMs =
      refusal === undefined ? this.#nextTry(peer, prospect.failures) : this.#inMs(this.#options.timing.afterRefusalMs)
    this.evaluateSoon()
  }

  // Small questions

  #relayProblem(): string {
    const urls = this.#options.iceServers().flatMap((server) => server.urls)
    const hasTurn = urls.some((url) => /^turns?:/.test(url))
    const advice = hasTurn ? 'the TURN servers gave no address' : 'give the signaling server one'
    return `TURN needed: no direct path leads to it; ${advice}`
  }

  /** Undefined for a stranger above the limit. */
  #prospect(peer: PeerId): Prospect | undefined {
    let prospect = this.#prospects.get(peer)
    if (prospect === undefined && this.#prospects.size < this.#options.limits.peers) {
      const isDialled = this.#options.isFullMesh() && !this.#iDial(peer)
      const nextAtMs = isDialled ? this.#nextTry(peer, 0) : this.#inMs(0)
      const fresh = { attempt: undefined, newest: undefined, failures: 0, problem: '', pathless: 0, isInvited: false }
      prospect = { ...fresh, nextAtMs }
      this.#prospects.set(peer, prospect)
    }
    return prospect
  }

  #iDial(peer: PeerId): boolean {
    return this.#options.self() < peer
  }

  #isIdle(peer: PeerId, prospect: Prospect): boolean {
    return prospect.attempt === undefined && this.#options.attemptOfLink(peer) === undefined
  }

  #attemptsIn(phase: AttemptPhase): Attempt[] {
    const attempts = [...this.#prospects.values()].map(({ attempt }) => attempt)
    return attempts.filter((attempt) => attempt?.phase === phase) as Attempt[]
  }

  #freeSlots(): number {
    return Math.max(0, this.#options.limits.dials - this.#attemptsIn('dialing').length)
  }

  #slotsToDial(): number {
    const dials = this.#attemptsIn('dialing').filter(({ isOfferer }) => isOfferer).length
    return Math.max(0, Math.min(this.#freeSlots(), this.#options.limits.dials - SLOTS_FOR_ANSWERS - dials))
  }

  /** When to dial again, or, on the answering side, to ask for it. */
  #nextTry(peer: PeerId, failures: number): number {
    const { leastBackoffMs, mostBackoffMs, nudgeAfterMs } = this.#options.timing
    const backoffMs = Math.min(mostBackoffMs, leastBackoffMs * 2 ** Math.min(failures, 16))
    return this.#inMs(this.#iDial(peer) ? backoffMs : Math.max(backoffMs, nudgeAfterMs))
  }

  /** That far from now, jittered down to half, so that peers do not move in step. */
  #inMs(delayMs: number): number {
    const { runtime } = this.#options
    return runtime.nowMs() + delayMs * (0.5 + runtime.random() / 2)
  }
}
