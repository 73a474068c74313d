import { LegionError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { Entry, Refusal } from '../raft/index.js'
import { Checkpoints } from './checkpoints.js'
import { encodeCheckpoint } from './entry.js'
import { LeadershipTransfers } from './leadership-transfers.js'
import type { Outbox } from './outbox.js'
import type { Batch, Proposals } from './proposals.js'
import { Reads } from './reads.js'
import type { Replica } from './replica.js'
import { RosterCommands } from './roster-commands.js'

export interface RequestsOptions {
  readonly runtime: Runtime
  /** Reads that may wait. */
  readonly reads: number
  /** Called when there is something to ask for. */
  readonly changed: () => void
}

const READ_RETRY_AFTER_MS = 1000
const TICKETS_MAX = 1024

/**
 * All that this peer wants of a group and waits for: commands, reads, checkpoints, changes of the roster. Gives it to the
 * replica before each run, and again whenever it may have been lost.
 */
export class Requests {
  readonly reads: Reads
  readonly checkpoints: Checkpoints
  readonly roster: RosterCommands
  readonly transfers: LeadershipTransfers
  readonly #runtime: Runtime
  readonly #changed: () => void
  #proposals: Proposals | undefined
  #opened: Promise<Proposals> | undefined
  /** Something besides commands was asked for, and may be waited for still: most groups hear of nothing but commands. */
  #asksMore = false
  readonly #tickets = new Map<number, Batch>()
  /** False after a refusal, until something changed that may end it. */
  #mayPropose = true

  constructor({ runtime, reads, changed }: RequestsOptions) {
    this.#runtime = runtime
    this.#changed = changed
    const asked = () => {
      this.#asksMore = true
      changed()
    }
    this.reads = new Reads({ runtime, limit: reads, changed: asked })
    this.checkpoints = new Checkpoints({ runtime, changed: asked })
    this.roster = new RosterCommands({ runtime, changed: asked })
    this.transfers = new LeadershipTransfers({ runtime, changed: asked })
  }

  /** Undefined until the store is open, where there is one. */
  get proposals(): Proposals | undefined {
    return this.#proposals
  }

  /** Where there is a store: when it is open. @throws what opening it throws */
  get opened(): Promise<Proposals> | undefined {
    return this.#opened
  }

  /** @param outbox undefined without a store */
  open(outbox: Promise<Outbox> | undefined, create: (outbox: Outbox | undefined) => Proposals): void {
    if (outbox === undefined) {
      this.#proposals = create(undefined)
      return
    }
    this.#opened = outbox.then((opened) => {
      this.#proposals = create(opened)
      this.#changed()
      return this.#proposals
    })
    this.#opened.catch(() => {}) // who opens the store hears of it
  }

  get isWaiting(): boolean {
    return this.#asksMore || (this.proposals?.inFlight ?? 0) > 0
  }

  feed(replica: Replica): void {
    if (!replica.isMember || replica.soft.lead === undefined || !this.#mayPropose) return
    const { proposals } = this
    while (proposals?.hasUnsent && this.#mayPropose) this.#propose(replica, proposals.takeBatch())
    if (this.#asksMore) this.#feedMore(replica)
  }

  #feedMore(replica: Replica): void {
    this.roster.feed(replica)
    this.transfers.feed(replica)
    if (this.checkpoints.takeRequest()) replica.propose([encodeCheckpoint()])
    const round = this.reads.takeRound()
    if (round !== undefined && replica.readIndex(round) !== undefined) this.#readDropped()
  }

  /** The replica has run. */
  ran(replica: Replica): void {
    if (!this.#asksMore) return
    this.reads.applied(replica.state.appliedIndex)
    this.roster.look(replica.state.roster)
    this.transfers.look(replica)
    this.#asksMore = this.reads.isWaiting || this.#presses
  }

  committed({ index, data }: Entry): void {
    if (this.proposals?.watchesCommits) this.proposals.committed(index, data)
  }

  refused(refusal: Refusal): void {
    if (refusal.request === 'read') {
      this.#readDropped()
      return
    }
    const batch = this.#tickets.get(refusal.ticket)
    this.#tickets.delete(refusal.ticket)
    if (batch !== undefined) this.#proposalDropped(batch)
  }

  tick(hasLeader: boolean): void {
    this.retry()
    this.proposals?.expire(hasLeader)
    if (this.#asksMore) this.#expireMore(hasLeader)
    if (this.#hasUnsent || !this.isWaiting) this.#changed()
  }

  #expireMore(hasLeader: boolean): void {
    this.reads.expire(hasLeader)
    this.reads.retry(this.#runtime.nowMs() - READ_RETRY_AFTER_MS)
    this.checkpoints.tick()
    this.roster.expire(hasLeader)
    this.transfers.expire(hasLeader)
    this.#asksMore = this.reads.isWaiting || this.#presses
  }

  /** There is something to give to the replica, or may be. */
  get #hasUnsent(): boolean {
    if (this.proposals?.hasUnsent) return true
    return this.#asksMore && (this.reads.hasQueued || this.#presses)
  }

  /** There is what is asked for again and again. */
  get #presses(): boolean {
    return this.checkpoints.isWaiting || this.roster.isWaiting || this.transfers.isWaiting
  }

  /** What was refused may be taken now. */
  retry(): void {
    this.#mayPropose = true
  }

  /** What is on its way may be lost. */
  sendAgain(): void {
    this.proposals?.resend()
    this.reads.retry(this.#runtime.nowMs())
  }

  /** Another replica does not know them. */
  forgetTickets(): void {
    this.#tickets.clear()
  }

  /** In another cluster, where nothing of it is known. */
  startOver(): void {
    this.forgetTickets()
    this.proposals?.startOver()
    this.reads.startOver()
  }

  failAll(error: LegionError): void {
    this.proposals?.failAll((outcome) => new LegionError(error.code, error.message, { outcome, cause: error.cause }))
    this.reads.failAll(error)
    this.checkpoints.failAll(error)
    this.roster.failAll(error)
    this.transfers.failAll(error)
  }

  #propose(replica: Replica, batch: Batch): void {
    if (batch.entries.length === 0) return
    const result = replica.propose(batch.entries)
    if (result.kind === 'dropped') this.#proposalDropped(batch)
    if (result.kind === 'forwarded') this.#remember(result.ticket, batch)
  }

  #proposalDropped(batch: Batch): void {
    this.proposals?.returned(batch)
    this.#mayPropose = false // until the next tick or leader
  }

  #readDropped(): void {
    this.reads.retry(this.#runtime.nowMs())
    this.#mayPropose = false
  }

  #remember(ticket: number, batch: Batch): void {
    this.#tickets.set(ticket, batch)
    const [oldest] = this.#tickets.keys()
    if (this.#tickets.size > TICKETS_MAX && oldest !== undefined) this.#tickets.delete(oldest)
  }
}
