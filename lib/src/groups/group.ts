import { defer } from '../base/deferred.js'
import { Emitter, type Unsubscribe } from '../base/emitter.js'
import { LegionError } from '../base/errors.js'
import type { ClusterId, PeerId } from '../base/ids.js'
import type { Logger } from '../base/logger.js'
import type { PayloadArgs } from '../base/payload-args.js'
import type { Runtime } from '../base/runtime.js'
import type { Value } from '../codec/value.js'
import type { MachineDefinition } from '../machines/machine.js'
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
import type { Network } from '../mesh/network.js'
import type { Configuration, Refusal, SoftState, Status } from '../raft/index.js'
import type { AutopilotRules } from './autopilot.js'
import { type Batch, Proposals, type ProposeOptions } from './proposals.js'
import { Reads } from './reads.js'
import type { Replica, ReplicaLimits } from './replica.js'
import { type GroupTiming, ReplicaHost } from './replica-host.js'
import type { Member } from './roster.js'
import { peerOf } from './voter-id.js'

export interface GroupOptions {
  readonly network: Network
  readonly runtime: Runtime
  readonly logger: Logger
  readonly machine: MachineDefinition
  readonly rules: AutopilotRules
  readonly timing: GroupTiming
  readonly limits: GroupLimits
}

export interface GroupLimits extends ReplicaLimits {
  /** Bytes of one command, name included; above: E_TOO_LARGE. */
  readonly commandBytes: number
  /** Commands of this peer in flight; above: E_BUSY. */
  readonly proposals: number
  /** Reads of this peer that wait; above: E_BUSY. */
  readonly reads: number
}

export interface GroupMember {
  readonly peer: PeerId
  readonly name: string
  readonly kind: Member['kind']
  readonly role: 'voter' | 'learner' | 'witness'
  readonly isLeader: boolean
  /** Counts how often the peer was a member: each time under another voter id. */
  readonly id: string
}

export interface GroupEvents {
  /** The leader changed; undefined while none is known. */
  leader(peer: PeerId | undefined): void
  members(members: readonly GroupMember[]): void
  /** No leader is known (false), or one is again (true). */
  quorum(has: boolean): void
  /** The group stopped here for good. */
  failed(error: LegionError): void
}

/** What was sent and not answered for this long is sent again: it may have been lost with a link. */
const RESEND_AFTER_MS = 3000
const READ_RETRY_AFTER_MS = 1000
const TICKETS_MAX = 1024

/**
 * One replicated state machine, as seen from this peer: commands, reads, the state, the members. What it promises:
 *
 * - `applyConsistent` is linearizable and applied exactly once; it settles when the command is applied here.
 * - `read` is linearizable; `peek` and `state` are what is committed and known here, perhaps old.
 */
export class Group<M extends AnyMachine> {
  readonly #options: GroupOptions
  readonly #host: ReplicaHost
  readonly #proposals: Proposals
  readonly #reads: Reads
  readonly #events: Emitter<GroupEvents>
  readonly #subscribers = new Set<() => void>()
  readonly #tickets = new Map<number, Batch>()
  readonly #ready = defer()
  readonly #removed = defer()
  #isReady = false
  /** False after a refusal, until something changed that may end it. */
  #mayPropose = true
  #closed: LegionError | undefined
  #lead: PeerId | undefined
  #lastState: unknown

  constructor(options: GroupOptions) {
    const { network, runtime, limits, logger } = options
    this.#options = options
    this.#events = new Emitter((error, event) => logger.error(`A listener of "${event}" threw.`, error))
    const changed = () => this.#host.schedule()
    this.#proposals = new Proposals({ runtime, self: network.self.id, limits, changed })
    this.#reads = new Reads({ runtime, limit: limits.reads, changed })
    this.#host = this.#createHost()
  }

  /** Starts the group with this peer as its only member. */
  found(clusterId: ClusterId): void {
    this.#host.found(clusterId)
  }

