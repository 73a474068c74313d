import type { VoterId } from '../raft/index.js'

/**
 * Who should lead a group, so that the groups of a cluster are led by turns: highest random weight (Thaler and
 * Ravishankar, 1998). Needs no agreement: everyone who sees the same voters chooses the same one.
 */
export function preferredLeader(group: number, voters: readonly VoterId[]): VoterId {
  return voters.reduce((best, id) => (weight(group, id) > weight(group, best) ? id : best))
}

function weight(group: number, id: VoterId): number {
  let hash = Math.imul(group, 0x9e3779b1)
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b)
  return (hash ^ (hash >>> 13)) >>> 0
}
