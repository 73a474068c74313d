import type { Core } from './core.js'
import type { TransferOutcome, VoterId } from './types.js'

// Tells the owner of a leader what became of a transfer of leadership.

/** The leader stops handing over and goes on leading. */
export function endTransfer(core: Core, outcome: TransferOutcome): void {
  if (core.transferee === undefined) return
  core.transferResult = { to: core.transferee, outcome }
  core.transferee = undefined
}

/** Whether the transfer worked is known only when somebody leads. */
export function leadershipLost(core: Core): void {
  core.awaitedLeader = core.transferee
  core.transferee = undefined
}

/** `lead` leads now. */
export function followed(core: Core, lead: VoterId): void {
  if (core.awaitedLeader === undefined) return
  core.transferResult = { to: core.awaitedLeader, outcome: core.awaitedLeader === lead ? 'done' : 'lost' }
  core.awaitedLeader = undefined
}

/** This replica campaigns again before it heard of a leader. */
export function leaderMissing(core: Core): void {
  if (core.awaitedLeader === undefined) return
  core.transferResult = { to: core.awaitedLeader, outcome: 'lost' }
  core.awaitedLeader = undefined
}
