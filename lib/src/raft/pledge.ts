import type { Core } from './core.js'
import type { Progress } from './progress.js'
import { isCalm } from './thrift.js'
import type { Index, Term } from './types.js'

// Pledges: with an append a leader that has the entries durably tells that only the receiver's copy is lacking. So the
// receiver knows by itself that they are committed, a round trip before the leader could tell it; as in Paxos, where who
// accepts a value may learn it from the others' acceptances ("Paxos Made Simple", 2.3). What the leader has pledged it
// does not know to be committed, but others may: its goodbye leaves its floor there (`adoption.ts`), and it answers no
// read before that is committed (`reads.ts`).

/** With more under way the next append tells what is committed, and it costs less to apply what is many together. */
const PLEDGED_ENTRIES_MAX = 32

/** Leader: `last` if it is committed as soon as `progress` has it and all before, else 0. */
export function pledge(core: Core, progress: Progress, last: Index): Index {
  const { log, options, tracker } = core
  if (!options.holdCommits || progress.state !== 'replicate' || last <= log.committed) return 0
  // Where a learner's copy is what is lacking, reads would wait for as long as it takes to miss it when it has crashed.
  if (progress.learner || last - log.committed > PLEDGED_ENTRIES_MAX) return 0
  // Then all of earlier terms is applied: what is not committed is of this one, and may be committed by counting.
  if (!isCalm(core)) return 0
  const durable = options.volatile ? log.lastIndex : core.durableIndex
  if (!tracker.lacksOnly(progress, last, core.id, durable, options.copies)) return 0
  core.pledged = Math.max(core.pledged, last)
  return last
}

/** Follower: what is in its log up to `index` is committed once it is durable. */
export function rely(core: Core, index: Index): void {
  if (core.options.volatile) core.log.commitTo(index)
  else core.relied = Math.max(core.relied, index)
}

/** The log up to `index` is durable, if it still has there what the leader of `term` sent. */
export function reliedDurable(core: Core, index: Index, term: Term): void {
  if (!core.isGone && core.log.matches(index, term)) core.log.commitTo(index)
}
