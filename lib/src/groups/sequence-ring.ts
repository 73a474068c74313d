const SMALLEST = 8

/**
 * Items by numbers that come in about rising order and fall out of use in about the same order: an array that begins again
 * at its start. Costs memory in proportion to the distance from the lowest number in use to the highest.
 *
 * Invariants: the items' numbers are from `#lowest` on and below `#next`, which are no more than `#items.length` apart; the
 * length is a power of two; `#items[number & (length - 1)]` is the item of the number, undefined if there is none.
 */
export class SequenceRing<T> {
  #items: (T | undefined)[] = new Array<T | undefined>(SMALLEST).fill(undefined)
  #lowest = 0
  #next = 0
  #size = 0
  /** How many were deleted since there were more than an eighth of what fits. */
  #calm = 0

  get size(): number {
    return this.#size
  }

  /** The lowest number in use; undefined if there is none. */
  get lowest(): number | undefined {
    if (this.#size === 0) return undefined
    while (this.#at(this.#lowest) === undefined) this.#lowest++
    return this.#lowest
  }

  get(number: number): T | undefined {
    return number >= this.#lowest && number < this.#next ? this.#at(number) : undefined
  }

  /** In the place of the number's former item, if it has one. */
  set(number: number, item: T): void {
    if (this.#size === 0) this.#next = number
    const lowest = Math.min(number, this.lowest ?? number)
    const next = Math.max(number + 1, this.#next)
    while (next - lowest > this.#items.length) this.#resize(2 * this.#items.length)
    this.#lowest = lowest
    this.#next = next
    if (this.#at(number) === undefined) this.#size++
    this.#items[this.#place(number)] = item
  }

  delete(number: number): void {
    if (this.get(number) === undefined) return
    this.#items[this.#place(number)] = undefined
    this.#size--
    const { length } = this.#items
    this.#calm = this.#size < length / 8 ? this.#calm + 1 : 0
    // Not at once: what comes in waves would grow again each time.
    if (this.#calm > length && length > SMALLEST) this.#giveBack()
  }

  clear(): void {
    this.#items = new Array<T | undefined>(SMALLEST).fill(undefined)
    this.#size = 0
  }

  /** In the order of their numbers. Items may be deleted meanwhile. */
  *entries(): Generator<readonly [number, T], void, undefined> {
    for (let number = this.#lowest; number < this.#next; number++) {
      const item = this.get(number)
      if (item !== undefined) yield [number, item]
    }
  }

  /** As `entries`. */
  *values(): Generator<T, void, undefined> {
    for (const [, item] of this.entries()) yield item
  }

  #at(number: number): T | undefined {
    return this.#items[this.#place(number)]
  }

  #place(number: number): number {
    return number & (this.#items.length - 1)
  }

  /** Half of the memory, if that is more than twice of what is needed. */
  #giveBack(): void {
    const { length } = this.#items
    if (this.#next - (this.lowest ?? this.#next) <= length / 4) this.#resize(length / 2)
  }

  /** @param length a power of two, no less than what is needed */
  #resize(length: number): void {
    const items = new Array<T | undefined>(length).fill(undefined)
    for (let number = this.#lowest; number < this.#next; number++) items[number & (length - 1)] = this.#at(number)
    this.#items = items
    this.#calm = 0
  }
}
