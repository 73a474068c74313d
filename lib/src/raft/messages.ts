import type { DropReason, Entry, EntryType, Index, Refusal, Snapshot, Term, VoterId } from './types.js'

/**
 * Everything replicas say to each other. Plain data; any of it may be lost, repeated, delayed or reordered.
 */
export type Message =
  | Append
  | AppendResponse
  | Heartbeat
  | HeartbeatResponse
  | InstallSnapshot
  | VoteRequest
  | VoteResponse
  | TimeoutNow
  | TransferLeader
  | Propose
  | ReadIndex
  | ReadIndexResponse
  | Refused
  | Quiesce
  | Wake
  | Goodbye

export type MessageType = Message['type']
export type MessageOf<T extends MessageType> = Message & { readonly type: T }

interface Envelope {
  readonly from: VoterId
  readonly to: VoterId
  /** The sender's term; in a pre-vote the term it would campaign in; 0 in requests and answers outside of terms. */
  readonly term: Term
}

/** An answer that counts for the sender and for all that it speaks for. */
interface Answer extends Envelope {
  /** Whose votes the sender has adopted; absent: nobody's. */
  readonly speaksFor?: readonly VoterId[] | undefined
}

/** Entries that follow the position (prevTerm, prevIndex). Without entries: a probe or news of the commit index. */
export interface Append extends Envelope {
  readonly type: 'append'
  readonly prevIndex: Index
  readonly prevTerm: Term
  readonly entries: readonly Entry[]
  readonly commit: Index
  /** Up to here all is committed as soon as the receiver has it durably: nobody else is lacking. 0 or absent: nothing. */
  readonly pledge?: Index | undefined
}

export interface AppendResponse extends Answer {
  readonly type: 'append-response'
  /** Accepted: the log agrees with the leader's up to here, durably. Rejected: the `prevIndex` that was not found. */
  readonly index: Index
  /** Where the logs may agree at best, with the follower's term there; 0 if the position is unknown. */
  readonly rejected: { readonly hintIndex: Index; readonly hintTerm: Term } | undefined
}

export interface Heartbeat extends Envelope {
  readonly type: 'heartbeat'
  readonly commit: Index
  /** Up to where the receiver acknowledged the log in this term: if it has less, it has lost some of it. */
  readonly match: Index
  /** The latest round of reads that waits for a quorum; 0 if none. To be echoed. */
  readonly round: number
}

export interface HeartbeatResponse extends Answer {
  readonly type: 'heartbeat-response'
  readonly round: number
}

export interface InstallSnapshot extends Envelope {
  readonly type: 'snapshot'
  readonly snapshot: Snapshot
}

/** The last position that the sender knows to be committed. */
interface KnownCommit {
  readonly commit: Index
  readonly commitTerm: Term
}

export interface VoteRequest extends Envelope, KnownCommit {
  readonly type: 'vote' | 'pre-vote'
  readonly lastIndex: Index
  readonly lastTerm: Term
  /** The leader asked for this election: who still hears it votes nevertheless. */
  readonly transfer: boolean
  /** As in answers: a candidate to whom this is refused has to know whom to ask itself. */
  readonly speaksFor?: readonly VoterId[] | undefined
}

export interface VoteResponse extends Answer, KnownCommit {
  readonly type: 'vote-response' | 'pre-vote-response'
  readonly granted: boolean
}

/** From a leader that hands over: campaign at once. */
export interface TimeoutNow extends Envelope {
  readonly type: 'timeout-now'
}

/** From a follower to the leader: hand over to `target`. */
export interface TransferLeader extends Envelope {
  readonly type: 'transfer-leader'
  readonly target: VoterId
}

/** From a follower to the leader. All entries or none are taken. */
export interface Propose extends Envelope {
  readonly type: 'propose'
  readonly entries: readonly ProposedEntry[]
  /** The sender's number of it, echoed in `Refused`. */
  readonly ticket: number
}

export interface ProposedEntry {
  readonly type: EntryType
  readonly data: Uint8Array
}

/** From a follower to the leader: what is the commit index of a leader that certainly leads now? */
export interface ReadIndex extends Envelope {
  readonly type: 'read-index'
  readonly ticket: number
}

export interface ReadIndexResponse extends Envelope {
  readonly type: 'read-index-response'
  readonly ticket: number
  readonly index: Index
}

export interface Refused extends Envelope {
  readonly type: 'refused'
  readonly request: Refusal['request']
  readonly ticket: number
  readonly reason: DropReason
}

/** From an idle leader: all have everything up to `commit`; stop the clocks until something happens. */
export interface Quiesce extends Envelope {
  readonly type: 'quiesce'
  readonly commit: Index
}

/** From a follower: something happens. */
export interface Wake extends Envelope {
  readonly type: 'wake'
}

/**
 * The sender ends for good, and gives away its vote with those that it speaks for: to the first of `heirs` that has
 * the log, see `adoption.ts`. Its term raises nobody's.
 */
export interface Goodbye extends Envelope {
  readonly type: 'goodbye'
  /** The sender's id and all that it ever held. */
  readonly ids: readonly VoterId[]
  /** The position that an heir's log has to reach, compared as in votes. */
  readonly floor: { readonly index: Index; readonly term: Term }
  readonly heirs: readonly VoterId[]
}
