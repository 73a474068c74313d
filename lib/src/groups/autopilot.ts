import type { PeerKind } from '../mesh/peer-info.js'
import type { VoterId } from '../raft/index.js'
import { MEMBERS_MAX } from './roster.js'
import type { PinnedRole } from './roster-entry.js'

/**
 * Who should be what: a pure function from what the leader sees to the configuration it wants. The leader calls it
 * after every change of what it sees and proposes the difference as one change.
 */
export interface Candidate {
  readonly id: VoterId
  readonly role: 'voter' | 'witness' | 'learner' | 'newcomer'
  /** What somebody wants it to be. */
  readonly pinned: PinnedRole | undefined
  readonly isLeader: boolean
  readonly kind: PeerKind
  readonly host: string
  readonly canVote: boolean
  readonly durable: boolean
  /** Its page is, or was lately, in the foreground; always true in Node. */
  readonly visible: boolean
  /** Has a link to the leader. */
  readonly reachable: boolean
  /** It ended, and somebody who has a link to the leader, or the leader itself, speaks for it. */
  readonly isSpokenFor: boolean
  /** The leader has heard something of it just now: a link may seem to be there for seconds after its peer has ended. */
  readonly isHeard: boolean
  /** Its link has not broken again and again lately. */
  readonly isSteady: boolean
  /** Its log is close to the leader's. */
  readonly caughtUp: boolean
  /** It asked to be removed for good, was ejected, or its vote was adopted: there is no coming back. */
  readonly isOut: boolean
  /** For how long it has not been reachable, 0 if it is. Infinity once it said goodbye. */
  readonly goneForMs: number
}

/** Members with storage that are gone and not forgotten. */
const ABSENT_MAX = 1_000

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
  /** With data. */
  readonly voters: readonly VoterId[]
  readonly witnesses: readonly VoterId[]
  readonly learners: readonly VoterId[]
}

/**
 * The configuration to change to, or undefined if the present one is right or must not be touched now: what is proposed
 * while the present voters have no majority may be committed much later, when those it counts on are gone.
 *
 * Invariants: a majority of the planned voters is reachable; the leader stays a voter as long as it may be one, and so
 * does everyone who shall vote; whoever shall learn only votes if nobody else can; fewer than half are witnesses; the
 * same view gives the same plan, so a plan that was carried out is followed by none.
 *
 * @param candidates all members of the roster and all newcomers, in the order they joined
 */
export function planRoster(candidates: readonly Candidate[], rules: AutopilotRules): Plan | undefined {
  const votersNow = candidates.filter(isVoting)
  if (!hasReachableMajority(votersNow)) return undefined
  const present = candidates.filter((candidate) => candidate.role !== 'newcomer' || candidate.reachable)
  const stale = staleOf(candidates, rules)
  const kept = withinReplicas(
    present.filter((candidate) => !isForgotten(candidate, rules) && !stale.has(candidate)),
    rules,
  )
  const chosen = chooseVoters(kept, votersNow.length, rules)
  if (!hasReachableMajority(chosen)) return undefined
  const [witnesses, voters] = partition(chosen, isWitness)
  // A witness has no data to learn on from: it is removed, and comes back as its next incarnation.
  const learners = kept.filter((candidate) => !chosen.includes(candidate) && candidate.role !== 'witness')
  const members = candidates.filter(({ role }) => role !== 'newcomer')
  const unchanged =
    voters.length + witnesses.length + learners.length === members.length &&
    voters.every(({ role }) => role === 'voter') &&
    witnesses.every(({ role }) => role === 'witness') &&
    learners.every(({ role }) => role === 'learner')
  if (unchanged) return undefined
  return { voters: voters.map(toId), witnesses: witnesses.map(toId), learners: learners.map(toId) }
}

/** Who is a member stays one; newcomers are taken, in the order they come, until there are enough. */
function withinReplicas(candidates: readonly Candidate[], { replicas }: AutopilotRules): readonly Candidate[] {
  const wanted = replicas === 0 ? MEMBERS_MAX : replicas
  if (candidates.length <= wanted) return candidates
  const members = candidates.filter(({ role }) => role !== 'newcomer')
  const newcomers = candidates.filter(({ role }) => role === 'newcomer')
  return [...members, ...newcomers.slice(0, Math.max(0, wanted - members.length))]
}

/**
 * Whoever has storage may be back after months, or never: most browsers are not. Of too many such learners those that
 * are gone the longest are removed; should they return, they join anew.
 */
