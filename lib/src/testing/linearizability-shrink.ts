import { type Operation, UNKNOWN } from './history.js'
import { checkLinearizability, type LinearizabilityOptions, type Violation } from './linearizability.js'
import type { SequentialModel } from './models.js'

/** A part of a history that shows a violation by itself. */
export interface SmallestViolation<Input, Output> {
  readonly operations: readonly Operation<Input, Output>[]
  readonly violation: Violation<Input, Output>
}

/** Of what is left: a question that is hard to answer is not worth it. */
const CHECK: LinearizabilityOptions = { maxConfigurations: 20_000 }
const MAX_CHECKS = 200

/**
 * Leaves out of a history that is not linearizable what is not needed to see it: the other parts, everything after the
 * violation, and as many of the reads as can be told quickly. Only what cannot make a linearizable history into another: what is
 * found is a violation of the whole.
 * @param violation of the history
 * @throws whatever `checkLinearizability` throws
 */
export function smallestViolation<Input, Output, State>(
  history: readonly Operation<Input, Output>[],
  model: SequentialModel<Input, Output, State>,
  violation: Violation<Input, Output>,
): SmallestViolation<Input, Output> {
  const check = (operations: readonly Operation<Input, Output>[]): SmallestViolation<Input, Output> | undefined => {
    const result = checkLinearizability(operations, model, CHECK)
    return result.verdict === 'not-linearizable' ? { operations, violation: result.violation } : undefined
  }
  const part = partAround(history, model, violation.blocked)
  const cut = check(untilReturnOf(violation.blocked, part)) ?? { operations: part, violation }
  const isRead = ({ input, output }: Operation<Input, Output>) => model.isRead?.(input, output) === true
  return leaveOut(cut, isRead, check)
}

function partAround<Input, Output, State>(
  history: readonly Operation<Input, Output>[],
  model: SequentialModel<Input, Output, State>,
  { input }: Operation<Input, Output>,
): readonly Operation<Input, Output>[] {
  const names = history.map((operation) => model.partitionOf?.(operation.input))
  if (names.includes(undefined)) return history
  const name = model.partitionOf?.(input)
  return history.filter((_, i) => names[i] === name)
}

/** What nobody had seen return by then is open. */
function untilReturnOf<Input, Output>(
  { returnedAt = Number.POSITIVE_INFINITY }: Operation<Input, Output>,
  history: readonly Operation<Input, Output>[],
): Operation<Input, Output>[] {
  return history
    .filter(({ invokedAt }) => invokedAt <= returnedAt)
    .map((operation) =>
      operation.returnedAt !== undefined && operation.returnedAt > returnedAt
        ? { ...operation, output: UNKNOWN, returnedAt: undefined }
        : operation,
    )
}

/** Tries to do without ever smaller runs of what may be left out (the idea of delta debugging: A. Zeller, 1999). */
function leaveOut<Input, Output>(
  smallest: SmallestViolation<Input, Output>,
  mayGo: (operation: Operation<Input, Output>) => boolean,
  check: (operations: readonly Operation<Input, Output>[]) => SmallestViolation<Input, Output> | undefined,
): SmallestViolation<Input, Output> {
  let found = smallest
  let optional = smallest.operations.filter((operation) => mayGo(operation) && operation !== smallest.violation.blocked)
  let checks = 0
  for (let size = optional.length; size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < optional.length && checks < MAX_CHECKS; from += size, checks++) {
      const gone = new Set(optional.slice(from, from + size))
      found = check(found.operations.filter((operation) => !gone.has(operation))) ?? found
    }
    const left = new Set(found.operations)
    optional = optional.filter((operation) => left.has(operation))
  }
  return found
}
