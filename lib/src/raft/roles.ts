import { invariant } from '../base/errors.js'
import type { Core } from './core.js'
import { dropAllReads } from './reads.js'
import { appendEntries } from './replication.js'
import { followed, leadershipLost } from './transfer-result.js'
import type { Term, VoterId } from './types.js'

// How a replica changes its role. Roles and terms change nowhere else.

const NO_DATA = new Uint8Array(0)

export function becomeFollower(core: Core, term: Term, lead: VoterId | undefined): void {
  reset(core, term)
  core.role = 'follower'
  setLead(core, lead)
}

/** Learns of, or forgets, the leader of the current term. */
export function setLead(core: Core, lead: VoterId | undefined): void {
  core.lead = lead
  if (lead !== undefined) followed(core, lead)
}

/** Changes neither term nor vote: nothing is at stake yet. */
export function becomePreCandidate(core: Core): void {
  invariant(core.role !== 'leader', () => `leader of term ${core.term} asks for pre-votes`)
  core.tracker.resetVotes()
  restartElectionTimer(core)
  core.role = 'pre-candidate'
  core.lead = undefined
}

export function becomeCandidate(core: Core): void {
  invariant(core.role !== 'leader', () => `leader of term ${core.term} becomes a candidate`)
  reset(core, core.term + 1)
  core.vote = core.id
  core.role = 'candidate'
}

export function becomeLeader(core: Core): void {
  invariant(core.role === 'candidate', () => `${core.role} of term ${core.term} becomes leader`)
  reset(core, core.term)
  core.role = 'leader'
  setLead(core, core.id)
  const own = core.tracker.get(core.id)
  invariant(own !== undefined, () => `leader ${core.id} of term ${core.term} is not a member`)
  // Its own vote counted, so what it had is durable.
  core.durableIndex = core.log.lastIndex
  own.match = core.log.lastIndex
  own.becomeReplicate()
  own.recentActive = true
  for (const voice of core.voices) {
    const progress = core.tracker.get(voice)
    if (progress === undefined) continue
    progress.match = core.log.lastIndex
    progress.recentActive = true
  }
  core.termStart = core.log.lastIndex + 1
  // There may be an unapplied change anywhere in the log: none is taken before all of it is applied.
  core.pendingConfigIndex = core.log.lastIndex
  appendEntries(core, [{ type: 'normal', data: NO_DATA }])
}

function reset(core: Core, term: Term): void {
  if (core.role === 'leader') leadershipLost(core)
  if (term !== core.term) {
    core.term = term
    core.vote = undefined
    core.withdrawAcknowledgements()
  }
  core.lead = undefined
  restartElectionTimer(core)
  core.heartbeatElapsed = 0
  core.quiesced = false
  core.idleTicks = 0
  core.pendingConfigIndex = 0
  core.holdsCommit = false
  core.pledged = 0
  core.relied = 0
  core.uncommittedBytes = 0
  core.ownVote = undefined
  core.ownAppendIndex = 0
  core.acceptedIndex = 0
  core.tracker.resetVotes()
  for (const progress of core.tracker.members) progress.reset(core.log.lastIndex + 1)
  dropAllReads(core)
}

/** With a new timeout, so that candidates that met once do not go on meeting. */
function restartElectionTimer(core: Core): void {
  core.electionElapsed = 0
  core.electionTimeout = core.drawElectionTimeout()
}
