import { type PeerId, parsePeerId } from '../base/ids.js'
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

/** `text` as a VoterId, or undefined if it is not one. */
export function parseVoterId(text: string): VoterId | undefined {
  const separator = text.lastIndexOf('.')
  const incarnation = Number(text.slice(separator + 1))
  const wellFormed =
    parsePeerId(text.slice(0, Math.max(0, separator))) !== undefined &&
    Number.isSafeInteger(incarnation) &&
    incarnation > 0 &&
    text === `${text.slice(0, separator)}.${incarnation}`
  return wellFormed ? (text as VoterId) : undefined
}
