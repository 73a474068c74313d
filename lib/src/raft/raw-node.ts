import { invariant } from '../base/errors.js'
import { adoptWhatIsDue, countOwnVotes, type LastWords, sayGoodbye, voicesDurable } from './adoption.js'
import { releaseCommit } from './commit-news.js'
import type { ConfigChange } from './config-change.js'
import { Core } from './core.js'
import { campaign } from './election.js'
import { ownEntriesDurable } from './leader.js'
import { reportSnapshot, reportUnreachable } from './links.js'
import { applyConfigChange, entriesApplied, snapshotInstalled } from './membership.js'
import type { Message } from './messages.js'
import { type RaftOptions, resolveOptions } from './options.js'
import { reliedDurable } from './pledge.js'
import { propose, proposeConfigChange } from './proposals.js'
import { wakeGroup } from './quiesce.js'
import { readIndex } from './reads.js'
import { becomeFollower } from './roles.js'
import { statusOf } from './status.js'
import { step } from './step.js'
import { tick } from './tick.js'
import { transferLeader } from './transfer.js'
import type {
  Configuration,
  DropReason,
  Entry,
  HardState,
  IgnoreReason,
  Index,
  ProposeResult,
  Ready,
  SoftState,
  Status,
  Term,
  TransferRefusal,
  VoterId,
} from './types.js'

/** What the outstanding Ready promises when it is done. */
interface Outstanding {
  readonly ready: Ready
  readonly term: Term
  readonly ownVote: Core['ownVote']
  readonly ownAppendIndex: Index
  readonly relied: Index
  readonly voices: readonly VoterId[]
}

/**
 * One replica of one group: a pure state machine. Messages, ticks and requests go in; `ready()` says what has to be
 * done. It does no I/O, has no clock and never waits.
 *
 * All methods are cheap and synchronous; none throws because of what a peer sent. InvariantError means a bug here, or
 * an owner that broke the rules of `Ready`.
 */
export class RawNode {
  readonly #core: Core
  #softState: SoftState
  #hardState: HardState
  #outstanding: Outstanding | undefined

  /** @throws LegionError E_INVALID for options that make no sense */
  constructor(options: RaftOptions) {
    this.#core = new Core(resolveOptions(options))
    this.#softState = this.#core.softState()
    this.#hardState = this.#core.hardState()
  }

