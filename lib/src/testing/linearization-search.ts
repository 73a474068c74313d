import { Candidates } from './candidates.js'
import { ConfigurationSet, PlacedSet } from './configuration-set.js'
import { NONE } from './dancing-list.js'
import type { Operation } from './history.js'
import type { SequentialModel } from './models.js'
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

/**
 * Looks for an order of operations that the model can do, one after the other, and in which each takes effect between
 * its invocation and its return: depth first, and never twice into what is known to lead nowhere. `checkLinearizability`
 * says whose algorithm this is.
 */
export class LinearizationSearch<Input, Output, State> {
  readonly #operations: readonly Operation<Input, Output>[]
  readonly #candidates: Candidates
  readonly #space: StateSpace<Input, Output, State>
  readonly #visited: ConfigurationSet
  readonly #placed: PlacedSet
  readonly #path: Placement[] = []
  #state = INITIAL_STATE
  #farthest: DeadEnd<Input, Output, State> | undefined

  constructor(model: SequentialModel<Input, Output, State>, operations: readonly Operation<Input, Output>[]) {
    const inOrder = [...operations].sort((a, b) => a.invokedAt - b.invokedAt)
    const required = inOrder.filter((operation) => operation.returnedAt !== undefined)
    const optional = inOrder.filter((operation) => operation.returnedAt === undefined)
    this.#operations = [...required, ...optional]
    this.#candidates = new Candidates(this.#operations)
    this.#space = new StateSpace(model, this.#operations)
    this.#placed = new PlacedSet(required.length, optional.length)
    this.#visited = new ConfigurationSet(required.length, optional.length)
  }

  /** To be called once. */
  run(budget: Budget): SearchResult<Input, Output, State> {
    this.#visited.add(this.#placed, INITIAL_STATE)
    let candidate = this.#candidates.first
    while (this.#candidates.mostUrgent !== NONE) {
      const exhausted = this.#exhausted(budget)
      if (exhausted !== undefined) return { verdict: 'unknown', exhausted }
      if (candidate !== NONE) {
        candidate = this.#place(candidate) ? this.#candidates.first : this.#candidates.after(candidate)
      } else {
        const farthest = this.#noteDeadEnd()
        if (this.#path.length === 0) return { verdict: 'not-linearizable', farthest }
        candidate = this.#candidates.after(this.#undo())
      }
    }
    return { verdict: 'linearizable' }
  }

  #exhausted({ maxConfigurations, maxMemoryBytes }: Budget): keyof Budget | undefined {
    if (this.#visited.size > maxConfigurations) return 'maxConfigurations'
    if (this.#visited.sizeBytes + this.#space.sizeBytes > maxMemoryBytes) return 'maxMemoryBytes'
    return undefined
  }

  /** @returns false if that is impossible here, or leads to nothing new */
  #place(operation: number): boolean {
    const next = this.#space.step(this.#state, operation)
    if (next === IMPOSSIBLE) return false
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

  /** Undoes the last placement. @returns the operation */
  #undo(): number {
    const { operation, stateBefore } = this.#path.pop() as Placement
    this.#state = stateBefore
    this.#candidates.putBack(operation)
    this.#placed.toggle(operation)
    return operation
  }

  /** The deadline never moves back along a path: the farthest configuration of all is a dead end. */
  #noteDeadEnd(): DeadEnd<Input, Output, State> {
    const blocked = this.#operationAt(this.#candidates.mostUrgent)
    if (
      this.#farthest === undefined ||
      (blocked.returnedAt as number) > (this.#farthest.blocked.returnedAt as number)
    ) {
      const order = this.#path.map(({ operation }) => this.#operationAt(operation))
      this.#farthest = { blocked, order, state: this.#space.at(this.#state) }
    }
    return this.#farthest
  }

  #operationAt(operation: number): Operation<Input, Output> {
    return this.#operations[operation] as Operation<Input, Output>
  }
}
