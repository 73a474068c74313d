import { defer } from '../base/deferred.js'
import { Emitter, type Unsubscribe } from '../base/emitter.js'
import { LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import type { PayloadArgs } from '../base/payload-args.js'
import type { Value } from '../codec/value.js'
import type {
  AnyMachine,
  CommandName,
  CommandOutput,
  CommandPayload,
  Frozen,
  QueryAnswer,
  QueryName,
  QueryPayload,
  StateOf,
} from '../machines/types.js'
import type { SoftState, VoterId } from '../raft/index.js'
import type { Recovery } from './announce.js'
import type { Digest } from './checkpoint.js'
import { membersOf } from './group-members.js'
import type { GroupRecord } from './group-registry.js'
import { groupStatusOf } from './group-status.js'
import type { GroupEvents, GroupMember, GroupOptions, GroupStatus } from './group-types.js'
import { inTime } from './in-time.js'
import { describeEntry, type LogEntry } from './log-entry.js'
import type { Outbox } from './outbox.js'
import { type LostCall, Proposals, type ProposeOptions } from './proposals.js'
import type { Replica } from './replica.js'
import type { ReplicaHost } from './replica-host.js'
import type { ReplicaHostEvents } from './replica-host-types.js'
import type { Applied } from './replicated-state.js'
import { Requests } from './requests.js'
import type { RosterOptions } from './roster-commands.js'
import type { PinnedRole } from './roster-entry.js'
import { Subscribers } from './subscribers.js'
import { peerOf } from './voter-id.js'

const notApplied = { outcome: 'not-applied' } as const
const RECOVER_TIMEOUT_MS = 10_000

/**
 * One replicated state machine, as seen from this peer: commands, reads, the state, the members. What it promises:
 *
 * - `applyConsistent` is linearizable and applied exactly once; it settles when the command is applied here.
 * - `read` is linearizable; `peek` and `state` are what is committed and known here, perhaps old.
 */
export class Group<M extends AnyMachine> {
  readonly #options: GroupOptions<M>
  #host: ReplicaHost | undefined
  readonly #requests: Requests
  readonly #events: Emitter<GroupEvents>
  readonly #subscribers: Subscribers
  /** There is no host yet that does it. */
  readonly #stopTicking: () => void
  /** Called when the log of this one, `main`, may have created a group. */
  readonly #groupWatchers = new Set<() => void>()
  readonly #closeListeners = new Set<() => void>()
  readonly #ready = defer()
  readonly #removed = defer()
  #isReady = false
  #closed: LegionError | undefined
  #lead: PeerId | undefined

  constructor(options: GroupOptions<M>) {
    const { groups, number, runtime, limits, logger } = options
    this.#options = options
    this.#events = new Emitter((error, event) => logger.error(`A listener of "${event}" threw.`, error))
    this.#requests = new Requests({ runtime, reads: limits.reads, changed: () => this.#host?.schedule() })
    this.#subscribers = new Subscribers((error) => logger.error('A subscriber threw.', error))
    this.#stopTicking = groups.onTick(() => this.#requests.tick(this.#lead !== undefined))
    this.#requests.open(groups.openOutbox(number), (outbox) => this.#createProposals(outbox))
  }

  /** Starts the replica here: goes on from what is stored; else founds the group or waits to be added. */
  start(replicas: number, founding: boolean): void {
    const { groups, number, machine: definition } = this.#options
    this.#stopTicking()
    this.#host = groups.host({ group: number, definition, replicas, events: this.#hostEvents() }, founding)
  }

  /** Begins again in another cluster: this one ended without having applied anything. What is in flight goes on there. */
  restart(): void {
    if (this.#closed !== undefined) return
    if (this.#host !== undefined) this.#options.groups.remove(this.#host)
    this.#isReady = false
    this.#requests.startOver()
    this.#leadChanged({ role: 'follower', lead: undefined })
    this.start(0, false)
  }

  /** Resolves when the state is here. @throws LegionError E_MACHINE, E_OUTDATED, E_CLOSED */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  get isReady(): boolean {
    return this.#isReady
  }

  /**
   * Runs a command of the machine, on every replica at the same place in the log, exactly once. Settles with what it
   * returned when it is committed and applied here.
   * @throws LegionError; its `outcome` tells whether the command may still have an effect
   */
  applyConsistent<K extends CommandName<M>>(
    name: K,
    ...args: PayloadArgs<CommandPayload<M, K>, ProposeOptions>
  ): Promise<CommandOutput<M, K>> {
    const [payload, options] = args as readonly unknown[] as [unknown, ProposeOptions?]
    return this.#apply(name, payload, options) as Promise<CommandOutput<M, K>>
  }

  /** Asks a query of a state that is at least as new as everything that was finished before. */
  async read<K extends QueryName<M>>(
    name: K,
    ...args: PayloadArgs<QueryPayload<M, K>, ProposeOptions>
  ): Promise<QueryAnswer<M, K>> {
    const [payload, options] = args as readonly unknown[] as [unknown, ProposeOptions?]
    this.#requireCurrent()
    await this.#requests.reads.wait(options)
    this.#requireCurrent()
    return this.#query(name, payload) as QueryAnswer<M, K>
  }

  /** Asks a query of the state that is here, at once. @throws LegionError E_NOT_READY */
  peek<K extends QueryName<M>>(name: K, ...args: PayloadArgs<QueryPayload<M, K>>): QueryAnswer<M, K> {
    this.#requireReady()
    return this.#query(name, args[0]) as QueryAnswer<M, K>
  }

  /** The committed state that is here, frozen; a new object exactly when it changed. @throws LegionError E_NOT_READY */
  get state(): Frozen<StateOf<M>> {
    this.#requireReady()
    return this.#replica().state.machine.state as Frozen<StateOf<M>>
  }

  /** Calls `listener` with the selected part now, if the state is here, and whenever it is another one. */
  subscribe<T>(selector: (state: Frozen<StateOf<M>>) => T, listener: (selected: T) => void): Unsubscribe {
    return this.#subscribers.add(() => (this.#isReady ? { selected: selector(this.state) } : undefined), listener)
  }

  get leader(): PeerId | undefined {
    return this.#lead
  }

  /** Everyone who has a copy, in the order they joined. Empty before ready. */
  get members(): readonly GroupMember[] {
    const replica = this.#host?.replica
    if (replica === undefined || !this.#isReady) return []
    return membersOf(replica)
  }

  /**
   * Removes a member for good: it stops, whatever it is just doing, and may not come back before `readmit`. A peer
   * without storage is another one at every start. Resolves when it is out of the roster.
   * @throws LegionError E_NO_PEER; E_INVALID for this peer, and if nobody else could vote; E_DROPPED if `expected`
   *   does not hold; E_TIMEOUT, E_NO_QUORUM, E_ABORTED, E_EJECTED, E_CLOSED; its `outcome` tells what may still happen
   */
  async eject(member: PeerId, options?: RosterOptions): Promise<void> {
    this.#requireMember()
    if (member === this.#options.self()) throw new LegionError('E_INVALID', 'This is you: use leave().', notApplied)
    await this.#requests.roster.wait(member, 'eject', options)
  }

  /** Takes an ejection back: the peer may come again. @throws LegionError as `eject` */
  async readmit(peer: PeerId, options?: RosterOptions): Promise<void> {
    this.#requireMember()
    await this.#requests.roster.wait(peer, 'readmit', options)
  }

  /**
   * Wants a member in a role from now on, through all its incarnations. `learner`: it never votes, unless nobody else
   * can. `voter`: it is preferred as one. `witness`: it votes and keeps no data. Resolves when that is agreed; the
   * leader makes it so as soon as an odd number of voters can be had with it, and `members` tells.
   * @throws LegionError as `eject`; E_INVALID for the vote of a peer with { canVote: false }
   */
  async setRole(member: PeerId, role: PinnedRole, options?: RosterOptions): Promise<void> {
    this.#requireMember()
    await this.#requests.roster.wait(member, role, options)
  }

  /**
   * Lets a voter lead. Resolves when it does.
   * @throws LegionError as `eject`; E_INVALID if the member is no voter with data
   */
  async transferLeadership(member: PeerId, options?: RosterOptions): Promise<void> {
    this.#requireMember()
    await this.#requests.transfers.wait(member, this.#replica(), options)
  }

  /** Plain data about this replica; undefined before the cluster is known. */
  status(): GroupStatus | undefined {
    const host = this.#host
    if (host?.replica === undefined) return undefined
    return groupStatusOf({
      replica: host.replica,
      epoch: host.epoch,
      definition: this.#options.machine,
      stopped: this.#closed,
      inFlight: this.#requests.proposals?.inFlight ?? 0,
      inFlightBytes: this.#requests.proposals?.bytesInFlight ?? 0,
      waitingReads: this.#requests.reads.waiting,
      checkpoints: this.#requests.checkpoints.count,
      copies: host.copies,
      behindMs: (match) => host.behindMs(match),
    })
  }

  /** The entries from `from` to `to`, both included, as far as they are still in the log here. For people and tools. */
  log(from: number, to: number): readonly LogEntry[] {
    return this.#replica().entries(from, to).map(describeEntry)
  }

  /**
   * Has every replica take a checkpoint: with storage it becomes durable, and the states are compared.
   * @returns what the state here came to
   * @throws LegionError E_TIMEOUT, E_OUTDATED
   */
  snapshot(options?: { readonly timeoutMs?: number | undefined }): Promise<Digest> {
    this.#requireOpen()
    return this.#requests.checkpoints.wait(this.#replica().state.appliedIndex, options?.timeoutMs)
  }

  /** The whole state of this moment as bytes, read little by little while commands go on. @throws LegionError E_NOT_READY */
  exportSnapshot(): AsyncIterable<Uint8Array> {
    this.#requireReady()
    return this.#replica().state.snapshot()
  }

  /** Takes a checkpoint, then cuts the log here as far as other members allow. */
  async compact(options?: { readonly timeoutMs?: number | undefined }): Promise<void> {
    await this.snapshot(options)
    this.#replica().compact()
  }

  /**
   * Begins a new epoch of the group when its quorum is lost for good: with the most up-to-date log of all who are there,
   * and what is not committed in it. Whoever comes back with more than that stays apart (event `split`). Gives everybody
   * who is there up to 10 s to be linked before.
   * @param options timeoutMs: for a member that has more of the log than this peer; default 10,000
   * @returns what it began from, and whose acknowledgements may be lost
   * @throws LegionError E_INVALID if there is a leader, or a majority of the voters; E_NOT_READY without a state here;
   *   E_TIMEOUT
   */
  async recover(options: { readonly timeoutMs?: number | undefined } = {}): Promise<Recovery> {
    this.#requireOpen()
    this.#replica()
    return (this.#host as ReplicaHost).recover(options.timeoutMs ?? RECOVER_TIMEOUT_MS)
  }

  /** Of this peer's replica; undefined before the cluster is known. */
  get voterId(): VoterId | undefined {
    return this.#host?.replica?.id
  }

  /** Of `main`: the groups that its log created. */
  get registry(): ReadonlyMap<string, GroupRecord> {
    return this.#replica().state.groups.all
  }

  /** Of `main`: tells when its log may have created a group. */
  onGroups(listener: () => void): Unsubscribe {
    this.#groupWatchers.add(listener)
    return () => this.#groupWatchers.delete(listener)
  }

  /** Of `main`: puts an entry that is no command into the log, if a leader is known. It may get lost. */
  proposeEntry(entry: Uint8Array): void {
    this.#host?.replica?.propose([entry])
    this.#host?.schedule()
  }

  on<K extends keyof GroupEvents>(event: K, listener: GroupEvents[K]): Unsubscribe {
    return this.#events.on(event, listener)
  }

  /**
   * Hands over and leaves the roster.
   * @throws LegionError E_TIMEOUT if the others could not agree to it in time; they will once this peer is gone, unless
   *   it is durable. What this replica stopped for
   */
  async leave(timeoutMs: number): Promise<void> {
    if (this.#host === undefined) return // none of the others has heard of this peer
    const problem = 'The others did not agree to the leaving in time.'
    this.#host.leave()
    await inTime(this.#options.runtime, this.#removed.promise, timeoutMs, problem)
  }

  /** Lets another member lead, if this one does; resolves when one does, or after `timeoutMs` all the same. */
  async handOver(timeoutMs: number): Promise<void> {
    if (this.#host?.replica?.isLeader !== true || this.members.length < 2) return
    this.#host.handOver()
    const { promise, resolve } = defer()
    const unsubscribe = this.on('leader', () => resolve())
    await inTime(this.#options.runtime, promise, timeoutMs, 'Nobody else leads yet.').catch(() => {})
    unsubscribe()
  }

  /** Tells when it is closed, for whatever reason. */
  onClosed(listener: () => void): Unsubscribe {
    this.#closeListeners.add(listener)
    return () => this.#closeListeners.delete(listener)
  }

  /** Stops for good, with the `failed` event. */
  fail(error: unknown): void {
    const problem = 'The replica of this group stopped here; documents and messages go on.'
    const failure = LegionError.is(error) ? error : new LegionError('E_CLOSED', problem, { cause: error })
    if (this.#closed !== undefined) return
    this.#stop(failure)
    this.#events.emit('failed', failure)
  }

  /** Stops at once; what is in flight fails with E_CLOSED and an honest outcome. */
  close(): void {
    this.#stop(new LegionError('E_CLOSED', 'This peer was closed.'))
  }

  #createProposals(outbox: Outbox | undefined): Proposals {
    const { self, runtime, limits, logger } = this.#options
    return new Proposals({
      runtime,
      logger,
      limits,
      outbox,
      changed: () => this.#host?.schedule(),
      lost: (call) => this.#lost(call),
      self,
    })
  }

  #hostEvents(): ReplicaHostEvents {
    return {
      feed: (replica) => this.#requests.feed(replica),
      ran: (replica) => this.#afterRun(replica),
      tick: () => this.#requests.tick(this.#lead !== undefined),
      replaced: () => this.#requests.forgetTickets(),
      leaderBack: () => this.#requests.sendAgain(),
      isWaiting: () => this.#requests.isWaiting,
      committed: (entry) => this.#requests.committed(entry),
      applied: (applied, index) => this.#applied(applied, index),
      restored: () => this.#restored(),
      readable: (ticket, index) => this.#requests.reads.confirmed(ticket, index),
      refused: (refusal) => this.#requests.refused(refusal),
      lead: (soft) => this.#leadChanged(soft),
      configured: () => this.#membersChanged(),
      copies: (count) => this.#events.emit('copies', count),
      progressed: (progress) => this.#events.emit('snapshot', progress),
      checkpointed: (digest) => this.#requests.checkpoints.taken(digest),
      outdated: (error) => this.#outdated(error),
      removed: () => this.#removed.resolve(),
      split: (split) => this.#events.emit('split', split),
      rejected: (error) => this.#rejected(error),
      failed: (error) => this.fail(error),
    }
  }

  #applied(applied: Applied, index: number): void {
    if (applied.kind === 'roster') {
      this.#requests.roster.applied(applied.nonce, applied.result, this.#replica().state.roster)
    } else if (applied.kind === 'group') for (const look of this.#groupWatchers) look()
    else this.#requests.proposals?.applied(applied, index)
  }

  /** A command of an earlier run, of which nobody knows any more whether it was applied. */
  #lost({ name }: LostCall): void {
    const problem = `The persistent command "${name}" of an earlier run may or may not have been applied: read the state.`
    this.#options.logger.warn(problem)
  }

  #restored(): void {
    this.#requests.proposals?.restored(this.#replica().state.sessions)
    for (const look of this.#groupWatchers) look()
  }

  /** Not async: with many commands in flight another promise for each is felt. */
  #apply(name: string, payload: unknown, options: ProposeOptions | undefined): Promise<Value> {
    const { proposals } = this.#requests
    try {
      this.#requireCurrent()
      if (this.#isReady && !this.#replica().state.has(name)) throw this.#unknownCommand(name)
      return proposals === undefined
        ? this.#applyOnceOpened(name, payload, options)
        : proposals.propose(name, payload, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async #applyOnceOpened(name: string, payload: unknown, options: ProposeOptions | undefined): Promise<Value> {
    const proposals = await this.#requests.opened
    this.#requireCurrent()
    return proposals?.propose(name, payload, options)
  }

  #unknownCommand(command: string): LegionError {
    const { version } = this.#replica().state
    const problem = `Machine "${this.#options.machine.name}" has no command "${command}" in version ${version}, which is active.`
    return new LegionError('E_UNKNOWN_COMMAND', problem, { outcome: 'not-applied' })
  }

  #query(name: string, payload: unknown): Value {
    const { machine, queryContext } = this.#replica().state
    return machine.query({ name, payload: payload as Value }, queryContext)
  }

  #afterRun(replica: Replica): void {
    this.#requests.ran(replica)
    if (!this.#isReady && replica.isMember) this.#becomeReady()
    if (this.#isReady) this.#subscribers.notify(() => replica.state.machine.state)
  }

  #becomeReady(): void {
    this.#isReady = true
    const { state } = this.#replica()
    this.#requests.proposals?.refuse((name) => (state.has(name) ? undefined : this.#unknownCommand(name)))
    this.#ready.resolve()
    this.#membersChanged()
  }

  #leadChanged(soft: SoftState): void {
    const lead = soft.lead === undefined ? undefined : peerOf(soft.lead)
    this.#requests.retry()
    if (lead === this.#lead) return
    const had = this.#lead !== undefined
    this.#lead = lead
    if (lead !== undefined) this.#requests.sendAgain() // whatever the old leader had may be lost with it
    this.#events.emit('leader', lead)
    if (had !== (lead !== undefined)) this.#events.emit('quorum', lead !== undefined)
    this.#membersChanged()
  }

  #membersChanged(): void {
    if (this.#isReady) this.#events.emit('members', this.members)
  }

  #rejected(error: LegionError): void {
    this.#removed.resolve()
    this.#stop(error)
    if (error.code === 'E_EJECTED') this.#events.emit('ejected', error)
  }

  #outdated(error: LegionError): void {
    this.#requests.failAll(error)
    this.#events.emit('outdated', error)
  }

  // --- the end

  #stop(error: LegionError): void {
    if (this.#closed !== undefined) return
    this.#closed = error
    this.#stopTicking()
    if (this.#host !== undefined) this.#options.groups.remove(this.#host)
    this.#ready.reject(error)
    this.#removed.reject(error)
    this.#requests.failAll(error)
    for (const closed of this.#closeListeners) closed()
  }

  #requireOpen(): void {
    const error = this.#closed
    if (error !== undefined) throw new LegionError(error.code, error.message, { cause: error, outcome: 'not-applied' })
  }

  /** Open, and its code can follow the log. */
  #requireCurrent(): void {
    this.#requireOpen()
    this.#requireData()
    const outdated = this.#host?.replica?.state.outdated
    if (outdated === undefined) return
    throw new LegionError(outdated.code, outdated.message, { outcome: 'not-applied' })
  }

  /** Whoever asks for a change of the roster has to hear of it. */
  #requireMember(): void {
    this.#requireOpen()
    this.#requireReady()
  }

  #requireData(): void {
    if (this.#host?.replica?.isWitness !== true) return
    throw new LegionError('E_UNSUPPORTED', 'This peer is a witness: it votes, and has no data.', notApplied)
  }

  #requireReady(): void {
    this.#requireData()
    if (!this.#isReady) {
      throw new LegionError('E_NOT_READY', 'The state is not here yet: await legion.ready first, or use Legion.join.')
    }
  }

  #replica(): Replica {
    const replica = this.#host?.replica
    if (replica === undefined) throw new LegionError('E_NOT_READY', 'The cluster is not known yet: await legion.ready.')
    return replica
  }
}
