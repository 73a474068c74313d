import { describe, expect, it } from 'vitest'
import { writeGift } from '../../src/groups/gift.js'
import { kv } from '../../src/machines/index.js'
import type { VoterId } from '../../src/raft/index.js'
import { createSimulation, type SimulatedPeer, type Simulation } from '../../src/testing/simulation.js'

type Peer = SimulatedPeer<typeof kv>

const WITHIN_MS = 1000
const options = { machine: kv, storage: 'simulated', kind: 'browser', host: 'one' } as const
const set = (peer: Peer, value: number, timeoutMs = WITHIN_MS) =>
  peer.legion.applyConsistent('set', { key: 'k', value }, { timeoutMs })
const get = (peer: Peer, timeoutMs = WITHIN_MS) => peer.legion.read('get', 'k', { timeoutMs })
const votersOf = (peer: Peer) => peer.legion.members.filter(({ role }) => role === 'voter')

const incarnationOf = ({ legion }: Peer) => Number(legion.main.voterId?.split('.')[1])

async function start(seed: number, count = 3): Promise<{ simulation: Simulation; peers: Peer[] }> {
  const simulation = createSimulation({ seed })
  const peers = await simulation.peers<typeof kv>(count, options)
  await simulation.settle(() => peers.every((peer) => votersOf(peer).length === count - ((count + 1) % 2)))
  await simulation.run(2000)
  return { simulation, peers }
}

function* permutations(items: readonly number[]): Iterable<readonly number[]> {
  if (items.length === 0) yield []
  for (const first of items)
    for (const rest of permutations(items.filter((item) => item !== first))) yield [first, ...rest]
}

