import type { PeerId } from '../base/ids.js'

/**
 * What the signals of one client travel in. What is sent or received is passed on in order per peer, maybe later; what
 * can't be opened or is not fresh is dropped.
 */
export interface Envelope {
  /** Signals that were dropped, in either direction. */
  readonly droppedCount: number
  /** In the room, maybe again. @param peers the others there */
  joined(peers: readonly PeerId[]): void
  /** In the room, maybe again: maybe another process. */
  peerJoined(peer: PeerId): void
  peerLeft(peer: PeerId): void
  send(to: PeerId, payload: Uint8Array): void
  /** From a peer that is in the room. */
  receive(from: PeerId, sealed: Uint8Array): void
}

/** Where an envelope's signals go to and come from. */
export interface EnvelopeWorld {
  readonly self: PeerId
  transmit(to: PeerId, sealed: Uint8Array): void
  deliver(from: PeerId, payload: Uint8Array): void
}

export type EnvelopeFactory = (world: EnvelopeWorld) => Envelope

/** For clusters without a secret: everyone may read and write. */
export const plainEnvelope: EnvelopeFactory = ({ transmit, deliver }) => ({
  droppedCount: 0,
  joined() {},
  peerJoined() {},
  peerLeft() {},
  send: transmit,
  receive: deliver,
})
