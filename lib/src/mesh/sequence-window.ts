/** So many numbers may be overtaken by others and still count. */
const WINDOW = 128

/** Tells what is new from what was there before: numbers of one sender, who counts upwards (as in RFC 4303, 3.4.3). */
export class SequenceWindow {
  readonly #seen = new Set<number>()
  #floor = -1

  has(sequence: number): boolean {
    return sequence <= this.#floor || this.#seen.has(sequence)
  }

  /** @returns false if it was taken before, or is too old to know */
  take(sequence: number): boolean {
    if (this.has(sequence)) return false
    this.#seen.add(sequence)
    if (this.#seen.size > WINDOW) this.#forgetOldest()
    return true
  }

  #forgetOldest(): void {
    for (const oldest of this.#seen) {
      this.#seen.delete(oldest)
      this.#floor = Math.max(this.#floor, oldest)
      return
    }
  }
}

/** One window for each process of each peer. */
export class SequenceWindows<Peer> {
  readonly #windows = new Map<Peer, { readonly boot: number; readonly window: SequenceWindow }>()

  has(peer: Peer, boot: number, sequence: number): boolean {
    const known = this.#windows.get(peer)
    return known?.boot === boot && known.window.has(sequence)
  }

  /** @returns false if it was taken before. Of another boot everything is new. */
  take(peer: Peer, boot: number, sequence: number): boolean {
    let known = this.#windows.get(peer)
    if (known?.boot !== boot) {
      known = { boot, window: new SequenceWindow() }
      this.#windows.set(peer, known)
    }
    return known.window.take(sequence)
  }

  forget(peer: Peer): void {
    this.#windows.delete(peer)
  }
}
