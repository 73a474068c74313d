import type { Operation } from '../../src/testing/history.js'
import type { SequentialModel } from '../../src/testing/models.js'

type Order<I, O> = readonly Operation<I, O>[]

/** Every sequence of some of the operations that the model can do and that respects who was before whom. For few only. */
export function explainingOrders<I, O, S>(history: Order<I, O>, model: SequentialModel<I, O, S>): Order<I, O>[] {
  return sequencesOf(history).filter((order) => respectsTime(order, history) && isPossible(order, model))
}

/** Does `order` have all that returned by then? */
export function explainsUntil<I, O>(order: Order<I, O>, history: Order<I, O>, time: number): boolean {
  return history.every((operation) => order.includes(operation) || (operation.returnedAt ?? Infinity) > time)
}

export function respectsTime<I, O>(order: Order<I, O>, history: Order<I, O>): boolean {
  return order.every((later, i) =>
    history.every((earlier) => {
      const isBefore = earlier.returnedAt !== undefined && earlier.returnedAt < later.invokedAt
      return !isBefore || order.slice(0, i).includes(earlier)
    }),
  )
}

export function isPossible<I, O, S>(order: Order<I, O>, model: SequentialModel<I, O, S>): boolean {
  return stateAfter(order, model) !== undefined
}

export function stateAfter<I, O, S>(order: Order<I, O>, model: SequentialModel<I, O, S>): S | undefined {
  let state: S | undefined = model.initial
  for (const { input, output } of order) {
    if (state === undefined) return undefined
    state = model.step(state, input, output)
  }
  return state
}

function sequencesOf<T>(items: readonly T[]): T[][] {
  const longer = items.flatMap((first) =>
    sequencesOf(items.filter((item) => item !== first)).map((rest) => [first, ...rest]),
  )
  return [[], ...longer]
}
