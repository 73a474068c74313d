import { toBase64Url } from '../base/bytes.js'
import { invariant } from '../base/errors.js'
import { nextTask } from '../base/runtime.js'
import {
  type ConfigChange,
  type Configuration,
  type DropReason,
  decodeConfigChange,
  type Entry,
  type HardState,
  jointVote,
  type LastWords,
  type Message,
  type ProposeResult,
  RawNode,
  type Ready,
  type Snapshot,
  type SnapshotMeta,
  type SoftState,
  type Status,
  type Term,
  type TransferRefusal,
  type VoterId,
} from '../raft/index.js'
import { type Digest, readThrough } from './checkpoint.js'
import { encodeMark } from './durable-mark.js'
import { OutgoingSnapshots } from './outgoing-snapshots.js'
import type { ReplicaLog } from './replica-log.js'
import type { Position } from './replica-log-format.js'
import type { ReplicaOptions } from './replica-types.js'
import type { Applied, ReplicatedState } from './replicated-state.js'
import { sendsFirst, whenSent } from './send-first.js'
import { inOrder } from './snapshot.js'
import { SNAPSHOT_ID_BYTES, type SnapshotSource, spoolSnapshot } from './snapshot-source.js'
import { idsOf } from './voter-id.js'

/**
 * One replica of a group: the Raft core, the state it replicates, its log on disk, and the loop between them. Calls
 * only change the core; `run` then does everything that follows from it, in the order that Raft demands:
 *
 * 1. a leader's appends leave; 2. term, vote and entries become durable, and with them the commit index if a
 * configuration is about to be applied; 3. votes and acknowledgements leave; 4. what is committed is applied.
 *
 * With memory only nothing of this waits, but 4 for what leaves before. While a write or a snapshot's installation is
 * under way the core goes on taking messages and proposals: they become the next batch.
 */
export class Replica {
  readonly id: VoterId
  readonly state: ReplicatedState
  readonly #options: ReplicaOptions
  readonly #raft: RawNode
  readonly #log: ReplicaLog | undefined
  #configuration: Configuration
  #soft: SoftState = { role: 'follower', lead: undefined }
  /** The newest, durable or not. */
  #hardState: HardState
  #durableCommit: number
  #isBusy = false
  #isAwaiting = false // it forwarded a proposal, and has applied nothing since
  #isStopped = false

  readonly #outgoing = new OutgoingSnapshots()
  /** The last one that arrived, until it is installed. */
  #incoming: { readonly id: string; readonly pieces: readonly Uint8Array[] } | undefined

  #compactedIndex: number
  /** What a restart would begin from; the log is not cut beyond it. */
  #durableIndex: number
  #triedCompactionAt = 0
  #logBytes = 0
  #isCheckpointing = false
  #lastCheckpoint: { index: number; logBytes: number } = { index: 0, logBytes: 0 }
  #lastDigest: Digest | undefined

  constructor(options: ReplicaOptions) {
    const { id, initial, runtime, log, quiesceTicks, copies } = options
    this.#options = options
    this.id = id
    this.state = options.state
    this.#log = log
    this.#configuration = initial.applied?.configuration ?? initial.snapshot.configuration
    this.#hardState = initial.hardState
    this.#durableCommit = initial.hardState.commit
    this.#compactedIndex = initial.snapshot.index
    this.#durableIndex = log === undefined ? Number.POSITIVE_INFINITY : this.state.appliedIndex
    const random = () => runtime.random()
    const snapshot = () => this.#makeSnapshot()
    const own = { id, random, initial, quiesceTicks, copies, snapshot }
    this.#raft = new RawNode({ ...own, holdCommits: true, volatile: log === undefined })
    if (options.prepared !== undefined) this.#wait(options.prepared, () => {})
  }

  get soft(): SoftState {
    return this.#soft
  }

  get isLeader(): boolean {
    return this.#soft.role === 'leader'
  }

  /** As applied here. */
  get configuration(): Configuration {
    return this.#configuration
  }

  /** True while this replica stands in the configuration applied here. */
  get isMember(): boolean {
    const { learners, learnersNext } = this.#configuration
    return this.isVoter || learners.includes(this.id) || learnersNext.includes(this.id)
  }

  get isVoter(): boolean {
    const { voters, votersOutgoing } = this.#configuration
    return voters.includes(this.id) || votersOutgoing.includes(this.id)
  }

  /** Votes, and has no data. */
  get isWitness(): boolean {
    return this.#configuration.witnesses.includes(this.id)
  }

  /** With those that it speaks for it is a majority: nobody else can lead. */
  get isMajority(): boolean {
    const own = [this.id, ...this.voices]
    return this.#configuration.voters.length > 0 && jointVote(this.#configuration, (id) => own.includes(id)) === 'won'
  }

