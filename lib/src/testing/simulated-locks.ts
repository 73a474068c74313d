/** Exclusive locks that processes share. The end of a process frees what it had. */
export class SimulatedLocks {
  readonly #holders = new Map<string, object>()
  readonly #waiting = new Map<string, Set<() => void>>()

  /** @returns false if somebody has it */
  take(name: string, holder: object): boolean {
    if (this.#holders.has(name)) return false
    this.#holders.set(name, holder)
    return true
  }

  free(name: string, holder: object): void {
    if (this.#holders.get(name) !== holder) return
    this.#holders.delete(name)
    const waiting = this.#waiting.get(name) ?? []
    this.#waiting.delete(name)
    for (const free of waiting) queueMicrotask(free)
  }

  freeAll(holder: object): void {
    for (const [name, by] of this.#holders) if (by === holder) this.free(name, holder)
  }

  /** Calls `free` once, when nobody has it. @returns stops waiting */
  whenFree(name: string, free: () => void): () => void {
    if (!this.#holders.has(name)) {
      queueMicrotask(free)
      return () => {}
    }
    const waiting = this.#waiting.get(name) ?? new Set()
    this.#waiting.set(name, waiting.add(free))
    return () => waiting.delete(free)
  }
}
