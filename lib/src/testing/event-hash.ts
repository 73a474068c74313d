const OFFSET_BASIS = 0x811c9dc5
const PRIME = 0x01000193

/**
 * A running 32-bit hash over everything that happens in a simulation: equal runs give equal hashes. FNV-1a, of four
 * bytes at a time where there are so many: all that is ever sent comes by here.
 */
export class EventHash {
  #hash = OFFSET_BASIS

  get value(): number {
    return this.#hash >>> 0
  }

  add(timeMs: number, what: string, bytes: Uint8Array = new Uint8Array()): void {
    this.#addWord(Math.round(timeMs * 1000))
    for (let i = 0; i < what.length; i++) this.#add(what.charCodeAt(i))
    this.#addWord(bytes.length)
    const whole = bytes.length - (bytes.length % 4)
    for (let i = 0; i < whole; i += 4) this.#addWord(wordAt(bytes, i))
    for (let i = whole; i < bytes.length; i++) this.#add(bytes[i] ?? 0)
  }

  /** Its high bits reach the low ones, which the multiplication alone never does. */
  #addWord(word: number): void {
    this.#add(word ^ (word >>> 16))
    this.#hash ^= this.#hash >>> 15
  }

  #add(value: number): void {
    this.#hash = Math.imul(this.#hash ^ value, PRIME)
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)
}
