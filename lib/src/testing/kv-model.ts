import { UNKNOWN, type Unknown } from './history.js'
import type { SequentialModel } from './models.js'

/** What a key holds in these histories; null where there is no such key. */
export type KvContent = number | string | null

/** What touches one key alone of the built-in `kv`. */
export type KvInput =
  | { readonly type: 'get'; readonly key: string }
  | { readonly type: 'set'; readonly key: string; readonly value: number | string }
  | {
      readonly type: 'compareAndSet'
      readonly key: string
      readonly expected: KvContent
      readonly value: number | string
    }
  | { readonly type: 'increment'; readonly key: string; readonly by: number }

/** Of `get` the value, of `increment` the sum, of `set` nothing. */
export type KvOutput = KvContent | undefined | KvSwap

/** `current` is what was there instead of what was expected. */
export type KvSwap = { readonly ok: true } | { readonly ok: false; readonly current: KvContent }

/**
 * The built-in `kv` machine, key by key, for long histories: says the same as `machineModel(kv)` of these inputs, and is
 * far quicker. Increments of what is no number are no part of it: they never had an output.
 */
export const kvModel: SequentialModel<KvInput, KvOutput, KvContent> = {
  initial: null,
  keyOf: (state) => state,
  partitionOf: (input) => input.key,
  isRead: (input, output) => input.type === 'get' || (input.type === 'compareAndSet' && isRefusal(output)),
  inputKeyOf: (input) => JSON.stringify(input),
  step(state, input, output) {
    switch (input.type) {
      case 'get':
        return output === UNKNOWN || output === state ? state : undefined
      case 'set':
        return input.value
      case 'compareAndSet':
        return swap(state, input, output)
      case 'increment':
        return increment(state, input.by, output)
    }
  },
}

type CompareAndSet = Extract<KvInput, { type: 'compareAndSet' }>

function swap(state: KvContent, { expected, value }: CompareAndSet, output: KvOutput | Unknown): KvContent | undefined {
  const matches = state === expected
  if (output !== UNKNOWN && !isSwapOf(output, matches, state)) return undefined
  return matches ? value : state
}

function isRefusal(output: KvOutput | Unknown): boolean {
  return typeof output === 'object' && output !== null && !output.ok
}

function isSwapOf(output: KvOutput, matches: boolean, current: KvContent): boolean {
  if (typeof output !== 'object' || output === null || output.ok !== matches) return false
  return output.ok || output.current === current
}

/** What it refuses changes nothing and has no output. */
function increment(state: KvContent, by: number, output: KvOutput | Unknown): KvContent | undefined {
  if (typeof state === 'string') return output === UNKNOWN ? state : undefined
  const sum = (state ?? 0) + by
  return output === UNKNOWN || output === sum ? sum : undefined
}
