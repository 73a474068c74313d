import type { Core } from './core.js'
import type { ProgressStatus, Status, VoterId } from './types.js'

export function statusOf(core: Core): Status {
  const { log } = core
  return {
    id: core.id,
    role: core.role,
    term: core.term,
    vote: core.vote,
    lead: core.lead,
    firstIndex: log.firstIndex,
    lastIndex: log.lastIndex,
    commit: log.committed,
    applied: log.applied,
    configuration: core.tracker.configuration,
    progress: core.role === 'leader' ? progressOf(core) : new Map(),
    transferee: core.transferee,
    quiesced: core.quiesced,
    voices: core.voices,
    uncommittedBytes: core.uncommittedBytes,
    ignored: Object.fromEntries(core.ignored),
  }
}

function progressOf(core: Core): ReadonlyMap<VoterId, ProgressStatus> {
  return new Map(core.tracker.members.map((progress) => [progress.id, progress.status()]))
}
