import type { PeerId } from '../base/ids.js'
import type { Lane } from '../transport/lanes.js'

/**
 * A module's typed lane through the mesh. Each module above opens its own; bytes sent to a port arrive at the same
 * port of the other peer, in order per peer, at most once. Messages to a peer without a link may get lost on their way,
 * and overtake each other when the way changes.
 */
export interface Port {
  /** Never throws. `queued` promises nothing: the link may break. */
  send(to: PeerId, payload: Uint8Array): SendResult
  /**
   * To every other peer, each once, as far as queues on the way have room. Never throws. Who is cut off for some seconds
   * gets it late.
   */
  broadcast(payload: Uint8Array): void
  /** Bytes queued towards `to` in this port's lane; 0 without a link. */
  queuedBytes(to: PeerId): number
}

/**
 * `no-link`: nothing leads to that peer, or it is of another cluster that may not get this (`mayCarry`). `full`: the
 * lane's queue is full, `drain` says when to go on. `too-large`: above the limit of a message's size, for good.
 */
export type SendResult = 'queued' | 'no-link' | 'full' | 'too-large'

export interface PortHandlers {
  /** Must not throw for any bytes; a DecodeError thrown here costs the sender its link, if it has one. */
  message(from: PeerId, payload: Uint8Array): void
  /** The lane of a peer took messages again after `full`. */
  drain?(peer: PeerId): void
}

/** The number is on the wire: never reuse one. The mesh itself uses 0 and 6 to 8. */
export const PORTS = { messages: 1, documents: 2, consensus: 3, snapshots: 4, roster: 5 } as const
export type PortName = keyof typeof PORTS

export const PORT_LANES = {
  messages: 'calls',
  documents: 'documents',
  consensus: 'consensus',
  snapshots: 'bulk',
  roster: 'control',
} as const satisfies Record<PortName, Lane>
