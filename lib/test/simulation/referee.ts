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
