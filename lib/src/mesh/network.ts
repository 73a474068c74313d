import type { Unsubscribe } from '../base/emitter.js'
import type { PeerId } from '../base/ids.js'
import type { PeerInfo, PeerStatus } from './peer-info.js'
import type { Port, PortHandlers, PortName } from './port.js'

/** What the modules above need of the mesh. `Mesh` is one; tests may bring a smaller one. */
export interface Network {
  readonly self: PeerInfo
  /** Every peer that messages reach, over a link or passed on by others, by id; without `self`. */
  readonly peers: ReadonlyMap<PeerId, PeerStatus>
  /** Those of them with an open, authenticated link (handshake done). */
  readonly links: ReadonlyMap<PeerId, PeerStatus>
  /** In a mesh too large for all to be linked, these shall be linked with each other, and everyone else with some. */
  prefer(peers: Iterable<PeerId>): void
  /** Opens a module's lane; each name once. Messages that came before the port was opened are lost. */
  openPort(name: PortName, handlers: PortHandlers): Port
  on<K extends keyof NetworkEvents>(event: K, listener: NetworkEvents[K]): Unsubscribe
}

export interface NetworkEvents {
  /** Messages reach this peer now. Comes before any message of it. */
  peerJoined(peer: PeerStatus): void
  /**
   * Its link closed, or no way leads to it any more; `goodbye` if it said so itself over a link. What was on its way is
   * lost. If there is another way, `peerJoined` follows.
   */
  peerLeft(peer: PeerId, reason: PeerLeftReason): void
  /** A link opened; after `peerJoined`, unless the peer was there already. */
  linked(peer: PeerStatus): void
  /** A link closed; before `peerLeft`. */
  unlinked(peer: PeerId, reason: PeerLeftReason): void
  /** The last words of a linked peer, of its modules; `unlinked` and `peerLeft` come next. Only if there are any. */
  goodbye(peer: PeerId, payload: Uint8Array): void
  /** A peer now belongs to a cluster, or to another one. */
  peerCluster(peer: PeerStatus): void
}

export type PeerLeftReason = 'goodbye' | 'lost'
