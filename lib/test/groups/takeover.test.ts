import { describe, expect, it } from 'vitest'
import { kv } from '../../src/machines/index.js'
import { createSimulation, type SimulatedPeer, type Simulation } from '../../src/testing/simulation.js'

type Peer = SimulatedPeer<typeof kv>

const WITHIN_MS = 1000
const options = { machine: kv, storage: 'simulated', kind: 'browser', host: 'one' } as const
const set = (peer: Peer, value: number, timeoutMs = WITHIN_MS) =>
  peer.legion.applyConsistent('set', { key: 'k', value }, { timeoutMs })
const get = (peer: Peer, timeoutMs = WITHIN_MS) => peer.legion.read('get', 'k', { timeoutMs })
const votersOf = (peer: Peer) => peer.legion.members.filter(({ role }) => role === 'voter')

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
        await simulation.settle(() => again.legion.status().isReady && again.id === tab.id)
        expect(await simulation.until(get(again))).toBe(i)
        await simulation.settle(() => peers.every((peer) => votersOf(peer).length === 3))
        await simulation.run(1500)
      }
    }
  })

  it.each([0, 1, 2])(
    '[GRP114] a crash after any disk operation of a takeover leaves one speaker at most, and loses nothing (%i)',
    async (ended) => {
      const victims = [0, 1, 2].filter((place) => place !== ended)
      for (const victim of victims) {
        for (const returns of [false, true]) {
          let operations = 1
          for (let k = 0; k < operations; k++) {
            const { simulation, peers } = await start(19)
            const [gone, heir] = [peers[ended] as Peer, peers[victim] as Peer]
            const last = peers.find((peer) => peer !== gone && peer !== heir) as Peer
            await simulation.until(set(gone, 1))
            gone.crash()
            const before = heir.disk.operationCount
            const endMs = simulation.clock.nowMs + 400
            while (heir.disk.operationCount < before + k && simulation.clock.nowMs < endMs) await simulation.run(0.2)
            if (k === 0) {
              const copy = await start(19)
              operations = await operationsOfTakeover(copy.simulation, copy.peers, ended, victim)
            }
            heir.crash()
            const alive = [last, ...(returns ? [gone.restart(), heir.restart()] : [])]
            for (let i = 0; i < 20; i++) {
              await simulation.run(100)
              expectOneSpeaker(alive)
            }
            expect(await simulation.until(get(last)), `${k} of ${operations}`).toBe(1)
            for (const peer of alive) await simulation.until(set(peer, 2, 5000))
          }
          expect(operations).toBeGreaterThan(5)
        }
      }
    },
    60_000,
  )
})

async function operationsOfTakeover(
  simulation: Simulation,
  peers: readonly Peer[],
  ended: number,
  victim: number,
): Promise<number> {
  await simulation.until(set(peers[ended] as Peer, 1))
  peers[ended]?.crash()
  const before = peers[victim]?.disk.operationCount ?? 0
  await simulation.run(400)
  return (peers[victim]?.disk.operationCount ?? 0) - before
}

function expectOneSpeaker(peers: readonly Peer[]): void {
  const speakers = peers.flatMap(({ legion }) => {
    const { main } = legion.status()
    return main === undefined ? [] : [main.id, ...main.voices]
  })
  expect(new Set(speakers).size).toBe(speakers.length)
}
