import type { KvContent, KvInput, KvOutput } from 'legion-mesh/testing'
import { between, pick, type Random } from './random.js'

export interface OperationsOptions {
  readonly random: Random
  /** Nobody else's: with a number behind it, it makes values that were never written before. */
  readonly writer: string
  /** Milliseconds, of a clock that all who run on one cluster share. */
  readonly nowMs: () => number
}

/**
 * The keys in use are others every half a second: that keeps the history of each key short enough to be decided, however
 * long the run is.
 */
const EPOCH_MS = 500
const KEYS_PER_KIND = 3
const REVISITED_EPOCHS = 40

const COUNTER = 'counter'
const REGISTER = 'register'

/** True of keys that are only ever incremented by one and read. */
export function isCounter(key: string): boolean {
  return key.startsWith(COUNTER)
}

/** Draws what clients do: compare-and-set mostly expects what was seen last, so that many of them set. */
export class Operations {
  readonly #options: OperationsOptions
  readonly #firstEpoch: number
  /** Of keys of the current epoch. */
  readonly #seen = new Map<string, KvContent>()
  #epoch: number
  #lastValue = 0

  constructor(options: OperationsOptions) {
    this.#options = options
    this.#firstEpoch = this.#epoch = this.#currentEpoch()
  }

  next(): KvInput {
    this.#turnEpoch()
    const { random } = this.#options
    const draw = random()
    if (draw < 0.02) return { type: 'get', key: this.#key(pick(random, [COUNTER, REGISTER]), this.#earlierEpoch()) }
    if (draw < 0.2) return { type: 'get', key: this.#key(COUNTER) }
    if (draw < 0.5) return { type: 'increment', key: this.#key(COUNTER), by: 1 }
    if (draw < 0.7) return { type: 'get', key: this.#key(REGISTER) }
    if (draw < 0.85) return { type: 'set', key: this.#key(REGISTER), value: this.#newValue() }
    const key = this.#key(REGISTER)
    return { type: 'compareAndSet', key, expected: this.#seen.get(key) ?? null, value: this.#newValue() }
  }

  /** Takes note of what a register holds. */
  saw(input: KvInput, output: KvOutput): void {
    const value = valueAfter(input, output)
    if (value !== undefined) this.#seen.set(input.key, value)
  }

  #turnEpoch(): void {
    const epoch = this.#currentEpoch()
    if (epoch === this.#epoch) return
    this.#epoch = epoch
    this.#seen.clear()
  }

  #currentEpoch(): number {
    return Math.floor(this.#options.nowMs() / EPOCH_MS)
  }

  #earlierEpoch(): number {
    return Math.max(this.#firstEpoch, this.#epoch - between(this.#options.random, 1, REVISITED_EPOCHS))
  }

  #key(kind: string, epoch: number = this.#epoch): string {
    return `${kind}-${epoch}-${between(this.#options.random, 1, KEYS_PER_KIND)}`
  }

  #newValue(): string {
    return `${this.#options.writer}-${++this.#lastValue}`
  }
}

function valueAfter(input: KvInput, output: KvOutput): KvContent | undefined {
  switch (input.type) {
    case 'get':
      return output as KvContent
    case 'set':
      return input.value
    case 'compareAndSet': {
      const swap = output as Extract<KvOutput, { ok: boolean }>
      return swap.ok ? input.value : swap.current
    }
    case 'increment':
      return undefined
  }
}
