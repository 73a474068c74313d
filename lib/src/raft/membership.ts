import { decodeConfigChange } from './config-change.js'
import { changeConfiguration } from './configuration.js'
import type { Core } from './core.js'
import { maybeLeaveJoint } from './proposals.js'
import { answerConfirmedReads, releasePostponedReads } from './reads.js'
import { broadcastAppend, firstProbe, maybeCommit, payloadBytes, sendPending } from './replication.js'
import { becomeFollower } from './roles.js'
import { endTransfer } from './transfer-result.js'
import type { Configuration, Entry, Snapshot } from './types.js'

/** The owner applies a committed `config` entry. One that makes no valid configuration is skipped, everywhere alike. */
export function applyConfigChange(core: Core, entry: Entry): Configuration {
  const change = decodeConfigChange(entry.data)
  const result = change === undefined ? undefined : changeConfiguration(core.appliedConfiguration, change)
  if (result?.ok) configurationApplied(core, result.configuration)
  else core.ignore('config-invalid')
  return core.appliedConfiguration
}

/** A snapshot that came while the entry was on its way to the owner has brought a later configuration already. */
function configurationApplied(core: Core, configuration: Configuration): void {
  core.appliedConfiguration = configuration
  if (!core.log.installing) switchConfiguration(core, configuration)
}

export function switchConfiguration(core: Core, configuration: Configuration): void {
  core.tracker.adopt(configuration, firstProbe(core))
  for (const id of core.voices) core.tracker.spokenForBy(id, core.id)
  if (core.role === 'leader') leadConfiguration(core)
  else if (core.role !== 'follower' && !core.promotable) becomeFollower(core, core.term, undefined)
}

function leadConfiguration(core: Core): void {
  if (maybeCommit(core)) {
    // Fewer acknowledgements may be needed now.
    releasePostponedReads(core)
    broadcastAppend(core)
  } else {
    // No need to let new members wait for a heartbeat.
    for (const progress of core.tracker.members) if (progress.id !== core.id) sendPending(core, progress)
  }
  answerConfirmedReads(core)
  if (core.transferee !== undefined && !core.tracker.voters.includes(core.transferee)) {
    endTransfer(core, 'target-removed')
  }
}

/** The owner has applied `entries`. */
export function entriesApplied(core: Core, entries: readonly Entry[]): void {
  const last = entries.at(-1)
  if (last === undefined) return
  core.log.appliedTo(last.index)
  // Entries of former terms were never counted.
  core.uncommittedBytes = Math.max(0, core.uncommittedBytes - payloadBytes(entries))
  maybeLeaveJoint(core)
}

/** The owner has installed `snapshot`. */
export function snapshotInstalled(core: Core, snapshot: Snapshot): void {
  core.log.installed(snapshot)
  core.appliedConfiguration = snapshot.configuration
}
