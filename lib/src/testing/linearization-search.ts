import { Candidates } from './candidates.js'
import { ConfigurationSet, PlacedSet } from './configuration-set.js'
import { NONE } from './dancing-list.js'
import { type Operation, UNKNOWN } from './history.js'
import type { SequentialModel, StateKey } from './models.js'
import { IMPOSSIBLE, INITIAL_STATE, StateSpace } from './state-space.js'

export interface Budget {
  readonly maxConfigurations: number
  readonly maxMemoryBytes: number
}

export type SearchResult<Input, Output, State> =
  | { readonly verdict: 'linearizable' }
  | { readonly verdict: 'not-linearizable'; readonly farthest: DeadEnd<Input, Output, State> }
  | { readonly verdict: 'unknown'; readonly exhausted: keyof Budget }

/** A configuration from which nothing leads on. */
export interface DeadEnd<Input, Output, State> {
  /** The operation whose return is the deadline. */
  readonly blocked: Operation<Input, Output>
  /** The operations placed, in the order in which they take effect. */
  readonly order: readonly Operation<Input, Output>[]
  /** After all of `order`. */
  readonly state: State
}

interface Placement {
  readonly operation: number
  readonly stateBefore: number
}

/** A dead end in numbers. */
interface FarthestPath {
  readonly blocked: number
  readonly order: number[]
  readonly state: number
}

/** Where very many operations may come next, trying them is what takes the time. */
const TRIES_PER_CONFIGURATION = 16

/**
 * Looks for an order of operations that the model can do, one after the other, and in which each takes effect between
 * its invocation and its return: depth first, and never twice into what is known to lead nowhere. `checkLinearizability`
 * says whose algorithm this is.
 */
export class LinearizationSearch<Input, Output, State> {
  readonly #operations: readonly Operation<Input, Output>[]
  /** By number: 1 if it returned and leaves the state as it is. */
  readonly #isRead: Uint8Array
  readonly #candidates: Candidates
  readonly #space: StateSpace<Input, Output, State>
  readonly #visited: ConfigurationSet
  readonly #placed: PlacedSet
  readonly #path: Placement[] = []
  #state = INITIAL_STATE
  #tries = 0
  #farthest: FarthestPath | undefined
  /** So far the path is the farthest one. */
  #sharedLength = 0

  constructor(model: SequentialModel<Input, Output, State>, operations: readonly Operation<Input, Output>[]) {
    const inOrder = [...operations].sort((a, b) => a.invokedAt - b.invokedAt)
    const required = inOrder.filter((operation) => operation.returnedAt !== undefined)
    const optional = inOrder.filter((operation) => operation.returnedAt === undefined)
    this.#operations = [...required, ...optional]
    this.#candidates = new Candidates(this.#operations, twinsOf(this.#operations, model.inputKeyOf))
    this.#isRead = Uint8Array.from(required, ({ input, output }) => (model.isRead?.(input, output) ? 1 : 0))
    this.#space = new StateSpace(model, this.#operations)
    this.#placed = new PlacedSet(required.length, optional.length)
    this.#visited = new ConfigurationSet(optional.length)
  }

