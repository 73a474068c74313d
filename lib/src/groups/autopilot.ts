import type { PeerKind } from '../mesh/peer-info.js'
import type { VoterId } from '../raft/index.js'

/**
 * Who should be what: a pure function from what the leader sees to the configuration it wants. The leader calls it
 * after every change of what it sees and proposes the difference as one change.
 */
export interface Candidate {
  readonly id: VoterId
  readonly role: 'voter' | 'learner' | 'newcomer'
  readonly isLeader: boolean
  readonly kind: PeerKind
  readonly host: string
  readonly canVote: boolean
  readonly durable: boolean
  /** Its page is in the foreground; always true in Node. */
  readonly visible: boolean
  /** Has a link to the leader. */
  readonly reachable: boolean
  /** Its log is close to the leader's. */
  readonly caughtUp: boolean
  /** It asked to be removed for good, or its vote was adopted: there is no coming back. */
  readonly isOut: boolean
  /** For how long it has not been reachable, 0 if it is. Infinity once it said goodbye. */
  readonly goneForMs: number
}

export interface AutopilotRules {
  /** Voters wanted at most; odd. */
  readonly voters: number
  /** A member that was gone for this long is replaced as a voter, or forgotten if it has no storage. */
  readonly replaceAfterMs: number
  /** Nothing is committed before so many processes have it, as long as there are so many. */
  readonly copies: number
  /** Members wanted at most; 0: everyone who comes. */
  readonly replicas: number
}

export interface Plan {
  readonly voters: readonly VoterId[]
  readonly learners: readonly VoterId[]
}

/**
 * The configuration to change to, or undefined if the present one is right or must not be touched now.
 *
 * Invariants: a majority of the planned voters is reachable; the leader stays a voter as long as it may be one; the
 * same view gives the same plan, so a plan that was carried out is followed by none.
 *
 * @param candidates all members of the roster and all newcomers, in the order they joined
 */
export function planRoster(candidates: readonly Candidate[], rules: AutopilotRules): Plan | undefined {
  const present = candidates.filter((candidate) => candidate.role !== 'newcomer' || candidate.reachable)
  const kept = withinReplicas(
    present.filter((candidate) => !isForgotten(candidate, rules)),
    rules,
  )
  const voters = chooseVoters(kept, rules)
  if (!hasReachableMajority(voters)) return undefined
  const learners = kept.filter((candidate) => !voters.includes(candidate))
  const members = candidates.filter(({ role }) => role !== 'newcomer')
  const unchanged =
    kept.length === members.length &&
    voters.every((voter) => voter.role === 'voter') &&
    learners.every((learner) => learner.role === 'learner')
  return unchanged ? undefined : { voters: voters.map(toId), learners: learners.map(toId) }
}

/** Who is a member stays one; newcomers are taken, in the order they come, until there are enough. */
function withinReplicas(candidates: readonly Candidate[], { replicas }: AutopilotRules): readonly Candidate[] {
  if (replicas === 0) return candidates
  const members = candidates.filter(({ role }) => role !== 'newcomer')
  const newcomers = candidates.filter(({ role }) => role === 'newcomer')
  return [...members, ...newcomers.slice(0, Math.max(0, replicas - members.length))]
}

function isForgotten(candidate: Candidate, rules: AutopilotRules): boolean {
  return candidate.isOut || (!candidate.durable && isGone(candidate, rules))
}

function isGone(candidate: Candidate, rules: AutopilotRules): boolean {
  return candidate.goneForMs >= rules.replaceAfterMs
}

/**
 * The largest odd number of able replicas up to the wanted one. A voter that only just vanished keeps its place: links
 * break and heal. Rather two voters fewer than the tabs of one browser holding a majority: quitting it ends them all.
 */
function chooseVoters(candidates: readonly Candidate[], rules: AutopilotRules): Candidate[] {
  const able = candidates
    .filter((candidate) => candidate.canVote && isAble(candidate, rules))
    .map((candidate, order) => ({ candidate, rank: rank(candidate), order }))
    .sort((a, b) => a.rank - b.rank || a.order - b.order)
    .map(({ candidate }) => candidate)
  const largest = largestOdd(Math.min(rules.voters, able.length))
  for (let count = largest; count >= 3; count -= 2) {
    const spread = takeSpread(able, count)
    if (spread.length === count) return spread
  }
  return able.slice(0, Math.max(0, largest))
}

/** The first `count` of `able` of which no browser has a majority; fewer if there are not enough. */
function takeSpread(able: readonly Candidate[], count: number): Candidate[] {
  const tabs = new Map<string, number>()
  const taken: Candidate[] = []
  for (const candidate of able) {
    if (taken.length === count) break
    if (candidate.kind === 'browser') {
      const tabsOfHost = (tabs.get(candidate.host) ?? 0) + 1
      if (tabsOfHost > count / 2) continue
      tabs.set(candidate.host, tabsOfHost)
    }
    taken.push(candidate)
  }
  return taken
}

function isAble(candidate: Candidate, rules: AutopilotRules): boolean {
  if (candidate.role === 'voter') return !isGone(candidate, rules)
  return candidate.role === 'learner' && candidate.reachable && candidate.caughtUp
}

/** Lower is better: the leader, then Node peers, visible tabs, hidden ones; among equals who is voter already. */
function rank(candidate: Candidate): number {
  if (candidate.isLeader) return -1
  const place = candidate.kind === 'node' ? 0 : candidate.visible ? 1 : 2
  return 2 * place + (candidate.role === 'voter' ? 0 : 1)
}

function largestOdd(count: number): number {
  return count % 2 === 1 ? count : count - 1
}

function hasReachableMajority(voters: readonly Candidate[]): boolean {
  return voters.filter((voter) => voter.reachable).length > voters.length / 2
}

function toId(candidate: Candidate): VoterId {
  return candidate.id
}
