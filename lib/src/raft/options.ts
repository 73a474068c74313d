import { LegionError } from '../base/errors.js'
import type { InitialState, Snapshot, VoterId } from './types.js'

export interface RaftOptions {
  readonly id: VoterId
  /** A number in [0, 1), for election timeouts. Apart from the methods' arguments the only input. */
  readonly random: () => number
  /**
   * The state at an applied entry, not before the last compaction; undefined if it can't be had now.
   * Asked for when a member needs entries that were compacted away.
   */
  readonly snapshot: () => Snapshot | undefined
  /** Default: nothing, the state of a replica that is waiting to be added. */
  readonly initial?: InitialState | undefined
  /** A follower campaigns after this many ticks without a leader, plus up to as many again. Default 30. */
  readonly electionTicks?: number | undefined
  /** A leader sends heartbeats every so many ticks. Default 5. */
  readonly heartbeatTicks?: number | undefined
  /** Ask before raising the term, so that a cut-off replica does not disturb the others later. Default true. */
  readonly preVote?: boolean | undefined
  /** A leader that hears no quorum steps down, and who hears a leader does not vote. Default true. */
  readonly checkQuorum?: boolean | undefined
  /** A leader that is no voter any more, or a witness, hands over as soon as a voter has everything. Default true. */
  readonly stepDownOnRemoval?: boolean | undefined
  /** Most bytes of entries in one append, though always at least one entry. Default 256 KiB. */
  readonly maxMessageBytes?: number | undefined
  /** Most bytes of committed entries in one Ready, though always at least one entry. Default 1 MiB. */
  readonly maxCommittedBytesPerReady?: number | undefined
  /** Most bytes of payload in the log of a leader that are not applied; one proposal always fits. Default 16 MiB. */
  readonly maxUncommittedBytes?: number | undefined
  /** Most appends on the way to one member. Default 256. */
  readonly maxInflightMessages?: number | undefined
  /** Most bytes of payload on the way to one member, though always one append. Default 4 MiB. */
  readonly maxInflightBytes?: number | undefined
  /**
   * Nothing is committed before so many processes with data have it, learners counted, or all that follow closely if
   * they are fewer. Default 1: a quorum of the voters is enough.
   */
  readonly copies?: number | undefined
  /**
   * A leader tells a new commit index at once only to members that wait for it: they proposed what is committed, or
   * read; or the configuration changes. To the others it goes with the next entries or heartbeat, or when the owner
   * calls `releaseCommit`. Until then new entries go only to as many members as can commit them: see `thrift.ts`.
   * Default false: to all at once.
   */
  readonly holdCommits?: boolean | undefined
  /**
   * Nothing of this replica outlives its process, or each Ready's batch is durable before its messages leave: so what is
   * in its log counts as durable at once. Default false.
   */
  readonly volatile?: boolean | undefined
  /** A leader falls silent after this many ticks in which nothing happened and all are up to date. Default 0: never. */
  readonly quiesceTicks?: number | undefined
}

/** All options, with defaults filled in. */
export type ResolvedOptions = { readonly [K in keyof RaftOptions]-?: Exclude<RaftOptions[K], undefined> }

/** The state of a replica that knows nothing and waits to be added. */
export const emptyState: InitialState = {
  hardState: { term: 0, vote: undefined, commit: 0 },
  snapshot: {
    index: 0,
    term: 0,
    configuration: {
      voters: [],
      votersOutgoing: [],
      learners: [],
      learnersNext: [],
      witnesses: [],
      autoLeave: false,
    },
  },
  entries: [],
}

/**
 * The state with which all founding voters of a group start. It counts as entry 1 of term 1, so that who is added
 * later can get the founding configuration, which is in no entry, only by a snapshot.
 */
export function foundingState(voters: readonly VoterId[]): InitialState {
  const sorted = [...new Set(voters)].sort()
  return {
    hardState: { term: 1, vote: undefined, commit: 1 },
    snapshot: { index: 1, term: 1, configuration: { ...emptyState.snapshot.configuration, voters: sorted } },
    entries: [],
  }
}

/** @throws LegionError E_INVALID */
export function resolveOptions(options: RaftOptions): ResolvedOptions {
  const resolved: ResolvedOptions = {
    id: options.id,
    random: options.random,
    snapshot: options.snapshot,
    initial: options.initial ?? emptyState,
    electionTicks: options.electionTicks ?? 30,
    heartbeatTicks: options.heartbeatTicks ?? 5,
    preVote: options.preVote ?? true,
    checkQuorum: options.checkQuorum ?? true,
    stepDownOnRemoval: options.stepDownOnRemoval ?? true,
    maxMessageBytes: options.maxMessageBytes ?? 256 * 1024,
    maxCommittedBytesPerReady: options.maxCommittedBytesPerReady ?? 1024 * 1024,
    maxUncommittedBytes: options.maxUncommittedBytes ?? 16 * 1024 * 1024,
    maxInflightMessages: options.maxInflightMessages ?? 256,
    maxInflightBytes: options.maxInflightBytes ?? 4 * 1024 * 1024,
    copies: options.copies ?? 1,
    holdCommits: options.holdCommits ?? false,
    volatile: options.volatile ?? false,
    quiesceTicks: options.quiesceTicks ?? 0,
  }
  checkOptions(resolved)
  return resolved
}

function checkOptions(options: ResolvedOptions): void {
  check(options.id.length > 0, 'id is empty')
  check(options.heartbeatTicks >= 1, `heartbeatTicks is ${options.heartbeatTicks}; it has to be at least 1`)
  check(
    options.electionTicks > options.heartbeatTicks,
    `electionTicks is ${options.electionTicks}; it has to be more than heartbeatTicks, ${options.heartbeatTicks}`,
  )
  check(options.maxInflightMessages >= 1, `maxInflightMessages is ${options.maxInflightMessages}; use at least 1`)
  check(
    options.initial.snapshot.index > 0 || options.initial.snapshot.configuration.voters.length === 0,
    'a configuration needs a position in the log: start from foundingState',
  )
}

function check(condition: boolean, problem: string): void {
  if (!condition) throw new LegionError('E_INVALID', `Raft options: ${problem}`)
}
