import { describe, expect, it } from 'vitest'
import { LargeMesh } from './large-mesh.js'

/** `npm run test:mesh` is for 1,000, which take minutes. */
const MORE = Number(process.env['LEGION_MESH_PEERS'] ?? 0)

interface Case {
  readonly count: number
  readonly links: number
  readonly hops: number
}

const CASES: Case[] = [
  { count: 30, links: 8, hops: 4 },
  { count: 64, links: 24, hops: 4 },
  { count: 100, links: 24, hops: 4 },
  ...(MORE > 0 ? [{ count: MORE, links: 24, hops: 4 }] : []),
]

describe('a mesh too large for all to be linked', { timeout: 3_600_000 }, () => {
  it.each(CASES)(
    '[MSH41] [MSH43] [MSH45] [MSH47] $count peers with $links links each: whole soon, and again after 30 % were killed',
    async ({ count, links, hops }) => {
      const mesh = new LargeMesh(count, count, links)
      expect(await mesh.untilWhole(20_000)).toBeLessThan(10_000)
      mesh.expectWithinLimits()
      await mesh.world.run(20_000) // links that nobody needs are released
      await expectAll(mesh, count, hops)
      mesh.kill(Math.round(0.3 * count))
      expect(await mesh.untilWhole(20_000)).toBeLessThan(10_000)
      await expectAll(mesh, count, hops + 1)
      await mesh.finish()
    },
  )
})

async function expectAll(mesh: LargeMesh, count: number, hops: number): Promise<void> {
  mesh.expectWithinLimits()
  for (const peer of mesh.residents.slice(0, 20)) expect(mesh.eccentricity(peer)).toBeLessThanOrEqual(hops)
  await mesh.expectCalls(Math.min(count, 100), 64)
  expect(await mesh.expectBroadcasts(10, hops)).toBeLessThanOrEqual(1.5)
  await mesh.expectConvergence(5, 3_000)
}
