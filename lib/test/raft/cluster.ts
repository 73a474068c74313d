import type { ConfigChange, MemberChange, MemberChangeType } from '../../src/raft/config-change.js'
import type { Message, MessageOf, MessageType } from '../../src/raft/messages.js'
import { emptyState, foundingState, type RaftOptions } from '../../src/raft/options.js'
import { RawNode } from '../../src/raft/raw-node.js'
import type {
  Configuration,
  Entry,
  HardState,
  Index,
  InitialState,
  ProposeResult,
  ReadState,
  Ready,
  Refusal,
  Snapshot,
  TransferResult,
  VoterId,
} from '../../src/raft/types.js'

export const ELECTION_TICKS = 10
export const HEARTBEAT_TICKS = 2
export const NO_BYTES = new Uint8Array(0)
/** For votes: knows of nothing committed. */
export const NO_COMMIT = { commit: 0, commitTerm: 0 }

export const id = (name: string) => name as VoterId
export const ids = (names: string) => [...names].map(id)
export const bytes = (text: string) => new TextEncoder().encode(text)
export const text = (data: Uint8Array) => new TextDecoder().decode(data)

export type TestOptions = Partial<Omit<RaftOptions, 'id' | 'initial'>>

/** `v2`, `l3`, `w4`, `r1`. */
export function changes(...words: string[]): MemberChange[] {
  const types: Record<string, MemberChangeType> = { v: 'add-voter', l: 'add-learner', w: 'add-witness', r: 'remove' }
  return words.map((word) => ({ type: types[word.charAt(0)] as MemberChangeType, id: id(word.slice(1)) }))
}

export function change(transition: ConfigChange['transition'], ...words: string[]): ConfigChange {
  return { transition, changes: changes(...words), context: NO_BYTES }
}

/** An owner with storage that survives `restart` and a state machine that is the list of what it applied. */
export class Replica {
  readonly id: VoterId
  readonly #options: TestOptions
  raw: RawNode
  hardState: HardState
  stored: Snapshot
  entries: Entry[]
  applied: string[] = []
  configuration: Configuration
  appliedIndex: Index
  appliedTerm = 0
  /** False: snapshots can't be had at the moment. */
  snapshotAvailable = true
  /** Every configuration change that was applied. */
  readonly configurations: Configuration[] = []
  readonly readStates: ReadState[] = []
  readonly refusals: Refusal[] = []
  readonly transfers: TransferResult[] = []

  constructor(name: VoterId, initial: InitialState, options: TestOptions) {
    this.id = name
    this.#options = options
    this.hardState = initial.hardState
    this.stored = { ...initial.snapshot, data: bytes('[]') }
    this.entries = [...initial.entries]
    this.configuration = initial.snapshot.configuration
    this.appliedIndex = initial.snapshot.index
    this.raw = this.#start()
  }

  get status() {
    return this.raw.status()
  }

  get isLeader(): boolean {
    return this.status.role === 'leader'
  }

  snapshot(): Snapshot {
    const { appliedIndex: index, configuration } = this
    const term = this.raw.term(index) ?? this.stored.term
    return { index, term, configuration, data: bytes(JSON.stringify(this.applied)) }
  }

  propose(...payloads: string[]): ProposeResult {
    return this.raw.propose(payloads.map(bytes))
  }

  /** Applies one Ready completely, and returns it. */
  process(): Ready {
    const ready = this.raw.ready()
    this.persist(ready)
    this.apply(ready)
    this.raw.advance()
    return ready
  }

  persist(ready: Ready): void {
    if (ready.snapshot !== undefined) {
      this.stored = ready.snapshot
      this.entries = []
    }
    const first = ready.entries[0]?.index
    if (first !== undefined) this.entries = [...this.entries.filter((each) => each.index < first), ...ready.entries]
    this.hardState = ready.hardState ?? this.hardState
  }

  apply(ready: Ready): void {
    if (ready.snapshot !== undefined) this.#install(ready.snapshot)
    for (const entry of ready.committedEntries) this.#applyEntry(entry)
    this.readStates.push(...ready.readStates)
    this.refusals.push(...ready.refusals)
    if (ready.transfer !== undefined) this.transfers.push(ready.transfer)
  }

