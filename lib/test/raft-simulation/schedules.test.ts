import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  readSchedule,
  runSchedule,
  type Schedule,
  shrinkSchedule,
  writeSchedule,
} from '../../src/testing/raft/index.js'
import { anySchedule } from './schedules.js'

/** `SCHEDULES=100000 npx vitest run lib/test/raft-simulation/schedules.test.ts` tries more. */
const numRuns = Number(process.env['SCHEDULES'] ?? 3000)
const SHRINK_RUNS = 2000
const REGRESSIONS = new URL('./regressions/', import.meta.url)

describe('schedules', () => {
  it('[RFT210] whatever happens, nothing that Raft rules out, and agreement afterwards', () => {
    const result = fc.check(
      fc.property(anySchedule, (schedule) => runSchedule(schedule) === undefined),
      { numRuns },
    )
    if (result.counterexample !== null) expect.fail(explain(result.counterexample[0]))
  }, 300_000)

  it.each(readdirSync(REGRESSIONS))('[RFT211] %s', (file) => {
    expect(runSchedule(readSchedule(readFileSync(new URL(file, REGRESSIONS), 'utf8')))?.error).toBeUndefined()
  })
})

function explain(schedule: Schedule): string {
  const short = shrinkSchedule(schedule, SHRINK_RUNS)
  const message = runSchedule(short)?.error.message ?? 'not the same again'
  return `${message}\nThe schedule, to be kept in ${REGRESSIONS.pathname}:\n${writeSchedule(short, message)}`
}
