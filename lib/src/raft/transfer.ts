import type { Core } from './core.js'
import type { TransferLeader } from './messages.js'
import type { Progress } from './progress.js'
import { wake } from './quiesce.js'
import { sendAppend } from './replication.js'
import { endTransfer } from './transfer-result.js'
import type { TransferRefusal, VoterId } from './types.js'

// Handing leadership to a chosen voter: Raft dissertation, 3.10.

/** @returns why it can't be tried, undefined if it is */
export function transferLeader(core: Core, to: VoterId): TransferRefusal | undefined {
  if (core.role === 'leader') return startTransfer(core, to)
  if (core.lead === undefined) return 'no-leader'
  if (core.lead === to) return 'already-leader'
  core.send({ type: 'transfer-leader', from: core.id, to: core.lead, term: 0, target: to })
  return undefined
}

/** Leader: a follower's wish. */
export function leadTransfer(core: Core, message: TransferLeader): void {
  if (startTransfer(core, message.target) !== undefined) core.ignore('unexpected')
}

function startTransfer(core: Core, to: VoterId): TransferRefusal | undefined {
  const target = core.tracker.get(to)
  if (to === core.id) return 'already-leader'
  if (target === undefined || target.learner) return 'not-a-voter'
  if (target.witness) return 'witness'
  if (core.transferee === to) return 'under-way'
  endTransfer(core, 'superseded')
  wake(core)
  core.electionElapsed = 0 // the transfer has one election timeout
  core.transferee = to
  if (target.match === core.log.lastIndex) sendTimeoutNow(core, to)
  else sendAppend(core, target)
  return undefined
}

/** A leader that can't lead any longer hands over to the first voter that has everything. */
export function offerLeadership(core: Core, { id, match, sentCommit }: Progress): void {
  if (core.promotable || !core.options.stepDownOnRemoval || core.transferee !== undefined) return
  if (match === core.log.lastIndex && sentCommit >= core.log.committed) startTransfer(core, id)
}

export function sendTimeoutNow(core: Core, to: VoterId): void {
  core.send({ type: 'timeout-now', from: core.id, to, term: core.term })
}
