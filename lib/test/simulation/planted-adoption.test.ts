import { expect, it, vi } from 'vitest'
import { runStorm } from './storm-soak.js'

// The planted bug: nobody takes the votes of those who say goodbye.
vi.mock(import('../../src/raft/adoption.js'), async (original) => ({
  ...(await original()),
  adoptWhatIsDue: () => {},
}))

const SEEDS_MAX = 30

it('[SIM34] a vote that nobody adopts is noticed within a few seeds', async () => {
  expect(await firstCaught(), `nothing was wrong in ${SEEDS_MAX} seeds`).toMatch(/stuck|does not recover/)
}, 120_000)

async function firstCaught(): Promise<string | undefined> {
  for (let seed = 1; seed <= SEEDS_MAX; seed++) {
    const problem = await runStorm(seed, 4).then(() => undefined, String)
    if (problem !== undefined) return problem
  }
  return undefined
}