  /** Waits until the leader adds this peer. */
  join(clusterId: ClusterId): void {
    this.#host.join(clusterId)
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
    this.#requireOpen()
    await this.#reads.wait(options)
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
    let last: { readonly selected: T } | undefined
    const notify = () => {
      if (!this.#isReady) return
      const selected = selector(this.state)
      if (last !== undefined && Object.is(last.selected, selected)) return
      last = { selected }
      listener(selected)
    }
    this.#subscribers.add(notify)
    notify()
    return () => this.#subscribers.delete(notify)
  }

  get leader(): PeerId | undefined {
    return this.#lead
  }

  /** Everyone who has a copy, in the order they joined. Empty before ready. */
  get members(): readonly GroupMember[] {
    const replica = this.#host.replica
    if (replica === undefined || !this.#isReady) return []
    const { configuration, soft, state } = replica
    return [...state.roster.members.values()].map((member) => ({
      peer: peerOf(member.id),
      id: member.id,
      name: member.name,
      kind: member.kind,
      role: roleOf(member, configuration),
      isLeader: member.id === soft.lead,
    }))
  }

  /** Plain data about this replica; undefined before the cluster is known. */
  status(): (Status & { readonly inFlight: number; readonly ignoredEntries: number }) | undefined {
    const replica = this.#host.replica
    return (
      replica && {
        ...replica.status(),
        inFlight: this.#proposals.inFlight,
        ignoredEntries: replica.state.ignoredEntries,
      }
    )
  }

  on<K extends keyof GroupEvents>(event: K, listener: GroupEvents[K]): Unsubscribe {
    return this.#events.on(event, listener)
  }

  setVisible(visible: boolean): void {
    this.#host.setVisible(visible)
  }

  /**
   * Hands over and leaves the roster.
   * @throws LegionError E_TIMEOUT if the others could not agree to it in time; they will once this peer is gone
   */
  async leave(timeoutMs: number): Promise<void> {
    if (this.#host.replica?.isMember !== true || this.members.length < 2) return
    const problem = 'The others did not agree to the leaving in time.'
    const timer = this.#options.runtime.setTimer(timeoutMs, () => {
      this.#removed.reject(new LegionError('E_TIMEOUT', problem))
    })
    this.#host.leave()
    await this.#removed.promise.finally(() => timer.cancel())
  }

  /** Stops at once; what is in flight fails with E_CLOSED and an honest outcome. */
  close(): void {
    this.#stop(new LegionError('E_CLOSED', 'This peer was closed.'))
  }

  #createHost(): ReplicaHost {
    const { machine, ...options } = this.#options
    return new ReplicaHost({
      ...options,
      definition: machine,
      events: {
        feed: (replica) => this.#feed(replica),
        ran: (replica) => this.#afterRun(replica),
        tick: () => this.#tick(),
        applied: (applied) => this.#proposals.applied(applied),
        restored: () => this.#proposals.restored(this.#replica().state.sessions),
        readable: (ticket, index) => this.#reads.confirmed(ticket, index),
        refused: (refusal) => this.#refused(refusal),
        transferred: () => {},
        lead: (soft) => this.#leadChanged(soft),
        configured: () => this.#configured(),
        removed: () => this.#removed.resolve(),
        rejected: (error) => this.#stop(error),
        failed: (error) => this.#fail(error),
      },
    })
  }

