import { describe, expect, it } from 'vitest'
import { kv } from '../../src/machines/index.js'
import { createSimulation, type SimulatedPeer } from '../../src/testing/simulation.js'

type Peer = SimulatedPeer<typeof kv>

const options = { machine: kv, storage: 'simulated' } as const
const isMember = ({ legion }: Peer, peer: Peer, group = legion.main) =>
  group.members.some(({ peer: id }) => id === peer.id)

/** Durable peers, all with the group open, of which the last one has come back and not opened it again. */
async function start(seed: number, count: number) {
  const simulation = createSimulation({ seed })
  const peers = await simulation.peers<typeof kv>(count, options)
  const [founder] = peers as [Peer]
  const groups = []
  // Whoever creates it is its first voter.
  for (const peer of [...peers].reverse()) groups.unshift(await simulation.until(peer.legion.group('list', kv)))
  await simulation.run(5000)
  await simulation.until(groups[0]?.applyConsistent('set', { key: 'x', value: 1 }) ?? Promise.reject())
  const last = peers.at(-1) as Peer
  last.crash()
  const again = last.restart()
  await simulation.settle(() => again.legion.status().isReady)
  return { simulation, peers, founder, again, list: groups[0] as NonNullable<(typeof groups)[0]> }
}

describe('leave of a peer that has not opened a group that it stores', () => {
  it.each([2, 3])('[GRP222] takes it out of that group too, which goes on (%i peers)', async (count) => {
    const { simulation, founder, again, list } = await start(count, count)
    expect(isMember(founder, again, list)).toBe(true)
    await simulation.until(again.legion.leave())
    expect(isMember(founder, again, list)).toBe(false)
    await simulation.until(list.applyConsistent('set', { key: 'x', value: 2 }, { timeoutMs: 1000 }))
    const back = again.restart()
    const same = await simulation.until(back.legion.group('list', kv))
    expect(await simulation.until(same.read('get', 'x'))).toBe(2)
    expect(same.voterId).toBe(`${again.id}.2`)
  })

  it('[GRP223] is not held up for long by a group that nobody has open; whoever opens it later removes it', async () => {
    const { simulation, peers, again } = await start(3, 3)
    for (const peer of peers.slice(0, 2)) peer.crash()
    const others = peers.slice(0, 2).map((peer) => peer.restart())
    await simulation.settle(() => others.every(({ legion }) => legion.status().isReady))
    await simulation.until(again.legion.leave())
    const [a, b] = others as [Peer, Peer]
    const list = await simulation.until(a.legion.group('list', kv))
    await simulation.until(b.legion.group('list', kv))
    await simulation.settle(() => !isMember(a, again, list))
    await simulation.until(list.applyConsistent('set', { key: 'x', value: 2 }))
  })

  it('[GRP224] comes back to it as its next incarnation, even before anybody else knows that it left', async () => {
    const { simulation, peers, again } = await start(3, 3)
    for (const peer of peers.slice(0, 2)) peer.crash()
    const others = peers.slice(0, 2).map((peer) => peer.restart())
    await simulation.settle(() => others.every(({ legion }) => legion.status().isReady))
    await simulation.until(again.legion.leave())
    const back = again.restart()
    const opening = back.legion.group('list', kv)
    await simulation.settle(() => back.legion.status().groups['list'] !== undefined)
    expect(back.legion.status().groups['list']?.id).toBe(`${again.id}.2`)
    for (const { legion } of others) void legion.group('list', kv)
    const list = await simulation.until(opening)
    expect(await simulation.until(list.read('get', 'x'))).toBe(1)
  })
})
