const WORD_BITS = 32

/**
 * The operations placed so far, as bits by number: the required ones first, then the optional ones, which may be left
 * out. Knows its hash, of the required ones alone, at any time (Zobrist hashing).
 */
export class PlacedSet {
  readonly words: Uint32Array
  readonly #required: number
  #hash = 0

  /** @param required how many there are @param optional how many there are */
  constructor(required: number, optional: number) {
    this.words = new Uint32Array(wordsFor(required + optional))
    this.#required = required
  }

  get hash(): number {
    return this.#hash
  }

  /** Adds the operation, or removes it if it is there. */
  toggle(operation: number): void {
    toggleBit(this.words, operation)
    if (operation < this.#required) this.#hash ^= mix(operation + 1)
  }
}

/** Words of a row before those of its PlacedSet. */
const LINK = 0
const HASH = 1
const STATE = 2
const HEADER_WORDS = 3

/** Of a chain, newest first. To miss one that covers costs only time; to compare with very many costs more. */
const MAX_COMPARED = 128

/**
 * Remembers configurations: what was placed and the number of the state after it. One covers another if both placed the
 * same required operations and came to the same state, and it placed no optional one that the other did not: whatever
 * leads on from the other leads on from it.
 *
 * A hash table with a chain of rows per slot. Rows are linked by their number plus one; 0 ends a chain. What covers and
 * what is covered have the same hash, so they are in one chain; beyond that nothing depends on hashes.
 */
export class ConfigurationSet {
  /** The bits of the required operations. */
  readonly #required: Uint32Array
  readonly #rowWords: number
  #rows: Uint32Array
  #heads = new Uint32Array(64)
  #size = 0

  /** @param required how many there are @param optional how many there are */
  constructor(required: number, optional: number) {
    this.#required = new Uint32Array(wordsFor(required + optional))
    for (let operation = 0; operation < required; operation++) toggleBit(this.#required, operation)
    this.#rowWords = HEADER_WORDS + this.#required.length
    this.#rows = new Uint32Array(this.#heads.length * this.#rowWords)
  }

  get size(): number {
    return this.#size
  }

  /** What is held, without spare capacity. */
  get sizeBytes(): number {
    return this.#size * Uint32Array.BYTES_PER_ELEMENT * (this.#rowWords + 1)
  }

  /** @returns false if one that covers it is known to be there already; it is not added then */
  add(placed: PlacedSet, state: number): boolean {
    const hash = mix(placed.hash ^ mix(state))
    if (this.#hasCovering(hash, placed, state)) return false
    if (this.#size === this.#heads.length) this.#grow()
    const start = this.#size * this.#rowWords
    this.#rows[start + HASH] = hash
    this.#rows[start + STATE] = state
    this.#rows.set(placed.words, start + HEADER_WORDS)
    this.#link(this.#size++)
    return true
  }

  #hasCovering(hash: number, placed: PlacedSet, state: number): boolean {
    let link = this.#heads[this.#slotOf(hash)] as number
    for (let compared = 0; link !== 0 && compared < MAX_COMPARED; compared++) {
      const start = (link - 1) * this.#rowWords
      if (this.#rows[start + STATE] === state && this.#covers(start + HEADER_WORDS, placed.words)) return true
      link = this.#rows[start + LINK] as number
    }
    return false
  }

  #covers(start: number, words: Uint32Array): boolean {
    for (let i = 0; i < words.length; i++) {
      const held = this.#rows[start + i] as number
      const word = words[i] as number
      const missing = word & ~held & (this.#required[i] as number)
      if (missing !== 0 || (held & ~word) !== 0) return false
    }
    return true
  }

  #grow(): void {
    const rows = new Uint32Array(this.#rows.length * 2)
    rows.set(this.#rows)
    this.#rows = rows
    this.#heads = new Uint32Array(this.#heads.length * 2)
    for (let row = 0; row < this.#size; row++) this.#link(row)
  }

  /** Puts the row at the head of its chain. */
  #link(row: number): void {
    const start = row * this.#rowWords
    const slot = this.#slotOf(this.#rows[start + HASH] as number)
    this.#rows[start + LINK] = this.#heads[slot] as number
    this.#heads[slot] = row + 1
  }

  #slotOf(hash: number): number {
    return hash & (this.#heads.length - 1)
  }
}

function wordsFor(operations: number): number {
  return Math.ceil(operations / WORD_BITS)
}

function toggleBit(words: Uint32Array, bit: number): void {
  const word = Math.floor(bit / WORD_BITS)
  words[word] = (words[word] as number) ^ (1 << (bit % WORD_BITS))
}

/** A bijection of 32-bit words in which every bit depends on every other: MurmurHash3's finalizer. */
function mix(word: number): number {
  const once = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35)
  return (twice ^ (twice >>> 16)) >>> 0
}
