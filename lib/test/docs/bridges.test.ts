import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Documents } from '../../src/docs/documents.js'
import { type MeshPeer, SimulatedMeshes } from '../mesh/simulated-meshes.js'

/** More peers than links: most are not linked with each other. */
const PEERS = 60
const LINKS = 8

type Holder = MeshPeer & { readonly documents: Documents }

let world = new SimulatedMeshes()
let residents: Holder[] = []

beforeAll(async () => {
  world = new SimulatedMeshes(3, { latencyMs: [10, 10] })
  residents = Array.from({ length: PEERS }, (_, i) => {
    const peer = world.addPeer({ limits: { links: LINKS } })
    const documents = new Documents({ network: peer.mesh, runtime: world.clock.fork(9, i) })
    peer.mesh.start()
    return Object.assign(peer, { documents })
  })
  await world.until(() => residents.every(({ mesh }) => mesh.peers.size === PEERS - 1), 60_000)
}, 240_000)

afterEach(() => {
  for (const holder of residents) if (holder.documents.metrics().open > 0) doc(holder).close()
})

afterAll(async () => {
  for (const { documents } of residents) documents.close()
  await world.finish()
})

/** So many peers, no two of them linked with each other. */
function unlinked(count: number): Holder[] {
  const chosen: Holder[] = []
  for (const peer of residents) {
    if (chosen.length < count && chosen.every(({ id }) => !peer.mesh.links.has(id))) chosen.push(peer)
  }
  expect(chosen).toHaveLength(count)
  return chosen
}

function doc({ documents }: Holder) {
  return documents.open('rare')
}

/** Everybody writes. @returns simulated milliseconds until all have all of it */
function untilAllHaveAll(holders: readonly Holder[], mark: string): Promise<number> {
  for (const holder of holders) doc(holder).applyFast((y) => y.getMap('m').set(`${mark} ${holder.id}`, true))
  const hasAll = (holder: Holder) => holders.every(({ id }) => doc(holder).y.getMap('m').has(`${mark} ${id}`))
  return world.until(() => holders.every(hasAll), 60_000)
}

describe('holders of a document in a mesh with more peers than links', () => {
  it('[DOC50] without a link to each other sync all the same, and what is new follows soon', async () => {
    const holders = unlinked(5)
    expect(await untilAllHaveAll(holders, 'first')).toBeLessThan(15_000)
    expect(holders.map((holder) => doc(holder).status)).toEqual(Array(5).fill('synced'))
    expect(await untilAllHaveAll(holders, 'second')).toBeLessThan(1_000)
    expect(residents.filter(({ documents }) => documents.metrics().open > 0)).toHaveLength(5)
  }, 60_000)

  it('[DOC50] see each other in awareness, until one closes', async () => {
    const holders = unlinked(3)
    holders.forEach((holder, i) => {
      doc(holder).awareness.setLocalState({ i })
    })
    const seen = (holder: Holder) => [...doc(holder).awareness.getStates().values()].map(({ i }) => i).sort()
    expect(await world.until(() => holders.every((holder) => seen(holder).length === 3), 30_000)).toBeLessThan(30_000)
    doc(holders[0] as Holder).close()
    const others = holders.slice(1)
    expect(await world.until(() => others.every((holder) => seen(holder).length === 2), 40_000)).toBeLessThan(40_000)
  }, 60_000)

  it('[DOC50] get what is too long for one message', async () => {
    const [a, b] = unlinked(2) as [Holder, Holder]
    doc(a).applyFast((y) => y.getText('t').insert(0, 'large '.repeat(100_000)))
    doc(b)
    expect(await world.until(() => doc(b).y.getText('t').length === 600_000, 30_000)).toBeLessThan(30_000)
    doc(b).applyFast((y) => y.getText('t').insert(0, 'small '))
    expect(await world.until(() => doc(a).y.getText('t').length === 600_006, 30_000)).toBeLessThan(1_000)
  }, 60_000)

  it('[DOC51] are brought together again when the one that connects them ends', async () => {
    const holders = unlinked(4)
    await untilAllHaveAll(holders, 'first')
    const [root, ...others] = [...holders].sort((a, b) => (a.id < b.id ? -1 : 1)) as [Holder, ...Holder[]]
    world.crash(root)
    root.documents.close()
    residents = residents.filter((peer) => peer !== root)
    expect(await untilAllHaveAll(others, 'second')).toBeLessThan(45_000)
    expect(await untilAllHaveAll(others, 'third')).toBeLessThan(1_000)
  }, 60_000)
})
