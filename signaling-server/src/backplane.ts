import type { Bye, ErrorCode, ServerMessage } from './protocol.js'

/** A peer's stay in a room, from its hello on. What the backplane has to tell the peer it tells its stay. */
export interface Stay {
  readonly room: string
  readonly peer: string
  /** Who shows it takes this peer's place. */
  readonly token: string
  /** True if the peer's state survives a restart. */
  readonly durable: boolean
  /** The cluster that the peer belonged to when it came. */
  readonly clusterId: string | undefined
  /** It is in the room. */
  entered(view: View): void
  /** It may not enter: the stay has ended. */
  refused(code: ErrorCode): void
  /** The peer came again, on another socket: the stay has ended. */
  replaced(): void
  founded(clusterId: string): void
  tell(message: ServerMessage): void
}

/** A room, as who enters it is told. */
export interface View {
  /** The others. */
  readonly peers: readonly string[]
  readonly clusterId: string | undefined
}

/**
 * What the instances of a server share: who is in which room, whose the PeerIds are, which cluster a room belongs to, and
 * the way of a signal to a peer of another instance. Every instance has one of its own.
 *
 * Nothing throws. Stays are answered now or later. Those in a room are told who comes and who leaves, never themselves.
 */
export interface Backplane {
  /** Rejects, with a sentence, if it can never work. That what is shared can't be reached now is no reason. */
  start(): Promise<void>
  /** Answered by `entered` or `refused`. */
  enter(stay: Stay): void
  /**
   * The stay ends; it is told nothing afterwards. Idempotent.
   * @param bye the peer said so: it is not waited for. Undefined: it may be back
   */
  leave(stay: Stay, bye: Bye | undefined): void
  /** Asks to found the cluster, or claims to belong to it. Answered with the winner, maybe much later. Idempotent. */
  found(stay: Stay, clusterId: string): void
  /** Dropped if the peer is not there, as signals may be. */
  signal(from: Stay, to: string, payload: string): void
  readonly counts: BackplaneCounts
  /** Ends every stay without a word to it, and stops every timer. */
  close(): Promise<void>
}

export interface BackplaneCounts {
  /** Rooms that are kept here, remembered empty ones included. */
  readonly rooms: number
  /** PeerIds kept for who left. */
  readonly reservations: number
  /** False while this instance knows of no other although there may be some. */
  readonly isShared: boolean
}
