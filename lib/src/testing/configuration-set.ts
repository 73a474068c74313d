const WORD_BITS = 32
const FULL_WORD = 0xffffffff

/**
 * The operations placed so far, as bits by number: the required ones, then the optional ones, which may be left out. Knows
 * its hash, of the required ones alone, at any time (Zobrist hashing).
 *
 * Required ones are numbered by their invocation, so nearly all that are placed come first and nearly all that are not
 * come last: only the words between tell configurations apart.
 */
export class PlacedSet {
  /** From the first required word that is not full to the last that is not empty. */
  #firstOpen = 0
  #end = 0
  readonly #required: Uint32Array
  readonly #optional: Uint32Array
  readonly #requiredCount: number
  #hash = 0

  /** @param required how many there are @param optional how many there are */
  constructor(required: number, optional: number) {
    this.#required = new Uint32Array(wordsFor(required))
    this.#optional = new Uint32Array(wordsFor(optional))
    this.#requiredCount = required
  }

  get hash(): number {
    return this.#hash
  }

  /** How many required words are full before the first that is not. */
  get fullWords(): number {
    return this.#firstOpen
  }

  /** The required words after those, without the empty ones at the end. */
  get openWords(): Uint32Array {
    return this.#required.subarray(this.#firstOpen, this.#end)
  }

  get optionalWords(): Uint32Array {
    return this.#optional
  }

  /** Adds the operation, or removes it if it is there. */
  toggle(operation: number): void {
    if (operation >= this.#requiredCount) {
      toggleBit(this.#optional, operation - this.#requiredCount)
      return
    }
    this.#hash ^= mix(operation + 1)
    const word = toggleBit(this.#required, operation)
    this.#firstOpen = Math.min(this.#firstOpen, word)
    while (this.#required[this.#firstOpen] === FULL_WORD) this.#firstOpen++
    this.#end = Math.max(this.#end, word + 1)
    while (this.#end > this.#firstOpen && this.#required[this.#end - 1] === 0) this.#end--
  }
}

/** A row: these words, then those of the required operations, then those of the optional ones. */
const LINK = 0
const HASH = 1
const STATE = 2
const FULL = 3
const OPEN_LENGTH = 4
const HEADER_WORDS = 5

/** Of a chain, newest first. To miss one that covers costs only time; to compare with very many costs more. */
const MAX_COMPARED = 128

const FIRST_SLOTS = 64
const FIRST_WORDS = 1024

/**
 * Remembers configurations: what was placed and the number of the state after it. One covers another if both placed the
 * same required operations and came to the same state, and it placed no optional one that the other did not: whatever
 * leads on from the other leads on from it.
 *
 * A hash table with a chain of rows per slot. Rows are linked by their start plus one; 0 ends a chain. What covers and
 * what is covered have the same hash, so they are in one chain; beyond that nothing depends on hashes.
 */
export class ConfigurationSet {
  readonly #optionalWords: number
  #rows = new Uint32Array(FIRST_WORDS)
  #heads = new Uint32Array(FIRST_SLOTS)
  #size = 0
  /** Words of all rows. */
  #end = 0

  /** @param optional how many optional operations there are */
  constructor(optional: number) {
    this.#optionalWords = wordsFor(optional)
  }

  get size(): number {
    return this.#size
  }

  /** What is held, without spare capacity. */
  get sizeBytes(): number {
    return Uint32Array.BYTES_PER_ELEMENT * (this.#end + this.#size)
  }

  /** @returns false if one that covers it is known to be there already; it is not added then */
  add(placed: PlacedSet, state: number): boolean {
    const hash = mix(placed.hash ^ mix(state))
    const { fullWords, openWords, optionalWords } = placed
    if (this.#hasCovering(hash, state, fullWords, openWords, optionalWords)) return false
    this.#makeRoom(HEADER_WORDS + openWords.length + optionalWords.length)
    const start = this.#end
    this.#rows[start + HASH] = hash
    this.#rows[start + STATE] = state
    this.#rows[start + FULL] = fullWords
    this.#rows[start + OPEN_LENGTH] = openWords.length
    this.#rows.set(openWords, start + HEADER_WORDS)
    this.#rows.set(optionalWords, start + HEADER_WORDS + openWords.length)
    this.#end = this.#after(start)
    this.#size++
    this.#link(start)
    return true
  }

  #hasCovering(hash: number, state: number, full: number, open: Uint32Array, optional: Uint32Array): boolean {
    let link = this.#heads[this.#slotOf(hash)] as number
    for (let compared = 0; link !== 0 && compared < MAX_COMPARED; compared++) {
      const start = link - 1
      if (
        this.#rows[start + STATE] === state &&
        this.#rows[start + FULL] === full &&
        this.#rows[start + OPEN_LENGTH] === open.length &&
        this.#hasSame(start + HEADER_WORDS, open) &&
        this.#hasNoOther(start + HEADER_WORDS + open.length, optional)
      ) {
        return true
      }
      link = this.#rows[start + LINK] as number
    }
    return false
  }

  #hasSame(start: number, words: Uint32Array): boolean {
    for (let i = 0; i < words.length; i++) if (this.#rows[start + i] !== words[i]) return false
    return true
  }

  #hasNoOther(start: number, words: Uint32Array): boolean {
    for (let i = 0; i < words.length; i++) {
      if (((this.#rows[start + i] as number) & ~(words[i] as number)) !== 0) return false
    }
    return true
  }

  #makeRoom(words: number): void {
    while (this.#end + words > this.#rows.length) {
      const rows = new Uint32Array(this.#rows.length * 2)
      rows.set(this.#rows)
      this.#rows = rows
    }
    if (this.#size < this.#heads.length) return
    this.#heads = new Uint32Array(this.#heads.length * 2)
    for (let start = 0; start < this.#end; start = this.#after(start)) this.#link(start)
  }

  /** Where the row after this one starts. */
  #after(start: number): number {
    return start + HEADER_WORDS + (this.#rows[start + OPEN_LENGTH] as number) + this.#optionalWords
  }

  /** Puts the row at the head of its chain. */
  #link(start: number): void {
    const slot = this.#slotOf(this.#rows[start + HASH] as number)
    this.#rows[start + LINK] = this.#heads[slot] as number
    this.#heads[slot] = start + 1
  }

  #slotOf(hash: number): number {
    return hash & (this.#heads.length - 1)
  }
}

function wordsFor(operations: number): number {
  return Math.ceil(operations / WORD_BITS)
}

/** @returns the word's place */
function toggleBit(words: Uint32Array, bit: number): number {
  const word = Math.floor(bit / WORD_BITS)
  words[word] = (words[word] as number) ^ (1 << (bit % WORD_BITS))
  return word
}

/** A bijection of 32-bit words in which every bit depends on every other: MurmurHash3's finalizer. */
function mix(word: number): number {
  const once = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35)
  return (twice ^ (twice >>> 16)) >>> 0
}