  /** To be called once. */
  run(budget: Budget): SearchResult<Input, Output, State> {
    this.#visited.add(this.#placed, INITIAL_STATE)
    let candidate = this.#firstChoice()
    while (this.#candidates.mostUrgent !== NONE) {
      const exhausted = this.#exhausted(budget)
      if (exhausted !== undefined) return { verdict: 'unknown', exhausted }
      if (candidate !== NONE) {
        candidate = this.#place(candidate) ? this.#firstChoice() : this.#nextChoice(candidate)
      } else {
        const farthest = this.#noteDeadEnd()
        if (this.#path.length === 0) return { verdict: 'not-linearizable', farthest: this.#describe(farthest) }
        candidate = this.#nextChoice(this.#undo())
      }
    }
    return { verdict: 'linearizable' }
  }

  #exhausted({ maxConfigurations, maxMemoryBytes }: Budget): keyof Budget | undefined {
    if (Math.max(this.#visited.size, this.#tries / TRIES_PER_CONFIGURATION) > maxConfigurations)
      return 'maxConfigurations'
    if (this.#visited.sizeBytes + this.#space.sizeBytes > maxMemoryBytes) return 'maxMemoryBytes'
    return undefined
  }

  /** A read that is possible here if there is one: whatever can come now can come after it as well. */
  #firstChoice(): number {
    const { first } = this.#candidates
    let candidate = first
    while (candidate !== NONE && this.#candidates.isRequired(candidate)) {
      if (this.#isPossibleRead(candidate)) return candidate
      candidate = this.#candidates.after(candidate)
    }
    return first
  }

  #nextChoice(tried: number): number {
    return this.#isPossibleRead(tried) ? NONE : this.#candidates.after(tried)
  }

  #isPossibleRead(operation: number): boolean {
    return this.#isRead[operation] === 1 && this.#space.step(this.#state, operation) !== IMPOSSIBLE
  }

  /** @returns false if that is impossible here, or leads to nothing new */
  #place(operation: number): boolean {
    this.#tries++
    const next = this.#space.step(this.#state, operation)
    if (next === IMPOSSIBLE || this.#makesUseless(operation, next)) return false
    this.#placed.toggle(operation)
    if (!this.#visited.add(this.#placed, next)) {
      this.#placed.toggle(operation)
      return false
    }
    this.#candidates.takeOut(operation)
    this.#path.push({ operation, stateBefore: this.#state })
    this.#state = next
    return true
  }

  /** True if the one placed just now may be left out and, left out before this one, makes no difference: tried elsewhere. */
  #makesUseless(operation: number, next: number): boolean {
    const last = this.#path.at(-1)
    if (last === undefined || this.#candidates.isRequired(last.operation) || this.#candidates.isRequired(operation)) {
      return false
    }
    return this.#space.step(last.stateBefore, operation) === next
  }

  /** Undoes the last placement. @returns the operation */
  #undo(): number {
    const { operation, stateBefore } = this.#path.pop() as Placement
    this.#state = stateBefore
    this.#sharedLength = Math.min(this.#sharedLength, this.#path.length)
    this.#candidates.putBack(operation)
    this.#placed.toggle(operation)
    return operation
  }

  /**
   * The deadline never moves back along a path: the farthest configuration of all is a dead end. Only what changed since
   * the last one is copied: there may be one after every operation of a long history.
   */
  #noteDeadEnd(): FarthestPath {
    const blocked = this.#candidates.mostUrgent
    if (this.#farthest !== undefined && this.#returnOf(blocked) <= this.#returnOf(this.#farthest.blocked)) {
      return this.#farthest
    }
    const order = this.#farthest?.order ?? []
    order.length = this.#sharedLength
    for (let i = this.#sharedLength; i < this.#path.length; i++) order.push((this.#path[i] as Placement).operation)
    this.#sharedLength = this.#path.length
    this.#farthest = { blocked, order, state: this.#state }
    return this.#farthest
  }

  #describe({ blocked, order, state }: FarthestPath): DeadEnd<Input, Output, State> {
    return {
      blocked: this.#operationAt(blocked),
      order: order.map((operation) => this.#operationAt(operation)),
      state: this.#space.at(state),
    }
  }

  #returnOf(operation: number): number {
    return this.#operationAt(operation).returnedAt as number
  }

  #operationAt(operation: number): Operation<Input, Output> {
    return this.#operations[operation] as Operation<Input, Output>
  }
}

/** By operation: the last one before it that never returned either and whose input is the same; NONE if there is none. */
function twinsOf<Input, Output>(
  operations: readonly Operation<Input, Output>[],
  inputKeyOf: ((input: Input) => StateKey) | undefined,
): number[] {
  const last = new Map<StateKey, number>()
  return operations.map(({ input, output, returnedAt }, operation) => {
    if (inputKeyOf === undefined || returnedAt !== undefined || output !== UNKNOWN) return NONE
    const key = inputKeyOf(input)
    const twin = last.get(key) ?? NONE
    last.set(key, operation)
    return twin
  })
}
