import { DancingList, NONE } from './dancing-list.js'
import type { Operation } from './history.js'

type AnyOperation = Operation<unknown, unknown>

/**
 * The operations that are not placed yet, by number, and which of them may be placed next: those that were invoked
 * before the first return that is still to come (the deadline). What returned comes first and what never did, which may
 * be left out, last: few of those are ever needed.
 *
 * Of optional operations that can stand for each other (twins) the one invoked first is placed first: whatever another
 * explains, it explains as well.
 */
export class Candidates {
  readonly #operations: readonly AnyOperation[]
  readonly #required: DancingList
  readonly #optional: DancingList
  readonly #byReturn: DancingList
  readonly #requiredCount: number
  readonly #twins: readonly number[]
  readonly #isOut: Uint8Array

  /**
   * @param operations those that returned, then those that never did, each ordered by invocation
   * @param twins by operation, of those that never returned the twin that was invoked last before; otherwise NONE
   */
  constructor(operations: readonly AnyOperation[], twins: readonly number[]) {
    const numbers = [...operations.keys()]
    const required = numbers.filter((n) => operations[n]?.returnedAt !== undefined)
    this.#operations = operations
    this.#twins = twins
    this.#isOut = new Uint8Array(operations.length)
    this.#requiredCount = required.length
    this.#required = new DancingList(numbers.length, required)
    this.#optional = new DancingList(numbers.length, numbers.slice(required.length))
    this.#byReturn = new DancingList(
      numbers.length,
      required.sort((a, b) => this.#returnOf(a) - this.#returnOf(b)),
    )
  }

  /** The operation that must be placed first of all; NONE if all that returned are placed. */
  get mostUrgent(): number {
    return this.#byReturn.first
  }

  /** NONE if there is none. */
  get first(): number {
    return this.#orOptional(this.#required.first)
  }

  /** The one to try after `operation`, which may have been put back just now; NONE if that was the last. */
  after(operation: number): number {
    return this.isRequired(operation)
      ? this.#orOptional(this.#required.after(operation))
      : this.#freeOptional(this.#optional.after(operation))
  }

  isRequired(operation: number): boolean {
    return operation < this.#requiredCount
  }

  takeOut(operation: number): void {
    this.#isOut[operation] = 1
    for (const list of this.#listsOf(operation)) list.takeOut(operation)
  }

  /** What was taken out last first. */
  putBack(operation: number): void {
    this.#isOut[operation] = 0
    for (const list of this.#listsOf(operation)) list.putBack(operation)
  }

  #orOptional(operation: number): number {
    const candidate = this.#ifInvoked(operation)
    return candidate === NONE ? this.#freeOptional(this.#optional.first) : candidate
  }

  /** The first from `operation` on whose turn it is among its twins. */
  #freeOptional(operation: number): number {
    let candidate = this.#ifInvoked(operation)
    while (candidate !== NONE && !this.#isFree(candidate)) candidate = this.#ifInvoked(this.#optional.after(candidate))
    return candidate
  }

  #isFree(operation: number): boolean {
    const twin = this.#twins[operation] as number
    return twin === NONE || this.#isOut[twin] === 1
  }

  /** NONE if it was invoked after the deadline: then so was what comes after it in its list. */
  #ifInvoked(operation: number): number {
    if (operation === NONE || this.mostUrgent === NONE) return NONE
    const { invokedAt } = this.#operations[operation] as AnyOperation
    return invokedAt <= this.#returnOf(this.mostUrgent) ? operation : NONE
  }

  #listsOf(operation: number): readonly DancingList[] {
    return this.isRequired(operation) ? [this.#required, this.#byReturn] : [this.#optional]
  }

  #returnOf(operation: number): number {
    return this.#operations[operation]?.returnedAt as number
  }
}
