import type { PeerId } from '../base/ids.js'

/** One more than the largest weight. */
export const WEIGHTS = 2 ** 32

/**
 * A number in [0, WEIGHTS) that both peers of a pair draw alike, and every other peer too: of rendezvous hashing (Thaler
 * and Ravishankar 1996), where who ranks the others by it gets a choice that hardly changes when peers come and go.
 */
export function weightOf(a: PeerId, b: PeerId): number {
  return a < b ? hashOf(a, b) : hashOf(b, a)
}

/** 32 bits of two texts, in this order. FNV-1a with MurmurHash3's finalizer. */
export function hashOf(first: string, second: string): number {
  let hash = hashInto(hashInto(0x811c9dc5, first), second)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function hashInto(seed: number, text: string): number {
  let hash = seed
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}
