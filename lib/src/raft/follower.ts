import { isValidConfiguration } from './configuration.js'
import type { Core } from './core.js'
import { campaign } from './election.js'
import { switchConfiguration } from './membership.js'
import type { Append, AppendResponse, Heartbeat, InstallSnapshot, Message, Quiesce, TimeoutNow } from './messages.js'
import { rely } from './pledge.js'
import { receiveQuiesce } from './quiesce.js'
import { setLead } from './roles.js'
import type { Index, Snapshot } from './types.js'

// What a follower does with its leader's messages. Their term is the follower's own.

/** @returns false if somebody else leads this term */
function hearLeader(core: Core, message: Message): boolean {
  if (core.lead !== undefined && core.lead !== message.from) {
    core.ignore('second-leader')
    return false
  }
  core.electionElapsed = 0
  if (core.lead === undefined) setLead(core, message.from)
  return true
}

export function followAppend(core: Core, message: Append): void {
  if (!hearLeader(core, message)) return
  const { prevIndex, prevTerm, entries } = message
  if (prevIndex < core.log.committed) followOverlap(core, message)
  else if (core.log.accept(prevIndex, prevTerm, entries)) appended(core, message, prevIndex + entries.length)
  else reject(core, message)
}

/** Begins with what is committed here. What follows that counts: a leader's last words are not said again from there. */
function followOverlap(core: Core, message: Append): void {
  const { log } = core
  const { committed } = log
  if (log.contradictsCommitted(message.entries)) {
    core.ignore('conflicts-with-committed')
    return
  }
  const missing = message.entries.slice(committed - message.prevIndex)
  log.accept(committed, log.term(committed) ?? 0, missing)
  appended(core, message, committed + missing.length)
}

function appended(core: Core, message: Append, last: Index): void {
  core.log.commitTo(Math.min(message.commit, last))
  const { pledge = 0 } = message
  if (pledge <= last) rely(core, pledge)
  accepted(core, message, last)
}

/** Names a position where the logs may agree, so that the leader need not go back one entry at a time. */
function reject(core: Core, message: Append): void {
  const hint = core.log.lastAtOrBelow(Math.min(message.prevIndex, core.log.lastIndex), message.prevTerm)
  respond(core, message, message.prevIndex, { hintIndex: hint.index, hintTerm: hint.term })
}

export function followHeartbeat(core: Core, message: Heartbeat): void {
  if (!hearLeader(core, message)) return
  if (message.match > core.log.lastIndex) {
    loseData(core)
    return
  }
  core.log.commitTo(message.commit)
  core.send({
    type: 'heartbeat-response',
    from: core.id,
    to: message.from,
    term: core.term,
    round: message.round,
  })
}

/** What it promised is gone, and with it maybe a vote: it neither votes nor acknowledges any more. */
function loseData(core: Core): void {
  core.ignore('beyond-log')
  core.hasLostData = true
  core.isGone = true
}

export function followSnapshot(core: Core, message: InstallSnapshot): void {
  if (!hearLeader(core, message)) return
  const restored = restore(core, message.snapshot)
  accepted(core, message, restored ? core.log.lastIndex : core.log.committed)
}

export function followQuiesce(core: Core, message: Quiesce): void {
  if (hearLeader(core, message)) receiveQuiesce(core, message)
}

export function followTimeoutNow(core: Core, message: TimeoutNow): void {
  if (hearLeader(core, message)) campaign(core, true)
}

/** @returns true if the log is replaced by the snapshot */
function restore(core: Core, snapshot: Snapshot): boolean {
  if (snapshot.index <= core.log.committed) return false
  if (!isValidConfiguration(snapshot.configuration) || !isMember(core, snapshot)) {
    core.ignore('malformed')
    return false
  }
  if (core.log.matches(snapshot.index, snapshot.term)) {
    // The log has it all; the snapshot only says that it is committed.
    core.log.commitTo(snapshot.index)
    return false
  }
  core.log.restore(snapshot)
  switchConfiguration(core, snapshot.configuration)
  return true
}

function isMember(core: Core, { configuration }: Snapshot): boolean {
  const { voters, votersOutgoing, learners } = configuration
  return voters.includes(core.id) || votersOutgoing.includes(core.id) || learners.includes(core.id)
}

function accepted(core: Core, message: Message, index: number): void {
  core.acceptedIndex = Math.max(core.acceptedIndex, index)
  respond(core, message, index, undefined)
}

function respond(core: Core, message: Message, index: number, rejected: AppendResponse['rejected']): void {
  core.sendAfterPersist({ type: 'append-response', from: core.id, to: message.from, term: core.term, index, rejected })
}
