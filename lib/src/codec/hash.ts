import { encodeValue } from './value.js'

/**
 * Tells states apart that should be equal; no defence against anyone who wants a collision. The order of keys counts,
 * because programs that walk over an object see it.
 * @returns 16 hexadecimal digits
 * @throws LegionError E_NOT_PLAIN
 */
export function hashValue(value: unknown): string {
  return hashBytes(encodeValue(value))
}

/** 64 bits in 16 hexadecimal digits: two multiplicative hashes that feed each other, then MurmurHash3's finalizer. */
export function hashBytes(bytes: Uint8Array): string {
  let a = bytes.length | 0
  let b = ~bytes.length
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 0x01000193) ^ (b >>> 15)
    b = Math.imul(b + byte, 0x85ebca6b) ^ (a >>> 13)
  }
  return toHex(mix(a ^ b)) + toHex(mix(b))
}

function mix(word: number): number {
  const once = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35)
  return (twice ^ (twice >>> 16)) >>> 0
}

function toHex(word: number): string {
  return word.toString(16).padStart(8, '0')
}
