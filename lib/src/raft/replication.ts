import { invariant } from '../base/errors.js'
import type { Core } from './core.js'
import type { ProposedEntry } from './messages.js'
import { pledge } from './pledge.js'
import type { Progress } from './progress.js'
import { canWait } from './thrift.js'
import type { Entry, Index } from './types.js'

// What a leader sends to the members, and when it commits.

const NO_ENTRIES: readonly Entry[] = []
const NO_DATA = new Uint8Array(0)

/** Puts `proposed` at the end of the leader's log. They count as acknowledged by the leader once durable. */
export function appendEntries(core: Core, proposed: readonly ProposedEntry[]): void {
  for (const { type, data } of proposed) {
    core.log.append({ term: core.term, index: core.log.lastIndex + 1, type, data })
    if (type === 'config') core.pendingConfigIndex = core.log.lastIndex
  }
  core.ownAppendIndex = core.log.lastIndex
  core.idleTicks = 0
}

/** @returns true if the commit index moved */
export function maybeCommit(core: Core): boolean {
  const index = core.tracker.committed(core.id, core.options.copies)
  // Only entries of the own term commit by counting, older ones along with them. Raft paper, 5.4.2.
  return index > core.log.committed && core.log.matches(index, core.term) && core.log.commitTo(index)
}

/** There are new entries. */
export function broadcastAppend(core: Core): void {
  for (const progress of core.tracker.members) {
    if (progress.id !== core.id && !canWait(core, progress)) sendAppend(core, progress)
  }
}

/** Sends what comes next, if only the commit index, unless the member is paused. */
export function sendAppend(core: Core, progress: Progress): void {
  maybeSendAppend(core, progress, true)
}

/** Sends all that the window holds. */
export function sendPending(core: Core, progress: Progress): void {
  while (maybeSendAppend(core, progress, false));
}

/** @returns true if something was sent */
export function maybeSendAppend(core: Core, progress: Progress, evenIfEmpty: boolean): boolean {
  if (progress.paused || progress.speaker !== undefined) return false
  const { log } = core
  const prevIndex = progress.next - 1
  const prevTerm = log.term(prevIndex)
  if (prevTerm === undefined) return maybeSendSnapshot(core, progress)
  const entries = nextEntries(core, progress)
  if (entries.length === 0 && !evenIfEmpty) return false
  const commit = log.committed
  const pledged = pledge(core, progress, prevIndex + entries.length)
  core.send({
    type: 'append',
    from: core.id,
    to: progress.id,
    term: core.term,
    prevIndex,
    prevTerm,
    entries,
    commit,
    pledge: pledged,
  })
  progress.sentEntries(entries.length, payloadBytes(entries))
  progress.sentCommit = Math.max(commit, pledged)
  return true
}

/**
 * With a full window an append goes out empty: if everything on the way was lost, its answer is what gets replication
 * going again.
 */
function nextEntries(core: Core, progress: Progress): readonly Entry[] {
  const windowFull = progress.state === 'replicate' && progress.inflights.full
  const last = progress.witness ? durableWithData(core) : core.log.lastIndex
  if (windowFull || progress.next > last) return NO_ENTRIES
  const entries = core.log.slice(progress.next, last, core.options.maxMessageBytes)
  return progress.witness ? entries.map(withoutPayload) : entries
}

/**
 * Members with data may get entries before the leader has them for sure. A witness may not: if the leader lost them,
 * or has no vote any more, the witness would have a longer log than everybody who can lead, and vote for nobody. So it
 * gets what a voter has who has data and stays: the leader itself, or else another one.
 */
function durableWithData({ id, tracker, durableIndex }: Core): Index {
  const stay = tracker.configuration.voters.filter((each) => tracker.get(each)?.witness === false)
  if (stay.includes(id)) return durableIndex
  return Math.max(...stay.map((each) => tracker.get(each)?.match ?? 0))
}

/** What is durable here has grown. */
export function sendToWitnesses(core: Core): void {
  for (const progress of core.tracker.members) if (progress.witness) sendPending(core, progress)
}

/** A witness needs to know that there is an entry, and who is a member. */
function withoutPayload(entry: Entry): Entry {
  return entry.type === 'config' ? entry : { ...entry, data: NO_DATA }
}

function maybeSendSnapshot(core: Core, progress: Progress): boolean {
  if (!progress.recentActive) return false
  const snapshot = core.options.snapshot()
  if (snapshot === undefined) return false
  invariant(
    snapshot.index + 1 >= core.log.firstIndex && snapshot.index <= core.log.committed,
    () => `snapshot at ${snapshot.index}: first entry ${core.log.firstIndex}, committed ${core.log.committed}`,
  )
  progress.becomeSnapshot(snapshot.index)
  core.send({
    type: 'snapshot',
    from: core.id,
    to: progress.id,
    term: core.term,
    snapshot: progress.witness ? { ...snapshot, data: NO_DATA } : snapshot,
  })
  return true
}

export function broadcastHeartbeat(core: Core): void {
  for (const progress of core.tracker.members) {
    if (progress.id !== core.id && progress.speaker === undefined) sendHeartbeat(core, progress)
  }
}

/** It is time for heartbeats. With `holdCommits` an append that was answered just now counts as one. */
export function heartbeatDue(core: Core): void {
  for (const progress of core.tracker.members) {
    const isSpared = core.options.holdCommits && core.reads.empty && progress.hasAnswered && knowsCommit(core, progress)
    progress.hasAnswered = false
    if (!isSpared && progress.id !== core.id && progress.speaker === undefined) sendHeartbeat(core, progress)
  }
}

function knowsCommit({ log }: Core, { sentCommit }: Progress): boolean {
  return sentCommit >= log.committed
}

function sendHeartbeat(core: Core, progress: Progress): void {
  // The member may not have the entries beyond what it acknowledged, so it can't commit them.
  const commit = Math.min(progress.match, core.log.committed)
  core.send({
    type: 'heartbeat',
    from: core.id,
    to: progress.id,
    term: core.term,
    commit,
    match: progress.match,
    round: core.reads.latest,
  })
  progress.sentCommit = commit
}

export function payloadBytes(entries: readonly { readonly data: Uint8Array }[]): number {
  let sizeBytes = 0
  for (const entry of entries) sizeBytes += entry.data.length
  return sizeBytes
}

/** The index at which a member that joins the configuration now starts to be probed. */
export function firstProbe(core: Core): Index {
  return Math.max(core.log.lastIndex, 1)
}
