import type { ClusterId, PeerId } from '../base/ids.js'

/** What a peer says of itself in the link handshake. */
export interface PeerInfo {
  readonly id: PeerId
  /** Differs at every start of the process or page, so that a restart behind the same id is noticed. */
  readonly bootNonce: string
  /** For people. */
  readonly name: string
  readonly kind: PeerKind
  /** Failure domain: equal for tabs of one browser, for processes of one machine. */
  readonly host: string
  /** False: a guest, never a voter. */
  readonly canVote: boolean
  /** True if its state survives a restart. */
  readonly durable: boolean
  /** The WebRTC implementation. */
  readonly stack: string
}

export const PEER_KINDS = ['node', 'browser'] as const
export type PeerKind = (typeof PEER_KINDS)[number]

export interface PeerStatus {
  readonly info: PeerInfo
  readonly clusterId: ClusterId | undefined
  /** Of the link. */
  readonly rttMs: number | undefined
  /** The linked peer that passes messages on to it; undefined for a linked peer. */
  readonly via: PeerId | undefined
}