describe('durable tabs of one host', () => {
  it.each(['closePage', 'crash'] as const)(
    '[GRP110] end in every order, one by one (%s): commands work within a second, nothing is lost',
    async (ending) => {
      for (const order of permutations([0, 1, 2])) {
        const { simulation, peers } = await start(7)
        let value = 0
        for (const place of order.slice(0, -1)) {
          await simulation.until(set(peers[place] as Peer, ++value))
          peers[place]?.[ending]()
          for (const peer of peers.filter(({ isAlive }) => isAlive)) {
            expect(await simulation.until(get(peer))).toBe(value)
            await simulation.until(set(peer, ++value))
          }
        }
      }
    },
  )

  it.each(['closePage', 'crash'] as const)('[GRP111] end two at once (%s)', async (ending) => {
    for (const place of [0, 1, 2]) {
      const { simulation, peers } = await start(11)
      const last = peers[place] as Peer
      for (const [i, peer] of peers.entries()) await simulation.until(set(peer, i))
      for (const peer of peers) if (peer !== last) peer[ending]()
      expect(await simulation.until(get(last))).toBe(2)
      await simulation.until(set(last, 3))
    }
  })

  it('[GRP227] two of five end at once, soon two more: who is left does not wait for votes that nobody can adopt', async () => {
    for (let gapMs = 0; gapMs < 300; gapMs += 20) {
      const { simulation, peers } = await start(41 + gapMs, 5)
      const leader = peers.find(({ id, legion }) => legion.leader === id) as Peer
      const [a, b, last, c] = peers.filter((peer) => peer !== leader) as [Peer, Peer, Peer, Peer]
      await simulation.until(set(leader, 1))
      for (const peer of [a, b]) peer.closePage()
      await simulation.run(gapMs)
      for (const peer of [leader, c]) peer.closePage()
      const startMs = simulation.clock.nowMs
      expect(await simulation.until(get(last)), `${gapMs} ms`).toBe(1)
      expect(simulation.clock.nowMs - startMs, `${gapMs} ms`).toBeLessThan(500)
    }
  }, 60_000)

  it('[GRP112] all ended, and one comes back: it has the state and the quorum', async () => {
    for (const order of permutations([0, 1, 2])) {
      for (const ending of ['closePage', 'crash'] as const) {
        const { simulation, peers } = await start(13)
        await simulation.until(set(peers[0] as Peer, 1))
        for (const place of order) peers[place]?.[ending]()
        await simulation.run(5000)
        const again = (peers[0] as Peer).restart()
        await simulation.settle(() => again.legion.status().isReady)
        expect(await simulation.until(get(again, 5000))).toBe(1)
        await simulation.until(set(again, 2))
        const others = peers.slice(1).map((peer) => peer.restart())
        await simulation.settle(() => others.every((peer) => votersOf(peer).length === 3))
        expect(await simulation.until(get(others[0] as Peer))).toBe(2)
        expect(
          others
            .map(({ id }) => id)
            .concat(again.id)
            .sort(),
        ).toEqual(peers.map(({ id }) => id).sort())
      }
    }
  })

  it.each([20, 200, 3000])(
    '[GRP135] all ended within %i ms of each other, and the last one comes back: it leads at once',
    async (gapMs) => {
      for (const count of [1, 2, 3]) {
        for (const order of permutations([0, 1, 2].slice(0, count))) {
          const { simulation, peers } = await start(13, count)
          for (const place of order) {
            await simulation.until(set(peers[place] as Peer, place, 5000))
            peers[place]?.closePage()
            await simulation.run(gapMs)
          }
          const last = order.at(-1) as number
          const again = (peers[last] as Peer).restart()
          expect(await simulation.until(get(again))).toBe(last)
        }
      }
    },
  )

  it('[GRP113] reload: each is the same peer in its next incarnation, and votes again', async () => {
    for (const ending of ['closePage', 'crash'] as const) {
      const { simulation, peers } = await start(17)
      for (let i = 0; i < 6; i++) {
        const tab = peers[i % 3] as Peer
        await simulation.until(set(tab, i))
        tab[ending]()
        await simulation.run(150)
        const again = tab.restart()
        peers[i % 3] = again
        await simulation.settle(() => again.legion.status().isReady)
        expect(incarnationOf(again)).toBe(incarnationOf(tab) + 1)
        expect(again.id).toBe(tab.id)
        expect(await simulation.until(get(again))).toBe(i)
        await simulation.settle(() => peers.every((peer) => votersOf(peer).length === 3))
        await simulation.run(1500)
      }
    }
  })

  it.each([
    { ended: 0, returns: false },
    { ended: 2, returns: true },
  ])(
    '[GRP114] a crash after any disk operation of a takeover leaves one speaker at most, and loses nothing (tab $ended)',
    async ({ ended, returns }) => {
      for (const victim of [0, 1, 2].filter((place) => place !== ended)) {
        const operations = await operationsOfTakeover(ended, victim)
        expect(operations).toBeGreaterThan(5)
        for (let k = 0; k <= operations; k++) await crashDuringTakeover({ ended, victim, k, returns })
      }
    },
    60_000,
  )

  it('[GRP115] a disk operation of a takeover that fails costs that tab at most: without it the others go on', async () => {
    const operations = await operationsOfTakeover(0, 1)
    for (let k = 1; k <= operations; k++) {
      const { simulation, peers } = await start(19)
      const [gone, heir, other] = peers as [Peer, Peer, Peer]
      for (const { legion } of peers) legion.on('error', () => {})
      await simulation.until(set(gone, 1))
      heir.disk.failOperation(k)
      gone.crash()
      await simulation.run(2000)
      expectOneSpeaker([heir, other])
      heir.closePage()
      expect(await simulation.until(get(other, 15_000)), `${k} of ${operations}`).toBe(1)
    }
  })

  it('[GRP116] one that lacks what the others had agreed on takes that from their stores too', async () => {
    for (const place of [0, 1, 2]) {
      const { simulation, peers } = await start(23)
      const last = peers[place] as Peer
      const others = peers.filter((peer) => peer !== last)
      simulation.partition([last], others)
      for (let i = 1; i <= 5; i++) await simulation.until(set(others[0] as Peer, i, 15_000), 20_000)
      for (const peer of others) peer.crash()
      simulation.heal()
      expect(await simulation.until(get(last, 5000))).toBe(5)
      await simulation.until(set(last, 6))
    }
  })

  it('[GRP117] with peers of other hosts: only the own host is taken over', async () => {
    const simulation = createSimulation({ seed: 29 })
    const tabs = await simulation.peers<typeof kv>(2, options)
    const node = simulation.open<typeof kv>({ machine: kv, storage: 'simulated' })
    const away = simulation.open<typeof kv>({ ...options, host: 'two' })
    const peers = [...tabs, node, away]
    await simulation.settle(() => peers.every((peer) => peer.legion.members.length === 4))
    await simulation.run(2000)
    const [first, second] = tabs as [Peer, Peer]
    for (const [i, peer] of peers.entries()) await simulation.until(set(peer, i, 5000))
    const incarnation = node.legion.main.voterId
    node.crash()
    first.crash()
    await simulation.run(8000)
    await simulation.until(set(second, 9, 5000))
    const again = node.restart()
    await simulation.settle(() => again.legion.status().isReady)
    expect(again.legion.main.voterId).toBe(incarnation)
    expect(await simulation.until(get(again, 5000))).toBe(9)
    expect(away.legion.status().main?.voices).toEqual([])
  })

  it('[GRP118] other groups are taken over too, also when they are opened later', async () => {
    const { simulation, peers } = await start(31)
    const [a, b, c] = peers as [Peer, Peer, Peer]
    const open = (peer: Peer) => simulation.until(peer.legion.group('list', kv))
    const groups = [await open(a), await open(b), await open(c)]
    await simulation.run(3000)
    await simulation.until(groups[0]?.applyConsistent('set', { key: 'x', value: 1 }) ?? Promise.reject())
    for (const peer of peers) peer.crash()
    const again = a.restart()
    await simulation.settle(() => again.legion.status().isReady)
    await simulation.run(3000)
    const list = await open(again)
    expect(await simulation.until(list.read('get', 'x', { timeoutMs: 5000 }))).toBe(1)
    await simulation.until(list.applyConsistent('set', { key: 'x', value: 2 }, { timeoutMs: WITHIN_MS }))
  })

  it('[GRP119] an incarnation that was given away never acts again, even if nobody adopted it', async () => {
    const { simulation, peers } = await start(37, 1)
    const [tab] = peers as [Peer]
    await simulation.until(set(tab, 1))
    const { id, voterId } = { id: tab.id, voterId: tab.legion.main.voterId as VoterId }
    tab.crash()
    const storage = tab.disk.storage()
    const [name = ''] = await simulation.until(storage.list())
    const store = await simulation.until(storage.open(name))
    const floor = { index: 1000, term: 1000 }
    await simulation.until(
      writeGift(store, 0, {
        type: 'goodbye',
        from: voterId,
        to: voterId,
        term: 1000,
        ids: [voterId],
        floor,
        heirs: [],
      }),
    )
    await simulation.until(store.close())
    const again = tab.restart()
    await simulation.run(15_000)
    expect(again.id).toBe(id)
    expect(again.legion.status()).toMatchObject({ isReady: false, main: { id: `${id}.2`, role: 'follower' } })
  })
})

