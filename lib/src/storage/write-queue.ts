import { type Deferred, defer } from '../base/deferred.js'
import type { Durability, Write } from './storage.js'

/** So much is copied in one go; a single batch may be larger. */
const GROUP_BYTES_MAX = 4 * 1024 * 1024

interface Waiting {
  readonly batch: readonly Write[]
  readonly durability: Durability
  readonly done: Deferred
}

/**
 * Writes one after the other, in the order of the calls; what waits meanwhile goes together (group commit). After one
 * has failed all later ones fail with the same error.
 */
export class WriteQueue {
  readonly #write: (batch: readonly Write[], durability: Durability) => Promise<void>
  readonly #waiting: Waiting[] = []
  #idle: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined

  constructor(write: (batch: readonly Write[], durability: Durability) => Promise<void>) {
    this.#write = write
  }

  /** Of the write that failed, if one did. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure
  }

  push(batch: readonly Write[], durability: Durability): Promise<void> {
    const done = defer()
    this.#waiting.push({ batch, durability, done })
    this.#idle ??= this.#drain()
    return done.promise
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#idle
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup()
      await this.#writeGroup(group).catch((error) => {
        this.#failure ??= { error }
      })
      for (const { done } of group) {
        if (this.#failure === undefined) done.resolve()
        else done.reject(this.#failure.error)
      }
    }
    this.#idle = undefined
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    if (this.#failure !== undefined) return
    const batch = group.flatMap((waiting) => waiting.batch)
    const isSynced = group.some(({ durability }) => durability === 'synced')
    await this.#write(batch, isSynced ? 'synced' : 'buffered')
  }

  #takeGroup(): Waiting[] {
    let count = 0
    for (let sizeBytes = 0; count < this.#waiting.length && sizeBytes < GROUP_BYTES_MAX; count++) {
      for (const { value } of this.#waiting[count]?.batch ?? []) sizeBytes += value?.length ?? 0
    }
    return this.#waiting.splice(0, count)
  }
}