  async #apply(name: string, payload: unknown, options: ProposeOptions | undefined): Promise<Value> {
    this.#requireOpen()
    const machine = this.#host.replica?.state.machine
    if (machine !== undefined && !machine.has(name)) {
      const problem = `Machine "${this.#options.machine.name}" has no command "${name}".`
      throw new LegionError('E_UNKNOWN_COMMAND', problem, { outcome: 'not-applied' })
    }
    return this.#proposals.propose(name, payload, options)
  }

  #query(name: string, payload: unknown): Value {
    return this.#replica().state.machine.query({ name, payload: payload as Value })
  }

  // --- the loop: what the host asks for before, and tells after each run

  #feed(replica: Replica): void {
    if (!replica.isMember || replica.soft.lead === undefined || !this.#mayPropose) return
    while (this.#proposals.hasUnsent && this.#mayPropose) this.#propose(replica, this.#proposals.takeBatch())
    const round = this.#reads.takeRound()
    if (round !== undefined && replica.readIndex(round) !== undefined) this.#readDropped()
  }

  #propose(replica: Replica, batch: Batch): void {
    if (batch.entries.length === 0) return
    const result = replica.propose(batch.entries)
    if (result.kind === 'dropped') this.#proposalDropped(batch)
    if (result.kind === 'forwarded') this.#remember(result.ticket, batch)
  }

  #refused(refusal: Refusal): void {
    if (refusal.request === 'read') {
      this.#readDropped()
      return
    }
    const batch = this.#tickets.get(refusal.ticket)
    if (batch !== undefined) this.#proposalDropped(batch)
  }

  #proposalDropped(batch: Batch): void {
    this.#proposals.returned(batch)
    this.#mayPropose = false // until the next tick or leader
  }

  #readDropped(): void {
    this.#reads.retry(this.#options.runtime.nowMs())
    this.#mayPropose = false
  }

  #remember(ticket: number, batch: Batch): void {
    this.#tickets.set(ticket, batch)
    const [oldest] = this.#tickets.keys()
    if (this.#tickets.size > TICKETS_MAX && oldest !== undefined) this.#tickets.delete(oldest)
  }

  #tick(): void {
    const nowMs = this.#options.runtime.nowMs()
    const hasLeader = this.#lead !== undefined
    this.#mayPropose = true
    this.#proposals.expire(hasLeader)
    this.#reads.expire(hasLeader)
    this.#proposals.resend(nowMs - RESEND_AFTER_MS)
    this.#reads.retry(nowMs - READ_RETRY_AFTER_MS)
  }

  #afterRun(replica: Replica): void {
    this.#reads.applied(replica.state.appliedIndex)
    if (!this.#isReady && replica.isMember) this.#becomeReady()
    const { state } = replica.state.machine
    if (state === this.#lastState || !this.#isReady) return
    this.#lastState = state
    for (const notify of [...this.#subscribers]) this.#guarded(notify)
  }

  #becomeReady(): void {
    this.#isReady = true
    this.#ready.resolve()
    this.#events.emit('members', this.members)
  }

  #guarded(notify: () => void): void {
    try {
      notify()
    } catch (error) {
      this.#options.logger.error('A subscriber threw.', error)
    }
  }

  #leadChanged(soft: SoftState): void {
    const lead = soft.lead === undefined ? undefined : peerOf(soft.lead)
    this.#mayPropose = true
    if (lead === this.#lead) return
    const had = this.#lead !== undefined
    this.#lead = lead
    if (lead !== undefined) {
      // Whatever the old leader had may be lost with it.
      this.#proposals.resend(this.#options.runtime.nowMs())
      this.#reads.retry(this.#options.runtime.nowMs())
    }
    this.#events.emit('leader', lead)
    if (had !== (lead !== undefined)) this.#events.emit('quorum', lead !== undefined)
    if (this.#isReady) this.#events.emit('members', this.members)
  }

  #configured(): void {
    if (this.#isReady) this.#events.emit('members', this.members)
  }

  // --- the end

  #fail(error: unknown): void {
    const problem = 'The replica of this group stopped here; documents and messages go on.'
    const failure = LegionError.is(error) ? error : new LegionError('E_CLOSED', problem, { cause: error })
    this.#stop(failure)
    this.#events.emit('failed', failure)
  }

  #stop(error: LegionError): void {
    if (this.#closed !== undefined) return
    this.#closed = error
    this.#host.stop()
    this.#ready.reject(error)
    this.#proposals.failAll((outcome) => new LegionError(error.code, error.message, { outcome, cause: error.cause }))
    this.#reads.failAll(error)
  }

  #requireOpen(): void {
    const error = this.#closed
    if (error !== undefined) throw new LegionError(error.code, error.message, { cause: error, outcome: 'not-applied' })
  }

  #requireReady(): void {
    if (!this.#isReady) {
      throw new LegionError('E_NOT_READY', 'The state is not here yet: await legion.ready first, or use Legion.join.')
    }
  }

  #replica(): Replica {
    const { replica } = this.#host
    if (replica === undefined) throw new LegionError('E_NOT_READY', 'The cluster is not known yet: await legion.ready.')
    return replica
  }
}

function roleOf(member: Member, configuration: Configuration): GroupMember['role'] {
  if (configuration.witnesses.includes(member.id)) return 'witness'
  return configuration.voters.includes(member.id) ? 'voter' : 'learner'
}
