import type { Core } from './core.js'
import type { VoteRequest, VoteResponse } from './messages.js'
import { wake } from './quiesce.js'
import { broadcastAppend } from './replication.js'
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from './roles.js'
import { leaderMissing } from './transfer-result.js'
import type { Index, Term, VoterId } from './types.js'

// Elections: Raft paper, 5.2 and 5.4.1; pre-votes: dissertation, 9.6.

/** @param transfer the leader wants it: no questions asked, and nobody holds its vote back because of the leader */
export function campaign(core: Core, transfer: boolean): void {
  if (core.role === 'leader') core.ignore('unexpected')
  else if (!core.promotable || hasUnappliedConfigChange(core)) core.ignore('not-promotable')
  else startElection(core, transfer)
}

function startElection(core: Core, transfer: boolean): void {
  wake(core)
  leaderMissing(core)
  if (core.options.preVote && !transfer) askForPreVotes(core)
  else askForVotes(core, transfer)
}

function askForPreVotes(core: Core): void {
  becomePreCandidate(core)
  core.ownVote = 'pre-vote-response'
  for (const to of otherVoters(core)) core.send(voteRequest(core, 'pre-vote', to, false))
}

function askForVotes(core: Core, transfer: boolean): void {
  becomeCandidate(core)
  core.ownVote = 'vote-response'
  // Not before the log that they speak of is durable: a vote won by entries that get lost would be worthless.
  for (const to of otherVoters(core)) core.sendAfterPersist(voteRequest(core, 'vote', to, transfer))
}

function voteRequest(core: Core, type: VoteRequest['type'], to: VoterId, transfer: boolean): VoteRequest {
  const { lastIndex, lastTerm } = core.log
  const term = type === 'pre-vote' ? core.term + 1 : core.term
  return { type, from: core.id, to, term, lastIndex, lastTerm, transfer, ...knownCommit(core) }
}

/** Every role: whom does this replica want as leader of that term? */
export function answerVoteRequest(core: Core, message: VoteRequest): void {
  const { type, from, term } = message
  noteSpeaker(core, message)
  learnCommit(core, message)
  const free = core.vote === from || (core.vote === undefined && core.lead === undefined)
  const granted =
    (free || (type === 'pre-vote' && term > core.term)) && core.log.isUpToDate(message.lastIndex, message.lastTerm)
  if (granted && type === 'vote') {
    core.electionElapsed = 0
    core.vote = from
  }
  // A granted pre-vote answers for the term that was asked about, which this replica need not have reached. A refused
  // one must not seem older than the candidate, which has something to learn from it.
  const answerTerm = granted ? term : Math.max(core.term, term - 1)
  respond(core, type === 'vote' ? 'vote-response' : 'pre-vote-response', from, answerTerm, granted)
}

/** A vote for a term that is over. The candidate has to hear of the newer one, or it might lag behind for ever. */
export function refuseOldVote(core: Core, message: VoteRequest): void {
  const { type, from } = message
  noteSpeaker(core, message)
  respond(core, type === 'vote' ? 'vote-response' : 'pre-vote-response', from, core.term, false)
}

/** After a restart nobody else may tell this replica whom to ask for those votes. */
function noteSpeaker({ tracker, id: self, voices }: Core, { from, speaksFor = [] }: VoteRequest): void {
  for (const id of speaksFor) if (id !== self && !voices.includes(id)) tracker.spokenForBy(id, from)
}

function respond(core: Core, type: VoteResponse['type'], to: VoterId, term: Term, granted: boolean): void {
  core.sendAfterPersist({ type, from: core.id, to, term, granted, ...knownCommit(core) })
}

/** Candidate and pre-candidate: an answer to what it asks now. */
export function receiveVote(core: Core, message: VoteResponse): void {
  const termAsked = core.role === 'candidate' ? core.term : core.term + 1
  learnCommit(core, message)
  if (hasUnappliedConfigChange(core)) becomeFollower(core, core.term, undefined)
  else if (message.granted && message.term !== termAsked) core.ignore('stale')
  else countVotes(core, message)
}

function countVotes(core: Core, { from, granted, speaksFor = [] }: VoteResponse): void {
  const { role } = core
  for (const id of [from, ...speaksFor]) if (core.role === role) countVote(core, id, granted)
}

export function countVote(core: Core, from: VoterId, granted: boolean): void {
  core.tracker.recordVote(from, granted)
  const result = core.tracker.voteResult()
  if (result === 'lost') becomeFollower(core, core.term, undefined)
  if (result !== 'won') return
  if (core.role === 'pre-candidate') {
    askForVotes(core, false)
  } else {
    becomeLeader(core)
    broadcastAppend(core)
  }
}

function knownCommit({ log }: Core): { readonly commit: Index; readonly commitTerm: Term } {
  return { commit: log.committed, commitTerm: log.term(log.committed) ?? 0 }
}

/**
 * Without this, replicas that have a change but don't know that it is committed could ask for ever for the votes of
 * those who do, and who are no voters any more but have longer logs.
 */
function learnCommit(core: Core, { commit, commitTerm }: VoteRequest | VoteResponse): void {
  if (core.role !== 'leader' && core.log.matches(commit, commitTerm)) core.log.commitTo(commit)
}

/** A committed change that is not applied may have taken this replica's vote, or given others one. */
function hasUnappliedConfigChange(core: Core): boolean {
  const { log } = core
  return log.slice(log.applied + 1, log.committed).some((entry) => entry.type === 'config')
}

/** Those who vote, or speak for someone who does. */
function otherVoters({ tracker, id: self }: Core): VoterId[] {
  const speakers = new Set(tracker.voters.map((id) => tracker.get(id)?.speaker ?? id))
  return [...speakers].filter((id) => id !== self)
}
