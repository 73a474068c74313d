import type { LegionError } from '../base/errors.js'
import type { ClusterId, PeerId } from '../base/ids.js'
import type { Runtime } from '../base/runtime.js'
import type { MachineDefinition } from '../machines/machine.js'
import type { Network } from '../mesh/network.js'
import type { Configuration, Entry, Message, Refusal, SoftState } from '../raft/index.js'
import type { Admit } from './admission.js'
import type { RosterMessage } from './announce.js'
import type { AutopilotRules } from './autopilot.js'
import type { Digest } from './checkpoint.js'
import type { EpochId } from './epoch.js'
import type { Replica } from './replica.js'
import type { ReplicaLimits, SnapshotSpooling } from './replica-types.js'
import type { Applied } from './replicated-state.js'
import type { SnapshotSource } from './snapshot-source.js'
import type { Split } from './split.js'

export interface ReplicaHostOptions {
  /** What the wire calls the group; 0 is `main`. */
  readonly group: number
  /** That this peer belongs to. */
  readonly clusterId: ClusterId
  /** Clusters that this peer was in before, which dissolved, in the end into this one. */
  readonly formerly: readonly ClusterId[]
  readonly network: Network
  /** As of `GroupsOptions`. */
  readonly isSettled: () => boolean
  readonly runtime: Runtime
  readonly definition: MachineDefinition
  readonly rules: AutopilotRules
  /** Asked about everyone who wants to become a member; undefined: all may. */
  readonly admit: Admit | undefined
  /** Peers that are out of the cluster, and so of the group. */
  readonly isBanned: (peer: PeerId) => boolean
  /** As of `MembershipOptions`. */
  readonly heardAtMs: (peer: PeerId) => number
  readonly limits: ReplicaLimits & { readonly commandBytes: number }
  readonly spool: SnapshotSpooling
  /** The way out: what all groups of this peer share. */
  readonly out: Outlet
  readonly events: ReplicaHostEvents
}

export interface Outlet {
  /** @param mayWait for the next message to the same peer, or a few milliseconds */
  send(message: Message, epoch: EpochId, mayWait: boolean): void
  sendSnapshot(message: Message & { type: 'snapshot' }, epoch: EpochId, source: SnapshotSource): void
  tell(peer: PeerId, message: RosterMessage): void
  /** Tells this peer's user what nobody waits for. */
  report(error: LegionError): void
  /** Have `evaluate` called soon. */
  schedule(): void
  /** So many groups have something to do that none of them is waited for alone. */
  readonly isCrowded: boolean
  /** How many groups may start an election for the same reason. */
  readonly groups: number
}

/** How far a snapshot has come. */
export interface SnapshotProgress {
  readonly direction: 'sent' | 'received'
  /** Who gets it, or sends it. */
  readonly peer: PeerId
  /** That have arrived so far. */
  readonly bytes: number
}

export interface ReplicaHostEvents {
  /** Called before each run of the replica: the place to propose and to ask for reads. */
  feed(replica: Replica): void
  /** Called after each run. */
  ran(replica: Replica): void
  tick(): void
  progressed(progress: SnapshotProgress): void
  /** Another replica takes the place of the last one: it knows nothing of what that one was asked. */
  replaced(): void
  /** The link to the leader, which has not changed, is there again: what was on its way may be lost. */
  leaderBack(): void
  /** True while something waits for a tick, such as a timeout. */
  isWaiting(): boolean
  committed(entry: Entry): void
  applied(applied: Applied, index: number): void
  restored(): void
  readable(ticket: number, index: number): void
  refused(refusal: Refusal): void
  lead(state: SoftState): void
  configured(configuration: Configuration): void
  /** On a leader: in so many processes is now everything that counts as agreed. */
  copies(count: number): void
  checkpointed(digest: Digest): void
  /** This peer's code can't follow the log any more; it stores and votes, and applies nothing. */
  outdated(error: LegionError): void
  /** This peer, which wanted to leave, is out. */
  removed(): void
  /** A member says that this peer can't be one, or was ejected. */
  rejected(error: LegionError): void
  /** A peer of the group went another way, after a recovery here or there. */
  split(split: Split): void
  /** The replica stopped for good. */
  failed(error: unknown): void
}
