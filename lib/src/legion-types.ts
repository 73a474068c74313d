import type { LegionError } from './base/errors.js'
import type { ClusterId, PeerId } from './base/ids.js'
import type { GroupEvents, GroupStatus } from './groups/group-types.js'
import type { Split } from './groups/split.js'
import type { MeshStatus } from './mesh/mesh-status.js'
import type { PeerLeftReason } from './mesh/network.js'
import type { PeerInfo } from './mesh/peer-info.js'
import type { StorageKind } from './options.js'
import type { RendezvousStatus } from './signaling/rendezvous.js'

export interface LegionEvents
  extends Pick<GroupEvents, 'leader' | 'members' | 'quorum' | 'copies' | 'outdated' | 'ejected' | 'split'> {
  /** With storage, a peer has a provisional identity until its store is open. */
  self(self: PeerInfo): void
  peerJoined(peer: PeerInfo): void
  /** `goodbye`: it said so; `lost`: its link broke and it may be back. */
  peerLeft(peer: PeerId, reason: PeerLeftReason): void
  /** @param problem a sentence for people while `status` is `offline` */
  signaling(status: RendezvousStatus, problem: string | undefined): void
  /** Something that no caller waits for went wrong. Without a listener the logger gets it. */
  error(error: LegionError): void
}

/** Everything there is to know about a peer, as plain data; taken at one moment. */
export interface LegionStatus {
  /** Who it is. With storage provisional until the event `self`. */
  readonly self: PeerInfo
  /** `id` is undefined until the cluster is found or founded. */
  readonly cluster: { readonly name: string; readonly id: ClusterId | undefined }
  /** Where its state is kept. */
  readonly storage: StorageKind
  /** The state of `main` has been here. */
  readonly isReady: boolean
  /** Signaling, and the link to each peer that is known. */
  readonly mesh: MeshStatus
  /** Of the group `main`; undefined before the cluster is known. */
  readonly main: GroupStatus | undefined
  /** Of the other groups that are open here, by name. */
  readonly groups: Readonly<Record<string, GroupStatus>>
  /** Other states of the same name, which can't become one with the state here without losing something. */
  readonly splits: readonly Split[]
  /** Of `main`. */
  readonly leader: PeerId | undefined
}
