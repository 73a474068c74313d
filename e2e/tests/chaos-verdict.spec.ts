import { appendFileSync, mkdirSync } from 'node:fs'
import { expect, test } from '@playwright/test'
import { type KvInput, type KvOutput, UNKNOWN } from 'legion-mesh/testing'
import { FileJournal, type KvOperation, readJournal } from '../chaos/src/journal.js'
import { judge } from '../chaos/src/verdict.js'
import type { StateReport } from '../chaos/src/worker.js'

// What says that a run is right must be able to say that it is not.

const COUNTER = 'counter-1-1'
const REGISTER = 'register-1-1'
const increment: KvInput = { type: 'increment', key: COUNTER, by: 1 }
const set = (value: string): KvInput => ({ type: 'set', key: REGISTER, value })

/** Two counted, and two values of a register one after the other. */
const good = inTurn([increment, 1], [set('a'), undefined], [increment, 2], [set('b'), undefined])

test('[CHA9] a good history with its state has no violation', () => {
  expect(judge(good, states({ [COUNTER]: 2, [REGISTER]: 'b' }))).toEqual({ violations: [], failing: undefined })
})

test('[CHA9] a lost acknowledged write is seen', () => {
  const { violations, failing } = judge(good, states({ [COUNTER]: 2, [REGISTER]: 'a' }))
  expect(violations).toEqual([expect.stringContaining('in the end: {"type":"get","key":"register-1-1"} -> "a"')])
  expect(failing?.map(({ input }) => input.type)).toEqual(['set', 'set', 'get'])
})

test('[CHA9] a lost increment is seen, and a doubled one', () => {
  const lost = judge(good, states({ [COUNTER]: 1, [REGISTER]: 'b' })).violations
  expect(lost).toEqual([
    expect.stringContaining('Not linearizable'),
    expect.stringMatching(/^Lost: "counter-1-1" is 1/),
  ])
  const doubled = judge(good, states({ [COUNTER]: 3, [REGISTER]: 'b' })).violations
  expect(doubled).toEqual([expect.stringContaining('Not linearizable'), expect.stringMatching(/^Doubled: .* is 3/)])
})

test('[CHA9] an unknown increment may have happened, once', () => {
  const open: KvOperation = { process: 'p', input: increment, output: UNKNOWN, invokedAt: 0, returnedAt: undefined }
  const count = (value: number) => judge([open, ...good], states({ [COUNTER]: value, [REGISTER]: 'b' })).violations
  expect([count(2), count(3)]).toEqual([[], []])
  expect(count(4)).toHaveLength(2)
})

test('[CHA9] replicas that differ are seen', () => {
  const [one] = states({ [COUNTER]: 2, [REGISTER]: 'b' }).values()
  const both = new Map([
    ['one', one as StateReport],
    ['two', { ...(one as StateReport), hash: 'another' }],
  ])
  expect(judge(good, both).violations).toEqual([expect.stringContaining('different states')])
})

test('[CHA10] a journal has what was invoked as open until it returned, and not what was not applied', () => {
  mkdirSync(test.info().outputDir, { recursive: true })
  const path = test.info().outputPath('journal.jsonl')
  const journal = new FileJournal(path)
  journal.returned(journal.invoked(increment), 1)
  journal.failed(journal.invoked(set('refused')), 'not-applied', 'E_BUSY')
  journal.failed(journal.invoked(set('late')), 'unknown', 'E_TIMEOUT')
  journal.invoked(set('open'))
  journal.close()
  appendFileSync(path, '{"returned":4,"at":5') // the process was killed while it wrote
  const { operations, failures, notApplied } = readJournal(path, 'p')
  expect(operations.map(({ output }) => output)).toEqual([1, UNKNOWN, UNKNOWN])
  expect([...failures]).toEqual([
    ['E_BUSY', 1],
    ['E_TIMEOUT', 1],
  ])
  expect(notApplied).toBe(1)
})

function inTurn(...steps: [input: KvInput, output: KvOutput][]): KvOperation[] {
  return steps.map(([input, output], n) => {
    return { process: 'p', input, output, invokedAt: 2 * n, returnedAt: 2 * n + 1 }
  })
}

function states(values: Record<string, number | string>): Map<string, StateReport> {
  const entries = Object.entries(values)
  return new Map([['one', { hash: 'hash', entries, invokedAt: 100, returnedAt: 101 }]])
}
