import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '../../architecture/sources.js'
import type { Claim } from './cells.js'
import { situations } from './situations.js'
import { allCells, type Cell, renderTable, titleOf } from './table.js'
import { type Seen, World } from './world.js'

/** More are for whoever changes a bound or the library. */
const SEEDS = Number(process.env['SITUATION_SEEDS'] ?? 1)
/** Who closes in good order takes so long to hand over, at most. */
const MOMENT_MS = 1000
const TABLE = join(root, 'docs/situations.md')

describe('situations', () => {
  it.each(allCells().map((cell) => [titleOf(cell), cell] as const))(
    '%s',
    { timeout: 60_000 * SEEDS },
    async (_, cell) => {
      for (let seed = 1; seed <= SEEDS; seed++) await check(cell, seed)
    },
  )

  it('[SIT15] are all in docs/situations.md', () => {
    if (process.env['SITUATIONS'] === 'write') writeFileSync(TABLE, renderTable())
    expect(readFileSync(TABLE, 'utf8'), 'run node scripts/situations-table.mjs').toBe(renderTable())
  })
})

async function check({ situation, kind, count, claims }: Cell, seed: number): Promise<void> {
  const world = new World(kind, seed)
  await world.start(count)
  await situations[situation].run(world)
  expect([...world.seen.keys()], `seed ${seed}`).toEqual(Object.keys(claims))
  for (const [side, seen] of world.seen) expectClaim(seen, claims[side] as Claim, `${side}, seed ${seed}`)
}

function expectClaim(seen: Seen, claim: Claim, where: string): void {
  expectAgreement(seen.commands, claim.commandsMs, `commands, ${where}`)
  expectAgreement(seen.reads, claim.readsMs, `reads, ${where}`)
  expect(seen.documentsMs, `documents, ${where}`).toBeLessThanOrEqual(claim.documentsMs)
  expect(seen.peeks, `peek, ${where}`).toBe(claim.peeks)
}

/** Where the quorum ends only what was begun at once may get through. */
function expectAgreement(outcomes: Seen['commands'], withinMs: number | undefined, where: string): void {
  const { slowestMs, lastBegunMs, errors } = outcomes
  expect([...errors], where).toEqual(withinMs === undefined ? ['E_NO_QUORUM'] : [])
  if (withinMs === undefined) expect(lastBegunMs, where).toBeLessThanOrEqual(MOMENT_MS)
  else expect(slowestMs, where).toBeLessThanOrEqual(withinMs)
}
