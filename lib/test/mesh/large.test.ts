import { describe, expect, it } from 'vitest'
import { LargeMesh } from './large-mesh.js'

/** `npm run test:mesh` is for 1,000, which take minutes. */
const MORE = Number(process.env['LEGION_MESH_PEERS'] ?? 0)

const WITHIN_MS = 10_000
const CONVERGED_MS = 3_000
const HOPS = 4
const MESSAGES_PER_PEER = 1.5
/** Up to 126 peers that is every pair; of more a sample, in which each peer calls and is called equally often. */
const CALLS = 16_000

interface Case {
  readonly count: number
  readonly links: number
}

const CASES: Case[] = [
  { count: 30, links: 8 },
  { count: 64, links: 24 },
  { count: 100, links: 24 },
  ...(MORE > 0 ? [{ count: MORE, links: 24 }] : []),
]

describe('a mesh too large for all to be linked', { timeout: 3_600_000 }, () => {
  it.each(CASES)(
    '[MSH41] [MSH43] [MSH45] [MSH47] $count peers with $links links each: whole soon, and again after 30 % were killed',
    async ({ count, links }) => {
      const mesh = new LargeMesh(count, count, links)
      await expectWhole(mesh, 'whole')
      await mesh.world.run(20_000) // links that nobody needs are released
      await expectAll(mesh, links)
      mesh.kill(Math.round(0.3 * count))
      await expectWhole(mesh, 'healed')
      await expectAll(mesh, links)
      await mesh.finish()
    },
  )
})

async function expectWhole(mesh: LargeMesh, what: string): Promise<void> {
  const tookMs = await mesh.untilWhole(2 * WITHIN_MS)
  print(mesh, `${what} after ${tookMs} ms`)
  expect(tookMs).toBeLessThan(WITHIN_MS)
}

async function expectAll(mesh: LargeMesh, limit: number): Promise<void> {
  const links = mesh.mostLinks()
  const apart = mesh.diameter()
  print(mesh, `${links} links at most, any two ${apart} apart at most`)
  expect(links).toBeLessThanOrEqual(limit)
  expect(apart).toBeLessThanOrEqual(HOPS)

  const { called, pairs, unanswered } = await mesh.call(Math.max(1, Math.floor(CALLS / mesh.residents.length)))
  print(mesh, `${called} of ${pairs} pairs called, ${unanswered} in vain`)
  expect(unanswered).toBe(0)

  const { hops, missed, messagesPerPeer } = await mesh.broadcast(10)
  print(mesh, `broadcasts: ${hops} hops at most, ${missed} missed, ${messagesPerPeer.toFixed(2)} messages per peer`)
  expect(missed).toBe(0)
  expect(hops).toBeLessThanOrEqual(HOPS)
  expect(messagesPerPeer).toBeLessThanOrEqual(MESSAGES_PER_PEER)

  const tookMs = await mesh.converge(5, CONVERGED_MS)
  print(mesh, `documents the same after ${tookMs} ms`)
  expect(tookMs).toBeLessThan(CONVERGED_MS)
}

/** What was found, whatever is expected. */
function print(mesh: LargeMesh, figures: string): void {
  const { user, system } = process.cpuUsage()
  const cpuSeconds = ((user + system) / 1e6).toFixed(0)
  process.stdout.write(`${mesh.residents.length} peers: ${figures} (${cpuSeconds} CPU s so far)\n`)
}
