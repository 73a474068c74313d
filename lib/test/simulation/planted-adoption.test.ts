import { expect, it, vi } from 'vitest'
import { runStorm } from './storm-soak.js'

// The planted bug: nobody takes the votes of those who say goodbye.
vi.mock(import('../../src/raft/adoption.js'), async (original) => ({
  ...(await original()),
  adoptWhatIsDue: () => {},
}))

/** The first seed that finds it; should storms change, another one soon does. */
const FIRST_SEED = 9
const SEEDS_MAX = 30

it('[SIM34] a vote that nobody adopts is noticed within a few seeds', async () => {
  expect(await firstCaught(), `nothing was wrong in ${SEEDS_MAX} seeds`).toMatch(
    /stuck|does not recover|nobody speaks for/,
  )
}, 300_000)

async function firstCaught(): Promise<string | undefined> {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS_MAX; seed++) {
    const problem = await runStorm(seed).then(() => undefined, String)
    if (problem !== undefined) return problem
  }
  return undefined
}
