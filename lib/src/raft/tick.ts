import type { Core } from './core.js'
import { campaign } from './election.js'
import { maybeLeaveJoint } from './proposals.js'
import { idleTick } from './quiesce.js'
import { heartbeatDue } from './replication.js'
import { becomeFollower } from './roles.js'
import { endTransfer, leaderMissing } from './transfer-result.js'

/** Time passes. */
export function tick(core: Core): void {
  if (core.quiesced) return
  core.electionElapsed++
  if (core.role === 'leader') tickLeader(core)
  else if (core.electionElapsed >= core.electionTimeout) electionTimeout(core)
}

function electionTimeout(core: Core): void {
  leaderMissing(core)
  if (core.promotable) campaign(core, false)
}

function tickLeader(core: Core): void {
  core.heartbeatElapsed++
  if (core.electionElapsed >= core.options.electionTicks) electionTimeoutOfLeader(core)
  if (core.role !== 'leader') return
  idleTick(core)
  if (core.quiesced || core.heartbeatElapsed < core.options.heartbeatTicks) return
  core.heartbeatElapsed = 0
  heartbeatDue(core)
}

/** A leader that hears no quorum steps down: somebody else may lead already. Raft dissertation, 6.2. */
function electionTimeoutOfLeader(core: Core): void {
  core.electionElapsed = 0
  if (core.options.checkQuorum && !core.tracker.quorumActive()) {
    becomeFollower(core, core.term, undefined)
    return
  }
  if (core.options.checkQuorum) core.tracker.clearActivity(core.id)
  endTransfer(core, 'timeout')
  maybeLeaveJoint(core)
}
