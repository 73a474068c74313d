import { LegionError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { Digest } from './checkpoint.js'

export interface CheckpointsOptions {
  readonly runtime: Runtime
  /** Called when there is something to ask for. */
  readonly changed: () => void
}

interface Waiting {
  readonly afterIndex: number
  readonly deadlineMs: number
  readonly resolve: (digest: Digest) => void
  readonly reject: (error: LegionError) => void
}

const DEFAULT_TIMEOUT_MS = 60_000
const ASK_AGAIN_MS = 3_000

/** Those who asked for a checkpoint and wait for it. A request may get lost, so it is repeated. */
export class Checkpoints {
  readonly #options: CheckpointsOptions
  readonly #waiting = new Set<Waiting>()
  #askedAtMs = Number.NEGATIVE_INFINITY
  #count = 0

  constructor(options: CheckpointsOptions) {
    this.#options = options
  }

  /** Taken here since the start. */
  get count(): number {
    return this.#count
  }

  get isWaiting(): boolean {
    return this.#waiting.size > 0
  }

  /** Resolves with the first checkpoint after `index`. */
  wait(afterIndex: number, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<Digest> {
    const deadlineMs = this.#options.runtime.nowMs() + timeoutMs
    return new Promise((resolve, reject) => {
      this.#waiting.add({ afterIndex, deadlineMs, resolve, reject })
      this.#askedAtMs = Number.NEGATIVE_INFINITY
      this.#options.changed()
    })
  }

  /** True if a checkpoint shall be proposed now. */
  takeRequest(): boolean {
    const nowMs = this.#options.runtime.nowMs()
    if (!this.isWaiting || nowMs < this.#askedAtMs + ASK_AGAIN_MS) return false
    this.#askedAtMs = nowMs
    return true
  }

  taken(digest: Digest): void {
    this.#count++
    for (const waiting of this.#waiting) {
      if (digest.index <= waiting.afterIndex) continue
      this.#waiting.delete(waiting)
      waiting.resolve(digest)
    }
  }

  tick(): void {
    const nowMs = this.#options.runtime.nowMs()
    for (const waiting of this.#waiting) {
      if (waiting.deadlineMs <= nowMs) this.#fail(waiting, new LegionError('E_TIMEOUT', 'No checkpoint came in time.'))
    }
  }

  failAll(error: LegionError): void {
    for (const waiting of this.#waiting) this.#fail(waiting, error)
  }

  #fail(waiting: Waiting, error: LegionError): void {
    this.#waiting.delete(waiting)
    waiting.reject(error)
  }
}
