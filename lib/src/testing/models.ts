import { UNKNOWN, type Unknown } from './history.js'

/**
 * What a history is checked against: an object that does one operation after the other.
 *
 * If operations can be told apart by what they touch (the key), one independent object per part is far cheaper to check
 * than all in one, and says the same.
 */
export interface SequentialModel<Input, Output, State> {
  /** Of every part. Never undefined, and neither is any other state. */
  readonly initial: State
  /**
   * The state after the operation; undefined if it could not have had this output here. A pure function: `state` is
   * left as it is. An unknown output is always possible.
   */
  step(state: State, input: Input, output: Output | Unknown): State | undefined
  /** Tells states apart. If equal ones have more than one key, the search is slower than it need be, but still right. */
  keyOf(state: State): StateKey
  /**
   * The name of the part that the operation touches, alone; undefined if it may touch several: a history with such an
   * operation is checked as a whole. Left out if there are no parts.
   */
  readonly partitionOf?: ((input: Input) => string | undefined) | undefined
  /**
   * True if the operation, where it can have this output, leaves the state as it is, whatever that is. Makes the search
   * quicker. Left out: nobody knows.
   */
  readonly isRead?: ((input: Input, output: Output | Unknown) => boolean) | undefined
  /**
   * Tells inputs apart. Operations that never returned and whose inputs have the same key can stand for each other, so
   * that only the one invoked first need be tried. Left out: each is tried.
   */
  readonly inputKeyOf?: ((input: Input) => StateKey) | undefined
  /** The state as plain data for an explanation; itself if left out. */
  readonly show?: ((state: State) => unknown) | undefined
}

export type StateKey = string | number | boolean | null

export type RegisterInput<T> =
  | { readonly type: 'read' }
  | { readonly type: 'write'; readonly value: T }
  | { readonly type: 'cas'; readonly expected: T; readonly value: T }

/** What was read; of a compare-and-set, whether it set; of a write, nothing. */
export type RegisterOutput<T> = T | boolean | undefined

/** One variable. */
export function registerModel<T extends string | number | null>(
  initial: T,
): SequentialModel<RegisterInput<T>, RegisterOutput<T>, T> {
  return {
    initial,
    keyOf: (state) => state,
    isRead: (input, output) => input.type === 'read' || (input.type === 'cas' && output === false),
    step(state, input, output) {
      switch (input.type) {
        case 'read':
          return output === UNKNOWN || output === state ? state : undefined
        case 'write':
          return input.value
        case 'cas': {
          const matches = input.expected === state
          if (output !== UNKNOWN && output !== matches) return undefined
          return matches ? input.value : state
        }
      }
    },
  }
}

export type KeyValueInput =
  | { readonly type: 'get'; readonly key: string }
  | { readonly type: 'put' | 'append'; readonly key: string; readonly value: string }

/** What `get` got; otherwise nothing. */
export type KeyValueOutput = string | undefined

/** Strings by key, each empty at first. The state is that of one key. */
export const keyValueModel: SequentialModel<KeyValueInput, KeyValueOutput, string> = {
  initial: '',
  keyOf: (state) => state,
  partitionOf: (input) => input.key,
  isRead: (input) => input.type === 'get',
  step(state, input, output) {
    switch (input.type) {
      case 'get':
        return output === UNKNOWN || output === state ? state : undefined
      case 'put':
        return input.value
      case 'append':
        return state + input.value
    }
  },
}
