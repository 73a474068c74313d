const OFFSET_BASIS = 0x811c9dc5
const PRIME = 0x01000193

/** A running 32-bit hash (FNV-1a) over everything that happens in a simulation: equal runs give equal hashes. */
export class EventHash {
  #hash = OFFSET_BASIS

  get value(): number {
    return this.#hash >>> 0
  }

  add(timeMs: number, what: string, bytes: Uint8Array = new Uint8Array()): void {
    this.#addWord(Math.round(timeMs * 1000))
    for (let i = 0; i < what.length; i++) this.#addByte(what.charCodeAt(i))
    this.#addWord(bytes.length)
    for (const byte of bytes) this.#addByte(byte)
  }

  #addWord(word: number): void {
    for (let shift = 0; shift < 32; shift += 8) this.#addByte((word >>> shift) & 255)
  }

  #addByte(byte: number): void {
    this.#hash = Math.imul(this.#hash ^ byte, PRIME)
  }
}
