import type { ClusterId, PeerId } from '../base/ids.js'
import type { RendezvousStatus } from '../signaling/rendezvous.js'
import type { LinkStatus } from '../transport/link.js'
import type { DialState } from './dialer.js'
import type { TopologyCounts } from './topology.js'

export interface MeshStatus {
  readonly rendezvous: RendezvousStatus
  readonly problem: string | undefined
  readonly clusterId: ClusterId | undefined
  readonly peers: Readonly<Record<PeerId, MeshPeerStatus>>
  /** Links closed because of what came over them. */
  readonly malformed: number
  /** Signals that nobody had sealed for us, or that were played again. */
  readonly droppedSignals: number
  /** Links that ended in the greeting because one side does not talk to the other. */
  readonly refused: number
  /** Messages that passed over other peers. */
  readonly relay: TopologyCounts
}

export interface MeshPeerStatus {
  /** `relayed by` names the linked peer that messages to it are given to. */
  readonly state: 'direct' | `relayed by ${PeerId}` | DialState
  readonly link: LinkStatus | undefined
}
