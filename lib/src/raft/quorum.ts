import type { Index, VoterId } from './types.js'

export type VoteResult = 'won' | 'lost' | 'pending'

/** One half of a configuration, or a plain one. An empty half agrees to everything, so that a joint one reduces to the other half. */
export type Majority = readonly VoterId[]

/** Both halves of a configuration; the second is empty unless it is joint. */
export interface Joint {
  readonly voters: Majority
  readonly votersOutgoing: Majority
}

/**
 * The highest index that a majority has acknowledged; Infinity for no voters.
 * @param acknowledged the last index that a voter has acknowledged, 0 if none
 */
export function majorityCommitted(voters: Majority, acknowledged: (id: VoterId) => Index): Index {
  if (voters.length === 0) return Number.POSITIVE_INFINITY
  const descending: number[] = []
  for (const id of voters) insertDescending(descending, acknowledged(id))
  return descending[majorityOf(voters) - 1] as number
}

/** The highest index that a majority of each half has acknowledged. */
export function jointCommitted(halves: Joint, acknowledged: (id: VoterId) => Index): Index {
  return Math.min(
    majorityCommitted(halves.voters, acknowledged),
    majorityCommitted(halves.votersOutgoing, acknowledged),
  )
}

/** @param vote true if the voter said yes, false if no, undefined if it has not answered */
export function majorityVote(voters: Majority, vote: (id: VoterId) => boolean | undefined): VoteResult {
  let yes = 0
  let no = 0
  for (const id of voters) {
    const answer = vote(id)
    if (answer === true) yes++
    if (answer === false) no++
  }
  if (voters.length === 0 || yes >= majorityOf(voters)) return 'won'
  return voters.length - no >= majorityOf(voters) ? 'pending' : 'lost'
}

export function jointVote(halves: Joint, vote: (id: VoterId) => boolean | undefined): VoteResult {
  const incoming = majorityVote(halves.voters, vote)
  const outgoing = majorityVote(halves.votersOutgoing, vote)
  if (incoming === outgoing) return incoming
  return incoming === 'lost' || outgoing === 'lost' ? 'lost' : 'pending'
}

export function majorityOf(voters: Majority): number {
  return Math.floor(voters.length / 2) + 1
}

/** Insertion sort: there are few members, and this runs for every acknowledgement. */
export function insertDescending(sorted: number[], value: number): void {
  let i = sorted.length
  for (; i > 0 && (sorted[i - 1] as number) < value; i--) sorted[i] = sorted[i - 1] as number
  sorted[i] = value
}
