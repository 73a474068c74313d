import { describe, expect, it } from 'vitest'
import { formatStep, recordSeed, type SimulationOptions, Simulator } from '../../src/testing/raft/index.js'

/** `SEEDS=10000 FROM=1 npx vitest run lib/test/raft-simulation` runs more, or others; see also `npm run simulate`. */
const seeds = Number(process.env['SEEDS'] ?? 4000)
const from = Number(process.env['FROM'] ?? 1)
const goodbyes = Number(process.env['GOODBYES'] ?? 100)
const BATCH = 500

describe('clusters of Raft cores under all weathers', () => {
  for (let first = from; first < from + seeds; first += BATCH) {
    const last = Math.min(first + BATCH, from + seeds) - 1
    it(`[RFT200] [RFT201] seeds ${first} to ${last}: nothing that Raft rules out, and agreement after healing`, () => {
      for (let seed = first; seed <= last; seed++) run(seed)
    }, 300_000)
  }

  it(`[RFT270] [RFT271] ${goodbyes} seeds in which replicas end for good and others come: the same, for who speaks for whom`, () => {
    for (let seed = from; seed < from + goodbyes; seed++) run(seed, { goodbyes: true })
  }, 300_000)

  it('[RFT202] the same seed gives the same run, step by step', () => {
    for (const seed of [1, 2, 3]) {
      const [one, other] = [recordSeed(seed), recordSeed(seed)].map(({ schedule }) => schedule.steps.map(formatStep))
      expect(one).toEqual(other)
    }
    expect(recordSeed(1).schedule.steps.length).not.toBe(recordSeed(2).schedule.steps.length)
  })
})

function run(seed: number, options: SimulationOptions = {}): void {
  try {
    new Simulator(seed, options).run()
  } catch (error) {
    throw new Error(
      `seed ${seed}; for more: npm run simulate -- --from ${seed} --seeds 1${options.goodbyes ? ' --goodbyes' : ''}`,
      { cause: error },
    )
  }
}
