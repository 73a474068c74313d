import type { LegionError } from '../base/errors.js'
import type { MachineDefinition } from '../machines/machine.js'
import type { Status, VoterId } from '../raft/index.js'
import { membersOf } from './group-members.js'
import type { GroupMember, GroupStatus, MemberStatus } from './group-types.js'
import type { Replica } from './replica.js'

/** What a group's status is made from. */
export interface GroupParts {
  readonly replica: Replica
  readonly epoch: number
  readonly definition: MachineDefinition
  readonly stopped: LegionError | undefined
  readonly inFlight: number
  readonly inFlightBytes: number
  readonly waitingReads: number
  readonly checkpoints: number
  readonly copies: number | undefined
  /** For how long a member whose log ends with `match` has lacked a committed entry. */
  behindMs(match: number): number
}

export function groupStatusOf(parts: GroupParts): GroupStatus {
  const { replica, epoch, definition, stopped, inFlight, inFlightBytes, waitingReads, checkpoints } = parts
  const { version, outdated, ignoredEntries, commandCounts } = replica.state
  const { name, version: ownVersion } = definition
  const status = replica.status()
  return {
    ...status,
    epoch,
    machine: { name, version, ownVersion, isOutdated: outdated !== undefined },
    members: membersOf(replica).map((member) => memberStatusOf(member, status, parts)),
    stopped: stopped && { code: stopped.code, message: stopped.message },
    rosterIndex: replica.state.roster.changedAt,
    copies: parts.copies,
    commands: { ...commandCounts },
    inFlight,
    inFlightBytes,
    waitingReads,
    ignoredEntries,
    logBytes: replica.logBytes,
    checkpoints,
    checkpoint: replica.lastDigest,
  }
}

/** In how many processes the leader finds that everything agreed arrives. */
export function copiesOf(progress: Status['progress'], self: VoterId): number {
  return [...progress].filter(
    ([id, { state, witness, speaker }]) => id === self || (state === 'replicate' && !witness && speaker === undefined),
  ).length
}

function memberStatusOf(member: GroupMember, { progress, commit }: Status, parts: GroupParts): MemberStatus {
  const known = progress.get(member.id as VoterId)
  if (known === undefined) return { ...member, replication: undefined, behindEntries: undefined, behindMs: undefined }
  const { state, match } = known
  const behindEntries = Math.max(0, commit - match)
  return { ...member, replication: state, behindEntries, behindMs: parts.behindMs(match) }
}
