interface Lane {
  tail: Promise<void>
  waitingCount: number
}

/** Runs asynchronous tasks in order per key; the tasks of different keys run side by side. */
export class KeyedQueue<Key> {
  readonly #lanes = new Map<Key, Lane>()
  readonly #maxPerKey: number

  /** @param maxPerKey tasks of one key that may wait or run */
  constructor(maxPerKey: number) {
    this.#maxPerKey = maxPerKey
  }

  /**
   * @param task must not reject
   * @returns false if the key's queue is full: the task will not run
   */
  add(key: Key, task: () => Promise<void>): boolean {
    const lane = this.#lanes.get(key) ?? { tail: Promise.resolve(), waitingCount: 0 }
    if (lane.waitingCount >= this.#maxPerKey) return false
    this.#lanes.set(key, lane)
    lane.waitingCount++
    lane.tail = lane.tail.then(task).then(() => {
      lane.waitingCount--
      if (lane.waitingCount === 0) this.#lanes.delete(key)
    })
    return true
  }
}