  /** A message from a peer. @returns why it was ignored; undefined if it was not */
  step(message: Message): IgnoreReason | undefined {
    return step(this.#core, message)
  }

  /** The unit of time of all `…Ticks` options has passed. */
  tick(): void {
    if (!this.#core.isGone) tick(this.#core)
  }

  /** Proposes one entry for each payload, in this order, all or none. Many in one call are cheaper than many calls. */
  propose(payloads: readonly Uint8Array[]): ProposeResult {
    return propose(this.#core, payloads)
  }

  /** Proposes a change of the configuration. `leaveJoint` leaves an explicit joint one. */
  proposeConfigChange(change: ConfigChange): ProposeResult {
    return proposeConfigChange(this.#core, change)
  }

  /**
   * To be called for every `config` entry among the committed ones, when it is applied.
   * @returns the configuration from here on, to be stored with what was applied
   */
  applyConfigChange(entry: Entry): Configuration {
    return applyConfigChange(this.#core, entry)
  }

  /**
   * Asks for an index that is safe to read at; it comes as a ReadState with this ticket, or as a Refusal.
   * A forwarded read may get lost: ask again after a while.
   * @returns why it is not even tried
   */
  readIndex(ticket: number): DropReason | undefined {
    return readIndex(this.#core, ticket)
  }

  /**
   * Hands leadership over, from wherever the leader is. The leader's Ready tells the outcome.
   * @returns why it is not even tried
   */
  transferLeader(to: VoterId): TransferRefusal | undefined {
    return transferLeader(this.#core, to)
  }

  /**
   * Starts an election now, because the leader is known to be gone.
   * @param options transfer: the leader wants it, so skip the pre-vote and override those who still hear the leader
   * @returns why it does not
   */
  campaign(options: { readonly transfer?: boolean | undefined } = {}): IgnoreReason | undefined {
    this.#core.lastIgnored = undefined
    campaign(this.#core, options.transfer ?? false)
    return this.#core.lastIgnored
  }

  /** Leads no more, because somebody else may by now. Does nothing on a replica that does not lead. */
  stepDown(): void {
    if (this.#core.role === 'leader') becomeFollower(this.#core, this.#core.term, undefined)
  }

  /**
   * This replica ends for good and gives away its vote. It does and says nothing any more.
   * @param isReachable whom the goodbye will reach
   * @param maxBytes for entries that the first heir may lack
   * @returns what to tell everyone, at once and in this order
   */
  goodbye(isReachable: (id: VoterId) => boolean, maxBytes: number): LastWords {
    return sayGoodbye(this.#core, isReachable, maxBytes)
  }

  /** Whom this replica speaks for besides itself. */
  get voices(): readonly VoterId[] {
    return this.#core.voices
  }

  /** Messages to `id` get lost. A leader probes it anew; a follower of `id` forgets it and grants votes at once. */
  reportUnreachable(id: VoterId): void {
    reportUnreachable(this.#core, id)
  }

  /** The snapshot sent to `id` was delivered, or could not be. Without a report the leader waits for ever. */
  reportSnapshot(id: VoterId, delivered: boolean): void {
    reportSnapshot(this.#core, id, delivered)
  }

  /** With `holdCommits`, on a leader: the commit index, if there may be somebody who was not told it. */
  get heldCommit(): Index | undefined {
    return this.#core.holdsCommit ? this.#core.log.committed : undefined
  }

  /** Tells those who were not told yet that everything up to `index` is committed. */
  releaseCommit(index: Index): void {
    releaseCommit(this.#core, index)
  }

  /** Ends the silence of an idle group. Proposals, reads and messages do it by themselves. */
  wake(): void {
    wakeGroup(this.#core)
  }

  /** Forgets the log up to `index`, which has to be applied. Members that lack it will get a snapshot. */
  compact(index: Index): void {
    this.#core.log.compact(index)
  }

  /** The group is idle: no ticks are needed until something happens. */
  get quiesced(): boolean {
    return this.#core.quiesced
  }

  /**
   * It has less than it acknowledged to its leader: what was stored got lost. It does and says nothing any more, and its
   * id must never be used again.
   */
  get hasLostData(): boolean {
    return this.#core.hasLostData
  }

  /** There is something to do. False while a Ready is outstanding. */
  hasReady(): boolean {
    const core = this.#core
    if (this.#outstanding !== undefined || core.isGone) return false
    return (
      core.messages.length > 0 ||
      core.messagesAfterPersist.length > 0 ||
      core.log.hasUnpersisted ||
      core.log.hasUnapplied ||
      core.ownVote !== undefined ||
      core.readStates.length > 0 ||
      core.refusals.length > 0 ||
      core.transferResult !== undefined ||
      this.#softStateChanged() ||
      this.#hardStateChanged()
    )
  }

  /** Everything to do now. `advance()` has to be called when it is done; `step`, `tick` and all else may come before. */
  ready(): Ready {
    invariant(this.#outstanding === undefined, () => `ready() of ${this.#core.id} called again before advance()`)
    const core = this.#core
    const hardState = this.#hardStateChanged() ? core.hardState() : undefined
    const entries = core.log.takeUnpersisted()
    const ready: Ready = {
      softState: this.#softStateChanged() ? core.softState() : undefined,
      hardState,
      mustSync: entries.length > 0 || (hardState !== undefined && this.#promiseChanged(hardState)),
      snapshot: core.log.takeSnapshot(),
      entries,
      committedEntries: core.log.nextCommitted(core.options.maxCommittedBytesPerReady),
      messages: orNothing(core.messages),
      messagesAfterPersist: orNothing(core.messagesAfterPersist),
      readStates: orNothing(core.readStates),
      refusals: orNothing(core.refusals),
      transfer: core.transferResult,
    }
    this.#accept(ready)
    return ready
  }

  #accept(ready: Ready): void {
    const core = this.#core
    this.#outstanding = {
      ready,
      term: core.term,
      ownVote: core.ownVote,
      ownAppendIndex: core.ownAppendIndex,
      relied: core.relied,
      voices: core.hosted.size === core.voices.length ? core.voices : [...core.hosted.keys()],
    }
    this.#softState = ready.softState ?? this.#softState
    this.#hardState = ready.hardState ?? this.#hardState
    core.clearOutput()
  }

  /** The last Ready is done: everything stored, sent, installed and applied. */
  advance(): void {
    const outstanding = this.#outstanding
    invariant(outstanding !== undefined, () => `advance() of ${this.#core.id} without ready()`)
    this.#outstanding = undefined
    voicesDurable(this.#core, outstanding.voices)
    this.#countOwnVote(outstanding)
    this.#countOwnEntries(outstanding)
    reliedDurable(this.#core, outstanding.relied, outstanding.term)
    const { snapshot, committedEntries } = outstanding.ready
    if (snapshot !== undefined) snapshotInstalled(this.#core, snapshot)
    entriesApplied(this.#core, committedEntries)
    adoptWhatIsDue(this.#core)
  }

  #countOwnVote({ ownVote, term }: Outstanding): void {
    const asked = this.#core.role === 'candidate' ? 'vote-response' : 'pre-vote-response'
    const asks = this.#core.role === 'candidate' || this.#core.role === 'pre-candidate'
    if (asks && ownVote === asked && this.#core.term === term) countOwnVotes(this.#core)
  }

  #countOwnEntries({ ownAppendIndex, term }: Outstanding): void {
    const leads = this.#core.role === 'leader' && this.#core.term === term
    if (leads && ownAppendIndex > 0) ownEntriesDurable(this.#core, ownAppendIndex)
  }

  /** The state now, as plain data. */
  status(): Status {
    return statusOf(this.#core)
  }

  get lastIndex(): Index {
    return this.#core.log.lastIndex
  }

  /** The last entry known to be committed. */
  get committed(): Index {
    return this.#core.log.committed
  }

  /** The term at `index`; undefined if it was compacted away or is beyond the end. */
  term(index: Index): Term | undefined {
    return this.#core.log.term(index)
  }

  /** The entries from `from` to `to`, both included, as far as they are in the log. */
  entries(from: Index, to: Index): readonly Entry[] {
    return this.#core.log.slice(Math.max(from, this.#core.log.firstIndex), to)
  }

  #softStateChanged(): boolean {
    return this.#softState.role !== this.#core.role || this.#softState.lead !== this.#core.lead
  }

  #hardStateChanged(): boolean {
    const { term, vote, log } = this.#core
    const { hosted = [] } = this.#hardState
    return (
      this.#hardState.term !== term ||
      this.#hardState.vote !== vote ||
      this.#hardState.commit !== log.committed ||
      hosted.length !== this.#core.hosted.size
    )
  }

  #promiseChanged(hardState: HardState): boolean {
    const { term, vote, hosted = [] } = this.#hardState
    return term !== hardState.term || vote !== hardState.vote || hosted.length !== (hardState.hosted ?? []).length
  }
}

const NOTHING: readonly never[] = []

/** Most lists of most Readies are empty: they are one list, and the core's empty one stays its own. */
function orNothing<T>(list: readonly T[]): readonly T[] {
  return list.length === 0 ? NOTHING : list
}
