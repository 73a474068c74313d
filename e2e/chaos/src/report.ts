import { UNKNOWN } from 'legion-mesh/testing'
import type { Evidence } from './conductor.js'
import type { KvOperation } from './journal.js'

/** What a run was like, as text of some lines. */
export function describeRun({ journals, kills, pauses, startedAt, stoppedAt, states }: Evidence): string {
  const operations = journals.flatMap((journal) => journal.operations)
  const seconds = (stoppedAt - startedAt) / 1e6
  const unknown = operations.filter(({ output }) => output === UNKNOWN).length
  const notApplied = journals.reduce((sum, journal) => sum + journal.notApplied, 0)
  const gap = longestGap(operations, startedAt, stoppedAt)
  return [
    `${operations.length} operations (${countByType(operations)}), ${Math.round(operations.length / seconds)} a second`,
    `${unknown} with an unknown outcome, ${notApplied} not applied (${describeFailures(journals)})`,
    `${kills} kills, ${pauses} pauses, ${journals.length} processes in ${seconds.toFixed(0)} s`,
    `longest time without an acknowledged command: ${(gap / 1000).toFixed(0)} ms`,
    `${new Set([...states.values()].map(({ hash }) => hash)).size === 1 ? 'equal' : 'different'} states in the end`,
  ].join('\n')
}

function countByType(operations: readonly KvOperation[]): string {
  const counts = new Map<string, number>()
  for (const { input } of operations) counts.set(input.type, (counts.get(input.type) ?? 0) + 1)
  return [...counts].map(([type, count]) => `${count} ${type}`).join(', ')
}

function describeFailures(journals: Evidence['journals']): string {
  const counts = new Map<string, number>()
  for (const { failures } of journals) {
    for (const [code, count] of failures) counts.set(code, (counts.get(code) ?? 0) + count)
  }
  return counts.size === 0 ? 'nothing failed' : [...counts].map(([code, count]) => `${count} ${code}`).join(', ')
}

/** In the cluster as a whole, in microseconds. */
function longestGap(operations: readonly KvOperation[], startedAt: number, stoppedAt: number): number {
  const acknowledged = operations
    .filter(({ input, output }) => input.type !== 'get' && output !== UNKNOWN)
    .map(({ returnedAt }) => returnedAt ?? stoppedAt)
    .filter((at) => at > startedAt && at < stoppedAt)
  const times = [startedAt, ...acknowledged.sort((a, b) => a - b), stoppedAt]
  return times.reduce((longest, at, i) => Math.max(longest, at - (times[i - 1] ?? at)), 0)
}
