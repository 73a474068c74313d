import { type ConfigChange, decodeConfigChange, encodeConfigChange, leaveJoint, leavesJoint } from './config-change.js'
import { changeConfiguration } from './configuration.js'
import type { Core } from './core.js'
import type { Propose, ProposedEntry, Refused } from './messages.js'
import type { Progress } from './progress.js'
import { wake, wakeUnheard } from './quiesce.js'
import { appendEntries, broadcastAppend, payloadBytes } from './replication.js'
import type { DropReason, ProposeResult } from './types.js'

/** Proposes one `normal` entry for each payload, in this order; all are taken or none. */
export function propose(core: Core, payloads: readonly Uint8Array[]): ProposeResult {
  return proposeEntries(
    core,
    payloads.map((data) => ({ type: 'normal', data })),
  )
}

export function proposeConfigChange(core: Core, change: ConfigChange): ProposeResult {
  const data = encodeConfigChange(change)
  return data === undefined ? dropped('config-invalid') : proposeEntries(core, [{ type: 'config', data }])
}

/** Leader: a follower's proposal. A refusal goes back to it. */
export function leadProposal(core: Core, message: Propose): void {
  const result = lead(core, message.entries, core.tracker.get(message.from))
  if (result.kind === 'dropped') refuse(core, message, result.reason)
}

/** Everyone but the leader: a proposal that was sent to a leader of the past. One hop only, so that none goes round. */
export function refuseForeignProposal(core: Core, message: Propose): void {
  refuse(core, message, 'not-leader')
}

export function receiveRefusal(core: Core, message: Refused): void {
  core.refuse({ request: message.request, ticket: message.ticket, reason: message.reason })
}

/** Leader: leaves a joint configuration that says so, once everything before is applied. */
export function maybeLeaveJoint(core: Core): void {
  if (core.role !== 'leader' || !core.tracker.configuration.autoLeave) return
  if (core.log.applied >= core.pendingConfigIndex) proposeConfigChange(core, leaveJoint)
}

function proposeEntries(core: Core, entries: readonly ProposedEntry[]): ProposeResult {
  if (entries.length === 0) return dropped('invalid')
  if (core.role === 'leader') return lead(core, entries)
  if (core.lead === undefined) return dropped('no-leader')
  wake(core)
  const ticket = ++core.lastTicket
  core.send({ type: 'propose', from: core.id, to: core.lead, term: 0, entries, ticket })
  return { kind: 'forwarded', to: core.lead, ticket }
}

function lead(core: Core, entries: readonly ProposedEntry[], proposer?: Progress): ProposeResult {
  const reason = objection(core, entries)
  if (reason !== undefined) return dropped(reason)
  wakeUnheard(core)
  const first = core.log.lastIndex + 1
  core.uncommittedBytes += payloadBytes(entries)
  appendEntries(core, entries)
  proposer?.hasProposed(first, core.log.lastIndex)
  broadcastAppend(core)
  return { kind: 'appended', term: core.term, first, last: core.log.lastIndex }
}

function objection(core: Core, entries: readonly ProposedEntry[]): DropReason | undefined {
  if (core.tracker.get(core.id) === undefined) return 'removed'
  if (core.transferee !== undefined) return 'transferring'
  const changes = entries.filter((entry) => entry.type === 'config')
  if (changes.length > 1) return 'config-pending'
  const objectionToChange = changes[0] && configObjection(core, changes[0].data)
  return objectionToChange ?? sizeObjection(core, payloadBytes(entries))
}

/** Entries without payload pass: a new leader's first entry and the end of a joint configuration must never wait. */
function sizeObjection(core: Core, sizeBytes: number): DropReason | undefined {
  const full = core.uncommittedBytes > 0 && sizeBytes > 0
  return full && core.uncommittedBytes + sizeBytes > core.options.maxUncommittedBytes ? 'busy' : undefined
}

/** Only one change at a time may be unapplied: majorities of configurations two changes apart need not overlap. */
function configObjection(core: Core, data: Uint8Array): DropReason | undefined {
  const change = decodeConfigChange(data)
  if (change === undefined) return 'invalid'
  if (core.pendingConfigIndex > core.log.applied) return 'config-pending'
  if (core.tracker.joint && !leavesJoint(change)) return 'config-joint'
  if (!core.tracker.joint && leavesJoint(change)) return 'config-not-joint'
  return changeConfiguration(core.tracker.configuration, change).ok ? undefined : 'config-invalid'
}

function refuse(core: Core, message: Propose, reason: DropReason): void {
  const { from: to, ticket } = message
  wake(core) // The proposer is awake, and waits for a sign of its leader.
  core.send({ type: 'refused', from: core.id, to, term: 0, request: 'proposal', ticket, reason })
}

function dropped(reason: DropReason): ProposeResult {
  return { kind: 'dropped', reason }
}
