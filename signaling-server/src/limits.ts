/** Everything a stranger could make the server hold or do is bounded by one of these. */
export interface Limits {
  /** Bytes of one frame; a larger one closes its socket (code 1009). */
  readonly frameBytes: number
  /** Messages per second and socket in the long run. Who sends more is read more slowly. */
  readonly messagesPerSecond: number
  /** Messages that may come at once; who runs into debt as deep as this is closed. */
  readonly messageBurst: number
  /** Malformed or misplaced messages of one socket before it is closed. */
  readonly complaints: number
  /** Bytes waiting for a socket that reads too slowly before it is closed. */
  readonly bufferedBytes: number
  readonly membersPerRoom: number
  /** Rooms in all, remembered empty ones included; those make way, the one empty for longest first. */
  readonly rooms: number
  /** For so long after its socket closed a PeerId is kept for who shows its token. */
  readonly reservationMs: number
  /** Kept PeerIds in all; the oldest makes way. */
  readonly reservations: number
  readonly socketsPerAddress: number
  readonly sockets: number
  /** A socket that gives no sign of life for so long is closed. The server asks for one in between. */
  readonly idleMs: number
  /** A socket that has not joined a room by then is closed. */
  readonly helloMs: number
  /** Who is not authorized by then is refused. */
  readonly authorizeMs: number
}

export const DEFAULT_LIMITS: Limits = {
  frameBytes: 64 * 1024,
  messagesPerSecond: 100, // dialing 24 peers with ten candidates each is a burst of 240
  messageBurst: 500,
  complaints: 5,
  bufferedBytes: 1024 * 1024,
  membersPerRoom: 256,
  rooms: 10_000,
  reservationMs: 120_000,
  reservations: 10_000,
  socketsPerAddress: 512, // a school behind one address
  sockets: 10_000,
  idleMs: 30_000,
  helloMs: 10_000,
  authorizeMs: 5000,
}
