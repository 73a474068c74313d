import { LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import type { Runtime } from '../base/runtime.js'
import { timedOut } from './proposal-errors.js'
import type { Replica } from './replica.js'
import { noMember, type RosterOptions, rosterChanged } from './roster-commands.js'
import { peerOf } from './voter-id.js'
import { aborted, deadlineOf, watchAbort } from './wait-options.js'

interface Waiting {
  readonly to: PeerId
  readonly deadlineMs: number
  readonly settle: (error?: LegionError) => void
  askedAtMs: number
}

/** The leader gives up a transfer after an election timeout; a request may get lost. */
const ASK_AGAIN_MS = 1_000

/** Transfers of leadership that this peer asked for: the leader is asked until the other one leads. */
export class LeadershipTransfers {
  readonly #runtime: Runtime
  readonly #changed: () => void
  readonly #waiting = new Set<Waiting>()

  constructor({ runtime, changed }: { readonly runtime: Runtime; readonly changed: () => void }) {
    this.#runtime = runtime
    this.#changed = changed
  }

  get isWaiting(): boolean {
    return this.#waiting.size > 0
  }

  /** Resolves when `to` leads. @throws LegionError E_NO_PEER, E_INVALID, E_DROPPED, E_TIMEOUT, E_NO_QUORUM, E_ABORTED */
  async wait(to: PeerId, replica: Replica, { timeoutMs, expected, signal }: RosterOptions = {}): Promise<void> {
    const deadlineMs = deadlineOf(this.#runtime, timeoutMs)
    if (signal?.aborted) throw aborted(signal, 'not-applied')
    if (expected !== undefined && expected !== replica.state.roster.changedAt) throw rosterChanged()
    const problem = objection(to, replica)
    if (problem !== undefined) throw problem
    return new Promise((resolve, reject) => {
      const settle = (error?: LegionError) => {
        this.#waiting.delete(waiting)
        release()
        if (error === undefined) resolve()
        else reject(error)
      }
      const waiting: Waiting = { to, deadlineMs, settle, askedAtMs: Number.NEGATIVE_INFINITY }
      const release = watchAbort(signal, () => settle(aborted(signal, 'unknown')))
      this.#waiting.add(waiting)
      this.#changed()
    })
  }

  /** Asks the leader, where it is time to. */
  feed(replica: Replica): void {
    const nowMs = this.#runtime.nowMs()
    for (const waiting of this.#waiting) {
      if (isLedBy(waiting.to, replica)) waiting.settle()
      else if (nowMs >= waiting.askedAtMs + ASK_AGAIN_MS) this.#ask(waiting, replica, nowMs)
    }
  }

  /** After a run of the replica. */
  look(replica: Replica): void {
    for (const waiting of this.#waiting) if (isLedBy(waiting.to, replica)) waiting.settle()
  }

  expire(hasLeader: boolean): void {
    const nowMs = this.#runtime.nowMs()
    for (const waiting of this.#waiting) {
      if (waiting.deadlineMs <= nowMs) waiting.settle(timedOut('unknown', hasLeader))
    }
  }

  failAll({ code, message, cause }: LegionError): void {
    for (const waiting of this.#waiting) waiting.settle(new LegionError(code, message, { cause, outcome: 'unknown' }))
  }

  #ask(waiting: Waiting, replica: Replica, nowMs: number): void {
    const problem = objection(waiting.to, replica)
    const id = replica.configuration.voters.find((voter) => peerOf(voter) === waiting.to)
    waiting.askedAtMs = nowMs
    if (problem !== undefined) waiting.settle(problem)
    else if (id !== undefined) replica.transferLeader(id)
  }
}

function isLedBy(peer: PeerId, { soft }: Replica): boolean {
  return soft.lead !== undefined && peerOf(soft.lead) === peer
}

function objection(to: PeerId, { state, configuration }: Replica): LegionError | undefined {
  if (!state.roster.has(to)) return noMember()
  const { voters, witnesses } = configuration
  if (voters.some((id) => peerOf(id) === to && !witnesses.includes(id))) return undefined
  const problem = 'Only a voter with data can lead: see setRole.'
  return new LegionError('E_INVALID', problem, { outcome: 'not-applied' })
}
