import type { ClusterId, PeerId } from '../base/ids.js'
import type { IceServer } from '../transport/channel.js'

/**
 * How peers find each other: one room of a signaling server, or of several. Stays joined over reconnects until `leave`.
 * An unreachable server is a status, never an exception.
 */
export interface Rendezvous {
  readonly status: RendezvousStatus
  /** Signals that no member had sealed for us, that were played again, or that came faster than they could be opened. */
  readonly droppedSignals: number
  /** Starts joining. Called once. */
  join(self: RendezvousSelf, events: RendezvousEvents): void
  /**
   * Routes a signal to one peer of the room; not delivered reliably.
   * @returns false if no server is connected that knows the peer
   */
  send(to: PeerId, payload: Uint8Array): boolean
  /**
   * Asks to found the cluster, by default `first`. The first of a room wins; the answer, now or after the server's warm-up, is the event
   * `founded` with the winner. Idempotent; repeated after every reconnect.
   */
  found(clusterId: ClusterId, where?: FoundingPlace | undefined): void
  /** This peer belongs to the cluster, which exists. Idempotent; repeated after every reconnect. */
  claim(clusterId: ClusterId): void
  /** The network may have changed: reconnects without waiting, asks a connection for a quick sign of life. */
  probe(): void
  /**
   * Says goodbye and closes. Idempotent.
   * @param rest if this peer has nothing of its cluster's state any more, not even on disk
   */
  leave(rest?: Rest | undefined): Promise<void>
}

/** Where the state of a cluster is, beside a peer that has left it. `disks`: at least there. */
export type Rest = 'disks' | 'memory' | 'nothing' | 'unknown'

/**
 * Of several signaling servers only the first grants foundings, lest two of them grant two; `anywhere`: whichever is
 * joined, because somebody explicitly takes that risk.
 */
export type FoundingPlace = 'first' | 'anywhere'

export type RendezvousStatus = 'connecting' | 'joined' | 'offline' | 'left'

export interface RendezvousSelf {
  readonly id: PeerId
  /** True if this peer's state survives a restart: then the room remembers its ClusterId while empty. */
  readonly durable: boolean
  /** The cluster this peer already belongs to. */
  readonly clusterId: ClusterId | undefined
}

export interface RendezvousEvents {
  /** (Again) in the room. `peers` are the others there now; it replaces what was known before. */
  joined(view: RoomView): void
  /** Comes again for a peer that is back on another socket: signals to it may have been lost. */
  peerJoined(peer: PeerId): void
  peerLeft(peer: PeerId): void
  signal(from: PeerId, payload: Uint8Array): void
  founded(clusterId: ClusterId): void
  /** @param problem a sentence for people when `status` is `offline` */
  status(status: RendezvousStatus, problem: string | undefined): void
}

export interface RoomView {
  readonly peers: readonly PeerId[]
  readonly iceServers: readonly IceServer[]
  /** The room's cluster, if one was founded. */
  readonly clusterId: ClusterId | undefined
}
