const SMALLEST = 64

/**
 * Items by numbers that are given out in rising order and fall out of use in about the same order: an array that begins
 * again at its start. Costs memory in proportion to the distance from the lowest number in use to the highest.
 *
 * Invariants: the items' numbers are from `#lowest` on and less than `#items.length` away from it; the length is a power
 * of two; `#items[number & (length - 1)]` is the item of the number.
 */
export class SequenceRing<T> {
  #items: (T | undefined)[] = new Array<T | undefined>(SMALLEST).fill(undefined)
  #lowest = 0
  #next = 0
  #size = 0

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

  /** @param number above all that were set since the ring was empty last */
  set(number: number, item: T): void {
    if (this.#size === 0) this.#lowest = number
    while (number - (this.lowest ?? number) >= this.#items.length) this.#grow()
    this.#items[this.#place(number)] = item
    this.#next = number + 1
    this.#size++
  }

  delete(number: number): void {
    if (this.get(number) === undefined) return
    this.#items[this.#place(number)] = undefined
    this.#size--
  }

  clear(): void {
    this.#items = new Array<T | undefined>(SMALLEST).fill(undefined)
    this.#size = 0
  }

  /** In the order of their numbers. Items may be deleted meanwhile. */
  *values(): Generator<T, void, undefined> {
    for (let number = this.#lowest; number < this.#next; number++) {
      const item = this.get(number)
      if (item !== undefined) yield item
    }
  }

  #at(number: number): T | undefined {
    return this.#items[this.#place(number)]
  }

  #place(number: number): number {
    return number & (this.#items.length - 1)
  }

  #grow(): void {
    const grown = new Array<T | undefined>(2 * this.#items.length).fill(undefined)
    for (let number = this.#lowest; number < this.#next; number++) grown[number & (grown.length - 1)] = this.#at(number)
    this.#items = grown
  }
}
