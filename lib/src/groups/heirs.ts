import type { MachineDefinition } from '../machines/machine.js'
import type { Network } from '../mesh/network.js'
import type { VoterId } from '../raft/index.js'
import { MAIN } from './group-registry.js'
import { preferredLeader } from './leader-balance.js'
import type { Membership } from './membership.js'
import type { Replica } from './replica.js'
import { peerOf } from './voter-id.js'

/** Who could lead besides this replica: the other voters that are linked, have data, and stay. */
export function heirsOf({ id, configuration, state }: Replica, network: Network): readonly VoterId[] {
  const { voters, witnesses } = configuration
  return voters
    .filter((voter) => voter !== id && network.links.has(peerOf(voter)) && !witnesses.includes(voter))
    .filter((voter) => !state.roster.isEjected(peerOf(voter)))
}

export interface LeaderView {
  readonly group: number
  readonly definition: MachineDefinition
  readonly membership: Membership
  /** Of the leader: its page is in the foreground. */
  readonly isVisible: boolean
  readonly heirs: readonly VoterId[]
}

/**
 * Who should lead rather than this leader; empty if nobody. Who can't apply what it commits shall not lead, nor a
 * hidden tab if somebody else can; groups besides `main` are led by turns. Being visible again is no reason to lead.
 */
export function betterLeaders(replica: Replica, view: LeaderView): readonly VoterId[] {
  const { group, definition, membership, isVisible, heirs } = view
  if (replica.state.outdated !== undefined) {
    const versions = membership.versions(replica.id, replica.state.roster, definition.version)
    return heirs.filter((id) => (versions.get(id) ?? 0) > definition.version)
  }
  const visible = heirs.filter((id) => membership.announces.get(peerOf(id))?.visible)
  const mustGo = !isVisible && visible.length > 0
  if (group === MAIN) return mustGo ? visible : []
  const others = isVisible || mustGo ? visible : heirs
  const preferred = preferredLeader(group, mustGo ? others : [replica.id, ...others])
  return preferred === replica.id ? [] : [preferred]
}

/** Hands over to the one of `heirs` that has most of the log. */
export function transferToBest(replica: Replica, heirs: readonly VoterId[]): void {
  const { progress } = replica.status()
  const match = (id: VoterId) => progress.get(id)?.match ?? 0
  const best = [...heirs].sort((a, b) => match(b) - match(a))[0]
  if (best !== undefined) replica.transferLeader(best)
}
