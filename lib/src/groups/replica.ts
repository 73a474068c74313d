import {
  type ConfigChange,
  type Configuration,
  type DropReason,
  decodeConfigChange,
  type Entry,
  emptyState,
  foundingState,
  type InitialState,
  type Message,
  type ProposeResult,
  RawNode,
  type Ready,
  type Refusal,
  type Snapshot,
  type SoftState,
  type Status,
  type TransferRefusal,
  type TransferResult,
  type VoterId,
} from '../raft/index.js'
import type { Applied, ReplicatedState } from './replicated-state.js'
import type { Member } from './roster.js'

export interface ReplicaOptions {
  readonly id: VoterId
  readonly random: () => number
  readonly state: ReplicatedState
  /** Undefined: waits to be added by a leader. */
  readonly founding: Member | undefined
  readonly limits: ReplicaLimits
  readonly events: ReplicaEvents
}

export interface ReplicaLimits {
  /** The log is cut after this many applied entries … */
  readonly logEntries: number
  /** … or this many bytes of them, whichever comes first. */
  readonly logBytes: number
  /** Entries kept behind the cut, for members that lag a little. */
  readonly logMarginEntries: number
}

/** What a replica tells its group while it runs. None may call back into the replica. */
export interface ReplicaEvents {
  send(message: Message): void
  applied(applied: Applied): void
  /** The state was replaced by a snapshot's. */
  restored(): void
  configured(configuration: Configuration): void
  /** A read round may be served once `index` is applied. */
  readable(ticket: number, index: number): void
  refused(refusal: Refusal): void
  transferred(result: TransferResult): void
  lead(state: SoftState): void
}

/**
 * One replica of a group: the Raft core, the state it replicates, and the loop between them. Calls only change the
 * core; `run` then does everything that follows from it, in the order that Raft demands.
 *
 * The log is in memory only: whoever restarts is a new peer.
 */
export class Replica {
  readonly id: VoterId
  readonly state: ReplicatedState
  readonly #options: ReplicaOptions
  readonly #raft: RawNode
  #configuration: Configuration
  #soft: SoftState = { role: 'follower', lead: undefined }
  #snapshot: Snapshot | undefined
  #compactedIndex = 0
  #triedCompactionAt = 0
  #logBytes = 0

  constructor(options: ReplicaOptions) {
    this.#options = options
    this.id = options.id
    this.state = options.state
    const initial = initialState(options)
    this.#configuration = initial.snapshot.configuration
    this.#raft = new RawNode({
      id: options.id,
      random: options.random,
      initial,
      snapshot: () => this.#makeSnapshot(),
    })
    if (options.founding !== undefined) {
      this.state.found(options.founding, initial.snapshot.index)
      this.#raft.campaign()
    }
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
    return idsOf(this.#configuration).has(this.id)
  }

  get isVoter(): boolean {
    const { voters, votersOutgoing } = this.#configuration
    return voters.includes(this.id) || votersOutgoing.includes(this.id)
  }

  step(message: Message): void {
    this.#raft.step(message)
  }

  tick(): void {
    this.#raft.tick()
  }

  propose(payloads: readonly Uint8Array[]): ProposeResult {
    return this.#raft.propose(payloads)
  }

  proposeConfigChange(change: ConfigChange): ProposeResult {
    return this.#raft.proposeConfigChange(change)
  }

  readIndex(ticket: number): DropReason | undefined {
    return this.#raft.readIndex(ticket)
  }

  campaign(): void {
    this.#raft.campaign()
  }

  transferLeader(to: VoterId): TransferRefusal | undefined {
    return this.#raft.transferLeader(to)
  }

  reportUnreachable(id: VoterId): void {
    this.#raft.reportUnreachable(id)
  }

  reportSnapshotLost(id: VoterId): void {
    this.#raft.reportSnapshot(id, false)
  }

  status(): Status {
    return this.#raft.status()
  }

  /** @throws LegionError if an entry can't be applied here; the replica is then unusable */
  run(): void {
    while (this.#raft.hasReady()) {
      this.#process(this.#raft.ready())
      this.#raft.advance()
    }
    this.#compact()
  }

  #process(ready: Ready): void {
    const { events } = this.#options
    for (const message of ready.messages) events.send(message)
    for (const message of ready.messagesAfterPersist) events.send(message)
    if (ready.snapshot !== undefined) this.#install(ready.snapshot)
    for (const entry of ready.committedEntries) this.#apply(entry)
    if (ready.softState !== undefined) {
      this.#soft = ready.softState
      events.lead(ready.softState)
    }
    for (const { ticket, index } of ready.readStates) events.readable(ticket, index)
    for (const refusal of ready.refusals) events.refused(refusal)
    if (ready.transfer !== undefined) events.transferred(ready.transfer)
  }

  #apply(entry: Entry): void {
    this.#logBytes += entry.data.length
    if (entry.type === 'config') {
      this.#applyConfiguration(entry)
      return
    }
    const applied = this.state.apply(entry.index, entry.data)
    if (applied !== undefined) this.#options.events.applied(applied)
  }

  #applyConfiguration(entry: Entry): void {
    this.#configuration = this.#raft.applyConfigChange(entry)
    const context = decodeConfigChange(entry.data)?.context ?? new Uint8Array(0)
    this.state.applyConfiguration(entry.index, idsOf(this.#configuration), context)
    this.#options.events.configured(this.#configuration)
  }

  #install(snapshot: Snapshot): void {
    this.state.restore(snapshot.data)
    this.#configuration = snapshot.configuration
    this.#compactedIndex = snapshot.index
    this.#logBytes = 0
    this.#options.events.restored()
    this.#options.events.configured(snapshot.configuration)
  }

  /** The state as it is now; made at most once per applied index. */
  #makeSnapshot(): Snapshot | undefined {
    const index = this.state.appliedIndex
    if (this.#snapshot?.index === index) return this.#snapshot
    const term = this.#raft.term(index)
    if (term === undefined) return undefined
    this.#snapshot = { index, term, configuration: this.#configuration, data: this.state.snapshot() }
    return this.#snapshot
  }

  #compact(): void {
    const { logEntries, logBytes, logMarginEntries } = this.#options.limits
    const { appliedIndex } = this.state
    const entries = appliedIndex - this.#compactedIndex
    if (entries < logEntries + logMarginEntries && this.#logBytes < logBytes) return
    if (appliedIndex < this.#triedCompactionAt + logEntries / 10) return
    this.#triedCompactionAt = appliedIndex
    const kept = Math.min(logMarginEntries, Math.floor(entries / 2))
    const index = Math.min(appliedIndex - kept, this.#slowestFollower())
    if (index <= this.#compactedIndex) return
    this.#compactedIndex = index
    this.#logBytes = 0
    this.#snapshot = undefined
    this.#raft.compact(index)
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

/** Who lags by no more than so many times `logEntries` still gets entries rather than a snapshot. */
const FOLLOWING_FACTOR = 10

/** Everyone in a configuration, in whatever role. */
export function idsOf(configuration: Configuration): Set<VoterId> {
  const { voters, votersOutgoing, learners, learnersNext } = configuration
  return new Set([...voters, ...votersOutgoing, ...learners, ...learnersNext])
}

function initialState(options: ReplicaOptions): InitialState {
  return options.founding === undefined ? emptyState : foundingState([options.id])
}