interface CrashPoint {
  readonly ended: number
  readonly victim: number
  /** So many operations of the victim's disk after the other one's end. */
  readonly k: number
  /** Whether the two come back at once. */
  readonly returns: boolean
}

async function crashDuringTakeover({ ended, victim, k, returns }: CrashPoint): Promise<void> {
  const { simulation, peers } = await start(19)
  const [gone, heir] = [peers[ended] as Peer, peers[victim] as Peer]
  const last = peers.find((peer) => peer !== gone && peer !== heir) as Peer
  await simulation.until(set(gone, 1))
  gone.crash()
  const until = heir.disk.operationCount + k
  for (let i = 0; i < 2000 && heir.disk.operationCount < until; i++) await simulation.run(0.2)
  heir.crash()
  const alive = [last, ...(returns ? [gone.restart(), heir.restart()] : [])]
  for (let i = 0; i < 20; i++) {
    await simulation.run(100)
    expectOneSpeaker(alive)
  }
  // Links to processes that came back at once are still those to the ones before.
  expect(await simulation.until(get(last, returns ? 15_000 : WITHIN_MS)), `after ${k}`).toBe(1)
  for (const peer of alive) await simulation.until(set(peer, 2, 10_000))
  expectOneSpeaker(alive)
}

async function operationsOfTakeover(ended: number, victim: number): Promise<number> {
  const { simulation, peers } = await start(19)
  const { disk } = peers[victim] as Peer
  await simulation.until(set(peers[ended] as Peer, 1))
  peers[ended]?.crash()
  const before = disk.operationCount
  await simulation.run(400)
  return disk.operationCount - before
}

function expectOneSpeaker(peers: readonly Peer[]): void {
  const speakers = peers.flatMap(({ legion }) => {
    const { main } = legion.status()
    return main === undefined ? [] : [main.id, ...main.voices]
  })
  expect(new Set(speakers).size).toBe(speakers.length)
}
