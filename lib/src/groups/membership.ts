import { equalBytes } from '../base/bytes.js'
import type { PeerId } from '../base/ids.js'
import type { PeerLeftReason } from '../mesh/network.js'
import type { ConfigChange, Configuration, MemberChange, Status, VoterId } from '../raft/index.js'
import type { Announce } from './announce.js'
import { type AutopilotRules, type Candidate, type Plan, planRoster } from './autopilot.js'
import { CommitTimes } from './commit-times.js'
import { encodeJoining } from './member-codec.js'
import type { Replica } from './replica.js'
import type { Member, Roster } from './roster.js'
import { Steadiness } from './steadiness.js'
import { idsOf, incarnationOf, peerOf, voterIdOf } from './voter-id.js'

/** A follower that lacks no more entries than this is caught up: the rest travels in the append that is under way. */
const CAUGHT_UP_ENTRIES = 1000

/** Four heartbeats, or two of a page whose timers fire once a second. */
const HEARD_WITHIN_MS = 2_000

/** A tab counts as hidden, as a voter, when it has been for so long: people switch tabs all the time. */
const HIDDEN_FOR_MS = 30_000
/** Members that went are remembered, and as many others. Whom it forgets a new leader counts as gone from then on. */
const GONE_MAX = 4_096

export interface MembershipOptions {
  /** Who is out of the cluster is out of all its groups. */
  readonly isBanned: (peer: PeerId) => boolean
  /** When this peer last heard anything of that one; -Infinity: not since it has a link to it. */
  readonly heardAtMs: (peer: PeerId) => number
}

/**
 * What a peer sees of the others' replicas: who announced one, who is gone and since when, who is leaving. Every peer
 * keeps it, so that a new leader knows at once; only the leader acts on it.
 */
export class Membership {
  readonly #announced = new Map<PeerId, Announce>()
  readonly #goneSinceMs = new Map<VoterId, number>()
  /** Who went, for now, by its own word. */
  readonly #goodbyes = new Set<PeerId>()
  /** Who wants to be removed for good. */
  readonly #leaving = new Set<PeerId>()
  /** Whose next incarnation shall take its place. */
  readonly #renewing = new Set<VoterId>()
  readonly #hiddenSinceMs = new Map<PeerId, number>()
  readonly #steadiness = new Steadiness()
  readonly #commitTimes = new CommitTimes()
  readonly #isBanned: MembershipOptions['isBanned']
  readonly #heardAtMs: MembershipOptions['heardAtMs']

  constructor({ isBanned, heardAtMs }: MembershipOptions) {
    this.#isBanned = isBanned
    this.#heardAtMs = heardAtMs
  }

