import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CommitTimes } from '../../src/groups/commit-times.js'

describe('the ages of what a member lacks', () => {
  it('[LEG53] are those of the oldest committed entry it lacks, true to a look', () => {
    const growth = fc.array(fc.nat(5), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(growth, fc.nat(300), (steps, match) => {
        const times = new CommitTimes()
        let commit = 0
        let reachedAtMs: number | undefined
        steps.forEach((step, second) => {
          commit += step
          times.note(1, commit, 0, second * 1000)
          if (commit > match) reachedAtMs ??= second * 1000
        })
        const nowMs = steps.length * 1000
        expect(times.ageAfter(match, nowMs)).toBe(reachedAtMs === undefined ? 0 : nowMs - reachedAtMs)
      }),
      { seed: 33 },
    )
  })

  it('[LEG53] lose little when they are kept for long, and start anew with a term', () => {
    const times = new CommitTimes()
    for (let second = 0; second < 10_000; second++) times.note(1, second + 1, 0, second * 1000)
    expect(times.ageAfter(0, 10_000_000)).toBe(10_000_000)
    const age = times.ageAfter(5_000, 10_000_000)
    expect(age).toBeGreaterThan(4_800_000)
    expect(age).toBeLessThanOrEqual(5_000_000)
    times.note(2, 10_000, 0, 10_001_000)
    expect(times.ageAfter(0, 10_002_000)).toBe(1_000)
  })
})
