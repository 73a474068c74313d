export const NONE = -1

/**
 * Numbers in a fixed order, of which any can be taken out and put back in constant time ("dancing links": D. Knuth,
 * 2000). What is taken out last must be put back first.
 */
export class DancingList {
  /** By item + 1: the first place is for NONE, which stands for both ends. */
  readonly #next: Int32Array
  readonly #previous: Int32Array

  /**
   * @param size the items are numbers from 0 to `size` - 1
   * @param items distinct
   */
  constructor(size: number, items: readonly number[]) {
    this.#next = new Int32Array(size + 1)
    this.#previous = new Int32Array(size + 1)
    this.#link(NONE, items[0] ?? NONE)
    for (const [i, item] of items.entries()) this.#link(item, items[i + 1] ?? NONE)
  }

  /** NONE if it is empty. */
  get first(): number {
    return this.after(NONE)
  }

  /** NONE after the last; an item that is out still knows what was after it. */
  after(item: number): number {
    return this.#next[item + 1] as number
  }

  takeOut(item: number): void {
    this.#link(this.#before(item), this.after(item))
  }

  putBack(item: number): void {
    this.#next[this.#before(item) + 1] = item
    this.#previous[this.after(item) + 1] = item
  }

  #before(item: number): number {
    return this.#previous[item + 1] as number
  }

  #link(item: number, next: number): void {
    this.#next[item + 1] = next
    this.#previous[next + 1] = item
  }
}
