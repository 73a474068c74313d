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
import { regressions } from './tiers.js'

/** `SCHEDULES=100000 SCHEDULE_SEED=2 npx vitest run lib/test/raft-simulation/schedules.test.ts` tries more, and others. */
const numRuns = Number(process.env['SCHEDULES'] ?? 3000)
const seed = Number(process.env['SCHEDULE_SEED'] ?? 1)
const SHRINK_RUNS = 2000

describe('schedules', () => {
  it('[RFT210] whatever happens, nothing that Raft rules out, and agreement afterwards', () => {
    const result = fc.check(
      fc.property(anySchedule, (schedule) => runSchedule(schedule) === undefined),
      { numRuns, seed },
    )
    if (result.counterexample !== null) expect.fail(explain(result.counterexample[0]))
  }, 300_000)

  it.each(regressions)('[RFT211] $name', ({ text }) => {
    expect(runSchedule(readSchedule(text))?.error).toBeUndefined()
  })
})

function explain(schedule: Schedule): string {
  const short = shrinkSchedule(schedule, SHRINK_RUNS)
  const message = runSchedule(short)?.error.message ?? 'not the same again'
  return `${message}\nThe schedule, to be kept in lib/test/raft-simulation/regressions:\n${writeSchedule(short, message)}`
}
