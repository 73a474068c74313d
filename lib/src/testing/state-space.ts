import type { Operation } from './history.js'
import type { SequentialModel, StateKey } from './models.js'

export const IMPOSSIBLE = -1
export const INITIAL_STATE = 0

/** What an object costs beyond its characters; a guess. */
const STATE_OVERHEAD_BYTES = 200
/** Two copies (the key and the state itself) of two bytes. */
const KEY_CHARACTER_BYTES = 4
const MAX_REMEMBERED_STEPS = 1 << 18

/** The states of a model that were reached, as numbers. Equal states have equal numbers. */
export class StateSpace<Input, Output, State> {
  readonly #model: SequentialModel<Input, Output, State>
  readonly #operations: readonly Operation<Input, Output>[]
  readonly #states: State[] = []
  readonly #numbers = new Map<StateKey, number>()
  /** By state and operation. Models can be slow, and the search asks for the same steps in many orders. */
  readonly #steps = new Map<number, number>()
  #sizeBytes = 0

  constructor(model: SequentialModel<Input, Output, State>, operations: readonly Operation<Input, Output>[]) {
    this.#model = model
    this.#operations = operations
    this.#numberOf(model.initial) // INITIAL_STATE
  }

  /** About what the states take in memory. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  at(state: number): State {
    return this.#states[state] as State
  }

  /** The state after the operation, or IMPOSSIBLE. */
  step(state: number, operation: number): number {
    const step = state * this.#operations.length + operation
    const known = this.#steps.get(step)
    if (known !== undefined) return known
    const next = this.#run(this.at(state), this.#operations[operation] as Operation<Input, Output>)
    if (this.#steps.size >= MAX_REMEMBERED_STEPS) this.#steps.clear()
    this.#steps.set(step, next)
    return next
  }

  #run(state: State, { input, output }: Operation<Input, Output>): number {
    const next = this.#model.step(state, input, output)
    return next === undefined ? IMPOSSIBLE : this.#numberOf(next)
  }

  #numberOf(state: State): number {
    const key = this.#model.keyOf(state)
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    this.#sizeBytes += STATE_OVERHEAD_BYTES + KEY_CHARACTER_BYTES * String(key).length
    this.#numbers.set(key, this.#states.length)
    return this.#states.push(state) - 1
  }
}
