import { afterEach, describe, expect, it, vi } from 'vitest'
import { newPeerId, type PeerId } from '../../src/base/ids.js'
import { pick, seededRandom } from '../../src/base/random.js'
import type { ControlMessage } from '../../src/mesh/control.js'
import { eagerLinks } from '../../src/mesh/eager-links.js'
import { LinkedPeer } from '../../src/mesh/linked-peer.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'
import { clusterId, type MeshPeer, SimulatedMeshes } from './simulated-meshes.js'

const COUNT = 30
const ABOUT_PEERS: readonly ControlMessage['kind'][] = ['records', 'summary', 'check', 'ask']

/** What all peers say of each other from now on; `passes` false: it is lost, and nobody knows. */
function listen(passes: (message: ControlMessage) => boolean = () => true): ControlMessage[] {
  const said: ControlMessage[] = []
  const say = LinkedPeer.prototype.say
  vi.spyOn(LinkedPeer.prototype, 'say').mockImplementation(function (this: LinkedPeer, message) {
    if (ABOUT_PEERS.includes(message.kind)) said.push(message)
    return passes(message) ? say.call(this, message) : true
  })
  return said
}

/** Peers of a mesh in which not all are linked, at rest. */
async function atRest(): Promise<{ world: SimulatedMeshes; peers: readonly MeshPeer[] }> {
  const world = new SimulatedMeshes(51)
  const peers = world.start(COUNT, { limits: { links: 8 } })
  await world.until(() => world.isComplete(), 10_000)
  await world.run(60_000)
  return { world, peers }
}

function knowCluster(peers: readonly MeshPeer[], of: MeshPeer): boolean {
  const others = peers.filter((peer) => peer !== of)
  return others.every(({ mesh }) => mesh.peers.get(of.id)?.clusterId === of.mesh.clusterId)
}

describe('news of peers', () => {
  afterEach(() => void vi.restoreAllMocks())

  it('[MSH51] comes to everybody over a few links of each, and at rest nothing is said of peers', async () => {
    const { world, peers } = await atRest()
    const said = listen()
    await world.run(60_000)
    expect(said).toEqual([])
    const [teller] = peers as [MeshPeer]
    teller.mesh.setClusterId(clusterId('x'))
    await world.run(2_000)
    expect(knowCluster(peers, teller)).toBe(true)
    const records = said.flatMap((message) => (message.kind === 'records' ? message.records : []))
    expect(records.length).toBeGreaterThanOrEqual(COUNT - 1)
    expect(records.length).toBeLessThanOrEqual(5 * COUNT)
    await world.run(20_000)
    said.length = 0
    await world.run(60_000)
    expect(said).toEqual([])
    await world.finish()
  })

  it('[MSH52] that got lost on its way is found by checks', async () => {
    const { world, peers } = await atRest()
    const [teller] = peers as [MeshPeer]
    listen(({ kind }) => kind !== 'records')
    teller.mesh.setClusterId(clusterId('x'))
    await world.run(1_000)
    expect(knowCluster(peers, teller)).toBe(false)
    vi.restoreAllMocks()
    expect(await world.until(() => knowCluster(peers, teller), 30_000)).toBeLessThan(10_000)
    await world.finish()
  })

  it.each([1, 2, 3])('[MSH51] the links that it passes connect a thousand peers: seed %i', (seed) => {
    const random = seededRandom(seed, 51)
    const runtime = new SimulatedClock().fork(seed)
    const ids = Array.from({ length: 1_000 }, () => newPeerId(runtime))
    const links = new Map(ids.map((id) => [id, new Set<PeerId>()]))
    for (const id of ids) {
      for (let i = 0; i < 9; i++) {
        const other = pick(random, ids)
        if (other === id) continue
        links.get(id)?.add(other)
        links.get(other)?.add(id)
      }
    }
    const linksOf = (id: PeerId) => [...(links.get(id) ?? [])]
    const eager = new Map(ids.map((id) => [id, eagerLinks(id, linksOf(id), linksOf)]))
    const reached = new Set(ids.slice(0, 1))
    for (const id of reached) for (const next of eager.get(id) ?? []) reached.add(next)
    expect(reached.size).toBe(1_000)
    const degrees = [...eager.values()].map(({ size }) => size)
    expect(degrees.reduce((sum, degree) => sum + degree) / 1_000).toBeLessThan(5)
    for (const [id, chosen] of eager) for (const other of chosen) expect(eager.get(other)?.has(id)).toBe(true)
  })
})
