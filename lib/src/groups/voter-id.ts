import type { PeerId } from '../base/ids.js'
import type { VoterId } from '../raft/index.js'

/**
 * What Raft counts: a peer and its incarnation, `<PeerId>.<incarnation>`. An incarnation that was removed from the
 * configuration never comes back; its peer does, with the next one.
 */
export function voterIdOf(peer: PeerId, incarnation: number): VoterId {
  return `${peer}.${incarnation}` as VoterId
}

export function peerOf(voter: VoterId): PeerId {
  return voter.slice(0, voter.lastIndexOf('.')) as PeerId
}

export function incarnationOf(voter: VoterId): number {
  return Number(voter.slice(voter.lastIndexOf('.') + 1))
}
