import { type RandomStream, randomInt, seededRandom } from '../../src/base/random.js'
import { type Operation, UNKNOWN } from '../../src/testing/history.js'
import { type KvContent, type KvInput, type KvOutput, kvModel } from '../../src/testing/kv-model.js'

export type KvOperation = Operation<KvInput, KvOutput>

export interface LongHistoryOptions {
  readonly seed: number
  readonly length: number
  readonly keys: number
  /** How many never return; half of them take effect. */
  readonly open: number
}

/** About as many overlap on each key. */
const OVERLAP = 6

/** What a real store did: operation n has its effect at n, on any key, and is open a while before and after. */
export function longHistory({ seed, length, keys, open }: LongHistoryOptions): KvOperation[] {
  const random = seededRandom(seed)
  const store = new Map<string, KvContent>()
  const reach = OVERLAP * keys
  return Array.from({ length }, (_, n) => {
    const input = drawInput(random, `${n % 2 === 0 ? 'counter' : 'register'}-${randomInt(random, keys / 2)}`, n)
    const invokedAt = n - random() * reach
    const isOpen = random() < open / length
    if (isOpen && random() < 0.5) return { process: n % 50, input, output: UNKNOWN, invokedAt, returnedAt: undefined }
    const output = runOn(store, input)
    return isOpen
      ? { process: n % 50, input, output: UNKNOWN, invokedAt, returnedAt: undefined }
      : { process: n % 50, input, output, invokedAt, returnedAt: n + random() * reach }
  })
}

function drawInput(random: RandomStream, key: string, n: number): KvInput {
  const draw = random()
  if (draw < 0.4) return { type: 'get', key }
  if (key.startsWith('counter')) return { type: 'increment', key, by: 1 }
  if (draw < 0.7) return { type: 'set', key, value: n }
  return { type: 'compareAndSet', key, expected: n - randomInt(random, 20), value: n }
}

/** What the store answers. */
export function runOn(store: Map<string, KvContent>, input: KvInput): KvOutput {
  const before = store.get(input.key) ?? null
  const after = kvModel.step(before, input, UNKNOWN) as KvContent
  store.set(input.key, after)
  switch (input.type) {
    case 'get':
    case 'increment':
      return after
    case 'set':
      return undefined
    case 'compareAndSet':
      return before === input.expected ? { ok: true } : { ok: false, current: before }
  }
}
