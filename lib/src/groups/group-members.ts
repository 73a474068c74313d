import type { Configuration } from '../raft/index.js'
import type { GroupMember } from './group-types.js'
import type { Replica } from './replica.js'
import type { Member } from './roster.js'
import { peerOf } from './voter-id.js'

/** Everyone who has a copy, in the order they joined. */
export function membersOf({ configuration, soft, state }: Replica): readonly GroupMember[] {
  return [...state.roster.members.values()].map((member) => ({
    peer: peerOf(member.id),
    id: member.id,
    name: member.name,
    kind: member.kind,
    role: roleOf(member, configuration),
    isLeader: member.id === soft.lead,
  }))
}

function roleOf(member: Member, configuration: Configuration): GroupMember['role'] {
  if (configuration.witnesses.includes(member.id)) return 'witness'
  return configuration.voters.includes(member.id) ? 'voter' : 'learner'
}
