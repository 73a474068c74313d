import { describe, expect, it } from 'vitest'
import { pick, type RandomStream, randomInt, seededRandom, shuffled } from '../../src/base/random.js'
import { expectOrder, type MeshPeer, SimulatedMeshes } from './simulated-meshes.js'

const SEEDS = 60
const STEPS = 25

/** Faults, by how they happen; each leaves the world in a state that `healAll` ends. */
const FAULTS: readonly ((world: SimulatedMeshes, random: RandomStream) => void)[] = [
  (world, random) => world.network.cut(...twoOf(world, random)),
  (world, random) => {
    const [a, b] = twoOf(world, random)
    world.network.block([a], [b])
  },
  (world, random) => {
    const ids = shuffled(random, world.peers).map(({ id }) => id)
    const at = randomInt(random, ids.length)
    world.network.partition(ids.slice(0, at), ids.slice(at))
  },
  (world) => world.network.heal(),
  (world, random) => {
    const peer = pick(random, world.peers)
    world.crash(peer)
    world.startPeer({ id: peer.id })
  },
  (world, random) => {
    const peer = pick(random, world.peers)
    peer.mesh.goodbye()
    world.peers.splice(world.peers.indexOf(peer), 1)
    world.startPeer({ id: peer.id })
  },
  (world) => world.network.server.down(),
  (world) => world.network.server.up(),
  (world, random) => world.network.server.unplug(pick(random, world.peers).id),
  (world, random) => pick(random, world.peers).mesh.suspectAll(),
  (world, random) => world.network.setConditions({ dialFailure: random(), signalLoss: random() }),
]

function twoOf(world: SimulatedMeshes, random: RandomStream): [MeshPeer['id'], MeshPeer['id']] {
  const [a, b] = shuffled(random, world.peers)
  return [a!.id, b!.id]
}

function healAll(world: SimulatedMeshes): void {
  world.network.heal()
  world.network.server.up()
  world.network.server.plug(...world.peers.map(({ id }) => id))
  world.network.setConditions({ dialFailure: 0, signalLoss: 0 })
}

describe('swarm', () => {
  it('[MSH34] no pair stays apart: after any faults the mesh is complete soon', async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const world = new SimulatedMeshes(seed)
      const random = seededRandom(seed, 34)
      world.start(5)
      const all = new Set(world.peers)
      for (let step = 0; step < STEPS; step++) {
        pick(random, FAULTS)(world, random)
        for (const peer of world.peers) all.add(peer)
        await world.run(randomInt(random, 4_000))
      }
      healAll(world)
      const tookMs = await world.until(() => world.isComplete(), 60_000)
      expect(tookMs, `seed ${seed}`).toBeLessThan(8_000)
      await world.run(8_000)
      expect(world.isComplete(), `seed ${seed} stays complete`).toBe(true)
      for (const peer of all) {
        expectOrder(peer)
        expect(peer.logged.filter((line) => line.startsWith('error'))).toEqual([])
      }
      await world.finish()
    }
  }, 120_000)

  it('[MSH34] twenty peers that start at once are linked soon, though some dials fail', async () => {
    const world = new SimulatedMeshes(35, { dialFailure: 0.02 })
    world.start(20)
    expect(await world.until(() => world.isComplete(), 60_000)).toBeLessThan(8_000)
    await world.finish()
  })
})
