import type { Branded } from '../base/ids.js'
import type { Message } from './messages.js'

/** Who counts in a group: a peer in one incarnation. Ordered by plain string comparison. */
export type VoterId = Branded<'VoterId'>

declare const unit: unique symbol
/** A number that accepts plain numbers but never a number of another unit: a term is no index. */
type Unit<Name extends string> = number & { readonly [unit]?: Name }

/** An election period; at most one leader each. Whole, from 1; 0 means none yet. */
export type Term = Unit<'Term'>
/** A position in the log. Whole, from 1; 0 is the position before the first entry. */
export type Index = Unit<'Index'>

/** `pre-candidate` asks who would vote for it, `candidate` asks for votes. */
export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader'

/** One entry of the log. */
export interface Entry {
  readonly term: Term
  readonly index: Index
  readonly type: EntryType
  /**
   * Opaque for a `normal` entry; empty for the entry with which a leader starts its term and for witnesses.
   * An encoded `ConfigChange` for a `config` entry.
   */
  readonly data: Uint8Array
}

export type EntryType = 'normal' | 'config'

/** Who is in a group as what. All arrays are sorted and free of duplicates. */
export interface Configuration {
  /** Who votes and acknowledges; while joint, the new half. */
  readonly voters: readonly VoterId[]
  /** The old half while joint, else empty. */
  readonly votersOutgoing: readonly VoterId[]
  /** Get the log, have no vote. Disjoint from both halves. */
  readonly learners: readonly VoterId[]
  /** Voters of the old half that become learners when the joint configuration is left. */
  readonly learnersNext: readonly VoterId[]
  /** Those of `voters` and `votersOutgoing` that keep no data: they vote and acknowledge, but never lead. */
  readonly witnesses: readonly VoterId[]
  /** The leader leaves the joint configuration on its own as soon as it is applied. */
  readonly autoLeave: boolean
}

/** What must survive a restart besides the log. */
export interface HardState {
  readonly term: Term
  /** Who got this replica's vote in `term`. */
  readonly vote: VoterId | undefined
  readonly commit: Index
  /** Whose votes this replica has adopted; never shrinks. Absent: nobody's. */
  readonly hosted?: readonly HostedVote[] | undefined
}

/** A vote that its owner gave away. */
export interface HostedVote {
  readonly id: VoterId
  /** In terms up to this one its owner may have voted itself. */
  readonly fence: Term
}

/** What is worth knowing and need not be stored. */
export interface SoftState {
  readonly role: Role
  readonly lead: VoterId | undefined
}

/** Where a snapshot stands in the log, with the configuration at that place. */
export interface SnapshotMeta {
  readonly index: Index
  readonly term: Term
  readonly configuration: Configuration
}

/** `data` is opaque: the state itself, or whatever lets the receiver fetch it. Empty for a witness. */
export interface Snapshot extends SnapshotMeta {
  readonly data: Uint8Array
}

/** What a replica starts from: nothing at all, `foundingState`, or what it stored. */
export interface InitialState {
  readonly hardState: HardState
  /** The position that the first of `entries` follows. */
  readonly snapshot: SnapshotMeta
  readonly entries: readonly Entry[]
  /** What the state machine already holds if that is more than `snapshot`; entries up to there are not handed out. */
  readonly applied?: { readonly index: Index; readonly configuration: Configuration } | undefined
}

/** The answer to a read: a state machine that has applied `index` may answer the request `ticket`. */
export interface ReadState {
  readonly index: Index
  readonly ticket: number
}

/** Why a proposal or a read was not taken. It has had and will have no effect. */
export type DropReason =
  /** No leader is known here. */
  | 'no-leader'
  /** It was forwarded to a replica that does not lead (any more). */
  | 'not-leader'
  /** The leader is handing over. */
  | 'transferring'
  /** Too many bytes are waiting to be committed and applied, or too many reads. */
  | 'busy'
  /** The leader is not a member any more. */
  | 'removed'
  /** An earlier configuration change may not be applied yet. */
  | 'config-pending'
  /** The configuration is joint and has to be left first. */
  | 'config-joint'
  /** There is no joint configuration to leave. */
  | 'config-not-joint'
  /** The configuration change makes no valid configuration. */
  | 'config-invalid'
  /** Nothing proposed, or something malformed. */
  | 'invalid'

export type ProposeResult =
  /** In the leader's log here, at these positions. Committed if and when they come back with this term. */
  | { readonly kind: 'appended'; readonly term: Term; readonly first: Index; readonly last: Index }
  /** On the way to the leader. A refusal there comes back in `Ready.refusals`; messages may be lost. */
  | { readonly kind: 'forwarded'; readonly to: VoterId; readonly ticket: number }
  | { readonly kind: 'dropped'; readonly reason: DropReason }

