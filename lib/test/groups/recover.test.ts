import { describe, expect, it } from 'vitest'
import type { Split } from '../../src/groups/split.js'
import type { kv } from '../../src/machines/index.js'
import { createSimulation, type Simulation } from '../../src/testing/simulation.js'
import { recoverWrongly } from './epochs-apart.js'
import { areReady, get, type Peer, set } from './two-clusters.js'

async function start(count: number, seed: number, options = {}): Promise<[Simulation, Peer[]]> {
  const simulation = createSimulation({ seed })
  const peers = await simulation.peers<typeof kv>(count, options)
  await simulation.run(3_000)
  return [simulation, peers]
}

const leaderOf = (peers: readonly Peer[]) => peers.find(({ legion, id }) => legion.leader === id) as Peer
const roleOf = (peer: Peer) => peer.legion.members.find(({ peer: id }) => id === peer.id)?.role

/** Long enough for everyone to miss who crashed, and their leader. */
const MISSED_MS = 30_000

describe('recover', () => {
  it('[REC1] after two of three voters without storage crashed the third one goes on with all that it had', async () => {
    for (let seed = 1; seed <= 3; seed++) {
      const [simulation, peers] = await start(3, seed)
      await simulation.until(set(peers[0] as Peer, 'a', 1))
      const [last, ...lost] = peers as [Peer, ...Peer[]]
      for (const peer of lost) peer.crash()
      await simulation.run(MISSED_MS)
      await expect(simulation.until(set(last, 'b', 1))).rejects.toMatchObject({ code: 'E_NO_QUORUM' })
      const recovery = await simulation.until(last.legion.recover())
      expect(recovery.survivors).toEqual([last.id])
      expect([...recovery.discarded].sort()).toEqual(lost.map(({ id }) => id).sort())
      await simulation.until(set(last, 'b', 2))
      expect(await simulation.until(get(last, 'a'))).toBe(1)
      const next = simulation.open<typeof kv>()
      await simulation.settle(() => areReady([next]) && next.legion.members.length === 2)
      expect(await simulation.until(get(next, 'b'))).toBe(2)
    }
  })

  it('[REC2] survivors join the new epoch, as learners and then voters', async () => {
    const [simulation, peers] = await start(5, 7)
    await simulation.until(set(peers[0] as Peer, 'a', 1))
    const survivors = peers.slice(0, 2)
    for (const peer of peers.slice(2)) peer.crash()
    await simulation.run(MISSED_MS)
    const recovery = await simulation.until((survivors[1] as Peer).legion.recover())
    expect([...recovery.survivors].sort()).toEqual(survivors.map(({ id }) => id).sort())
    await simulation.settle(() => survivors.every(({ legion }) => legion.members.length === 2))
    await simulation.until(set(survivors[0] as Peer, 'b', 1))
    for (const peer of survivors) expect(await simulation.until(get(peer, 'a'))).toBe(1)
    expect(new Set(survivors.map(({ legion }) => legion.status().main?.epoch))).toEqual(new Set([recovery.epoch]))
  })

  it('[REC3] works from a learner when all voters are gone', async () => {
    const [simulation, voters] = await start(1, 8)
    const learner = simulation.open<typeof kv>({ canVote: false })
    await simulation.settle(() => areReady([learner]))
    await simulation.until(set(learner, 'a', 1))
    expect(roleOf(learner)).toBe('learner')
    voters[0]?.crash()
    await simulation.run(MISSED_MS)
    await simulation.until(learner.legion.recover())
    await simulation.until(set(learner, 'b', 2))
    expect(await simulation.until(get(learner, 'a'))).toBe(1)
  })

  it('[REC4] has the survivor with the most up-to-date log recover, and keeps what it had not committed', async () => {
    const [simulation, peers] = await start(5, 9)
    const leader = leaderOf(peers)
    const [close, far, ...others] = peers.filter((peer) => peer !== leader) as [Peer, Peer, ...Peer[]]
    simulation.partition([leader, close], [far, ...others])
    const pending = set(leader, 'tail', 1)
    pending.catch(() => {})
    await simulation.run(200)
    leader.crash()
    for (const peer of others) peer.crash()
    simulation.heal()
    await simulation.run(MISSED_MS)
    expect(close.legion.status().main?.lastIndex).toBeGreaterThan(far.legion.status().main?.lastIndex ?? 0)
    const recovery = await simulation.until(far.legion.recover())
    expect(recovery.survivors).toHaveLength(2)
    await simulation.settle(() => far.legion.members.length === 2)
    expect(await simulation.until(get(far, 'tail'))).toBe(1)
    expect(close.legion.status().main?.epoch).toBe(recovery.epoch)
  })

  it('[REC5] refuses while there is a leader, or a majority of the voters', async () => {
    const [simulation, peers] = await start(3, 10)
    await expect(simulation.until((peers[0] as Peer).legion.recover())).rejects.toMatchObject({ code: 'E_INVALID' })
    leaderOf(peers).crash()
    const rest = peers.filter(({ isAlive }) => isAlive) as Peer[]
    await expect(simulation.until((rest[0] as Peer).legion.recover())).rejects.toMatchObject({ code: 'E_INVALID' })
    await simulation.run(MISSED_MS)
    await simulation.until(set(rest[0] as Peer, 'a', 1))
  })

  it('[REC6] two that recover at once begin one epoch', async () => {
    const [simulation, peers] = await start(5, 11)
    const [one, two, ...lost] = peers as [Peer, Peer, ...Peer[]]
    for (const peer of lost) peer.crash()
    await simulation.run(MISSED_MS)
    const recoveries = await simulation.until(Promise.all([one.legion.recover(), two.legion.recover()]))
    expect(recoveries[0].epoch).toBe(recoveries[1].epoch)
    await simulation.until(set(one, 'a', 1))
    expect(await simulation.until(get(two, 'a'))).toBe(1)
  })

  it('[REC7] a durable peer that comes back and has nothing more joins the new epoch', async () => {
    const [simulation, peers] = await start(3, 12, { storage: 'simulated' })
    await simulation.until(set(peers[0] as Peer, 'a', 1))
    await simulation.run(2_000)
    const [last, ...lost] = peers as [Peer, ...Peer[]]
    for (const peer of lost) peer.crash()
    await simulation.run(MISSED_MS)
    const { epoch } = await simulation.until(last.legion.recover())
    await simulation.until(set(last, 'b', 2))
    const back = lost.map((peer) => peer.restart())
    await simulation.settle(() => areReady(back) && back.every(({ legion }) => legion.status().main?.epoch === epoch))
    await simulation.settle(() => last.legion.members.length === 3)
    for (const peer of back) expect(await simulation.until(get(peer, 'b'))).toBe(2)
    expect(last.legion.status().splits).toEqual([])
  })

  it('[REC8] one that comes back with more than was kept stays apart: split on both sides, its data is there', async () => {
    const [simulation, peers] = await start(3, 13, { storage: 'simulated' })
    await simulation.until(set(peers[0] as Peer, 'a', 1))
    const leader = leaderOf(peers)
    const [last, other] = peers.filter((peer) => peer !== leader) as [Peer, Peer]
    last.crash()
    await simulation.run(1_000)
    await simulation.until(set(other, 'a', 2))
    leader.crash()
    other.crash()
    const alone = last.restart()
    await simulation.run(MISSED_MS)
    await simulation.until(alone.legion.recover())
    await simulation.until(set(alone, 'a', 3))
    const splits: Split[] = []
    alone.legion.on('split', (split) => splits.push(split))
    const back = other.restart()
    back.legion.on('split', (split) => splits.push(split))
    await simulation.settle(() => splits.length === 2)
    expect(splits.map(({ kind }) => kind)).toEqual(['epochs', 'epochs'])
    expect(back.legion.status().splits).toHaveLength(1)
    const commands = back.legion.main
      .log(1, 1_000)
      .map(({ what }) => (what.kind === 'command' ? what.payload : undefined))
    expect(commands).toContainEqual({ key: 'a', value: 2 })
    expect(await simulation.until(get(alone, 'a'))).toBe(3)
    const pieces: Uint8Array[] = []
    for await (const piece of back.legion.main.exportSnapshot()) pieces.push(piece)
    expect(pieces.length).toBeGreaterThan(0)
  })

  it('[REC9] what was recovered is durable', async () => {
    const [simulation, peers] = await start(3, 14, { storage: 'simulated' })
    const [last, ...lost] = peers as [Peer, ...Peer[]]
    await simulation.until(set(last, 'a', 1))
    for (const peer of lost) peer.crash()
    await simulation.run(MISSED_MS)
    const { epoch } = await simulation.until(last.legion.recover())
    await simulation.until(set(last, 'b', 2))
    last.crash()
    const again = last.restart()
    await simulation.settle(() => areReady([again]))
    expect(await simulation.until(get(again, 'a'))).toBe(1)
    expect(await simulation.until(get(again, 'b'))).toBe(2)
    expect(again.legion.status().main?.epoch).toBe(epoch)
  })

  it('[REC12] asked for at the start it waits for who is there: a majority that only starts is not forked', async () => {
    for (let seed = 1; seed <= 3; seed++) {
      const [simulation, peers] = await start(3, 20 + seed, { storage: 'simulated', disk: { latencyMs: [100, 1500] } })
      await simulation.until(set(peers[0] as Peer, 'a', seed))
      const epoch = peers[0]?.legion.status().main?.epoch
      for (const peer of peers) peer.crash()
      const back = peers.map((peer) => peer.restart())
      const asked = back.map(({ legion }) => legion.ready.then(() => legion.recover()))
      for (const outcome of await simulation.until(Promise.allSettled(asked))) {
        expect(outcome).toMatchObject({ reason: { code: 'E_INVALID' } })
      }
      await simulation.settle(() => back.every(({ legion }) => legion.leader !== undefined))
      expect(back.map(({ legion }) => legion.status().main?.epoch)).toEqual([epoch, epoch, epoch])
    }
  })

  it('[REC12] the survivors of five that start and recover together begin one epoch', async () => {
    const [simulation, peers] = await start(5, 24, { storage: 'simulated' })
    await simulation.until(set(peers[0] as Peer, 'a', 1))
    await simulation.run(2_000)
    for (const peer of peers) peer.crash()
    const survivors = peers.slice(0, 2).map((peer) => peer.restart())
    const asked = survivors.map(({ legion }) => legion.ready.then(() => legion.recover()))
    const [one, two] = await simulation.until(Promise.all(asked))
    expect([one?.epoch, [...(one?.survivors ?? [])].sort()]).toEqual([two?.epoch, survivors.map(({ id }) => id).sort()])
    for (const peer of survivors) expect(await simulation.until(get(peer, 'a'))).toBe(1)
  })

  it('[REC12] does not wait for ever for who can not be linked, nor for the signaling server', async () => {
    const [simulation, peers] = await start(3, 25, { storage: 'simulated' })
    const [last, ...lost] = peers as [Peer, ...Peer[]]
    for (const peer of peers) peer.crash()
    simulation.network.server.down()
    const alone = last.restart()
    await simulation.run(1_000)
    const { discarded } = await simulation.until(alone.legion.recover(), 12_000)
    expect([...discarded].sort()).toEqual(lost.map(({ id }) => id).sort())
  })

  it('[REC10] messages of the old epoch are dropped: each side keeps what it acknowledged', async () => {
    expect(await recoverWrongly()).toEqual({ here: 2, there: 1, splits: 3 })
  })
})
