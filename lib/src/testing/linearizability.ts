import { toBase64Url } from '../base/bytes.js'
import { LegionError } from '../base/errors.js'
import { type Operation, UNKNOWN } from './history.js'
import { type Budget, LinearizationSearch } from './linearization-search.js'
import type { SequentialModel } from './models.js'

/** For each part of the history. */
export interface LinearizabilityOptions {
  /**
   * How many configurations may be visited; 1,000,000 if left out. Bounds the time: one in which very many operations are
   * tried counts as several.
   */
  readonly maxConfigurations?: number | undefined
  /** About how much memory those and the states of the model may take; 256 MiB if left out. */
  readonly maxMemoryBytes?: number | undefined
}

export type Linearizability<Input, Output> =
  | { readonly verdict: 'linearizable' }
  | { readonly verdict: 'not-linearizable'; readonly violation: Violation<Input, Output> }
  /** The budget ran out: `limit` of `exhausted` was not enough to tell. */
  | { readonly verdict: 'unknown'; readonly exhausted: keyof Budget; readonly limit: number }

/** Why a history is not linearizable. */
export interface Violation<Input, Output> {
  /**
   * The operation that could not be placed: every order of the others that explains whatever returned before it leaves
   * no place for it before its own return. The first such in the order of returns, whatever way the search took.
   */
  readonly blocked: Operation<Input, Output>
  /** An order that explains everything that returned before `blocked`. */
  readonly order: readonly Operation<Input, Output>[]
  /** The state after `order`, as the model shows it. */
  readonly state: unknown
}

const DEFAULT_BUDGET: Budget = { maxConfigurations: 1_000_000, maxMemoryBytes: 256 * 2 ** 20 }

/**
 * Is there an order of the operations that a single copy of the object could have gone through, in which each takes
 * effect at one moment between its invocation and its return?
 *
 * Linearizability: M. Herlihy, J. Wing, "Linearizability: a correctness condition for concurrent objects" (TOPLAS 1990).
 * The search: J. Wing, C. Gong, "Testing and verifying concurrent objects" (JPDC 1993), with the memory of visited
 * configurations of G. Lowe, "Testing for linearizability" (CCPE 2017). Parts are checked on their own because
 * linearizability is local: Herlihy and Wing's theorem, used so by A. Horn, D. Kroening, "Faster linearizability checking
 * via P-compositionality" (FORTE 2015). Deciding it is NP-complete, therefore the budget.
 *
 * @throws LegionError E_INVALID if an operation returned before it was invoked; whatever the model throws
 */
export function checkLinearizability<Input, Output, State>(
  history: readonly Operation<Input, Output>[],
  model: SequentialModel<Input, Output, State>,
  options: LinearizabilityOptions = {},
): Linearizability<Input, Output> {
  for (const operation of history) requireTimes(operation)
  const budget: Budget = {
    maxConfigurations: options.maxConfigurations ?? DEFAULT_BUDGET.maxConfigurations,
    maxMemoryBytes: options.maxMemoryBytes ?? DEFAULT_BUDGET.maxMemoryBytes,
  }
  return checkParts(partsOf(history, model), model, budget)
}

/** A text of some lines, for people. */
export function explainViolation<Input, Output>({ blocked, order, state }: Violation<Input, Output>): string {
  const shown = order.slice(-MAX_EXPLAINED)
  return [
    'Not linearizable: no order of the operations leaves a place for',
    `  ${describeOperation(blocked)}`,
    `One that explains all that returned earlier has ${order.length} operations; the last ${shown.length} of them:`,
    ...shown.map((operation) => `  ${describeOperation(operation)}`),
    `After them the state is ${describeValue(state)}.`,
  ].join('\n')
}

type Part<Input, Output> = readonly Operation<Input, Output>[]

/** Configurations. */
const FIRST_EFFORT = 4096
const EFFORT_GROWTH = 16

const MAX_EXPLAINED = 12
const MAX_DESCRIBED_CHARACTERS = 400

function requireTimes({
  process,
  invokedAt,
  returnedAt = Number.POSITIVE_INFINITY,
}: Operation<unknown, unknown>): void {
  if (invokedAt <= returnedAt) return
  throw new LegionError(
    'E_INVALID',
    `An operation of process ${process} returned at ${returnedAt}, before it was invoked at ${invokedAt}.`,
  )
}

/** One part if the model has no parts, or an operation touches several. */
function partsOf<Input, Output, State>(
  history: readonly Operation<Input, Output>[],
  model: SequentialModel<Input, Output, State>,
): Part<Input, Output>[] {
  const parts = new Map<string, Operation<Input, Output>[]>()
  for (const operation of history) {
    const name = model.partitionOf?.(operation.input)
    if (name === undefined) return [history]
    const part = parts.get(name)
    if (part === undefined) parts.set(name, [operation])
    else part.push(operation)
  }
  return [...parts.values()]
}

/**
 * All parts with little effort, then the undecided ones with more: one violation is enough, and some are easy to find.
 * @param effort in configurations for each part
 */
function checkParts<Input, Output, State>(
  parts: readonly Part<Input, Output>[],
  model: SequentialModel<Input, Output, State>,
  budget: Budget,
  effort = FIRST_EFFORT,
): Linearizability<Input, Output> {
  const limited = { ...budget, maxConfigurations: Math.min(effort, budget.maxConfigurations) }
  const undecided: Part<Input, Output>[] = []
  let result: Linearizability<Input, Output> = { verdict: 'linearizable' }
  for (const part of parts) {
    const partResult = checkPart(part, model, limited)
    if (partResult.verdict === 'not-linearizable') return partResult
    if (partResult.verdict === 'linearizable') continue
    undecided.push(part)
    result = partResult
  }
  if (undecided.length === 0 || effort >= budget.maxConfigurations) return result
  return checkParts(undecided, model, budget, effort * EFFORT_GROWTH)
}

function checkPart<Input, Output, State>(
  part: Part<Input, Output>,
  model: SequentialModel<Input, Output, State>,
  budget: Budget,
): Linearizability<Input, Output> {
  const result = new LinearizationSearch(model, part).run(budget)
  switch (result.verdict) {
    case 'linearizable':
      return result
    case 'unknown':
      return { ...result, limit: budget[result.exhausted] }
    case 'not-linearizable': {
      const { blocked, order, state } = result.farthest
      const violation = { blocked, order, state: model.show === undefined ? state : model.show(state) }
      return { verdict: 'not-linearizable', violation }
    }
  }
}

function describeOperation({ process, input, output, invokedAt, returnedAt }: Operation<unknown, unknown>): string {
  const result = output === UNKNOWN ? 'unknown' : describeValue(output)
  return `${process}: ${describeValue(input)} -> ${result} [${invokedAt}, ${returnedAt ?? 'never returned'}]`
}

function describeValue(value: unknown): string {
  const text = JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'bigint') return `${part}n`
    return part instanceof Uint8Array ? toBase64Url(part) : part
  })
  if (text === undefined) return String(value)
  return text.length > MAX_DESCRIBED_CHARACTERS ? `${text.slice(0, MAX_DESCRIBED_CHARACTERS)}…` : text
}
