import type { Core } from './core.js'
import type { Progress } from './progress.js'
import { maybeSendAppend, sendAppend } from './replication.js'
import { canWait } from './thrift.js'
import type { Index, VoterId } from './types.js'

// How members learn of a new commit index. Without `holdCommits` each gets it at once, if need be by an append without
// entries, which is half of all messages of a leader that commits one entry after the other. With it only those do that
// wait for it, and the others by the next append or heartbeat, or when the owner says that they have waited enough.

/** Leader: the commit index has moved. */
export function announceCommit(core: Core): void {
  for (const progress of core.tracker.members) if (progress.id !== core.id) tellCommit(core, progress)
}

/** Leader: the member does not know the commit index. Entries that it lacks go to it in any case. */
export function tellCommit(core: Core, progress: Progress): void {
  if (!core.options.holdCommits || isWaiting(core, progress)) sendAppend(core, progress)
  else if (knowsAll(core, progress) || canWait(core, progress) || !maybeSendAppend(core, progress, false))
    core.holdsCommit = true
}

/** By a pledge, as a rule. */
function knowsAll({ log }: Core, { sentCommit, next }: Progress): boolean {
  return sentCommit >= log.committed && next > log.lastIndex
}

/**
 * It has proposed something that is committed, which it does not know; or a change of the configuration is committed: who
 * is removed by it gets nothing any more once it is applied.
 */
function isWaiting({ pendingConfigIndex, log }: Core, progress: Progress): boolean {
  return progress.waitsFor(log.committed) || pendingConfigIndex > log.applied
}

/** Leader: the member is about to read at `index`. */
export function tellReader(core: Core, reader: VoterId, index: Index): void {
  const progress = core.holdsCommit ? core.tracker.get(reader) : undefined
  if (progress?.canUseCommit(index)) sendAppend(core, progress)
}

/** Leader: nobody is to wait any longer for the news that everything up to `index` is committed. */
export function releaseCommit(core: Core, index: Index): void {
  core.holdsCommit = false
  if (core.role !== 'leader') return
  for (const progress of core.tracker.members) {
    if (progress.id === core.id) continue
    const lacksNews = progress.canUseCommit(core.log.committed)
    if (lacksNews && progress.sentCommit < index) sendAppend(core, progress)
    else if (!maybeSendAppend(core, progress, false) && lacksNews) core.holdsCommit = true
  }
}
