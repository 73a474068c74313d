import { describe, expect, it } from 'vitest'
import { findProblems } from './referee.js'
import { Swarm } from './swarm.js'

/** `SEEDS=1000 FROM=1 npx vitest run lib/test/simulation` runs more, or others. */
const seeds = Number(process.env['SEEDS'] ?? 200)
const from = Number(process.env['FROM'] ?? 1)
const ROUNDS = 60
const BATCH = 25

describe('five peers of the whole library under faults', () => {
  for (let first = from; first < from + seeds; first += BATCH) {
    const last = Math.min(first + BATCH, from + seeds) - 1
    it(`[SIM30] seeds ${first} to ${last}: agree, lose nothing, apply nothing twice`, async () => {
      for (let seed = first; seed <= last; seed++) {
        const swarm = new Swarm(seed)
        const result = await swarm.run(ROUNDS).catch((error: unknown) => {
          throw new Error(`seed ${seed}: ${String(error)}\n${swarm.describe()}`)
        })
        expect(findProblems(result), `seed ${seed}, faults: ${result.faults.join(', ')}`).toEqual([])
      }
    }, 300_000)
  }

  it('[SIM31] the same seed gives the same run, event by event', async () => {
    for (const seed of [1, 2, 3]) {
      const hashes = [await new Swarm(seed).run(20), await new Swarm(seed).run(20)].map(({ hash }) => hash)
      expect(hashes[0]).toBe(hashes[1])
    }
    expect((await new Swarm(4).run(20)).hash).not.toBe((await new Swarm(5).run(20)).hash)
  }, 60_000)
})
