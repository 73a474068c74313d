import type { ErrorCode, LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import type { Logger } from '../base/logger.js'
import type { Runtime } from '../base/runtime.js'
import type { MachineDefinition } from '../machines/machine.js'
import type { ProgressStatus, Status } from '../raft/index.js'
import type { Digest } from './checkpoint.js'
import type { EpochId } from './epoch.js'
import type { Groups } from './groups.js'
import type { SnapshotProgress } from './replica-host-types.js'
import type { ReplicaLimits } from './replica-types.js'
import type { CommandCounts } from './replicated-state.js'
import type { Member } from './roster.js'
import type { Split } from './split.js'

export interface GroupOptions<M extends MachineDefinition> {
  /** What the wire calls the group; 0 is `main`. */
  readonly number: number
  readonly groups: Groups
  readonly self: () => PeerId
  readonly runtime: Runtime
  readonly logger: Logger
  readonly machine: M
  readonly limits: GroupLimits
}

export interface GroupLimits extends ReplicaLimits {
  /** Bytes of one command, name included; above: E_TOO_LARGE. Default 1 MiB. */
  readonly commandBytes: number
  /** Commands of this peer in flight per group; above: E_BUSY. Default 16,384. */
  readonly proposals: number
  /** Bytes of the commands of this peer in flight per group; above: E_BUSY. Default 64 MiB. */
  readonly proposalBytes: number
  /** Reads of this peer that wait per group; above: E_BUSY. Default 16,384. */
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

/** A member as its group's leader sees it; elsewhere nothing is known of how far it is. */
export interface MemberStatus extends GroupMember {
  /** How the leader sends to it: asks where its log ends, streams entries, or a snapshot is on its way. */
  readonly replication: ProgressStatus['state'] | undefined
  /** Committed entries that it is not known to have. */
  readonly behindEntries: number | undefined
  /** For how long it has lacked one of them, at most since the leader leads. */
  readonly behindMs: number | undefined
}

/** Plain data about this peer's replica of a group. */
export interface GroupStatus extends Status {
  readonly machine: {
    readonly name: string
    /** The one that is active in the group. */
    readonly version: number
    /** The newest that the code here has. */
    readonly ownVersion: number
    readonly isOutdated: boolean
  }
  /** Another one since every recovery. */
  readonly epoch: EpochId
  /** In the order they joined. */
  readonly members: readonly MemberStatus[]
  /** Why the replica does not run any more; undefined while it does. */
  readonly stopped: { readonly code: ErrorCode; readonly message: string } | undefined
  /** Where the roster was changed last; see `expected`. */
  readonly rosterIndex: number
  /** On the leader: in how many processes everything is before it counts as agreed. */
  readonly copies: number | undefined
  readonly commands: CommandCounts
  /** Commands of this peer whose outcome is not known. */
  readonly inFlight: number
  readonly inFlightBytes: number
  readonly waitingReads: number
  /** Entries that nobody could read. */
  readonly ignoredEntries: number
  /** Bytes of the entries since the log was last cut. */
  readonly logBytes: number
  /** Taken here since the start. */
  readonly checkpoints: number
  /** What the state came to at the last checkpoint; undefined before the first. */
  readonly checkpoint: Digest | undefined
}

export interface GroupEvents {
  /** Some more of a snapshot has arrived: here, before `ready`, or at a member that needs one. */
  snapshot(progress: SnapshotProgress): void
  /** The leader changed; undefined while none is known. */
  leader(peer: PeerId | undefined): void
  members(members: readonly GroupMember[]): void
  /** No leader is known (false), or one is again (true). */
  quorum(has: boolean): void
  /** The code here is too old for the group: commands fail with E_OUTDATED until it is loaded anew. */
  outdated(error: LegionError): void
  /** On the leader: everything is in so many processes before it counts as agreed; 1 if this one is alone. */
  copies(count: number): void
  /** This peer was ejected; the group has stopped here. */
  ejected(error: LegionError): void
  /** A peer has a state of this group that can't become one with the state here; see `Split`. */
  split(split: Split): void
  /** The group stopped here for good. */
  failed(error: LegionError): void
}
