import {
  checkLinearizability,
  explainViolation,
  type KvContent,
  kvModel,
  type Operation,
  smallestViolation,
  UNKNOWN,
} from 'legion-mesh/testing'
import type { KvOperation } from './journal.js'
import { isCounter } from './operations.js'
import type { StateReport } from './worker.js'

export interface Verdict {
  /** Sentences, the worst first; none if all is as it should be. */
  readonly violations: readonly string[]
  /** The smallest part of the history that is not linearizable, if it is not. */
  readonly failing: readonly KvOperation[] | undefined
}

/** Of the counters that are wrong. */
const MAX_SHOWN = 3

/**
 * A history of what clients saw, and what the replicas have in the end. What must hold:
 *
 * - every key's history is linearizable, its value in the end included: so no acknowledged command was lost, none took
 *   effect twice, and none that was said not to be applied was;
 * - all replicas have the same state;
 * - the counters say so once more by plain counting.
 */
export function judge(operations: readonly KvOperation[], states: ReadonlyMap<string, StateReport>): Verdict {
  const { failing, violations } = judgeHistory([...operations, ...finalReads(operations, states)])
  const [state] = states.values()
  return {
    failing,
    violations: [...violations, ...differences(states), ...(state === undefined ? [] : miscounts(operations, state))],
  }
}

/** Of each key that anybody used, on each replica. */
function finalReads(operations: readonly KvOperation[], states: ReadonlyMap<string, StateReport>): KvOperation[] {
  const keys = new Set(operations.map(({ input }) => input.key))
  return [...states].flatMap(([process, { entries, invokedAt, returnedAt }]) => {
    const values = new Map(entries)
    return [...keys].map((key) => {
      const output = values.get(key) ?? null
      return { process: `${process} in the end`, input: { type: 'get', key }, output, invokedAt, returnedAt } as const
    })
  })
}

function judgeHistory(history: readonly KvOperation[]): Verdict {
  const result = checkLinearizability(history, kvModel)
  switch (result.verdict) {
    case 'linearizable':
      return { violations: [], failing: undefined }
    case 'unknown':
      return { violations: [`undecided: ${result.limit} of ${result.exhausted} were not enough`], failing: undefined }
    case 'not-linearizable': {
      const { operations, violation } = smallestViolation(history, kvModel, result.violation)
      return { violations: [explainViolation(violation)], failing: operations }
    }
  }
}

function differences(states: ReadonlyMap<string, StateReport>): string[] {
  const hashes = new Set([...states.values()].map(({ hash }) => hash))
  if (hashes.size <= 1) return []
  const lines = [...states].map(([name, { hash }]) => `  ${name}: ${hash}`)
  return [['The replicas have different states in the end:', ...lines].join('\n')]
}

/** Each counter is at least what was acknowledged, and at most that and what is not known. */
function miscounts(operations: readonly KvOperation[], state: StateReport): string[] {
  const values = new Map(state.entries)
  const miscounted = [...countIncrements(operations)].flatMap(([key, { known, unknown }]) => {
    const value = numberOf(values.get(key))
    if (value >= known && value <= known + unknown) return []
    const outcomes = `${known} increments were acknowledged and ${unknown} have an unknown outcome`
    return [`${value < known ? 'Lost' : 'Doubled'}: "${key}" is ${value} in the end, but ${outcomes}.`]
  })
  const more = miscounted.length - MAX_SHOWN
  return more > 0 ? [...miscounted.slice(0, MAX_SHOWN), `The same of ${more} more counters.`] : miscounted
}

function countIncrements(operations: readonly Operation<KvOperation['input'], unknown>[]) {
  const counts = new Map<string, { known: number; unknown: number }>()
  for (const { input, output } of operations) {
    if (input.type !== 'increment' || !isCounter(input.key)) continue
    const count = counts.get(input.key) ?? { known: 0, unknown: 0 }
    count[output === UNKNOWN ? 'unknown' : 'known']++
    counts.set(input.key, count)
  }
  return counts
}

function numberOf(value: KvContent | undefined): number {
  return typeof value === 'number' ? value : 0
}
