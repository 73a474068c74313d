import fc from 'fast-check'
import { describe, it } from 'vitest'
import { STEP_KINDS, type Step, World, type WorldOptions } from './schedule.js'

/** Most of what happens should make progress; faults come in between. */
const FREQUENT = ['exchange', 'exchange', 'exchange', 'ready', 'deliver', 'propose', 'timeout'] as const

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.oneof(fc.constantFrom(...FREQUENT), fc.constantFrom(...STEP_KINDS)),
  who: fc.nat(4),
  what: fc.nat(1000),
})

const options: fc.Arbitrary<WorldOptions> = fc.record({
  preVote: fc.boolean(),
  checkQuorum: fc.boolean(),
  quiesceTicks: fc.constantFrom(0, 3),
  witness: fc.boolean(),
})

describe('safety', () => {
  it('[RFT96] no schedule breaks agreement, and after healing all agree', () => {
    fc.assert(
      fc.property(fc.nat(), options, fc.array(step, { minLength: 20, maxLength: 400, size: 'max' }), (...input) => {
        const [seed, chosen, schedule] = input
        const world = new World(seed, chosen)
        world.run(schedule)
        world.heal()
      }),
      { numRuns: Number(process.env['RAFT_SCHEDULES'] ?? 200), seed: Number(process.env['RAFT_SEED'] ?? 1) },
    )
  }, 600_000)
})
