import { invariant } from '../base/errors.js'
import type { Index } from './types.js'

/** The window of appends that are on the way to one member: a queue of their last indexes and sizes. */
export class Inflights {
  readonly #maxMessages: number
  readonly #maxBytes: number
  #lastIndexes: Index[] = []
  #sizes: number[] = []
  /** The queue starts here; what is before is done. */
  #head = 0
  #bytes = 0

  constructor(maxMessages: number, maxBytes: number) {
    this.#maxMessages = maxMessages
    this.#maxBytes = maxBytes
  }

  get count(): number {
    return this.#lastIndexes.length - this.#head
  }

  /** Nothing more may be sent. The bytes may exceed their limit by the last message, so that any message fits. */
  get full(): boolean {
    return this.count >= this.#maxMessages || this.#bytes >= this.#maxBytes
  }

  /** @param last the index of the message's last entry; higher than all before */
  add(last: Index, sizeBytes: number): void {
    invariant(!this.full, () => `message up to ${last} overflows ${this.count} in flight with ${this.#bytes} bytes`)
    this.#lastIndexes.push(last)
    this.#sizes.push(sizeBytes)
    this.#bytes += sizeBytes
  }

  /** Everything up to `index` has arrived. */
  freeUpTo(index: Index): void {
    while (this.count > 0 && (this.#lastIndexes[this.#head] as number) <= index) {
      this.#bytes -= this.#sizes[this.#head] as number
      this.#head++
    }
    if (this.count === 0) this.clear()
    else if (this.#head > this.#maxMessages) this.#dropDone()
  }

  clear(): void {
    // One by one: to set a length is a call out of JavaScript, and what grows again later needs new memory.
    while (this.#lastIndexes.pop() !== undefined) this.#sizes.pop()
    this.#head = 0
    this.#bytes = 0
  }

  #dropDone(): void {
    this.#lastIndexes.splice(0, this.#head)
    this.#sizes.splice(0, this.#head)
    this.#head = 0
  }
}
