import type { Unsubscribe } from '../base/emitter.js'
import type { PeerId } from '../base/ids.js'
import type { PeerInfo, PeerStatus } from './peer-info.js'
import type { Port, PortHandlers, PortName } from './port.js'

/** What the modules above need of the mesh. `Mesh` is one; tests may bring a smaller one. */
export interface Network {
  readonly self: PeerInfo
  /** Peers with an open, authenticated link (handshake done), by id; without `self`. */
  readonly peers: ReadonlyMap<PeerId, PeerStatus>
  /** Opens a module's lane; each name once. Messages that came before the port was opened are lost. */
  openPort(name: PortName, handlers: PortHandlers): Port
  on<K extends keyof NetworkEvents>(event: K, listener: NetworkEvents[K]): Unsubscribe
}

export interface NetworkEvents {
  /** A link opened. Comes before any message of that peer. */
  peerJoined(peer: PeerStatus): void
  /** The link closed; `goodbye` if the peer said so itself. No message of that link comes after. */
  peerLeft(peer: PeerId, reason: PeerLeftReason): void
  /** The last words of a peer, of its modules; `peerLeft` comes next. Only if there are any. */
  goodbye(peer: PeerId, payload: Uint8Array): void
  /** A linked peer now belongs to a cluster, or to another one. */
  peerCluster(peer: PeerStatus): void
}

export type PeerLeftReason = 'goodbye' | 'lost'
