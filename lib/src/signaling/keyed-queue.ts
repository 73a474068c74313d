interface Lane {
  tail: Promise<void>
  waitingCount: number
}

/** Tasks that may wait or run. */
export interface QueueLimits {
  readonly perKey: number
  readonly inAll: number
}

/** Runs asynchronous tasks in order per key; the tasks of different keys run side by side. */
export class KeyedQueue<Key> {
  readonly #lanes = new Map<Key, Lane>()
  readonly #limits: QueueLimits
  #count = 0

  constructor(limits: QueueLimits) {
    this.#limits = limits
  }

  /**
   * @param task must not reject
   * @returns false if too many tasks wait already: this one will not run
   */
  add(key: Key, task: () => Promise<void>): boolean {
    const lane = this.#lanes.get(key) ?? { tail: Promise.resolve(), waitingCount: 0 }
    if (lane.waitingCount >= this.#limits.perKey || this.#count >= this.#limits.inAll) return false
    this.#lanes.set(key, lane)
    lane.waitingCount++
    this.#count++
    lane.tail = lane.tail.then(task).then(() => {
      lane.waitingCount--
      this.#count--
      if (lane.waitingCount === 0) this.#lanes.delete(key)
    })
    return true
  }
}
