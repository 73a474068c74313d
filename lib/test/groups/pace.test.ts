import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Runtime } from '../../src/base/runtime.js'
import { Pace } from '../../src/groups/pace.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'

describe('the pace of bulk work', () => {
  let clock: SimulatedClock
  let workedMs: number
  const rested = vi.fn()
  let pace: Pace

  beforeEach(() => {
    clock = new SimulatedClock()
    workedMs = 0
    rested.mockClear()
    const runtime = {
      nowMs: () => clock.nowMs + workedMs,
      setTimer: (delayMs: number, fn: () => void) => clock.setTimer(delayMs, fn),
    }
    pace = new Pace(runtime as Runtime, rested)
  })

  it('[SNP25] rests three times as long as the work took, with what it left to the end of the task', async () => {
    pace.work(() => {
      workedMs += 2
      queueMicrotask(() => {
        workedMs += 1
      })
    })
    expect(pace.isResting).toBe(true)
    await clock.run(8)
    expect([pace.isResting, rested.mock.calls.length]).toEqual([true, 0])
    await clock.run(1)
    expect([pace.isResting, rested.mock.calls.length]).toEqual([false, 1])
  })

  it('[SNP25] takes rests that no timer can tell together', async () => {
    for (let i = 0; i < 3; i++) {
      pace.work(() => {
        workedMs += 0.1
      })
      await clock.run(0)
    }
    expect([pace.isResting, rested.mock.calls.length]).toEqual([false, 3])
    pace.work(() => {
      workedMs += 0.1
    })
    await clock.run(0)
    expect([pace.isResting, rested.mock.calls.length]).toEqual([true, 3])
  })
})
