import type { Append, Goodbye, Message } from '../../raft/messages.js'
import type { RawNode } from '../../raft/raw-node.js'
import type { Configuration, Entry, Index, Ready, Role, Snapshot, Term, VoterId } from '../../raft/types.js'
import { Canon } from './canon.js'
import { isQuorum } from './quorums.js'
import type { ReplicaEvents, SimulatedReplica } from './replica.js'
import { rule } from './violation.js'
import { Voices } from './voices.js'

/** What is known of a replica from what came out of it. */
interface Seen {
  term: Term
  commit: Index
  applied: Index
  role: Role
  /** Those in effect since the last Ready: a commit was decided in one of them. */
  configurations: Configuration[]
  /** The last vote that left it: durable, so it binds across restarts. */
  votedTerm: Term
  votedFor: VoterId | undefined
}

/**
 * Sees everything that comes out of the replicas, and knows what may not; SPEC.md, RFT200, has the list. It looks only
 * at what changed, so that every step can be judged. All methods throw a Violation.
 */
export class Referee implements ReplicaEvents {
  readonly canon: Canon
  readonly voices = new Voices()
  readonly #replicas: ReadonlyMap<VoterId, SimulatedReplica>
  readonly #seen = new Map<VoterId, Seen>()
  readonly #leaders = new Map<Term, VoterId>()
  /** Who voted for whom in which term, as far as the votes have left. */
  readonly #votes = new Set<string>()
  /** By id and term: the last index that was acknowledged, by the id's owner or for it. */
  readonly #acknowledged = new Map<string, Index>()
  /** By term: up to where its leader has told members that only their copy is lacking, and its configurations then. */
  readonly #pledges = new Map<Term, { readonly index: Index; readonly configurations: Configuration[] }>()
  /** By term and index: the term of the entry before, and the entry. */
  readonly #entries = new Map<number, { readonly entry: Entry; readonly prevTerm: Term | undefined }>()
  /** What was committed when a read began. */
  readonly #reads = new Map<number, Index>()
  #lastAnsweredRead = 0
  /** Replicas that have, or may have, entries without their data. */
  readonly #witnesses = new Set<VoterId>()

  constructor(replicas: ReadonlyMap<VoterId, SimulatedReplica>, founding: Snapshot) {
    this.#replicas = replicas
    this.canon = new Canon(founding)
    for (const id of founding.configuration.witnesses) this.#witnesses.add(id)
  }

  /** The number of the last read that got its answer. */
  get lastAnsweredRead(): number {
    return this.#lastAnsweredRead
  }