  announced(peer: PeerId, announce: Announce, nowMs: number): void {
    this.#announced.set(peer, announce)
    if (announce.isWorn) this.renewing(announce.member.id)
    if (announce.visible) this.#hiddenSinceMs.delete(peer)
    else if (!this.#hiddenSinceMs.has(peer)) this.#hiddenSinceMs.set(peer, nowMs)
    this.#goneSinceMs.delete(announce.member.id)
  }

  joined(peer: PeerId): void {
    this.#goodbyes.delete(peer)
    this.#leaving.delete(peer)
  }

  leaving(peer: PeerId): void {
    this.#leaving.add(peer)
  }

  /** As soon as others can do without it, its next incarnation takes its place, as a learner. */
  renewing(id: VoterId): void {
    this.#renewing.add(id)
  }

  lost(peer: PeerId, reason: PeerLeftReason, nowMs: number): void {
    const announce = this.#announced.get(peer)
    this.#announced.delete(peer)
    this.#hiddenSinceMs.delete(peer)
    if (reason === 'goodbye') this.#goodbyes.add(peer)
    else this.#steadiness.lost(peer, nowMs)
    if (announce !== undefined) this.#goneSinceMs.set(announce.member.id, nowMs)
    this.#steadiness.tidy(nowMs)
    forgetOldest(this.#goodbyes)
    forgetOldest(this.#leaving)
    forgetOldest(this.#renewing)
    forgetOldest(this.#goneSinceMs)
  }

  /** Peers that are gone and not forgotten, each as often as it is remembered. */
  get rememberedCount(): number {
    const gone = this.#goodbyes.size + this.#leaving.size + this.#renewing.size + this.#goneSinceMs.size
    return gone + this.#steadiness.rememberedCount
  }

  get announces(): ReadonlyMap<PeerId, Announce> {
    return this.#announced
  }

  /** The version of the machine that each member that is here carries. */
  versions(self: VoterId, roster: Roster, own: number): ReadonlyMap<VoterId, number> {
    const versions = new Map([[self, own]])
    for (const { member } of this.#announced.values()) {
      if (roster.members.has(member.id)) versions.set(member.id, member.machineVersion)
    }
    return versions
  }

  /** The newest version that most voters and most of those who are here carry. */
  versionToActivate({ id, configuration, state }: Replica, own: number): number {
    const versions = this.versions(id, state.roster, own)
    const ofVoters = configuration.voters.map((voter) => versions.get(voter) ?? 0)
    return Math.min(ofMost(ofVoters), ofMost([...versions.values()]))
  }

  /**
   * The change to propose now, if any.
   * @param own what this replica says of itself
   * @param status of this replica, which leads
   */
  nextChange(
    own: Member,
    roster: Roster,
    status: Status,
    rules: AutopilotRules,
    nowMs: number,
  ): ConfigChange | undefined {
    this.#noteCommit(status, nowMs)
    if (status.configuration.votersOutgoing.length > 0) return undefined
    this.#noteAbsent(own.id, roster, nowMs)
    const candidates = this.#candidates(own.id, roster, status, nowMs)
    const plan = this.#planWithoutWorn(candidates, rules) ?? planRoster(candidates, rules)
    return (plan && this.#toChange(plan, roster, status)) ?? this.#renewal(own, roster, status)
  }

  /** One after the other, and each only if the others can do without it. */
  #planWithoutWorn(candidates: readonly Candidate[], rules: AutopilotRules): Plan | undefined {
    for (const worn of this.#renewing) {
      const isOut = (candidate: Candidate) => candidate.isOut || candidate.id === worn
      const plan = planRoster(
        candidates.map((candidate) => ({ ...candidate, isOut: isOut(candidate) })),
        rules,
      )
      if (plan !== undefined) return plan
    }
    return undefined
  }

  /** On the leader: for how long a member whose log ends with `match` has lacked a committed entry. */
  behindMs(match: number, nowMs: number): number {
    return this.#commitTimes.ageAfter(match, nowMs)
  }

  /** A member came back with another name, or other code: it is added once more as what it is, which says so to all. */
  #renewal(own: Member, roster: Roster, { configuration }: Status): ConfigChange | undefined {
    const here = [own, ...[...this.#announced.values()].map(({ member }) => member)]
    const member = here.find((one) => isChanged(one, roster.members.get(one.id)))
    if (member === undefined) return undefined
    const role = roleOf(member.id, configuration)
    if (role === 'newcomer') return undefined
    const changes = [{ type: `add-${role}`, id: member.id }] as const
    return { transition: 'auto', changes, context: encodeJoining([member]) }
  }

  #noteCommit({ term, commit, progress }: Status, nowMs: number): void {
    const everywhere = Math.min(commit, ...[...progress.values()].map(({ match }) => match))
    this.#commitTimes.note(term, commit, everywhere, nowMs)
  }

  /** Nobody else is a member, or is about to be one that can vote. */
  isAlone(roster: Roster): boolean {
    return roster.members.size < 2 && !this.#newcomers(roster).some(({ canVote }) => canVote)
  }

  /** Announced replicas that may join: of the right machine, never seen before. */
  #newcomers(roster: Roster): Member[] {
    return [...this.#announced.values()]
      .map((announce) => announce.member)
      .filter(({ id }) => !roster.members.has(id) && !roster.isRetired(id) && !this.#isOut(peerOf(id), roster))
  }

  #candidates(self: VoterId, roster: Roster, status: Status, nowMs: number): Candidate[] {
    const members = [...roster.members.values()].map((member) => this.#candidate(member, self, roster, status, nowMs))
    const newcomers = this.#newcomers(roster).map((member) => this.#candidate(member, self, roster, status, nowMs))
    return [...members, ...newcomers.filter((newcomer) => newcomer.goneForMs === 0)]
  }

  #candidate(member: Member, self: VoterId, roster: Roster, status: Status, nowMs: number): Candidate {
    const { id, kind, host, canVote, durable } = member
    const peer = peerOf(id)
    const announce = this.#announced.get(peer)
    const isLeader = id === self
    const speaker = status.progress.get(id)?.speaker
    const goneSinceMs = this.#goneSinceMs.get(id)
    return {
      id,
      role: roleOf(id, status.configuration),
      pinned: roster.pinnedRole(peer),
      isLeader,
      kind,
      host,
      canVote,
      durable,
      visible: nowMs - (this.#hiddenSinceMs.get(peer) ?? nowMs) < HIDDEN_FOR_MS,
      reachable: isLeader || announce?.member.id === id,
      isSpokenFor: speaker !== undefined && (speaker === self || this.#announced.has(peerOf(speaker))),
      isHeard: isLeader || nowMs - this.#heardAtMs(peer) <= HEARD_WITHIN_MS,
      isSteady: this.#steadiness.isSteady(peer, nowMs),
      caughtUp: isLeader || isCaughtUp(id, status),
      isOut:
        this.#leaving.has(peer) ||
        (!isLeader && this.#isOut(peer, roster)) ||
        speaker !== undefined ||
        isSucceeded(id, announce),
      goneForMs: this.#goodbyes.has(peer) ? Number.POSITIVE_INFINITY : nowMs - (goneSinceMs ?? nowMs),
    }
  }

  #isOut(peer: PeerId, roster: Roster): boolean {
    return roster.isEjected(peer) || this.#isBanned(peer)
  }

  /** Members that this peer has not seen since it leads count as gone from now on. */
  #noteAbsent(self: VoterId, roster: Roster, nowMs: number): void {
    for (const id of roster.members.keys()) {
      const present = id === self || this.#announced.get(peerOf(id))?.member.id === id
      if (!present && !this.#goneSinceMs.has(id)) this.#goneSinceMs.set(id, nowMs)
    }
    this.#steadiness.tidy(nowMs)
    for (const ids of [this.#goneSinceMs, this.#renewing]) {
      for (const id of ids.keys()) if (!roster.members.has(id)) ids.delete(id)
    }
    for (const peers of [this.#leaving, this.#goodbyes]) {
      for (const peer of peers) if (!roster.has(peer) && !this.#announced.has(peer)) peers.delete(peer)
    }
  }

  #toChange(plan: Plan, roster: Roster, { configuration, progress }: Status): ConfigChange | undefined {
    const { voters, learners, witnesses } = configuration
    const planned = new Set([...plan.voters, ...plan.witnesses, ...plan.learners])
    const isVoter = (id: VoterId) => voters.includes(id) && !witnesses.includes(id)
    // Without the learner that speaks for a voter, the change that removes that voter too might never be committed.
    const speakers = new Set([...progress.values()].map(({ speaker }) => speaker))
    const mayGo = (id: VoterId) => voters.includes(id) || !speakers.has(id)
    const removed = [...idsOf(configuration)].filter((id) => !planned.has(id) && mayGo(id))
    const successors = this.#successorsOf(removed, roster)
    const changes: MemberChange[] = [
      ...plan.voters.filter((id) => !isVoter(id)).map((id) => ({ type: 'add-voter', id }) as const),
      ...plan.witnesses.filter((id) => !witnesses.includes(id)).map((id) => ({ type: 'add-witness', id }) as const),
      ...plan.learners.filter((id) => !learners.includes(id)).map((id) => ({ type: 'add-learner', id }) as const),
      ...successors.map(({ id }) => ({ type: 'add-learner', id }) as const),
      ...removed.map((id) => ({ type: 'remove', id }) as const),
    ]
    const joining = [...this.#newcomers(roster).filter((member) => planned.has(member.id)), ...successors]
    return changes.length === 0 ? undefined : { transition: 'auto', changes, context: encodeJoining(joining) }
  }

  /** In the same change, so that the peer is a member all the time. */
  #successorsOf(removed: readonly VoterId[], roster: Roster): Member[] {
    return removed
      .filter((id) => this.#renewing.has(id) && !this.#leaving.has(peerOf(id)) && !this.#isOut(peerOf(id), roster))
      .flatMap((id) => roster.members.get(id) ?? [])
      .map((member) => ({ ...member, id: voterIdOf(peerOf(member.id), incarnationOf(member.id) + 1) }))
  }
}

/** A leader forgets who is no member; others can't tell, and must not remember all who ever came by. */
function forgetOldest<T>(gone: { readonly size: number; keys(): Iterable<T>; delete(key: T): boolean }): void {
  for (const oldest of gone.keys()) {
    if (gone.size <= GONE_MAX) return
    gone.delete(oldest)
  }
}

/** Its peer is here as a later incarnation. */
function isSucceeded(id: VoterId, announce: Announce | undefined): boolean {
  return announce !== undefined && incarnationOf(announce.member.id) > incarnationOf(id)
}

function roleOf(id: VoterId, configuration: Configuration): Candidate['role'] {
  if (configuration.witnesses.includes(id)) return 'witness'
  if (configuration.voters.includes(id)) return 'voter'
  return configuration.learners.includes(id) ? 'learner' : 'newcomer'
}

/** Compared as they are sent, which is all that the others ever have of it; mostly nothing differs before that. */
function isChanged(member: Member, known: Member | undefined): boolean {
  if (known === undefined || isSame(member, known)) return false
  return !equalBytes(encodeJoining([member]), encodeJoining([known]))
}

function isSame(a: Member, b: Member): boolean {
  return (
    a.id === b.id &&
    a.name === b.name &&
    a.kind === b.kind &&
    a.host === b.host &&
    a.durable === b.durable &&
    a.canVote === b.canVote &&
    a.machineVersion === b.machineVersion
  )
}

function isCaughtUp(id: VoterId, status: Status): boolean {
  const progress = status.progress.get(id)
  return progress?.state === 'replicate' && progress.match + CAUGHT_UP_ENTRIES >= status.lastIndex
}

/** The highest value that more than half of `values` reach; 0 if there are none. */
function ofMost(values: readonly number[]): number {
  const descending = [...values].sort((a, b) => b - a)
  return descending[Math.floor(descending.length / 2)] ?? 0
}
