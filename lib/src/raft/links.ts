import type { Core } from './core.js'
import { copiesLost } from './leader.js'
import { setLead } from './roles.js'
import type { VoterId } from './types.js'

// What the owner knows from below about messages that did or did not arrive.

/**
 * Messages to `id` get lost. A leader goes back to probing. A follower whose leader it is forgets the leader, so that
 * it grants votes at once.
 */
export function reportUnreachable(core: Core, id: VoterId): void {
  const progress = core.tracker.get(id)
  if (core.role === 'leader' && id !== core.id && progress?.state === 'replicate') {
    progress.becomeProbe()
    copiesLost(core)
  }
  if (core.role === 'follower' && core.lead === id) {
    core.quiesced = false
    setLead(core, undefined)
  }
}

/** The snapshot sent to `id` arrived there, or did not. */
export function reportSnapshot(core: Core, id: VoterId, delivered: boolean): void {
  const progress = core.tracker.get(id)
  if (core.role !== 'leader' || progress?.state !== 'snapshot') return
  if (!delivered) progress.pendingSnapshot = 0
  progress.becomeProbe()
  // Delivered: its acknowledgement comes before the next append. Not delivered: wait for a heartbeat's answer.
  progress.flowPaused = true
}
