/** Answers to one peer that its link did not take yet: it sends them again when the link drains. */
export class AnswerQueue {
  readonly #limitBytes: number
  #frames: Uint8Array[] = []
  #bytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  get length(): number {
    return this.#frames.length
  }

  /** @param instead what to send if the answer does not fit here; small */
  push(answer: Uint8Array, instead: () => Uint8Array): void {
    const frame = this.#bytes + answer.length <= this.#limitBytes ? answer : instead()
    this.#frames.push(frame)
    this.#bytes += frame.length
  }

  /** @param send false if there is no room yet */
  flush(send: (frame: Uint8Array) => boolean): void {
    const blockedAt = this.#frames.findIndex((frame) => !send(frame))
    this.#frames = blockedAt < 0 ? [] : this.#frames.slice(blockedAt)
    this.#bytes = this.#frames.reduce((total, frame) => total + frame.length, 0)
  }

  clear(): void {
    this.#frames = []
    this.#bytes = 0
  }
}
