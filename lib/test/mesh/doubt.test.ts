import { expect, it } from 'vitest'
import type { PeerId } from '../../src/base/ids.js'
import { type MeshPeer, SimulatedMeshes } from './simulated-meshes.js'

/** Peers of a mesh in which not all are linked, at rest. */
async function atRest(): Promise<{
  world: SimulatedMeshes
  subject: MeshPeer
  linked: MeshPeer[]
  others: MeshPeer[]
}> {
  const world = new SimulatedMeshes(54)
  const peers = world.start(30, { limits: { links: 8 } })
  await world.until(() => world.isComplete(), 10_000)
  await world.run(60_000)
  const [subject, ...rest] = peers as [MeshPeer, ...MeshPeer[]]
  const isLinked = ({ mesh }: MeshPeer) => mesh.links.has(subject.id)
  return { world, subject, linked: rest.filter(isLinked), others: rest.filter((peer) => !isLinked(peer)) }
}

const knows = (id: PeerId) => (peer: MeshPeer) => peer.mesh.peers.has(id)
const linksMade = ({ logged }: MeshPeer) => logged.filter((line) => line.includes('linked with')).length

it('[MSH54] who is silent is lost to those without a link while its neighbours still wait, and replaced', async () => {
  const { world, subject, linked, others } = await atRest()
  const madeBefore = linked.map(linksMade)
  world.crash(subject)
  const neighboursGone = () => linked.every((peer) => !knows(subject.id)(peer))
  const othersKnow = () => !others.some(knows(subject.id))
  expect(await world.until(othersKnow, 10_000)).toBeLessThan(5_800)
  expect(neighboursGone()).toBe(false)
  expect(linked.map(linksMade)).not.toEqual(madeBefore)
  await world.run(1_000)
  expect(neighboursGone()).toBe(true)
  await world.finish()
})

it('[MSH54] who was silent for less than a link waits keeps its links and is there for all again', async () => {
  const { world, subject, linked, others } = await atRest()
  const everybody = [...linked, ...others].map(({ id }) => id)
  world.network.partition([subject.id], everybody)
  await world.run(3_900)
  expect(linked.some(({ mesh }) => (mesh.links.get(subject.id) as { isDoubted?: boolean }).isDoubted)).toBe(true)
  world.network.heal()
  await world.run(3_000)
  for (const { mesh, events } of linked) {
    expect(mesh.links.has(subject.id)).toBe(true)
    expect(events.filter((event) => event.startsWith(`left ${subject.id}`))).toEqual([])
  }
  expect(others.every(knows(subject.id))).toBe(true)
  await world.finish()
})
