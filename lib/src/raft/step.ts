import { adoptWhatIsDue, receiveGoodbye } from './adoption.js'
import type { Core } from './core.js'
import { answerVoteRequest, receiveVote, refuseOldVote } from './election.js'
import { followAppend, followHeartbeat, followQuiesce, followSnapshot, followTimeoutNow } from './follower.js'
import { ignoreSecondLeader, receiveAppendResponse, receiveHeartbeatResponse } from './leader.js'
import type { Append, Heartbeat, InstallSnapshot, Message, MessageOf, MessageType } from './messages.js'
import { leadProposal, receiveRefusal, refuseForeignProposal } from './proposals.js'
import { receiveWake, wake } from './quiesce.js'
import { leadRead, receiveReadIndex, refuseForeignRead } from './reads.js'
import { becomeFollower, setLead } from './roles.js'
import { leadTransfer } from './transfer.js'
import type { IgnoreReason, Role } from './types.js'
import { isWellFormed } from './well-formed.js'

type Handler<T extends MessageType> = (core: Core, message: MessageOf<T>) => void
type Handlers = { readonly [T in MessageType]?: Handler<T> }

/** What each role does with each message of its own term. What is not here changes nothing. */
const everyRole: Handlers = {
  vote: answerVoteRequest,
  'pre-vote': answerVoteRequest,
  'read-index-response': receiveReadIndex,
  refused: receiveRefusal,
  goodbye: receiveGoodbye,
}

const follower: Handlers = {
  ...everyRole,
  append: followAppend,
  heartbeat: followHeartbeat,
  snapshot: followSnapshot,
  quiesce: followQuiesce,
  'timeout-now': followTimeoutNow,
  propose: refuseForeignProposal,
  'read-index': refuseForeignRead,
}

const anyCandidate: Handlers = {
  ...everyRole,
  append: (core, message) => followAppend(conceded(core, message), message),
  heartbeat: (core, message) => followHeartbeat(conceded(core, message), message),
  snapshot: (core, message) => followSnapshot(conceded(core, message), message),
  propose: refuseForeignProposal,
  'read-index': refuseForeignRead,
}

const handlers: Readonly<Record<Role, Handlers>> = {
  follower,
  'pre-candidate': { ...anyCandidate, 'pre-vote-response': receiveVote },
  candidate: { ...anyCandidate, 'vote-response': receiveVote },
  leader: {
    ...everyRole,
    'append-response': receiveAppendResponse,
    'heartbeat-response': receiveHeartbeatResponse,
    propose: leadProposal,
    'read-index': leadRead,
    'transfer-leader': leadTransfer,
    wake: receiveWake,
    append: ignoreSecondLeader,
    heartbeat: ignoreSecondLeader,
    snapshot: ignoreSecondLeader,
    quiesce: ignoreSecondLeader,
  },
}

/** One that speaks for a member counts as one. */
function isMember({ tracker }: Core, message: Message): boolean {
  if (tracker.get(message.from) !== undefined) return true
  const { speaksFor = [] } = 'speaksFor' in message ? message : {}
  return speaksFor.some((id) => tracker.get(id) !== undefined)
}

/** A message from a peer. @returns why it was ignored, undefined if it was not */
export function step(core: Core, message: Message): IgnoreReason | undefined {
  core.lastIgnored = undefined
  if (admit(core, message)) {
    const handler = handlers[core.role][message.type] as Handler<MessageType> | undefined
    if (handler !== undefined) handler(core, message)
    else core.ignore(isAnswerOfMember(message) ? 'stale' : 'unexpected')
  }
  adoptWhatIsDue(core)
  return core.lastIgnored
}

/** Drops nonsense and what is not of this term, after moving to a higher one if the message is from there. */
function admit(core: Core, message: Message): boolean {
  if (core.isGone) return refuse(core, 'unexpected')
  if (!isWellFormed(message)) return refuse(core, 'malformed')
  if (message.to !== core.id || message.from === core.id) return refuse(core, 'misdirected')
  const member = isMember(core, message)
  if (message.type === 'goodbye') return true
  if (isAnswerOfMember(message) && !member) return refuse(core, 'unknown-peer')
  // Even what is refused below may come from a member that is waiting for a sign of the leader.
  if (core.quiesced && member && !isQuiet(message) && !isProposedToLeader(core, message)) wake(core)
  if (message.term > core.term) return admitHigherTerm(core, message)
  if (message.term > 0 && message.term < core.term) return answerLowerTerm(core, message)
  return true
}

function admitHigherTerm(core: Core, message: Message): boolean {
  const asksForVote = message.type === 'vote' || message.type === 'pre-vote'
  // A leader that asks for votes leads no more.
  if (asksForVote && message.from === core.lead && core.role === 'follower') setLead(core, undefined)
  if (asksForVote && !message.transfer && hearsLeader(core)) return refuse(core, 'leader-alive')
  // A pre-vote's term is only a plan.
  if (message.type === 'pre-vote' || (message.type === 'pre-vote-response' && message.granted)) return true
  becomeFollower(core, message.term, isFromLeader(message) ? message.from : undefined)
  return true
}

/** Who hears a leader lets nobody disturb it. Raft dissertation, 4.2.3. */
function hearsLeader(core: Core): boolean {
  return core.options.checkQuorum && core.lead !== undefined && core.electionElapsed < core.options.electionTicks
}

/** @returns false */
function answerLowerTerm(core: Core, message: Message): false {
  const { id: from, term } = core
  const to = message.from
  if (message.type === 'vote' || message.type === 'pre-vote') {
    refuseOldVote(core, message)
  } else if (message.type === 'append' || message.type === 'heartbeat') {
    // A leader of the past that was removed, or that hears no vote requests, learns of this term in no other way.
    core.sendAfterPersist({ type: 'append-response', from, to, term, index: 0, rejected: undefined })
  }
  return refuse(core, 'lower-term')
}

function isAnswerOfMember({ type }: Message): boolean {
  return (
    type === 'append-response' ||
    type === 'heartbeat-response' ||
    type === 'vote-response' ||
    type === 'pre-vote-response'
  )
}

function isFromLeader({ type }: Message): boolean {
  return type === 'append' || type === 'heartbeat' || type === 'snapshot' || type === 'quiesce'
}

/** Says nothing new to a group that is silent. */
function isQuiet({ type }: Message): boolean {
  return type === 'quiesce' || type === 'heartbeat-response' || type === 'append-response'
}

/** It wakes everybody itself. */
function isProposedToLeader({ role }: Core, { type }: Message): boolean {
  return type === 'propose' && role === 'leader'
}

/** Somebody else won the election. */
function conceded(core: Core, message: Append | Heartbeat | InstallSnapshot): Core {
  becomeFollower(core, core.term, message.from)
  return core
}

function refuse(core: Core, reason: IgnoreReason): false {
  core.ignore(reason)
  return false
}
