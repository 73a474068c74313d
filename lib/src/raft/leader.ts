import { announceCommit, tellCommit } from './commit-news.js'
import type { Core } from './core.js'
import type { AppendResponse, HeartbeatResponse, Message } from './messages.js'
import type { Progress } from './progress.js'
import { confirmReads, releasePostponedReads } from './reads.js'
import { maybeCommit, sendAppend, sendPending, sendToWitnesses } from './replication.js'
import { canWait } from './thrift.js'
import { offerLeadership, sendTimeoutNow } from './transfer.js'
import type { Index } from './types.js'

// What a leader does with the members' answers. Their term is the leader's own.

export function receiveAppendResponse(core: Core, message: AppendResponse): void {
  const others = heardFrom(core, message)
  const progress = core.tracker.get(message.from)
  if (message.rejected !== undefined) {
    if (progress !== undefined) goBack(core, progress, message.index, message.rejected)
  } else if (message.index > core.log.lastIndex) {
    core.ignore('beyond-log')
  } else {
    for (const other of others) acknowledge(core, other, message.index)
    if (progress !== undefined) {
      progress.hasAnswered = true
      acknowledge(core, progress, message.index)
    }
  }
  if (progress !== undefined) offerLeadership(core, progress)
}

/** They are there, the sender and those it speaks for. @returns the progress of the latter */
function heardFrom(core: Core, { from, speaksFor }: AppendResponse | HeartbeatResponse): readonly Progress[] {
  const progress = core.tracker.get(from)
  if (progress !== undefined) progress.recentActive = true
  if (speaksFor === undefined) return NOBODY
  // An answer of an earlier speaker may come after this replica has become the speaker.
  const foreign = speaksFor.filter((id) => !core.voices.includes(id))
  for (const id of foreign) core.tracker.spokenForBy(id, from)
  const others = foreign.map((id) => core.tracker.get(id)).filter((other) => other !== undefined)
  for (const other of others) other.recentActive = true
  return others
}

const NOBODY: readonly Progress[] = []

/** The leader's own entries up to `index` are durable. They count if it is a member still. */
export function ownEntriesDurable(core: Core, index: Index): void {
  core.durableIndex = index
  for (const id of [core.id, ...core.voices]) {
    const own = core.tracker.get(id)
    if (own !== undefined && core.role === 'leader') acknowledge(core, own, index)
  }
  sendToWitnesses(core)
}

/** Fewer members may be left whose copy has to be waited for. */
export function copiesLost(core: Core): void {
  if (maybeCommit(core)) committed(core)
}

/** `progress` has everything up to `index`; it may be the leader's own. */
export function acknowledge(core: Core, progress: Progress, index: Index): void {
  const news = progress.acknowledge(index)
  // An old acknowledgement still shows that probing may end.
  if (!news && !(progress.state === 'probe' && progress.match === index)) return
  if (index > core.log.committed) progress.helped = index
  advanceFlow(core, progress, index)
  // What everybody has already can't be what a commit waits for.
  if (index > core.log.committed && maybeCommit(core)) {
    committed(core)
  } else if (progress.id !== core.id && progress.canUseCommit(core.log.committed)) {
    tellCommit(core, progress)
  }
  if (progress.id !== core.id) continueWith(core, progress)
}

function committed(core: Core): void {
  releasePostponedReads(core)
  announceCommit(core)
}

function continueWith(core: Core, progress: Progress): void {
  if (progress.next <= core.log.lastIndex && !canWait(core, progress)) sendPending(core, progress)
  if (progress.id === core.transferee && progress.match === core.log.lastIndex) sendTimeoutNow(core, progress.id)
}

function advanceFlow(core: Core, progress: Progress, index: Index): void {
  if (progress.state === 'replicate') {
    progress.inflights.freeUpTo(index)
  } else if (progress.state === 'probe' || progress.match + 1 >= core.log.firstIndex) {
    // A member that waits for a snapshot may have got what it lacked in another way.
    progress.becomeReplicate()
  } else if (progress.match >= progress.pendingSnapshot) {
    // It has the snapshot, but the log was compacted again meanwhile: it needs the next one.
    progress.becomeProbe()
  }
}

/** The member's log differs before `rejectedIndex`: try again where the logs may agree at best. */
function goBack(
  core: Core,
  progress: Progress,
  rejectedIndex: Index,
  { hintIndex, hintTerm }: NonNullable<AppendResponse['rejected']>,
): void {
  const guess = hintTerm > 0 ? core.log.lastAtOrBelow(hintIndex, hintTerm).index : hintIndex
  if (progress.reject(rejectedIndex, guess)) {
    if (progress.state === 'replicate') {
      progress.becomeProbe()
      copiesLost(core)
    }
    sendAppend(core, progress)
  } else {
    core.ignore('stale')
  }
}

export function receiveHeartbeatResponse(core: Core, message: HeartbeatResponse): void {
  const others = heardFrom(core, message)
  const progress = core.tracker.get(message.from)
  // It has said so for itself, in this term; that it says so for the others too may have been lost.
  if (progress !== undefined) for (const other of others) acknowledge(core, other, progress.match)
  if (progress !== undefined) resume(core, progress)
  if (message.round > 0) confirmReads(core, message)
  if (progress !== undefined) offerLeadership(core, progress)
}

/** If the last append was lost, this gets things going again. */
function resume(core: Core, progress: Progress): void {
  progress.flowPaused = false
  if (progress.match < core.log.lastIndex || progress.state === 'probe') sendAppend(core, progress)
}

/** Two leaders in one term: the other one is wrong, or nobody is right. */
export function ignoreSecondLeader(core: Core, _message: Message): void {
  core.ignore('second-leader')
}
