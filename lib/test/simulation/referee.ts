import { type Operation as Call, UNKNOWN } from '../../src/testing/history.js'
import { checkLinearizability, explainViolation } from '../../src/testing/linearizability.js'
import type { SequentialModel } from '../../src/testing/models.js'
import type { Operation, SwarmResult } from './swarm.js'

/**
 * What must be true of every run, whatever happened: all peers agree, and each command counts as often as its caller
 * was told. Gives one sentence for each thing that is wrong.
 */
export function findProblems(result: SwarmResult): string[] {
  return [
    ...disagreements(
      'lists',
      result.lists.map((lists) => JSON.stringify(lists)),
    ),
    ...disagreements('draws', result.draws.map(String)),
    ...disagreements('documents', result.texts),
    ...result.operations.flatMap((operation) => misplaced(operation, result)),
    ...nonLinearizable(result),
  ]
}

function disagreements(what: string, values: readonly string[]): string[] {
  return new Set(values).size === 1 ? [] : [`${what} differ: ${values.join(' | ')}`]
}

function misplaced(operation: Operation, { lists }: SwarmResult): string[] {
  if (operation.kind !== 'append') return []
  const list = lists[0]?.[operation.key] ?? []
  const count = list.filter((item) => item === operation.item).length
  const isAcknowledged = operation.output !== undefined
  if (isAcknowledged && count !== 1) return [`${operation.item} was acknowledged and is there ${count} times`]
  if (operation.notApplied && count !== 0) return [`${operation.item} was "not applied" and is there ${count} times`]
  if (count > 1) return [`${operation.item} is there ${count} times`]
  if (isAcknowledged && list[Number(operation.output) - 1] !== operation.item) {
    return [`${operation.item} was told place ${String(operation.output)} and is not there`]
  }
  return []
}

interface Input {
  readonly kind: 'append' | 'read'
  readonly key: string
  readonly item: string
}
type Output = number | readonly string[]

/** A list per key, as one copy of the ledger would hold it. */
const ledgerModel: SequentialModel<Input, Output, readonly string[]> = {
  initial: [],
  keyOf: (list) => list.join(','),
  partitionOf: ({ key }) => key,
  step(list, { kind, item }, output) {
    const next = kind === 'append' ? [...list, item] : list
    const actual = kind === 'append' ? next.length : list.join(',')
    const told = Array.isArray(output) ? output.join(',') : output
    return output === UNKNOWN || told === actual ? next : undefined
  },
}

/**
 * The lists at the end tell what came of commands whose callers never heard: without that the search would have to try
 * every subset of them.
 */
function nonLinearizable({ operations, lists }: SwarmResult): string[] {
  const history = operations.flatMap((operation): Call<Input, Output>[] => {
    const output = operation.output ?? placeAtTheEnd(operation, lists[0] ?? {})
    return output === undefined ? [] : [{ ...operation, input: operation, output }]
  })
  const result = checkLinearizability(history, ledgerModel)
  if (result.verdict === 'linearizable') return []
  return result.verdict === 'unknown' ? ['the checker gave up'] : [explainViolation(result.violation)]
}

function placeAtTheEnd({ kind, key, item }: Operation, lists: Readonly<Record<string, readonly string[]>>) {
  const place = kind === 'append' ? (lists[key] ?? []).indexOf(item) + 1 : 0
  return place === 0 ? undefined : place
}
