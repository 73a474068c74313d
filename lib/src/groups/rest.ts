import type { Rest } from '../signaling/rendezvous.js'
import type { ReplicaHost } from './replica-host.js'
import { peerOf } from './voter-id.js'

/** Where the state of a group is beside this peer, by the roster. */
export function restOf(host: ReplicaHost | undefined): Rest {
  const replica = host?.replica
  if (replica === undefined) return 'unknown'
  const { id, isMember, state } = replica
  if (!isMember && !state.roster.isRetired(id)) return 'unknown'
  const others = [...state.roster.members.values()].filter((member) => peerOf(member.id) !== peerOf(id))
  // Who was left behind by a recovery is in no roster.
  if (state.epochs.length > 0 || others.some(({ durable }) => durable)) return 'disks'
  return others.length > 0 ? 'memory' : 'nothing'
}