  /** Whoever says to lead; one of them if there are several. */
  get leader(): VoterId | undefined {
    for (const [id, { role }] of this.#seen) if (role === 'leader') return id
    return undefined
  }

  /** As far as it has said. */
  isLeader(id: VoterId): boolean {
    return this.#seenOf(id).role === 'leader'
  }

  isWitness(id: VoterId): boolean {
    return this.#witnesses.has(id)
  }

  started(replica: SimulatedReplica): void {
    const { id, disk, ledger, configuration } = replica
    rule(!this.voices.hasEnded(id), () => `${id} has said goodbye and is back`)
    this.synced(replica)
    const before = this.#seen.get(id)
    const { term, commit } = disk.hardState
    this.#seen.set(id, {
      term,
      commit: Math.max(commit, ledger.index),
      applied: ledger.index,
      role: 'follower',
      configurations: [configuration],
      votedTerm: before?.votedTerm ?? 0,
      votedFor: before?.votedFor,
    })
  }

  /** Something is durable. */
  synced(replica: SimulatedReplica): void {
    rule(replica.hosted.length === 0 || !this.isWitness(replica.id), () => `witness ${replica.id} adopts a vote`)
    this.voices.synced(replica)
  }

  /**
   * It is about to end, and may have committed what nobody has seen yet.
   * @returns what others may have counted on: of a leader's own entries only those that are committed or pledged
   */
  ends(replica: SimulatedReplica, raw: RawNode): Goodbye['floor'] {
    const { role, term, commit, lastIndex } = raw.status()
    this.#committed(replica, raw, this.#seenOf(replica.id), commit)
    const bound = Math.max(commit, this.#pledges.get(term)?.index ?? 0)
    let index = lastIndex
    while (role === 'leader' && index > bound && raw.term(index) === term) index--
    for (const id of [replica.id, ...raw.voices]) this.#acknowledgedBy(id, term, index)
    return { index, term: raw.term(index) ?? 0 }
  }

  saysGoodbye(replica: SimulatedReplica, goodbye: Omit<Goodbye, 'to'>, needed: Goodbye['floor']): void {
    this.voices.ended(replica, goodbye, needed)
    this.#seenOf(replica.id).role = 'follower'
  }

  /** A Ready was taken, and its batch given to the disk. */
  taken(replica: SimulatedReplica, raw: RawNode, ready: Ready): void {
    const seen = this.#seenOf(replica.id)
    const { hardState, softState, snapshot } = ready
    if (softState !== undefined) seen.role = softState.role
    if (hardState !== undefined) {
      rule(hardState.term >= seen.term, () => `${replica.id}: term ${seen.term} became ${hardState.term}`)
      seen.term = hardState.term
    }
    if (softState?.role === 'leader') this.#leads(replica, seen.term, raw)
    if (snapshot !== undefined) this.canon.compareSnapshot(replica.id, snapshot, this.isWitness(replica.id))
    this.#logged(replica, raw, ready.entries)
    if (hardState !== undefined) this.#committed(replica, raw, seen, hardState.commit)
    for (const message of ready.messagesAfterPersist) this.#acknowledges(replica, raw, message)
    seen.configurations = [replica.configuration]
  }

  /** Log matching: an entry of a term has the same content and the same predecessor in every log. */
  #logged(replica: SimulatedReplica, raw: RawNode, entries: readonly Entry[]): void {
    const first = entries[0]
    if (first === undefined) return
    let prevTerm = raw.term(first.index - 1)
    const written = replica.disk.writtenTerm(first.index - 1)
    rule(written === prevTerm, () => `${replica.id} writes ${first.index} after term ${written}, not ${prevTerm}`)
    for (const entry of entries) {
      const key = entry.term * 2 ** 24 + entry.index
      const known = this.#entries.get(key)
      if (known === undefined) this.#created(replica, raw, entry, prevTerm, key)
      else this.#matches(replica.id, entry, prevTerm, known)
      prevTerm = entry.term
    }
  }

  #created(
    { id, ledger }: SimulatedReplica,
    raw: RawNode,
    entry: Entry,
    prevTerm: Term | undefined,
    key: number,
  ): void {
    this.#entries.set(key, { entry, prevTerm })
    if (entry.type !== 'config') return
    const pending = raw.entries(ledger.index + 1, entry.index - 1).find((each) => each.type === 'config')
    rule(
      pending === undefined,
      () =>
        `${id} appends the change ${entry.term}/${entry.index}, with ${pending?.term}/${pending?.index} not applied`,
    )
  }

  #matches(
    id: VoterId,
    { term, index, type, data }: Entry,
    prevTerm: Term | undefined,
    known: { readonly entry: Entry; readonly prevTerm: Term | undefined },
  ): void {
    const same = type === known.entry.type && (data.length === known.entry.data.length || this.isWitness(id))
    rule(same, () => `${id} has another entry ${term}/${index}`)
    rule(prevTerm === known.prevTerm, () => `${id} has ${term}/${index} after term ${prevTerm}, not ${known.prevTerm}`)
  }

  #leads(replica: SimulatedReplica, term: Term, raw: RawNode): void {
    const { id } = replica
    if (this.#leaders.get(term) === id) return
    this.#claims(id, term)
    rule(!this.isWitness(id), () => `witness ${id} leads term ${term}`)
    for (const { id: voice } of replica.hosted) {
      if (this.voices.isAboveFence(voice, term)) this.#votesFor(voice, term, id, 'is said to vote')
    }
    const votes = (voter: VoterId) => voter === id || this.#votes.has(`${voter} ${term} ${id}`)
    rule(
      this.#seenOf(id).configurations.some((configuration) => isQuorum(configuration, votes)),
      () => `${id} leads term ${term} without a quorum of votes`,
    )
    for (let index = this.canon.lastIndex; ; index--) {
      const canonical = this.canon.get(index)
      if (canonical === undefined) return
      if (canonical.committedIn >= term) continue
      // Those before it are the same, as the logs match.
      this.#isComplete(id, term, raw, canonical.entry)
      return
    }
  }

  #isComplete(id: VoterId, term: Term, raw: RawNode, { term: entryTerm, index }: Entry): void {
    const own = raw.term(index)
    rule(
      own === entryTerm || index < raw.status().firstIndex,
      () => `leader ${id} of term ${term} lacks the committed ${entryTerm}/${index}`,
    )
  }

  /** Only one replica ever speaks as leader of a term. */
  #claims(id: VoterId, term: Term): void {
    const leader = this.#leaders.get(term)
    rule(leader === undefined || leader === id, () => `${leader} and ${id} lead term ${term}`)
    if (leader === undefined) this.#leaders.set(term, id)
  }

  #committed(replica: SimulatedReplica, raw: RawNode, seen: Seen, commit: Index): void {
    rule(commit >= seen.commit, () => `${replica.id}: commit index ${seen.commit} became ${commit}`)
    const isFirst = commit > this.canon.lastIndex
    // A leader commits by entries of its own term; until its Ready is taken it may have come to another one.
    const term = raw.term(commit) ?? seen.term
    for (const entry of raw.entries(seen.commit + 1, commit)) {
      if (entry.index <= this.canon.lastIndex) this.canon.compare(replica.id, entry, this.isWitness(replica.id))
      else this.#committedFirst(replica, term, seen.configurations, entry)
    }
    rule(
      !isFirst || seen.role !== 'leader' || raw.term(commit) === seen.term,
      () => `leader ${replica.id} of term ${seen.term} commits by ${raw.term(commit)}/${commit}`,
    )
    rule(commit <= this.canon.lastIndex, () => `${replica.id} commits ${commit}, which nobody has`)
    seen.commit = commit
  }

  /** @param term that of the leader that committed it */
  #committedFirst(replica: SimulatedReplica, term: Term, configurations: Seen['configurations'], entry: Entry): void {
    rule(!this.isWitness(replica.id), () => `witness ${replica.id} commits ${entry.term}/${entry.index}`)
    const holds = (id: VoterId) => this.#holds(id, entry, term)
    const pledge = this.#pledges.get(term)
    const pledged = pledge !== undefined && pledge.index >= entry.index ? pledge.configurations : []
    rule(
      [...configurations, ...pledged].some((configuration) => isQuorum(configuration, holds)),
      () =>
        `${replica.id} commits ${entry.term}/${entry.index}, not durable on a quorum of ${JSON.stringify(configurations)}`,
    )
    this.canon.extend(entry, term)
    for (const { id, raw } of this.#replicas.values()) {
      const other = this.#seenOf(id)
      if (raw !== undefined && other.role === 'leader' && other.term > term) {
        this.#isComplete(id, other.term, raw, entry)
      }
    }
  }

  /** Who has ended holds nothing any more, but what it has acknowledged counts, and so does the log of who speaks. */
  #holds(id: VoterId, { index, term }: Pick<Entry, 'index' | 'term'>, leaderTerm: Term): boolean {
    if (!this.voices.hasEnded(id)) return this.#replicas.get(id)?.holds(index, term) ?? false
    const speaker = this.voices.speakerOf(id)
    const acknowledged = this.#acknowledged.get(`${id} ${leaderTerm}`) ?? 0
    return acknowledged >= index || (speaker !== undefined && this.#holds(speaker, { index, term }, leaderTerm))
  }

  /** What it acknowledges is what it writes, and what the leader has. */
  #acknowledges({ id, disk }: SimulatedReplica, raw: RawNode, message: Message): void {
    if (message.type !== 'append-response' || message.rejected !== undefined) return
    const { index, term, to } = message
    const own = raw.term(index)
    const written = disk.writtenTerm(index)
    rule(
      own === undefined || written === undefined || own === written,
      () => `${id} acknowledges ${own}/${index} and writes ${written}/${index}`,
    )
    const { role, term: leaderTerm } = this.#seenOf(to)
    const theirs = this.#replicas.get(to)?.raw?.term(index)
    rule(
      role !== 'leader' || leaderTerm !== term || own === undefined || theirs === undefined || own === theirs,
      () => `${id} acknowledges ${own}/${index} in term ${term}, whose leader ${to} has ${theirs}/${index}`,
    )
  }

  /** A message leaves. Of promises only those count that storage keeps. */
  sent(replica: SimulatedReplica, message: Message): void {
    const { type, term } = message
    const speaksFor = ('speaksFor' in message ? message.speaksFor : undefined) ?? []
    for (const id of speaksFor) this.voices.checkVoice(replica, id)
    if (type === 'append' || type === 'heartbeat' || type === 'snapshot' || type === 'timeout-now') {
      this.#claims(replica.id, term)
      if (type === 'append') this.#pledged(replica, message)
    } else if (type === 'vote') {
      const { disk } = replica
      const { lastIndex, lastTerm } = message
      this.#promises(replica, term, replica.id, 'asks for votes')
      const tooLate = this.#leaders.has(term) || disk.hardState.term > term
      rule(
        tooLate || disk.lastTerm > lastTerm || (disk.lastTerm === lastTerm && disk.lastIndex >= lastIndex),
        () => `${replica.id} asks for votes with ${lastTerm}/${lastIndex}, not durable`,
      )
    } else if (type === 'vote-response' && message.granted) {
      this.#promises(replica, term, message.to, `votes for ${message.to}`)
      for (const id of speaksFor) this.#votesByVoice(id, term, message.to)
    } else if (type === 'append-response' && message.rejected === undefined && message.index > 0) {
      const { hardState, lastIndex } = replica.disk
      rule(
        hardState.term > term || (hardState.term === term && lastIndex >= message.index),
        () => `${replica.id} acknowledges ${message.index} in term ${term}, not durable`,
      )
      for (const id of [replica.id, ...speaksFor]) this.#acknowledgedBy(id, term, message.index)
    }
  }

  #pledged({ id, configuration }: SimulatedReplica, { term, commit, pledge = 0 }: Append): void {
    if (pledge <= Math.max(commit, this.#pledges.get(term)?.index ?? 0)) return
    rule(!this.isWitness(id), () => `witness ${id} pledges ${pledge}`)
    this.#pledges.set(term, { index: pledge, configurations: [configuration] })
  }

  #acknowledgedBy(id: VoterId, term: Term, index: Index): void {
    const key = `${id} ${term}`
    this.#acknowledged.set(key, Math.max(index, this.#acknowledged.get(key) ?? 0))
  }

  #votesByVoice(id: VoterId, term: Term, vote: VoterId): void {
    rule(this.voices.isAboveFence(id, term), () => `${id} may have voted itself in term ${term}`)
    this.#votesFor(id, term, vote, 'is said to vote')
  }

  /** One vote per term, kept across restarts. */
  #promises({ id, disk }: SimulatedReplica, term: Term, vote: VoterId, does: string): void {
    const { hardState } = disk
    rule(
      hardState.term > term || (hardState.term === term && hardState.vote === vote),
      () => `${id} ${does} in term ${term}, not durable`,
    )
    this.#votesFor(id, term, vote, does)
  }

  #votesFor(id: VoterId, term: Term, vote: VoterId, does: string): void {
    const seen = this.#seenOf(id)
    rule(
      term > seen.votedTerm || (term === seen.votedTerm && seen.votedFor === vote),
      () => `${id} ${does} in term ${term} after a vote for ${seen.votedFor} in term ${seen.votedTerm}`,
    )
    seen.votedTerm = term
    seen.votedFor = vote
    this.#votes.add(`${id} ${term} ${vote}`)
  }

  applied({ id }: SimulatedReplica, entry: Entry): void {
    const seen = this.#seenOf(id)
    rule(entry.index === seen.applied + 1, () => `${id} applies ${entry.index} after ${seen.applied}`)
    rule(entry.index <= seen.commit, () => `${id} applies ${entry.index}, committed is ${seen.commit}`)
    this.canon.compare(id, entry, this.isWitness(id))
    seen.applied = entry.index
  }

  configured({ id }: SimulatedReplica, index: Index, configuration: Configuration): void {
    this.#seenOf(id).configurations.push(configuration)
    this.canon.configured(id, index, configuration)
    for (const witness of configuration.witnesses) this.#witnesses.add(witness)
  }

  installed({ id }: SimulatedReplica, snapshot: Snapshot): void {
    const seen = this.#seenOf(id)
    rule(snapshot.index > seen.applied, () => `${id} installs ${snapshot.index} after ${seen.applied}`)
    seen.applied = snapshot.index
    seen.commit = Math.max(seen.commit, snapshot.index)
  }

  /** The state of a replica that has just applied what it had. */
  settled({ id, ledger }: SimulatedReplica): void {
    if (!this.isWitness(id)) this.canon.compareLedger(id, ledger)
  }

  readBegins(ticket: number): void {
    this.#reads.set(ticket, this.canon.lastIndex)
  }

  readEnds({ id }: SimulatedReplica, ticket: number, index: Index): void {
    const atLeast = this.#reads.get(ticket) ?? 0
    rule(index >= atLeast, () => `${id} reads at ${index}; ${atLeast} was committed before`)
    rule(index <= this.canon.lastIndex, () => `${id} reads at ${index}; committed is only ${this.canon.lastIndex}`)
    this.#lastAnsweredRead = Math.max(this.#lastAnsweredRead, ticket)
  }

  #seenOf(id: VoterId): Seen {
    const seen = this.#seen.get(id)
    rule(seen !== undefined, () => `nobody knows ${id}`)
    return seen
  }
}
