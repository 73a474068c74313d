import type { LinkLimits } from '../transport/link.js'

export interface MeshLimits {
  /**
   * Links of this peer, at least 4, at most 256. While all known peers are not more than that, every two are linked; above,
   * each links with some, and messages to the others are passed on. Default 24.
   */
  readonly links: number
  /** Other peers that this one takes notice of. Default 1,024. */
  readonly peers: number
  /** Dials in progress at once, both directions; at least 3. WebRTC stacks run out of resources above a few dozen. Default 8. */
  readonly dials: number
  readonly link: Partial<LinkLimits>
}

/** All in milliseconds. */
export interface MeshTiming {
  /** From the first signal to the end of the handshake. Default 5,000. */
  readonly dialTimeoutMs: number
  /** The first pause between dials of one peer; it doubles with each failure. Jittered down to half. Default 100. */
  readonly leastBackoffMs: number
  /** The longest pause; also the one after a goodbye, when a peer seldom comes back at once. Default 2,000. */
  readonly mostBackoffMs: number
  /** How long the side that answers waits for a dial before it asks for one. Default 1,500. */
  readonly nudgeAfterMs: number
  /** How soon a change of links is told to the linked peers; several changes are told as one. Default 200. */
  readonly gossipDelayMs: number
  /** The deadline of a link that is suspected to be dead. Default 1,500. */
  readonly probeMs: number
  /** A link that lived this long was a success: the next failure is the first one again. Default 5,000. */
  readonly stableMs: number
  /** Pause after a peer was refused: most likely it will be again. Default 30,000. */
  readonly afterRefusalMs: number
  /** A peer without a link counts as there, or as gone, when a way has led to it, or none, for so long. Default 1,000. */
  readonly settleMs: number
}

export const DEFAULT_MESH_LIMITS: MeshLimits = { links: 24, peers: 1024, dials: 8, link: {} }

export const DEFAULT_MESH_TIMING: MeshTiming = {
  dialTimeoutMs: 5_000,
  leastBackoffMs: 100,
  mostBackoffMs: 2_000,
  nudgeAfterMs: 1_500,
  gossipDelayMs: 200,
  probeMs: 1_500,
  stableMs: 5_000,
  afterRefusalMs: 30_000,
  settleMs: 1_000,
}

/** In a mesh of hundreds more happens at once, and each change costs more: it is looked at less often. */
export function paceMs(baseMs: number, peers: number): number {
  return baseMs * (1 + peers / 250)
}
