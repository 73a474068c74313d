import { randomInt } from '../base/random.js'
import { votingVoices } from './adoption.js'
import { Log } from './log.js'
import type { Goodbye, Message } from './messages.js'
import type { ResolvedOptions } from './options.js'
import { ReadRounds } from './read-rounds.js'
import { Tracker } from './tracker.js'
import type {
  Configuration,
  HardState,
  IgnoreReason,
  Index,
  ReadState,
  Refusal,
  Role,
  SoftState,
  Term,
  TransferResult,
  VoterId,
} from './types.js'

/**
 * The whole state of one replica. Internal: the functions of this folder work on it, `RawNode` is its public face.
 */
export class Core {
  readonly id: VoterId
  readonly options: ResolvedOptions
  readonly log: Log
  /** With the configuration that this replica acts by. */
  readonly tracker: Tracker
  /** The owner's; behind the tracker's while a snapshot is installed. */
  appliedConfiguration: Configuration

  term: Term
  vote: VoterId | undefined
  role: Role = 'follower'
  lead: VoterId | undefined

  /** Ticks since the leader was heard from or an election began; of a leader, since it last checked its quorum. */
  electionElapsed = 0
  heartbeatElapsed = 0
  /** Campaign after so many ticks; drawn anew in every term. */
  electionTimeout: number

  /** Leader: no configuration change may be proposed before this entry is applied. */
  pendingConfigIndex: Index = 0
  /** Leader: the last of its own entries that is durable here. */
  durableIndex: Index = 0
  /** Leader: there may be members that were not told the commit index, as they do not wait for it. */
  holdsCommit = false
  /** Leader: members may know by now that everything up to here is committed, see `pledge.ts`. */
  pledged: Index = 0
  /** Follower: committed once it is durable here. */
  relied: Index = 0
  /** Leader: bytes of payload that were appended in this term and are not applied. */
  uncommittedBytes = 0
  /** Leader: to whom leadership is being handed over. */
  transferee: VoterId | undefined
  /** A former leader waits to hear whether this one leads now. */
  awaitedLeader: VoterId | undefined
  /** Leader: reads that wait for a quorum. */
  readonly reads = new ReadRounds()

  /** The votes that this replica has adopted, with their fences. Never shrinks. */
  readonly hosted: Map<VoterId, Term>
  /** Those of `hosted` that are durably so: whom it speaks for. */
  voices: readonly VoterId[]
  /** Who said goodbye, the oldest first. */
  readonly goodbyes = new Map<VoterId, Goodbye>()
  /** This replica has said goodbye itself, or lost data: it does and says nothing any more. */
  isGone = false
  /** Less is in its log than it acknowledged. */
  hasLostData = false
  /** Leader: the first index of its term. */
  termStart: Index = 0
  /** Follower: up to where it has acknowledged the log of this term's leader. */
  acceptedIndex: Index = 0
  quiesced = false
  /** Leader: ticks in which nothing happened. */
  idleTicks = 0
  /** The last number given to a forwarded proposal. */
  lastTicket: number

  // What the next Ready hands out.
  messages: Message[] = []
  messagesAfterPersist: Message[] = []
  /** Its own vote and acknowledgement count, like everyone's, only after they are durable. */
  ownVote: 'vote-response' | 'pre-vote-response' | undefined
  ownAppendIndex: Index = 0
  readStates: ReadState[] = []
  refusals: Refusal[] = []
  transferResult: TransferResult | undefined

  readonly ignored = new Map<IgnoreReason, number>()
  lastIgnored: IgnoreReason | undefined

  constructor(options: ResolvedOptions) {
    const { initial } = options
    this.id = options.id
    this.options = options
    this.log = new Log(initial)
    this.appliedConfiguration = initial.applied?.configuration ?? initial.snapshot.configuration
    this.tracker = new Tracker(this.appliedConfiguration, this.log.lastIndex + 1, options)
    this.term = initial.hardState.term
    this.vote = initial.hardState.vote
    this.hosted = new Map(initial.hardState.hosted?.map(({ id, fence }) => [id, fence]))
    this.voices = [...this.hosted.keys()]
    for (const id of this.voices) this.tracker.spokenForBy(id, this.id)
    this.electionTimeout = this.drawElectionTimeout()
    // Anywhere, so that a refusal from before a restart does not seem to mean a proposal from after it.
    this.lastTicket = randomInt(options.random, 2 ** 32)
  }

  drawElectionTimeout(): number {
    return this.options.electionTicks + randomInt(this.options.random, this.options.electionTicks)
  }

  hardState(): HardState {
    const { term, vote, log, hosted } = this
    if (hosted.size === 0) return { term, vote, commit: log.committed }
    return { term, vote, commit: log.committed, hosted: [...hosted].map(([id, fence]) => ({ id, fence })) }
  }

  softState(): SoftState {
    return { role: this.role, lead: this.lead }
  }

  /** A member with data that votes or speaks for a voter, and no snapshot under way: it could lead. */
  get promotable(): boolean {
    const own = this.tracker.get(this.id)
    if (own === undefined || own.witness || this.log.installing || this.isGone) return false
    return !own.learner || this.voices.some((id) => this.tracker.voters.includes(id))
  }

  send(message: Message): void {
    this.messages.push(this.#inAllVoices(message))
  }

  /** For messages that promise what has to be durable first. */
  sendAfterPersist(message: Message): void {
    this.messagesAfterPersist.push(this.#inAllVoices(message))
  }

  /** An answer counts for everyone that this replica speaks for; a vote only for those above their fence. */
  #inAllVoices(message: Message): Message {
    if (this.voices.length === 0) return message
    const { type } = message
    if (type === 'append-response' || type === 'heartbeat-response' || type === 'vote' || type === 'pre-vote') {
      return { ...message, speaksFor: this.voices }
    }
    const isVote = message.type === 'vote-response' || message.type === 'pre-vote-response'
    return isVote && message.granted ? { ...message, speaksFor: votingVoices(this, message.term) } : message
  }

  /** What was accepted in an earlier term may be replaced before it is durable: nothing is promised of it. */
  withdrawAcknowledgements(): void {
    if (this.messagesAfterPersist.length === 0) return
    this.messagesAfterPersist = this.messagesAfterPersist.filter(({ type }) => type !== 'append-response')
  }

  /** What was asked for is not done, and `step` says so. */
  ignore(reason: IgnoreReason): void {
    this.lastIgnored = reason
    this.ignored.set(reason, (this.ignored.get(reason) ?? 0) + 1)
  }

  refuse(refusal: Refusal): void {
    this.refusals.push(refusal)
  }

  /** A Ready has what there was. */
  clearOutput(): void {
    if (this.messages.length > 0) this.messages = []
    if (this.messagesAfterPersist.length > 0) this.messagesAfterPersist = []
    if (this.readStates.length > 0) this.readStates = []
    if (this.refusals.length > 0) this.refusals = []
    this.ownVote = undefined
    this.ownAppendIndex = 0
    this.relied = 0
    this.transferResult = undefined
    this.reads.seal()
  }
}
