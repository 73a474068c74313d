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

/** 64 bits in 16 hexadecimal digits. */
export function hashBytes(bytes: Uint8Array): string {
  return new StreamHash().update(bytes).digest()
}

/**
 * The same of bytes that come in pieces; however they are cut, the digest is the same. Two multiplicative hashes that
 * feed each other, then MurmurHash3's finalizer.
 */
export class StreamHash {
  #a = 0
  #b = ~0
  #length = 0

  update(bytes: Uint8Array): this {
    let a = this.#a
    let b = this.#b
    for (const byte of bytes) {
      a = Math.imul(a ^ byte, 0x01000193) ^ (b >>> 15)
      b = Math.imul(b + byte, 0x85ebca6b) ^ (a >>> 13)
    }
    this.#a = a
    this.#b = b
    this.#length += bytes.length
    return this
  }

  digest(): string {
    const b = this.#b ^ this.#length
    return toHex(mix(this.#a ^ b)) + toHex(mix(b))
  }
}

function mix(word: number): number {
  const once = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35)
  return (twice ^ (twice >>> 16)) >>> 0
}

function toHex(word: number): string {
  return word.toString(16).padStart(8, '0')
}
