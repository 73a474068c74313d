import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  FairWeather,
  formatStep,
  parseStep,
  readSchedule,
  recordSeed,
  runSchedule,
  type Schedule,
  shrinkSchedule,
  traceSchedule,
  writeSchedule,
} from '../../src/testing/raft/index.js'
import { anySchedule } from './schedules.js'

describe('schedules as data', () => {
  it('[RFT212] are written and read back', () => {
    fc.assert(
      fc.property(anySchedule, (schedule) => {
        const read = readSchedule(writeSchedule(schedule, 'a title'))
        expect(read).toEqual({ ...readSchedule(writeSchedule(read, 'a title')), setup: schedule.setup })
        expect(read.steps.map(formatStep)).toEqual(schedule.steps.map(formatStep))
      }),
      { numRuns: 30 },
    )
    expect(parseStep('change a implicit vd rb')).toMatchObject({
      verb: 'change',
      who: 'a',
      change: {
        transition: 'implicit',
        changes: [
          { type: 'add-voter', id: 'd' },
          { type: 'remove', id: 'b' },
        ],
      },
    })
    for (const nonsense of ['', 'tick', 'dance a', 'tick a b', 'deliver a>']) {
      expect(() => parseStep(nonsense)).toThrow('no step')
    }
  })

  it('[RFT212] give the same run as the seed that they were recorded from', () => {
    const { schedule, failure } = recordSeed(7)
    expect(failure).toBeUndefined()
    expect(runSchedule(schedule)).toBeUndefined()
    expect(traceSchedule(schedule)).toEqual(traceSchedule(schedule))
  })

  it('[RFT213] are shortened to what is needed for a failure', () => {
    // A cluster whose voters never were: it fails to agree, whatever the steps are.
    const schedule: Schedule = {
      setup: { ...recordSeed(7).schedule.setup, voters: '' },
      steps: recordSeed(7).schedule.steps,
    }
    expect(runSchedule(schedule)?.error).toBeDefined()
    expect(shrinkSchedule(schedule, 50).steps).toEqual([])
    const healthy = recordSeed(7).schedule
    expect(shrinkSchedule(healthy, 50)).toEqual(healthy)
  })

  it('[RFT213] show what happened in a trace', () => {
    const { setup } = recordSeed(7).schedule
    const steps = ['campaign a', 'ready a', 'deliver a>b', 'propose a 1'].map(parseStep)
    const trace = traceSchedule({ setup: { ...setup, core: { ...setup.core, preVote: false } }, steps }).join('\n')
    expect(trace).toContain('deliver a->b MsgVote Term:2 Log:1/1')
    expect(trace).toContain('State:StateCandidate')
  })
})

describe('three cores without faults', () => {
  it('[RFT214] 100,000 proposals are applied with few messages and Readies each', () => {
    const cores = new FairWeather()
    const before = cores.events
    const payloads = Array.from({ length: 100 }, () => new Uint8Array(16))
    for (let i = 0; i < 1000; i++) cores.propose(payloads)
    expect(cores.applied).toBe(100_001)
    expect((cores.events - before) / 100_000).toBeLessThan(10)
  }, 60_000)
})
