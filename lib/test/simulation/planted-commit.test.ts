import { expect, it, vi } from 'vitest'
import type { Index, VoterId } from '../../src/raft/index.js'
import { findProblems } from './referee.js'
import { Swarm } from './swarm.js'

// The planted bug: a leader commits what it alone has.
vi.mock(import('../../src/raft/quorum.js'), async (original) => ({
  ...(await original()),
  jointCommitted: ({ voters }: { voters: readonly VoterId[] }, acknowledged: (id: VoterId) => Index) =>
    Math.max(0, ...voters.map(acknowledged)),
}))

const SEEDS_MAX = 30

it('[SIM32] a commit without a majority is caught within a few seeds', async () => {
  const caught = await firstCaught()
  expect(caught, `nothing was wrong in ${SEEDS_MAX} seeds`).toBeDefined()
}, 120_000)

async function firstCaught(): Promise<string | undefined> {
  for (let seed = 1; seed <= SEEDS_MAX; seed++) {
    const problem = await new Swarm(seed).run(60).then((result) => findProblems(result)[0], String)
    if (problem !== undefined) return `seed ${seed}: ${problem}`
  }
  return undefined
}
