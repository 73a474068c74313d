import type { Pending } from './pending.js'

/*
 * Sets of proposals without hashing, which for ten thousand of them costs more than encoding a command.
 */

/** In the order in which they came. A proposal is in one chain only, once. */
export class Chain {
  #first: Pending | undefined
  #last: Pending | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  add(pending: Pending): void {
    pending.before = this.#last
    if (this.#last === undefined) this.#first = pending
    else this.#last.after = pending
    this.#last = pending
    this.#size++
  }

  /** To be called once for what was added. */
  delete(pending: Pending): void {
    const { before, after } = pending
    // Else one that is gone, but grown old before, would keep all that came after it from being collected early.
    pending.before = undefined
    pending.after = undefined
    if (before === undefined) this.#first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    this.#size--
  }

  /** The one at hand may be deleted meanwhile. */
  *[Symbol.iterator](): Generator<Pending, void, undefined> {
    for (let pending = this.#first; pending !== undefined; ) {
      const { after }: Pending = pending
      yield pending
      pending = after
    }
  }
}

/**
 * First in, first out; a proposal is in one queue at most. Where one was deleted from the middle its place stays until
 * it is passed.
 */
export class Queue {
  #places: Pending[] = []
  /** How many places were passed since the start. */
  #passed = 0
  /** The number of the first of `#places`. */
  #first = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Without effect if it is in this queue; takes it out of another one. */
  add(pending: Pending): void {
    if (pending.queue === this) return
    pending.queue?.delete(pending)
    pending.queue = this
    pending.place = this.#first + this.#places.length
    this.#places.push(pending)
    this.#size++
  }

  delete(pending: Pending): void {
    if (pending.queue !== this) return
    pending.queue = undefined
    this.#size--
    if (this.#size === 0) this.#passed = this.#first + this.#places.length
    // Not with each one: that would copy the rest each time.
    if (this.#passed - this.#first > this.#places.length / 2) this.#forgetPassed()
  }

  /** Takes out the one that has waited for the longest. */
  take(): Pending | undefined {
    while (this.#size > 0) {
      const place = this.#passed++
      const pending = this.#places[place - this.#first] as Pending
      if (pending.queue !== this || pending.place !== place) continue
      this.delete(pending)
      return pending
    }
    return undefined
  }

  #forgetPassed(): void {
    this.#places = this.#places.slice(this.#passed - this.#first)
    this.#first = this.#passed
  }
}
