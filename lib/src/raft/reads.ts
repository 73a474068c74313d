import { tellReader } from './commit-news.js'
import type { Core } from './core.js'
import type { HeartbeatResponse, ReadIndex, ReadIndexResponse } from './messages.js'
import { wake } from './quiesce.js'
import type { PendingRead } from './read-rounds.js'
import { broadcastHeartbeat } from './replication.js'
import type { DropReason, Index } from './types.js'

// Linearizable reads: the leader tells a commit index after proving that it still leads. Raft dissertation, 6.4.

/** A read of this replica's owner. @returns why it was not taken, undefined if it was */
export function readIndex(core: Core, ticket: number): DropReason | undefined {
  if (core.role === 'leader') return takeRead(core, { from: core.id, ticket })
  if (core.lead === undefined) return 'no-leader'
  wake(core)
  core.send({ type: 'read-index', from: core.id, to: core.lead, term: 0, ticket })
  return undefined
}

/** Leader: a follower's read. */
export function leadRead(core: Core, message: ReadIndex): void {
  const refused = takeRead(core, message)
  if (refused !== undefined) refuseRead(core, message, refused)
}

/** Everyone but the leader: a read that was sent to a leader of the past. */
export function refuseForeignRead(core: Core, message: ReadIndex): void {
  refuseRead(core, message, 'not-leader')
}

/** The leader's answer. However late, it is right: the index was committed when the read came. */
export function receiveReadIndex(core: Core, message: ReadIndexResponse): void {
  core.readStates.push({ index: message.index, ticket: message.ticket })
}

/** Leader: the commit index has moved; some of what was postponed can be served. */
export function releasePostponedReads(core: Core): void {
  for (const read of core.reads.takePostponed(core.log.committed)) serveRead(core, read)
}

/** Leader: a heartbeat was answered. */
export function confirmReads(core: Core, message: HeartbeatResponse): void {
  for (const id of [message.from, ...(message.speaksFor ?? [])]) core.reads.acknowledge(id, message.round)
  answerConfirmedReads(core)
}

/** Leader: also needed when the configuration changes, as a smaller one may have its quorum already. */
export function answerConfirmedReads(core: Core): void {
  for (const { index, reads } of core.reads.takeAnswered((ids) => core.tracker.isQuorum(ids))) {
    for (const read of reads) answer(core, read, index)
  }
}

/** Nobody here can answer any more. */
export function dropAllReads(core: Core): void {
  for (const read of core.reads.takeAll()) refuseRead(core, read, 'not-leader')
}

function takeRead(core: Core, read: PendingRead): DropReason | undefined {
  if (core.reads.full) return 'busy'
  wake(core)
  const from = readableFrom(core)
  if (core.log.committed >= from) serveRead(core, read)
  else core.reads.postpone({ from: read.from, ticket: read.ticket }, from)
  return undefined
}

/**
 * Leader: when it has committed this it knows all that anybody may know to be committed: before its term, and by its
 * pledges.
 */
function readableFrom({ termStart, pledged }: Core): Index {
  return Math.max(termStart, pledged)
}

function serveRead(core: Core, read: PendingRead): void {
  const ownVoices = new Set([core.id, ...core.voices])
  if (core.tracker.isQuorum(ownVoices)) {
    answer(core, read, core.log.committed)
    return
  }
  if (!core.reads.add({ from: read.from, ticket: read.ticket }, core.log.committed)) return
  for (const id of ownVoices) core.reads.acknowledge(id, core.reads.latest)
  broadcastHeartbeat(core)
}

function answer(core: Core, read: PendingRead, index: Index): void {
  const { from, ticket } = read
  if (from === core.id) {
    core.readStates.push({ index, ticket })
    return
  }
  tellReader(core, from, index)
  core.send({ type: 'read-index-response', from: core.id, to: from, term: 0, ticket, index })
}

function refuseRead(core: Core, read: PendingRead, reason: DropReason): void {
  const { from, ticket } = read
  if (from === core.id) core.refuse({ request: 'read', ticket, reason })
  else core.send({ type: 'refused', from: core.id, to: from, term: 0, request: 'read', ticket, reason })
}
