import type { PeerId } from '../base/ids.js'
import type { Configuration, VoterId } from '../raft/index.js'

/**
 * What Raft counts: a peer and its incarnation, `<PeerId>.<incarnation>`. An incarnation that was removed from the
 * configuration never comes back; its peer does, with the next one.
 */
export function voterIdOf(peer: PeerId, incarnation: number): VoterId {
  const latest = latestOf.get(peer)
  if (latest?.incarnation === incarnation) return latest.id
  const id = `${peer}.${incarnation}` as VoterId
  remember(latestOf, peer, { id, peer, incarnation })
  return id
}

export function peerOf(voter: VoterId): PeerId {
  return partsOf(voter).peer
}

export function incarnationOf(voter: VoterId): number {
  return partsOf(voter).incarnation
}

/** Everyone in a configuration, in whatever role. */
export function idsOf({ voters, votersOutgoing, learners, learnersNext }: Configuration): Set<VoterId> {
  return new Set([...voters, ...votersOutgoing, ...learners, ...learnersNext])
}

interface Parts {
  readonly id: VoterId
  readonly peer: PeerId
  readonly incarnation: number
}

function partsOf(voter: VoterId): Parts {
  const known = partsBy.get(voter)
  if (known !== undefined) return known
  const dot = voter.lastIndexOf('.')
  const parts = { id: voter, peer: voter.slice(0, dot) as PeerId, incarnation: Number(voter.slice(dot + 1)) }
  remember(partsBy, voter, parts)
  return parts
}

/** Every message names the same few: a string that is put together anew has to be hashed by whoever looks for it. */
const KNOWN_MAX = 4096
const latestOf = new Map<PeerId, Parts>()
const partsBy = new Map<VoterId, Parts>()

function remember<K, V>(known: Map<K, V>, key: K, value: V): void {
  if (known.size >= KNOWN_MAX) known.clear()
  known.set(key, value)
}