function staleOf(candidates: readonly Candidate[], rules: AutopilotRules): ReadonlySet<Candidate> {
  const absent = candidates.filter((each) => each.role === 'learner' && each.durable && isGone(each, rules))
  const tooMany = Math.max(0, absent.length - ABSENT_MAX)
  return new Set(absent.sort((a, b) => b.goneForMs - a.goneForMs).slice(0, tooMany))
}

function isForgotten(candidate: Candidate, rules: AutopilotRules): boolean {
  return candidate.isOut || (!candidate.durable && isGone(candidate, rules))
}

function isGone(candidate: Candidate, rules: AutopilotRules): boolean {
  return candidate.goneForMs >= rules.replaceAfterMs
}

/**
 * The largest odd number of able replicas up to the wanted one. A voter that only just vanished keeps its place: links
 * break and heal; but when there are to be fewer voters than now, one more that is lost may be one too many. Rather two
 * voters fewer than the tabs of one browser holding a majority: quitting it ends them all.
 */
function chooseVoters(
  candidates: readonly Candidate[],
  votersNow: number,
  rules: AutopilotRules,
): readonly Candidate[] {
  const all = candidates.filter((candidate) => candidate.canVote && isAble(candidate, rules))
  const isShrinking = Math.min(rules.voters, all.length) < votersNow
  const able = all
    .map((candidate, order) => ({
      candidate,
      isLast: isShrinking && !isHere(candidate),
      rank: rank(candidate),
      order,
    }))
    .sort((a, b) => Number(a.isLast) - Number(b.isLast) || a.rank - b.rank || a.order - b.order)
    .map(({ candidate }) => candidate)
  const willing = able.filter(({ pinned }) => pinned !== 'learner')
  return largestOdd(willing, rules.voters) ?? able.filter(({ isLeader }) => isLeader)
}

function largestOdd(able: readonly Candidate[], limit: number): readonly Candidate[] | undefined {
  const counts = oddNumbersDownFrom(Math.min(limit, able.length))
  const spread = counts.filter((count) => count >= 3).map((count) => take(able, count, Math.floor(count / 2)))
  const crowded = counts.map((count) => take(able, count, count))
  return [...spread, ...crowded].find((taken) => taken !== undefined)
}

function oddNumbersDownFrom(limit: number): number[] {
  return Array.from({ length: limit }, (_, i) => limit - i).filter((count) => count % 2 === 1)
}

/**
 * The first `count` of `able`, with no more than `tabsMax` tabs of one browser and with fewer witnesses than others;
 * undefined if there are not enough.
 */
function take(able: readonly Candidate[], count: number, tabsMax: number): readonly Candidate[] | undefined {
  const tabs = new Map<string, number>()
  const taken: Candidate[] = []
  let witnesses = 0
  for (const candidate of able) {
    if (taken.length === count) break
    const tabsOfHost = (tabs.get(candidate.host) ?? 0) + (candidate.kind === 'browser' ? 1 : 0)
    if (tabsOfHost > tabsMax || (isWitness(candidate) && witnesses >= (count - 1) / 2)) continue
    tabs.set(candidate.host, tabsOfHost)
    if (isWitness(candidate)) witnesses++
    taken.push(candidate)
  }
  return taken.length === count ? taken : undefined
}

function isAble(candidate: Candidate, rules: AutopilotRules): boolean {
  const { role, isSteady, caughtUp } = candidate
  if (role === 'witness') return isWitness(candidate) && !isGone(candidate, rules)
  if (role === 'voter') return !isGone(candidate, rules)
  return isHere(candidate) && isSteady && (isWitness(candidate) || (role === 'learner' && caughtUp))
}

function isWitness({ pinned }: Candidate): boolean {
  return pinned === 'witness'
}

/** Lower is better: the leader, then who shall vote, then Node peers, visible tabs, hidden ones; among equals who is voter already. */
function rank(candidate: Candidate): number {
  if (candidate.isLeader) return -2
  if (candidate.pinned === 'voter' || candidate.pinned === 'witness') return -1
  const place = candidate.kind === 'node' ? 0 : candidate.visible ? 1 : 2
  return 2 * place + (candidate.role === 'voter' ? 0 : 1)
}

function hasReachableMajority(voters: readonly Candidate[]): boolean {
  return voters.filter((voter) => isHere(voter) || voter.isSpokenFor).length > voters.length / 2
}

function isHere({ reachable, isHeard }: Candidate): boolean {
  return reachable && isHeard
}

function isVoting({ role }: Candidate): boolean {
  return role === 'voter' || role === 'witness'
}

function toId(candidate: Candidate): VoterId {
  return candidate.id
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  return [items.filter(test), items.filter((item) => !test(item))]
}