/** A forwarded proposal or a read that came to nothing. */
export interface Refusal {
  readonly request: 'proposal' | 'read'
  /** Of a proposal: what `propose` returned. Of a read: what was given to `readIndex`. */
  readonly ticket: number
  readonly reason: DropReason
}

export type TransferRefusal = 'no-leader' | 'already-leader' | 'not-a-voter' | 'witness' | 'under-way'

export type TransferOutcome =
  /** The target leads. */
  | 'done'
  /** Not within one election timeout; this replica goes on leading. */
  | 'timeout'
  /** A transfer to someone else was asked for. */
  | 'superseded'
  /** The target lost its vote. */
  | 'target-removed'
  /** This replica does not lead any more, and somebody else does or nobody is known to. */
  | 'lost'

export interface TransferResult {
  readonly to: VoterId
  readonly outcome: TransferOutcome
}

/** Why a message changed nothing. Counted in `Status.ignored`. */
export type IgnoreReason =
  /** Its fields make no sense, by themselves or with each other. */
  | 'malformed'
  /** Addressed to someone else, or from this replica itself. */
  | 'misdirected'
  /** An answer from someone who is not a member (any more). */
  | 'unknown-peer'
  | 'lower-term'
  /** A vote request while the current leader is heard from. */
  | 'leader-alive'
  /** Somebody else claims to lead the same term. */
  | 'second-leader'
  /** It contradicts committed entries. */
  | 'conflicts-with-committed'
  /** It speaks of entries that this replica's log does not have. On a follower: it has lost data. */
  | 'beyond-log'
  /** An outdated, superfluous or duplicated answer. */
  | 'stale'
  /** Nothing that a replica in this role acts on. */
  | 'unexpected'
  /** This replica may not campaign now. */
  | 'not-promotable'
  /** A committed configuration change that makes no valid configuration; every replica skips it. */
  | 'config-invalid'

/**
 * What has to be done now, in this order: store `snapshot`, `entries` and `hardState` in one durable batch; send
 * `messages` (any time); after the batch is durable send `messagesAfterPersist`; install `snapshot`, apply
 * `committedEntries` (giving `config` ones to `applyConfigChange`); then call `advance()`.
 */
export interface Ready {
  /** Defined if changed. */
  readonly softState: SoftState | undefined
  /** Defined if changed. */
  readonly hardState: HardState | undefined
  /**
   * Entries, term or vote changed. If false, and there is no snapshot, the write need not be durable: only the commit
   * index moved, which others know too.
   */
  readonly mustSync: boolean
  /** Replaces state and log. */
  readonly snapshot: Snapshot | undefined
  /** To be stored; they replace all stored entries from the first one's index on. */
  readonly entries: readonly Entry[]
  /** To be applied. All of them are durable once this Ready's batch is. */
  readonly committedEntries: readonly Entry[]
  readonly messages: readonly Message[]
  /** Votes, acknowledgements and vote requests: promises that storage has to keep first. */
  readonly messagesAfterPersist: readonly Message[]
  readonly readStates: readonly ReadState[]
  readonly refusals: readonly Refusal[]
  readonly transfer: TransferResult | undefined
}

export type ReplicationState = 'probe' | 'replicate' | 'snapshot'

/** How far a leader knows a member to be. */
export interface ProgressStatus {
  readonly state: ReplicationState
  /** The last entry known to be durable there. */
  readonly match: Index
  /** The next entry to send. Invariant: match < next. */
  readonly next: Index
  readonly learner: boolean
  readonly witness: boolean
  /** Who has adopted the member's vote; it is gone for good itself. */
  readonly speaker: VoterId | undefined
  /** Nothing is sent until it answers. */
  readonly paused: boolean
  /** The snapshot on its way, 0 if none. */
  readonly pendingSnapshot: Index
  /** It was heard from since the last check of the quorum. */
  readonly recentActive: boolean
  readonly inflightMessages: number
  readonly inflightFull: boolean
}

/** Plain data for people, metrics and tests. */
export interface Status {
  readonly id: VoterId
  readonly role: Role
  readonly term: Term
  readonly vote: VoterId | undefined
  readonly lead: VoterId | undefined
  readonly firstIndex: Index
  readonly lastIndex: Index
  readonly commit: Index
  readonly applied: Index
  readonly configuration: Configuration
  /** On a leader: every member. Empty elsewhere. */
  readonly progress: ReadonlyMap<VoterId, ProgressStatus>
  /** On a leader that hands over: to whom. */
  readonly transferee: VoterId | undefined
  readonly quiesced: boolean
  /** On a leader: bytes of payload appended in its term and not applied yet. */
  readonly uncommittedBytes: number
  /** Whom this replica speaks for besides itself. */
  readonly voices: readonly VoterId[]
  readonly ignored: Readonly<Partial<Record<IgnoreReason, number>>>
}
