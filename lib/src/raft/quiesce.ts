import { hasUnsettledGoodbye } from './adoption.js'
import type { Core } from './core.js'
import type { Quiesce, Wake } from './messages.js'
import type { Progress } from './progress.js'
import { broadcastHeartbeat } from './replication.js'
import type { Index } from './types.js'

// An idle group falls silent: no heartbeats, no election timeouts, until something happens to any replica.

/** Something happens here. A leader tells everyone at once. */
export function wake(core: Core): void {
  if (wakeUnheard(core) && core.role === 'leader') broadcastHeartbeat(core)
}

/** The same on a leader that is about to send an append to everyone. @returns true if it was silent */
export function wakeUnheard(core: Core): boolean {
  core.idleTicks = 0
  if (!core.quiesced) return false
  core.quiesced = false
  core.electionElapsed = 0
  core.heartbeatElapsed = 0
  // Nobody could be heard from in the silence.
  if (core.role === 'leader') for (const progress of core.tracker.members) progress.recentActive = true
  return true
}

/** Like `wake`, and a follower tells the leader. */
export function wakeGroup(core: Core): void {
  if (core.quiesced && core.role === 'follower' && core.lead !== undefined) {
    core.send({ type: 'wake', from: core.id, to: core.lead, term: core.term })
  }
  wake(core)
}

/** Leader: a tick went by in which nothing was proposed or read. */
export function idleTick(core: Core): void {
  core.idleTicks++
  if (core.options.quiesceTicks === 0 || core.idleTicks < core.options.quiesceTicks || !isSettled(core)) return
  core.quiesced = true
  for (const { id } of core.tracker.members) {
    if (id === core.id) continue
    core.send({ type: 'quiesce', from: core.id, to: id, term: core.term, commit: core.log.committed })
  }
}

/** The leader is idle. Who lacks something goes on ticking, and will wake the leader. */
export function receiveQuiesce(core: Core, message: Quiesce): void {
  // A leader that has ended would never wake anybody.
  if (core.log.lastIndex === message.commit && !core.goodbyes.has(message.from)) {
    core.log.commitTo(message.commit)
    core.quiesced = true
  } else {
    core.ignore('stale')
  }
}

/** The leader was woken by the message's arrival. */
export function receiveWake(_core: Core, _message: Wake): void {}

function isSettled(core: Core): boolean {
  const { log, tracker } = core
  return (
    core.promotable && // one that is not has to hand over
    log.applied === log.lastIndex &&
    core.reads.empty &&
    core.transferee === undefined &&
    !tracker.joint &&
    !hasUnsettledGoodbye(core) &&
    tracker.members.every((each) => each.speaker !== undefined || isUpToDate(each, log.lastIndex))
  )
}

function isUpToDate({ match, recentActive, state }: Progress, lastIndex: Index): boolean {
  return match === lastIndex && recentActive && state === 'replicate'
}
