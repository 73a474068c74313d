import { describe, expect, it } from 'vitest'
import type { Group } from '../../src/groups/group.js'
import { defineMachine, kv } from '../../src/machines/index.js'
import { createSimulation, type SimulatedPeer, type Simulation } from '../../src/testing/simulation.js'

type Peer = SimulatedPeer<typeof kv>
type KvGroup = Group<typeof kv>

async function start(count: number, seed: number, storage?: 'simulated'): Promise<[Simulation, Peer[]]> {
  const simulation = createSimulation({ seed })
  const peers = await simulation.peers<typeof kv>(count, { storage })
  await simulation.run(2000)
  return [simulation, peers]
}

const rank = ({ id, legion }: Peer) => (legion.leader === id ? 1 : 0)

const open = (simulation: Simulation, peers: readonly Peer[], name: string) =>
  simulation.until(Promise.all(peers.map(({ legion }) => legion.group(name, kv))))

describe('groups besides main', () => {
  it('[GRP60] are created through main and have a state of their own', async () => {
    const [simulation, peers] = await start(3, 1)
    const orders = await open(simulation, peers, 'orders')
    const stock = await open(simulation, peers, 'stock')
    await simulation.until((orders[0] as KvGroup).applyConsistent('set', { key: 'a', value: 1 }))
    expect(await simulation.until((orders[2] as KvGroup).read('get', 'a'))).toBe(1)
    expect(await simulation.until((stock[1] as KvGroup).read('get', 'a'))).toBe(undefined)
    expect(await simulation.until((peers[0] as Peer).legion.read('get', 'a'))).toBe(undefined)
    expect(await simulation.until((peers[0] as Peer).legion.group('orders', kv))).toBe(orders[0])
  })

  it.each(['simulated', undefined] as const)(
    '[GRP60] have everyone who opens them as a member soon, on %s',
    async (storage) => {
      for (let seed = 0; seed < 9; seed++) {
        const [simulation, peers] = await start(3, seed, storage)
        const followersFirst = peers.toSorted((a, b) => rank(a) - rank(b))
        const opening: Promise<KvGroup>[] = []
        for (const { legion } of followersFirst) {
          opening.push(legion.group('orders', kv))
          await simulation.run(20)
        }
        await simulation.until(Promise.all(opening), 5_000)
      }
    },
  )

  it('[GRP61] refuse another machine than the one they were created with', async () => {
    const [simulation, peers] = await start(2, 2)
    await open(simulation, [peers[0] as Peer], 'orders')
    const other = defineMachine({ name: 'other', version: 1, initial: () => ({}), commands: {} })
    const wrong = (peers[1] as Peer).legion.group('orders', other)
    await expect(simulation.until(wrong)).rejects.toMatchObject({ code: 'E_MACHINE' })
    expect(() => (peers[1] as Peer).legion.group('', kv)).toThrow(expect.objectContaining({ code: 'E_INVALID' }))
  })

  it('[GRP62] are led by turns', async () => {
    const [simulation, peers] = await start(3, 3)
    const groups: KvGroup[] = []
    for (let i = 0; i < 24; i++) groups.push(...(await open(simulation, peers, `g${i}`)))
    await simulation.run(20_000)
    const led = peers.map(({ id }) => groups.filter(({ leader }) => leader === id).length / 3)
    expect(led.reduce((a, b) => a + b)).toBe(24)
    for (const count of led) expect(count).toBeGreaterThanOrEqual(3)
  })

  it('[GRP63] fall silent when nothing happens, and wake for a command', async () => {
    const [simulation, peers] = await start(3, 4)
    const groups = await open(simulation, peers, 'idle')
    await simulation.run(30_000)
    expect(groups.map((group) => group.status()?.quiesced)).toEqual([true, true, true])
    for (const group of groups) {
      await simulation.until(group.applyConsistent('increment', { key: 'n' }), 1000)
    }
    expect(await simulation.until((groups[0] as KvGroup).read('get', 'n'))).toBe(3)
  })

  it('[GRP64] that are silent notice that their leader is gone', async () => {
    const [simulation, peers] = await start(3, 5)
    const groups = await open(simulation, peers, 'idle')
    await simulation.run(30_000)
    const leader = peers.findIndex(({ id }) => id === groups[0]?.leader)
    ;(peers[leader] as Peer).crash()
    await simulation.run(20_000)
    const rest = groups.filter((_, i) => i !== leader) as [KvGroup, KvGroup]
    await simulation.until(rest[0].applyConsistent('increment', { key: 'n' }), 1000)
    expect(await simulation.until(rest[1].read('get', 'n'))).toBe(1)
  })

  it('[GRP65] have as many replicas as was asked for', async () => {
    const [simulation, peers] = await start(4, 6)
    const first = await simulation.until((peers[0] as Peer).legion.group('few', kv, { replicas: 2 }))
    const second = await simulation.until((peers[1] as Peer).legion.group('few', kv))
    const late = (peers[2] as Peer).legion.group('few', kv, { timeoutMs: 5000 })
    await expect(simulation.until(late)).rejects.toMatchObject({ code: 'E_TIMEOUT' })
    expect(first.members).toHaveLength(2)
    expect(second.members).toHaveLength(2)
  })

  it('[GRP66] do not suffer when one of them fails', async () => {
    const [simulation, peers] = await start(3, 7)
    const good = await open(simulation, peers, 'good')
    const bad = await open(simulation, peers, 'bad')
    bad[0]?.fail(new Error('planted'))
    await simulation.until((good[0] as KvGroup).applyConsistent('increment', { key: 'n' }))
    await simulation.until((bad[1] as KvGroup).applyConsistent('increment', { key: 'n' }), 20_000)
    await expect((bad[0] as KvGroup).applyConsistent('increment', { key: 'n' })).rejects.toMatchObject({
      code: 'E_CLOSED',
    })
  })

  it('[GRP67] come back with their peers', async () => {
    const [simulation, peers] = await start(3, 8, 'simulated')
    const groups = await open(simulation, peers, 'orders')
    await simulation.until((groups[0] as KvGroup).applyConsistent('set', { key: 'a', value: 1 }))
    for (const peer of peers) peer.crash()
    const again = peers.map((peer) => peer.restart())
    const reopened = await open(simulation, again, 'orders')
    expect(await simulation.until((reopened[1] as KvGroup).read('get', 'a'))).toBe(1)
  })
})
