import type { Configuration, VoterId } from '../../raft/types.js'

// Written anew rather than taken from the core: the referee must not share its mistakes.

/** True if those for whom `agrees` is true decide in `configuration`. */
export function isQuorum(configuration: Configuration, agrees: (id: VoterId) => boolean): boolean {
  const { voters, votersOutgoing } = configuration
  return isMajority(voters, agrees) && (votersOutgoing.length === 0 || isMajority(votersOutgoing, agrees))
}

function isMajority(voters: readonly VoterId[], agrees: (id: VoterId) => boolean): boolean {
  let count = 0
  for (const id of voters) if (agrees(id)) count++
  return count * 2 > voters.length
}

/** True if no two quorums, one of each configuration, are disjoint. */
export function quorumsIntersect(one: Configuration, other: Configuration): boolean {
  const everyone = [...new Set([one, other].flatMap((each) => [...each.voters, ...each.votersOutgoing]))]
  for (let subset = 0; subset < 1 << everyone.length; subset++) {
    const isIn = (id: VoterId) => (subset & (1 << everyone.indexOf(id))) !== 0
    if (isQuorum(one, isIn) && isQuorum(other, (id) => !isIn(id))) return false
  }
  return true
}

/** Everyone who gets the log. */
export function membersOf({ voters, votersOutgoing, learners }: Configuration): VoterId[] {
  return [...new Set([...voters, ...votersOutgoing, ...learners])]
}
