import type { Runtime } from '../base/runtime.js'
import type { Configuration, Entry, InitialState, Message, Refusal, SoftState, VoterId } from '../raft/index.js'
import type { Digest } from './checkpoint.js'
import type { ReplicaLog } from './replica-log.js'
import type { Applied, ReplicatedState } from './replicated-state.js'
import type { SpoolOptions } from './snapshot-source.js'

export interface ReplicaOptions {
  readonly id: VoterId
  readonly runtime: Runtime
  /** Has everything up to the initial state's applied index. */
  readonly state: ReplicatedState
  readonly initial: InitialState
  /** Undefined: in memory only; whoever restarts is a new peer. */
  readonly log: ReplicaLog | undefined
  /** The log is being prepared; nothing is done before. */
  readonly prepared: Promise<void> | undefined
  readonly limits: ReplicaLimits
  readonly spool: SnapshotSpooling
  /** Nothing is committed before so many processes have it, as long as there are so many. */
  readonly copies: number
  /** The group falls silent after so many ticks in which nothing happened; 0: never. */
  readonly quiesceTicks: number
  /** Somebody may wait for what this replica has to send; false: it is one of many that are busy. */
  readonly isUrgent: () => boolean
  readonly events: ReplicaEvents
}

export type SnapshotSpooling = Omit<SpoolOptions, 'id'>

export interface ReplicaLimits {
  /** The log is cut after so many applied entries, or `logBytes`, whichever comes first. Default 10,000. */
  readonly logEntries: number
  /** The log is cut after so many bytes of applied entries. Default 16 MiB. */
  readonly logBytes: number
  /** Entries kept behind the cut, for members that lag a little. Default 1,000. */
  readonly logMarginEntries: number
}

/** What a replica tells its group while it runs. None may call back into the replica. */
export interface ReplicaEvents {
  send(message: Message): void
  /** The entry has its place in the log for good, and is applied next. */
  committed(entry: Entry): void
  applied(applied: Applied, index: number): void
  /** The state was replaced by a snapshot's. */
  restored(): void
  configured(configuration: Configuration): void
  /** A read round may be served once `index` is applied. */
  readable(ticket: number, index: number): void
  refused(refusal: Refusal): void
  lead(state: SoftState): void
  /** The state at a checkpoint, and, if there is storage, it is durable. */
  checkpointed(digest: Digest): void
  /** Something that took time is done: `run` again. */
  resumed(): void
  /** It stopped for good: the disk failed, or an entry can't be applied here. */
  failed(error: unknown): void
}