  /** Silent until something happens: it needs no ticks. */
  get isQuiesced(): boolean {
    return this.#raft.quiesced && !this.#isBusy
  }

  get lastDigest(): Digest | undefined {
    return this.#lastDigest
  }

  /** True while the disk or a snapshot is waited for. */
  get isBusy(): boolean {
    return this.#isBusy
  }

  /** The same without entries at its end that say nothing: those with which leaders begin, and configurations. */
  get lastContent(): Position {
    const { firstIndex, lastIndex } = this.#raft.status()
    const isContent = ({ type, data }: Entry) => type === 'normal' && data.length > 0
    const index = this.#raft.entries(firstIndex, lastIndex).findLast(isContent)?.index ?? firstIndex - 1
    return { index, term: this.#raft.term(index) ?? 0 }
  }

  /** Bytes of the entries since the log was last cut. */
  get logBytes(): number {
    return this.#logBytes
  }

  step(message: Message): void {
    this.#raft.step(message)
  }

  /** Steps the message of a snapshot whose content has arrived. */
  stepSnapshot(message: Message & { type: 'snapshot' }, pieces: readonly Uint8Array[]): void {
    this.#incoming = { id: toBase64Url(message.snapshot.data), pieces }
    this.#raft.step(message)
  }

  /** @returns true if there is something for `run` to do */
  tick(ticks: number): boolean {
    for (let i = 0; i < ticks; i++) this.#raft.tick()
    return this.#raft.hasReady()
  }

  wake(): void {
    this.#raft.wake()
  }

  propose(payloads: readonly Uint8Array[]): ProposeResult {
    const result = this.#raft.propose(payloads)
    this.#isAwaiting ||= result.kind === 'forwarded'
    return result
  }

  proposeConfigChange(change: ConfigChange): ProposeResult {
    return this.#raft.proposeConfigChange(change)
  }

  readIndex(ticket: number): DropReason | undefined {
    return this.#raft.readIndex(ticket)
  }

  /** @param transfer the leader is gone for good: no questions asked */
  campaign({ transfer = false } = {}): void {
    this.#raft.campaign({ transfer })
  }

  /** Leads no more, because somebody else may by now. */
  stepDown(): void {
    this.#raft.stepDown()
  }

  /** See `RawNode`. */
  get hasLostData(): boolean {
    return this.#raft.hasLostData
  }

  /** Whom this replica speaks for besides itself. */
  get voices(): readonly VoterId[] {
    return this.#raft.voices
  }

  /** Where the log ends, durable or not. */
  get last(): Position {
    const index = this.#raft.lastIndex
    return { term: this.#raft.term(index) ?? 0, index }
  }

  /** What is known to be committed, applied or not. */
  get committed(): number {
    return this.#raft.committed
  }

  /** See `RawNode`. */
  get heldCommit(): number | undefined {
    return this.#raft.heldCommit
  }

  releaseCommit(index: number): void {
    this.#raft.releaseCommit(index)
  }

  /** Ends this replica for good. @returns what to tell everyone at once */
  goodbye(isReachable: (id: VoterId) => boolean, maxBytes: number): LastWords {
    this.stop()
    return this.#raft.goodbye(isReachable, maxBytes)
  }

  transferLeader(to: VoterId): TransferRefusal | undefined {
    return this.#raft.transferLeader(to)
  }

  reportUnreachable(id: VoterId): void {
    this.#raft.reportUnreachable(id)
  }

  status(): Status {
    return this.#raft.status()
  }

  /** The entries from `from` to `to`, both included, as far as they are still in the log. */
  entries(from: number, to: number): readonly Entry[] {
    return this.#raft.entries(from, to)
  }

  /** The content of a snapshot that the core sends to a member; kept until `snapshotSent`. */
  fetchSnapshot(snapshot: Snapshot, to: VoterId): SnapshotSource | undefined {
    return this.#outgoing.fetch(snapshot.index, to)
  }

  /** The member has the snapshot that was sent to it, or won't get it. */
  snapshotSent(to: VoterId, delivered: boolean): void {
    this.#raft.reportSnapshot(to, delivered)
    this.#outgoing.fetched(to)
  }

  /** True on a leader whose log grew by as much as a snapshot costs since the last checkpoint (dissertation, 5.1.1). */
  get isCheckpointDue(): boolean {
    const { logEntries, logBytes } = this.#options.limits
    if (!this.isLeader || this.#isCheckpointing || this.state.outdated !== undefined) return false
    const entries = this.state.appliedIndex - this.#lastCheckpoint.index
    const bytes = this.#lastCheckpoint.logBytes
    const isWorthIt = bytes >= (this.#lastDigest?.bytes ?? 0) || entries >= CHECKPOINT_FACTOR * logEntries
    return (entries >= logEntries || bytes >= logBytes) && isWorthIt
  }

  run(): void {
    while (!this.#isBusy && !this.#isStopped && this.#raft.hasReady()) this.#begin(this.#raft.ready())
    this.#compact()
  }

  /** Stops at once. What is being written still becomes durable. */
  stop(): void {
    this.#isStopped = true
    this.#outgoing.release()
  }

  /**
   * Stops, and applies what is left of the log, committed or not; its configurations are over. Not while it is busy.
   * @returns the latest term
   */
  exhaust(): Term {
    this.stop()
    const { lastIndex, term } = this.#raft.status()
    for (const entry of this.#raft.entries(this.state.appliedIndex + 1, lastIndex)) {
      if (entry.type === 'normal') this.#applyNormal(entry)
    }
    return term
  }

  // --- one Ready

  #begin(ready: Ready): void {
    this.#hardState = ready.hardState ?? this.#hardState
    for (const message of ready.messages) this.#options.events.send(message)
    const pending = ready.snapshot === undefined ? this.#write(ready) : this.#install(ready, ready.snapshot)
    if (pending === undefined) this.#complete(ready)
    else this.#wait(pending, () => this.#complete(ready))
  }

  /** @returns undefined if nothing has to be durable before going on */
  #write(ready: Ready): Promise<void> | undefined {
    if (this.#log === undefined || !(ready.mustSync || this.#appliesNewConfiguration(ready))) return undefined
    this.#durableCommit = this.#hardState.commit
    return this.#log.append(this.#hardState, ready.entries, 'synced')
  }

  /** A configuration that was forgotten in a crash after somebody acted under it could elect two leaders. */
  #appliesNewConfiguration({ committedEntries }: Ready): boolean {
    return committedEntries.some(({ type, index }) => type === 'config' && index > this.#durableCommit)
  }

  #complete(ready: Ready): void {
    for (const message of ready.messagesAfterPersist) this.#options.events.send(message)
    if (this.#options.isUrgent() && sendsFirst(ready, this.#isAwaiting)) {
      this.#isBusy = true
      whenSent(() => this.#goOn(() => this.#follow(ready)))
    } else this.#follow(ready)
  }

  #follow(ready: Ready): void {
    const { events } = this.#options
    if (ready.snapshot !== undefined) this.#installed(ready.snapshot)
    for (const entry of ready.committedEntries) this.#apply(entry)
    if (ready.committedEntries.length > 0) this.#isAwaiting = false
    if (ready.softState !== undefined) {
      this.#soft = ready.softState
      events.lead(ready.softState)
    }
    for (const { ticket, index } of ready.readStates) events.readable(ticket, index)
    for (const refusal of ready.refusals) events.refused(refusal)
    this.#raft.advance()
  }

  /** Goes on with `next` when the promise is fulfilled, unless the replica was stopped meanwhile. */
  #wait(pending: Promise<void>, next: () => void): void {
    this.#isBusy = true
    pending.then(() => this.#goOn(next), this.#failed)
  }

  #goOn(next: () => void): void {
    this.#isBusy = false
    if (this.#isStopped) return
    try {
      next()
      this.#options.events.resumed()
    } catch (error) {
      this.#failed(error)
    }
  }

  readonly #failed = (error: unknown): void => {
    if (!this.#isStopped) this.#options.events.failed(error)
  }

  // --- applying

  #apply(entry: Entry): void {
    this.#logBytes += entry.data.length
    this.#lastCheckpoint.logBytes += entry.data.length
    if (entry.type === 'config') this.#applyConfiguration(entry)
    else if (this.#applyNormal(entry)?.kind === 'checkpoint') this.#checkpoint(entry)
  }

  #applyNormal(entry: Entry): Applied | undefined {
    this.#options.events.committed(entry)
    const applied = this.state.apply(entry.index, entry.data)
    if (applied !== undefined) this.#options.events.applied(applied, entry.index)
    return applied
  }

  #applyConfiguration(entry: Entry): void {
    this.#configuration = this.#raft.applyConfigChange(entry)
    const context = decodeConfigChange(entry.data)?.context ?? new Uint8Array(0)
    this.state.applyConfiguration(entry.index, idsOf(this.#configuration), context)
    this.#options.events.configured(this.#configuration)
  }

  // --- snapshots

  /** The state as it is now, for members that need entries that are gone. Its content is read as they fetch it. */
  #makeSnapshot(): Snapshot | undefined {
    const { latest } = this.#outgoing
    // A member that came later does not take a snapshot in which it is none.
    if (latest?.configuration === this.#configuration && latest.index >= this.#compactedIndex) return latest
    const index = this.state.appliedIndex
    const term = this.#raft.term(index)
    if (term === undefined || this.state.outdated !== undefined) return undefined
    const data = this.#options.runtime.randomBytes(SNAPSHOT_ID_BYTES)
    const snapshot = { index, term, configuration: this.#configuration, data }
    const source = spoolSnapshot(this.state.snapshot(), { ...this.#options.spool, id: toBase64Url(data) })
    this.#outgoing.add(snapshot, source)
    return snapshot
  }

  /** First the state, so that nothing is acknowledged that can't be read; then the disk. */
  async #install(ready: Ready, snapshot: Snapshot): Promise<void> {
    const incoming = this.#incoming
    invariant(incoming?.id === toBase64Url(snapshot.data), () => `the content of snapshot ${snapshot.index} is missing`)
    await this.state.restore(inOrder(incoming.pieces), (head) => encodeMark({ ...snapshot, head }))
    const writer = this.#log?.beginSnapshot()
    for (const piece of incoming.pieces) await writer?.add(piece)
    await writer?.install(snapshot, this.#hardState, ready.entries)
  }

  #installed(snapshot: Snapshot): void {
    this.#incoming = undefined
    this.#configuration = snapshot.configuration
    this.#compactedIndex = snapshot.index
    if (this.#log !== undefined) this.#durableIndex = snapshot.index
    this.#durableCommit = Math.max(this.#durableCommit, snapshot.index)
    this.#lastCheckpoint = { index: snapshot.index, logBytes: 0 }
    this.#logBytes = 0
    this.#options.events.restored()
    this.#options.events.configured(snapshot.configuration)
  }

  /** Every replica comes by here at the same index; one that is still busy with the last checkpoint skips it. */
  #checkpoint({ index, term }: Entry): void {
    this.#lastCheckpoint = { index, logBytes: 0 }
    if (this.#isCheckpointing) return
    this.#isCheckpointing = true
    const { events } = this.#options
    this.#takeCheckpoint({ index, term, configuration: this.#configuration })
      .then((digest) => {
        this.#isCheckpointing = false
        if (this.#isStopped) return
        this.#lastDigest = digest
        if (this.#log !== undefined) this.#durableIndex = Math.max(this.#durableIndex, index)
        events.checkpointed(digest)
        events.resumed()
      })
      .catch(this.#failed)
  }

  async #takeCheckpoint(meta: SnapshotMeta): Promise<Digest> {
    const { runtime } = this.#options
    const pieces = this.state.snapshot()
    const { durableMachine } = this.state
    if (durableMachine !== undefined) {
      await durableMachine.flush(encodeMark({ ...meta, head: this.state.head() }))
      await this.#log?.beginSnapshot().commit(meta)
      return readThrough(meta.index, pieces, () => nextTask(runtime))
    }
    const writer = this.#log?.beginSnapshot()
    const digest = await readThrough(meta.index, pieces, (part) => writer?.add(part) ?? nextTask(runtime))
    await writer?.commit(meta)
    return digest
  }

  // --- the log's length

  #compact(): void {
    const { logEntries, logBytes, logMarginEntries } = this.#options.limits
    const { appliedIndex } = this.state
    const entries = appliedIndex - this.#compactedIndex
    if (entries < logEntries + logMarginEntries && this.#logBytes < logBytes) return
    if (appliedIndex < this.#triedCompactionAt + logEntries / 10) return
    this.#triedCompactionAt = appliedIndex
    this.#compactTo(appliedIndex - Math.min(logMarginEntries, Math.floor(entries / 2)))
  }

  #compactTo(wanted: number): void {
    if (this.#compactedIndex === 0) return // the state that is here came from an earlier incarnation's log
    if (this.state.outdated !== undefined) return // what is not applied here can't be made into a snapshot
    const index = Math.min(wanted, this.#durableIndex, this.#slowestFollower())
    if (index <= this.#compactedIndex) return
    this.#compactedIndex = index
    this.#logBytes = 0
    this.#raft.compact(index)
    this.#log?.compact(index).catch((error: unknown) => this.#options.events.failed(error))
  }

  /** Cuts the log as far as it can be cut, without a margin. */
  compact(): void {
    this.#compactTo(this.state.appliedIndex)
  }

  /** A member that follows, if not closely, shall not need a snapshot for the sake of a short log. */
  #slowestFollower(): number {
    if (!this.isLeader) return Number.POSITIVE_INFINITY
    const farBehind = this.state.appliedIndex - FOLLOWING_FACTOR * this.#options.limits.logEntries
    const following = [...this.#raft.status().progress.values()].filter(
      ({ state, match }) => state === 'replicate' && match >= farBehind,
    )
    return Math.min(...following.map(({ match }) => match))
  }
}

/** However large the state is, after so many times `logEntries` there is a checkpoint. */
const CHECKPOINT_FACTOR = 10

/** Who lags by no more than so many times `logEntries` still gets entries rather than a snapshot. */
const FOLLOWING_FACTOR = 10
