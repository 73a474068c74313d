import type { Core } from './core.js'
import type { Progress } from './progress.js'
import { majorityOf } from './quorum.js'

// Thrifty replication: Moraru, Andersen, Kaminsky, "There Is More Consensus in Egalitarian Parliaments" (SOSP 2013),
// section 6. While commit indexes are held back anyway, because one command follows the other, new entries are too: they
// go at once only to as many members as can commit them. The others get them along with the news that they are
// committed: as many as came meanwhile in one append. If who was chosen is silent, then the others commit them.

/** More entries than these are kept from nobody. */
const HELD_ENTRIES_MAX = 32

/** Leader: what the member lacks can be committed without it; it gets that when `releaseCommit` is called at the latest. */
export function canWait(core: Core, progress: Progress): boolean {
  if (!core.holdsCommit || progress.state !== 'replicate') return false
  return core.log.lastIndex - progress.next < HELD_ENTRIES_MAX && isCalm(core) && !isNeeded(core, progress)
}

/** Leader: a voter, whose configuration stays what it is, with nothing out of the ordinary. */
export function isCalm({ id, tracker, transferee, pendingConfigIndex, log }: Core): boolean {
  const { votersOutgoing, witnesses } = tracker.configuration
  return (
    tracker.get(id)?.learner === false &&
    votersOutgoing.length === 0 &&
    witnesses.length === 0 &&
    transferee === undefined &&
    pendingConfigIndex <= log.applied
  )
}

/** Whoever proposed last and whoever helped to commit last, the quickest to answer, is needed before others. */
function isNeeded({ id, tracker, options }: Core, progress: Progress): boolean {
  const needed = Math.max(majorityOf(tracker.voters), options.copies) - 1
  let before = 0
  for (const voter of tracker.voters) {
    const other = voter === id ? undefined : tracker.get(voter)
    if (other?.state === 'replicate' && other.makesCopy && comesBefore(other, progress)) before++
  }
  return before < needed
}

function comesBefore(a: Progress, b: Progress): boolean {
  return b.learner || a.merit > b.merit || (a.merit === b.merit && a.id < b.id)
}
