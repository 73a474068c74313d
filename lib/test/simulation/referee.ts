import { type Operation as Call, UNKNOWN } from '../../src/testing/history.js'
import { checkLinearizability, explainViolation } from '../../src/testing/linearizability.js'
import type { SequentialModel } from '../../src/testing/models.js'
import type { JournalEntry } from './ledger.js'
import type { SwarmResult } from './swarm.js'
import type { Operation, Output } from './users.js'

/**
 * What must be true of every run, whatever happened: all peers agree, and each command counts as often as its caller
 * was told. Gives one sentence for each thing that is wrong.
 */
export function findProblems(result: SwarmResult): string[] {
  const journal = result.states[0]?.journal ?? []
  return [
    ...disagreements('states', result.states.map(showState)),
    ...disagreements('snapshots, with sessions and rosters,', result.snapshots),
    ...disagreements('documents', result.texts),
    ...misplaced(result.operations, journal),
    ...nonLinearizable(result.operations, journal),
  ]
}

function showState(state: SwarmResult['states'][number]): string {
  return JSON.stringify({ ...state, journal: state.journal.map(({ item }) => item) })
}

function disagreements(what: string, values: readonly string[]): string[] {
  return new Set(values).size === 1 ? [] : [`${what} differ: ${values.join(' | ')}`]
}

function misplaced(operations: readonly Operation[], journal: readonly JournalEntry[]): string[] {
  const outputs = new Map<string, JournalEntry['output'][]>()
  for (const { item, output } of journal) outputs.set(item, [...(outputs.get(item) ?? []), output])
  return operations
    .filter((operation) => !isRead(operation))
    .flatMap((operation) => problemOf(operation, outputs.get(operation.item) ?? []))
}

/** @param outputs what the journal has of it, each time that it was applied */
function problemOf({ item, kind, output, notApplied, isOwed }: Operation, outputs: JournalEntry['output'][]): string[] {
  const count = outputs.length
  if (count > 1) return [`${kind} ${item} was applied ${count} times`]
  if (notApplied && count > 0) return [`${kind} ${item} was "not applied" and is there`]
  if (output !== undefined && count === 0) return [`${kind} ${item} was acknowledged and is lost`]
  if (output !== undefined && outputs[0] !== output) {
    return [`${kind} ${item} was told ${String(output)}, the journal has ${String(outputs[0])}`]
  }
  return isOwed && count === 0 ? [`${kind} ${item} was on disk when its peer crashed and was never applied`] : []
}

type State = number | readonly string[]

/** One list or one cell, as one copy of the ledger would hold it. */
const ledgerModel: SequentialModel<Operation, Output, State> = {
  initial: 0,
  keyOf: (state) => (typeof state === 'number' ? state : state.join(',')),
  partitionOf: ({ key }) => key,
  step(state, operation, output) {
    const [next, actual] = typeof state === 'number' ? stepOf(operation, state, []) : stepOf(operation, 0, state)
    return output === UNKNOWN || String(output) === String(actual) ? next : undefined
  },
}

/** What one copy would hold, and what it would say. */
function stepOf({ kind, item, value, expected }: Operation, cell: number, list: readonly string[]): [State, Output] {
  switch (kind) {
    case 'append':
      return [[...list, item], list.length + 1]
    case 'list':
      return [list, list]
    case 'set':
      return [value, cell]
    case 'compareAndSet':
      return cell === expected ? [value, true] : [cell, false]
    case 'increment':
      return [cell + 1, cell + 1]
    case 'cell':
      return [cell, cell]
  }
}

/**
 * The journal tells what came of commands whose callers never heard: without that the search would have to try every
 * subset of them.
 */
function nonLinearizable(operations: readonly Operation[], journal: readonly JournalEntry[]): string[] {
  const outputs = new Map(journal.map(({ item, output }) => [item, output]))
  const history = operations.flatMap((operation): Call<Operation, Output>[] => {
    const output = operation.output ?? outputs.get(operation.item)
    return output === undefined ? [] : [{ ...operation, input: operation, output }]
  })
  const result = checkLinearizability(history, ledgerModel)
  if (result.verdict === 'linearizable') return []
  return result.verdict === 'unknown' ? ['the checker gave up'] : [explainViolation(result.violation)]
}

function isRead({ kind }: Operation): boolean {
  return kind === 'list' || kind === 'cell'
}
