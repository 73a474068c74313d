import { toBase64Url } from '../base/bytes.js'
import { LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import type { Runtime } from '../base/runtime.js'
import { encodeRosterEntry } from './entry.js'
import { timedOut } from './proposal-errors.js'
import type { Replica } from './replica.js'
import type { Roster } from './roster.js'
import type { RosterResult, RosterWish } from './roster-entry.js'
import { aborted, deadlineOf, type WaitOptions, watchAbort } from './wait-options.js'

export interface RosterOptions extends WaitOptions {
  /** A `rosterIndex` that was read before: if the roster was changed since, nothing is done, and E_DROPPED. */
  readonly expected?: number | undefined
}

export interface RosterCommandsOptions {
  readonly runtime: Runtime
  /** Called when there is something to propose. */
  readonly changed: () => void
}

interface Waiting {
  readonly nonce: string
  readonly peer: PeerId
  readonly wish: RosterWish
  readonly expected: number | undefined
  readonly deadlineMs: number
  readonly settle: (error?: LegionError) => void
  proposedAtMs: number
  wasProposed: boolean
  isGranted: boolean
}

const NONCE_BYTES = 12
const PROPOSE_AGAIN_MS = 1_000
const WAITING_MAX = 1_000

/**
 * Wishes of this peer about the roster that wait. Each goes through the log: whoever leads then carries it out. It says
 * of which roster it speaks, and has no effect on another one, so that a copy that comes late does no harm.
 */
export class RosterCommands {
  readonly #options: RosterCommandsOptions
  readonly #waiting = new Map<string, Waiting>()

  constructor(options: RosterCommandsOptions) {
    this.#options = options
  }

  get isWaiting(): boolean {
    return this.#waiting.size > 0
  }

  /**
   * Resolves when the wish is granted, an ejected peer being out of the roster.
   * @throws LegionError E_NO_PEER, E_INVALID, E_DROPPED, E_TIMEOUT, E_NO_QUORUM, E_ABORTED, E_BUSY
   */
  async wait(peer: PeerId, wish: RosterWish, options: RosterOptions = {}): Promise<void> {
    const { runtime, changed } = this.#options
    const deadlineMs = deadlineOf(runtime, options.timeoutMs)
    if (options.signal?.aborted) throw aborted(options.signal, 'not-applied')
    if (this.#waiting.size >= WAITING_MAX) throw notApplied('E_BUSY', 'Too many changes of the roster wait.')
    const nonce = toBase64Url(runtime.randomBytes(NONCE_BYTES))
    return new Promise((resolve, reject) => {
      const settle = (error?: LegionError) => {
        this.#waiting.delete(nonce)
        release()
        if (error === undefined) resolve()
        else reject(error)
      }
      const { expected } = options
      const progress = { proposedAtMs: Number.NEGATIVE_INFINITY, wasProposed: false, isGranted: false }
      const waiting: Waiting = { nonce, peer, wish, expected, deadlineMs, settle, ...progress }
      const release = watchAbort(options.signal, (signal) => settle(aborted(signal, outcomeOf(waiting))))
      this.#waiting.set(nonce, waiting)
      changed()
    })
  }

  /** Proposes what is due. */
  feed(replica: Replica): void {
    const nowMs = this.#options.runtime.nowMs()
    for (const waiting of this.#waiting.values()) {
      if (waiting.isGranted || nowMs < waiting.proposedAtMs + PROPOSE_AGAIN_MS) continue
      const { nonce, peer, wish, expected = replica.state.roster.changedAt } = waiting
      waiting.proposedAtMs = nowMs
      const { kind } = replica.propose([encodeRosterEntry({ nonce, peer, wish, expected })])
      if (kind !== 'dropped') waiting.wasProposed = true
    }
  }

  applied(nonce: string, result: RosterResult, roster: Roster): void {
    const waiting = this.#waiting.get(nonce)
    if (waiting === undefined) return
    if (result === 'done') waiting.isGranted = true
    else if (result !== 'changed') waiting.settle(refusalOf(result))
    // An earlier copy may have been in a snapshot.
    else if (isFulfilled(waiting, roster)) waiting.isGranted = true
    else if (waiting.expected === undefined) waiting.proposedAtMs = Number.NEGATIVE_INFINITY
    else waiting.settle(refusalOf(result))
    this.look(roster)
  }

  /** Settles what is done by now. */
  look(roster: Roster): void {
    for (const waiting of this.#waiting.values()) {
      if (waiting.isGranted && (waiting.wish !== 'eject' || !roster.has(waiting.peer))) waiting.settle()
    }
  }

  expire(hasLeader: boolean): void {
    const nowMs = this.#options.runtime.nowMs()
    for (const waiting of this.#waiting.values()) {
      if (waiting.deadlineMs <= nowMs) waiting.settle(timedOut(outcomeOf(waiting), hasLeader))
    }
  }

  failAll({ code, message, cause }: LegionError): void {
    for (const waiting of this.#waiting.values()) {
      waiting.settle(new LegionError(code, message, { cause, outcome: outcomeOf(waiting) }))
    }
  }
}

function isFulfilled({ peer, wish }: Waiting, roster: Roster): boolean {
  if (wish === 'eject') return roster.isEjected(peer)
  if (wish === 'readmit') return !roster.isEjected(peer)
  return roster.pinnedRole(peer) === wish
}

function outcomeOf({ wasProposed }: Waiting): 'unknown' | 'not-applied' {
  return wasProposed ? 'unknown' : 'not-applied'
}

export function rosterChanged(): LegionError {
  return notApplied('E_DROPPED', 'The roster was changed meanwhile: look at it, and try again with its rosterIndex.')
}

export function noMember(): LegionError {
  return notApplied('E_NO_PEER', 'There is no such peer in the roster.')
}

function refusalOf(result: Exclude<RosterResult, 'done'>): LegionError {
  switch (result) {
    case 'changed':
      return rosterChanged()
    case 'no-peer':
      return noMember()
    case 'cannot-vote':
      return notApplied('E_INVALID', 'The peer was opened with { canVote: false }.')
    case 'last-voter':
      return notApplied('E_INVALID', 'Nobody else could vote: the group would be lost.')
  }
}

function notApplied(code: 'E_BUSY' | 'E_DROPPED' | 'E_NO_PEER' | 'E_INVALID', problem: string): LegionError {
  return new LegionError(code, problem, { outcome: 'not-applied' })
}