  /** Keeps the state as a snapshot and forgets the log up to `index`, by default all that is applied. */
  compact(index: Index = this.appliedIndex): void {
    this.stored = this.snapshot()
    this.raw.compact(index)
    this.entries = this.entries.filter((entry) => entry.index > this.stored.index)
  }

  /** Comes back with what it stored. */
  restart(): void {
    this.#install(this.stored)
    this.raw = this.#start()
  }

  #start(): RawNode {
    return new RawNode({
      random: () => 0,
      snapshot: () => (this.snapshotAvailable ? this.snapshot() : undefined),
      electionTicks: ELECTION_TICKS,
      heartbeatTicks: HEARTBEAT_TICKS,
      ...this.#options,
      id: this.id,
      initial: { hardState: this.hardState, snapshot: this.stored, entries: this.entries },
    })
  }

  #install(snapshot: Snapshot): void {
    this.applied = snapshot.data.length === 0 ? [] : JSON.parse(text(snapshot.data))
    this.configuration = snapshot.configuration
    this.appliedIndex = snapshot.index
  }

  #applyEntry(entry: Entry): void {
    if (entry.index !== this.appliedIndex + 1) throw new Error(`${entry.index} applied after ${this.appliedIndex}`)
    this.appliedIndex = entry.index
    if (entry.type === 'config') {
      this.configuration = this.raw.applyConfigChange(entry)
      this.configurations.push(this.configuration)
    } else if (entry.data.length > 0) {
      this.applied.push(text(entry.data))
    }
  }
}

/** Replicas in one process, and the messages between them. */
export class Cluster {
  readonly replicas = new Map<VoterId, Replica>()
  readonly #options: TestOptions
  /** In the order they were sent. */
  messages: Message[] = []
  /** Everything ever delivered. */
  readonly log: Message[] = []
  /** Messages for which this is true get lost. */
  lost: (message: Message) => boolean = () => false

  /** @param voters one letter each */
  constructor(voters: string, options: TestOptions = {}) {
    this.#options = options
    for (const voter of voters) this.add(voter, foundingState(ids(voters)))
  }

  add(name: string, initial: InitialState = emptyState, options: TestOptions = {}): Replica {
    const replica = new Replica(id(name), initial, { ...this.#options, ...options })
    this.replicas.set(replica.id, replica)
    return replica
  }

  get(name: string): Replica {
    const replica = this.replicas.get(id(name))
    if (replica === undefined) throw new Error(`no replica ${name}`)
    return replica
  }

  get all(): Replica[] {
    return [...this.replicas.values()]
  }

  get leaders(): string[] {
    return this.all.filter((each) => each.isLeader).map((each) => each.id)
  }

  /** Nobody hears or is heard by `names`. */
  isolate(names: string): void {
    this.lost = (message) => names.includes(message.from) || names.includes(message.to)
  }

  heal(): void {
    this.lost = () => false
  }

  /** Does everything there is to do, until nothing is left. */
  settle(): void {
    for (let round = 0; this.step(); round++) if (round > 10_000) throw new Error('the cluster does not settle')
  }

  /** One round: everyone's Ready, then everyone's messages. @returns false if there was nothing to do */
  step(): boolean {
    const busy = this.all.filter((each) => each.raw.hasReady())
    for (const replica of busy) {
      const ready = replica.process()
      this.messages.push(...ready.messages, ...ready.messagesAfterPersist)
    }
    const delivered = this.messages
    this.messages = []
    for (const message of delivered) this.deliver(message)
    return busy.length > 0 || delivered.length > 0
  }

  deliver(message: Message): void {
    if (this.lost(message)) return
    this.log.push(message)
    this.replicas.get(message.to)?.raw.step(message)
  }

  tick(ticks = 1, names?: string): void {
    for (let i = 0; i < ticks; i++) {
      for (const replica of this.all) if (names === undefined || names.includes(replica.id)) replica.raw.tick()
      this.settle()
    }
  }

  /** Makes `name` leader, however long it takes. */
  elect(name: string): Replica {
    const replica = this.get(name)
    replica.raw.campaign({ transfer: true })
    this.settle()
    if (!replica.isLeader) throw new Error(`${name} was not elected`)
    return replica
  }

  /** The delivered messages of one type. */
  delivered<T extends MessageType>(type: T): MessageOf<T>[] {
    return this.log.filter((message): message is MessageOf<T> => message.type === type)
  }
}
