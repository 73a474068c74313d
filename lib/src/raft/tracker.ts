import { Progress, type ProgressLimits } from './progress.js'
import { insertDescending, jointCommitted, jointVote, majorityOf, type VoteResult } from './quorum.js'
import type { Configuration, Index, VoterId } from './types.js'

/** The configuration in effect, with the progress of every member and the votes of an election. */
export class Tracker {
  readonly #limits: ProgressLimits
  readonly #progress = new Map<VoterId, Progress>()
  readonly #votes = new Map<VoterId, boolean>()
  #configuration: Configuration
  /** In the order of their ids. */
  #members: readonly Progress[] = []
  #voters: readonly VoterId[] = []

  /** @param next the first entry to send to members */
  constructor(configuration: Configuration, next: Index, limits: ProgressLimits) {
    this.#configuration = configuration
    this.#limits = limits
    this.adopt(configuration, next)
  }

  get configuration(): Configuration {
    return this.#configuration
  }

  /** Everyone's progress, sorted by id. */
  get members(): readonly Progress[] {
    return this.#members
  }

  /** The voters of both halves, sorted. */
  get voters(): readonly VoterId[] {
    return this.#voters
  }

  get joint(): boolean {
    return this.#configuration.votersOutgoing.length > 0
  }

  get(id: VoterId): Progress | undefined {
    return this.#progress.get(id)
  }

  /** `speaker` has adopted the vote of `id`, for good. */
  spokenForBy(id: VoterId, speaker: VoterId): void {
    const progress = this.#progress.get(id)
    if (progress !== undefined) progress.speaker = speaker
  }

  /** Switches to `configuration`: members that stay keep their progress, new ones start at `next`. */
  adopt(configuration: Configuration, next: Index): void {
    const voters = union(configuration.voters, configuration.votersOutgoing)
    const learners = new Set(configuration.learners)
    const witnesses = new Set(configuration.witnesses)
    this.#members = union(voters, configuration.learners).map((id) => {
      // A new member counts as active, or the leader might step down before it had a chance to answer.
      const progress = this.#progress.get(id) ?? new Progress(id, next, true, this.#limits)
      progress.learner = learners.has(id)
      progress.witness = witnesses.has(id)
      return progress
    })
    this.#progress.clear()
    for (const progress of this.#members) this.#progress.set(progress.id, progress)
    this.#configuration = configuration
    this.#voters = voters
  }

  /**
   * The highest index that a quorum has, and so many processes of those that follow closely, or all of them if they are
   * fewer. Votes that were adopted make no copies.
   */
  committed(self: VoterId, copies: number): Index {
    const agreed = jointCommitted(this.#configuration, this.#matchOf)
    return copies <= 1 ? agreed : Math.min(agreed, this.#kept(self, copies))
  }

  /**
   * True if `committed` would be `index` at least, if `progress` had it. Neither joint nor with witnesses.
   * @param durable up to where `self` has the log durably
   */
  lacksOnly(progress: Progress, index: Index, self: VoterId, durable: Index, copies: number): boolean {
    let votes = 0
    let close = 0
    let kept = 0
    for (const member of this.#members) {
      const has = member === progress || (member.id === self ? durable : member.match) >= index
      if (has && !member.learner) votes++
      if (!member.makesCopy || (member.id !== self && member.state !== 'replicate')) continue
      close++
      if (has) kept++
    }
    return votes >= majorityOf(this.#voters) && kept >= Math.min(copies, close)
  }

  #kept(self: VoterId, copies: number): Index {
    const matches: Index[] = []
    for (const member of this.#members) {
      if (member.id === self || (member.state === 'replicate' && member.makesCopy))
        insertDescending(matches, member.match)
    }
    return matches[Math.min(copies, matches.length) - 1] ?? Number.POSITIVE_INFINITY
  }

  readonly #matchOf = (id: VoterId): Index => this.#progress.get(id)?.match ?? 0

  /** True if a quorum was heard from since `clearActivity`. */
  quorumActive(): boolean {
    return jointVote(this.#configuration, (id) => this.#progress.get(id)?.recentActive) === 'won'
  }

  /** Forgets who was heard from, except for `self` and those that it speaks for. */
  clearActivity(self: VoterId): void {
    for (const progress of this.#members) progress.recentActive = progress.id === self || progress.speaker === self
  }

  resetVotes(): void {
    this.#votes.clear()
  }

  /** The first vote counts. */
  recordVote(id: VoterId, granted: boolean): void {
    if (!this.#votes.has(id)) this.#votes.set(id, granted)
  }

  voteResult(): VoteResult {
    return jointVote(this.#configuration, (id) => this.#votes.get(id))
  }

  /** True if a quorum is in `ids`. */
  isQuorum(ids: ReadonlySet<VoterId>): boolean {
    return jointVote(this.#configuration, (id) => ids.has(id)) === 'won'
  }
}

function union(a: readonly VoterId[], b: readonly VoterId[]): readonly VoterId[] {
  return b.length === 0 ? a : [...new Set([...a, ...b])].sort()
}
