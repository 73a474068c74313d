import { describe, expect, it, vi } from 'vitest'
import { kv } from '../../src/machines/index.js'
import { createSimulation, type SimulatedPeer, type Simulation } from '../../src/testing/simulation.js'

vi.setConfig({ testTimeout: 30_000 })

type Peer = SimulatedPeer<typeof kv>
type Options = Parameters<Simulation['peers']>[1]

async function start(count: number, seed: number, options: Options = {}): Promise<[Simulation, Peer[]]> {
  const simulation = createSimulation({ seed })
  const peers = await simulation.peers<typeof kv>(count, { machine: kv, ...options } as never)
  await simulation.run(3000)
  return [simulation, peers]
}

const set = (peer: Peer, value: number) => peer.legion.applyConsistent('set', { key: 'k', value }, { timeoutMs: 3000 })
const leaderOf = (peers: readonly Peer[]) => peers.find(({ id, legion }) => legion.leader === id) as Peer
const followersOf = (peers: readonly Peer[]) => peers.filter((peer) => peer !== leaderOf(peers))
const roleOf = (peer: Peer, { id }: Peer) => peer.legion.members.find((member) => member.peer === id)?.role
const rosterIndex = (peer: Peer) => peer.legion.status().main?.rosterIndex as number

describe('eject', () => {
  it.each(['memory', 'simulated'] as const)(
    '[GRP120] removes a member for good: it is told, everything fails there with E_EJECTED (%s)',
    async (storage) => {
      const [simulation, peers] = await start(4, 1, { storage })
      const [asking, ejected] = followersOf(peers) as [Peer, Peer]
      const events: string[] = []
      ejected.legion.on('ejected', ({ code }) => events.push(code))
      await simulation.until(asking.legion.eject(ejected.id))
      expect(asking.legion.members.map(({ peer }) => peer)).not.toContain(ejected.id)
      await simulation.settle(() => events.length > 0)
      expect(events).toEqual(['E_EJECTED'])
      await expect(simulation.until(set(ejected, 1))).rejects.toMatchObject({
        code: 'E_EJECTED',
        outcome: 'not-applied',
      })
      await simulation.until(set(asking, 2))
    },
  )

  it('[GRP120] works on the leader too, which hands over first', async () => {
    const [simulation, peers] = await start(3, 2)
    const leader = leaderOf(peers)
    const [asking] = followersOf(peers) as [Peer]
    await simulation.until(asking.legion.eject(leader.id))
    await simulation.until(set(asking, 1))
    await simulation.settle(() => leader.legion.status().main?.stopped?.code === 'E_EJECTED')
  })

  it('[GRP181] removes a member of the cluster from its other groups too, even if it is not there to hear it', async () => {
    const [simulation, peers] = await start(3, 5, { storage: 'simulated' })
    const lists = await simulation.until(Promise.all(peers.map((peer) => peer.legion.group('list', kv))))
    const isMember = (list: (typeof lists)[number], { id }: Peer) => list.members.some(({ peer }) => peer === id)
    await simulation.settle(() => lists.every((list) => peers.every((peer) => isMember(list, peer))))
    const [asking, ejected] = followersOf(peers) as [Peer, Peer]
    const list = lists[peers.indexOf(asking)] as (typeof lists)[number]
    ejected.crash()
    await simulation.run(15_000)
    expect(isMember(list, ejected)).toBe(true)
    await simulation.until(asking.legion.eject(ejected.id))
    await simulation.settle(() => !isMember(list, ejected))
    await simulation.until(asking.legion.readmit(ejected.id))
    const again = ejected.restart()
    await simulation.settle(() => again.legion.status().isReady)
    await simulation.until(again.legion.group('list', kv))
    await simulation.settle(() => isMember(list, ejected))
  })

  it('[GRP121] lets nobody back before readmit, whose peer then comes as its next incarnation', async () => {
    const [simulation, peers] = await start(3, 3, { storage: 'simulated' })
    const [asking, ejected] = followersOf(peers) as [Peer, Peer]
    await simulation.until(asking.legion.eject(ejected.id))
    await simulation.run(1000)
    ejected.crash()
    const again = ejected.restart()
    await simulation.settle(() => again.legion.status().main?.stopped?.code === 'E_EJECTED')
    await simulation.run(5000)
    expect(asking.legion.members).toHaveLength(2)
    await simulation.until(asking.legion.readmit(ejected.id))
    again.crash()
    const back = again.restart()
    await simulation.settle(() => asking.legion.members.length === 3)
    await simulation.settle(() => back.legion.status().isReady)
    await simulation.until(set(back, 4))
    expect(asking.legion.members.find(({ peer }) => peer === back.id)?.id).not.toMatch(/\.1$/)
  })

  it('[GRP122] of a member that is cut off: it can disturb nobody, and is told when it comes back', async () => {
    const [simulation, peers] = await start(4, 4, { storage: 'simulated' })
    const [asking, ejected] = followersOf(peers) as [Peer, Peer]
    simulation.partition(
      [ejected],
      peers.filter((peer) => peer !== ejected),
    )
    await simulation.until(asking.legion.eject(ejected.id))
    await simulation.run(20_000)
    const { term, leader } = { term: asking.legion.status().main?.term, leader: asking.legion.leader }
    simulation.heal()
    await simulation.settle(() => ejected.legion.status().main?.stopped?.code === 'E_EJECTED')
    await simulation.run(10_000)
    expect(asking.legion.status().main?.term).toBe(term)
    expect(asking.legion.leader).toBe(leader)
    await simulation.until(set(asking, 1))
  })

  it('[GRP123] is refused for strangers, for oneself and for the last who could vote', async () => {
    const [simulation, peers] = await start(2, 5)
    const [peer, other] = peers as [Peer, Peer]
    const stranger = 'AAAAAAAAAAAAAAAAAAAAAA' as Peer['id']
    await expect(simulation.until(peer.legion.eject(stranger))).rejects.toMatchObject({ code: 'E_NO_PEER' })
    await expect(simulation.until(peer.legion.eject(peer.id))).rejects.toMatchObject({ code: 'E_INVALID' })
    const guest = simulation.open<typeof kv>({ machine: kv, canVote: false })
    await simulation.settle(() => guest.legion.status().isReady)
    await simulation.until(guest.legion.eject(other.id))
    await expect(simulation.until(guest.legion.eject(peer.id))).rejects.toMatchObject({ code: 'E_INVALID' })
  })

  it('[GRP124] without a quorum fails with E_NO_QUORUM, and says what may still happen', async () => {
    const [simulation, peers] = await start(3, 6)
    const [peer, a, b] = [followersOf(peers)[0], leaderOf(peers), followersOf(peers)[1]] as [Peer, Peer, Peer]
    a.crash()
    b.crash()
    await simulation.run(20_000)
    const ejecting = peer.legion.eject(a.id, { timeoutMs: 2000 })
    await expect(simulation.until(ejecting)).rejects.toMatchObject({ code: 'E_NO_QUORUM', outcome: 'not-applied' })
  })
})

describe('expected', () => {
  it('[GRP125] lets one of two changes that were decided on the same roster through', async () => {
    const [simulation, peers] = await start(5, 7)
    const [a, b, x, y] = followersOf(peers) as [Peer, Peer, Peer, Peer]
    const expected = rosterIndex(a)
    expect(rosterIndex(b)).toBe(expected)
    const both = [a.legion.setRole(x.id, 'learner', { expected }), b.legion.setRole(y.id, 'learner', { expected })]
    const settled = await simulation.until(Promise.allSettled(both))
    expect(settled.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const refused = settled.find(({ status }) => status === 'rejected') as PromiseRejectedResult
    expect(refused.reason).toMatchObject({ code: 'E_DROPPED', outcome: 'not-applied' })
    await expect(simulation.until(a.legion.transferLeadership(b.id, { expected }))).rejects.toMatchObject({
      code: 'E_DROPPED',
    })
  })
})

describe('setRole', () => {
  it('[GRP126] learner: it never votes; voter: it is preferred', async () => {
    const [simulation, peers] = await start(5, 8, { voters: 3 })
    const [asking] = peers as [Peer]
    const learner = peers.find((peer) => roleOf(asking, peer) === 'learner') as Peer
    await simulation.until(asking.legion.setRole(learner.id, 'voter'))
    await simulation.settle(() => roleOf(asking, learner) === 'voter')
    expect(peers.filter((peer) => roleOf(asking, peer) === 'voter')).toHaveLength(3)
    await simulation.until(asking.legion.setRole(learner.id, 'learner'))
    await simulation.settle(() => roleOf(asking, learner) === 'learner')
    expect(peers.filter((peer) => roleOf(asking, peer) === 'voter')).toHaveLength(3)
  })

  it('[GRP127] of the leader as a learner: another one leads, and the pin holds after restarts', async () => {
    const [simulation, peers] = await start(3, 9, { storage: 'simulated' })
    const leader = leaderOf(peers)
    await simulation.until(leader.legion.setRole(leader.id, 'learner'))
    const [other] = peers.filter((peer) => peer !== leader) as [Peer]
    await simulation.settle(() => roleOf(other, leader) === 'learner')
    await simulation.until(set(leader, 1))
    for (const peer of peers) peer.crash()
    const again = peers.map((peer) => peer.restart())
    await simulation.settle(() => again.every(({ legion }) => legion.status().isReady))
    await simulation.run(10_000)
    const same = again[peers.indexOf(leader)] as Peer
    expect(roleOf(same, same)).toBe('learner')
    expect(leaderOf(again)).not.toBe(same)
  })

  it('[GRP128] refuses the vote of who was opened with { canVote: false }', async () => {
    const [simulation, peers] = await start(2, 10)
    const guest = simulation.open<typeof kv>({ machine: kv, canVote: false })
    await simulation.settle(() => guest.legion.status().isReady)
    const [peer] = peers as [Peer]
    for (const role of ['voter', 'witness'] as const) {
      await expect(simulation.until(peer.legion.setRole(guest.id, role))).rejects.toMatchObject({ code: 'E_INVALID' })
    }
    await simulation.until(peer.legion.setRole(guest.id, 'learner'))
    await simulation.run(5000)
    expect(roleOf(peer, guest)).toBe('learner')
  })

  it('[GRP129] witness: it votes without data, never leads, and gets the data again in another role', async () => {
    const [simulation, peers] = await start(3, 11)
    const leader = leaderOf(peers)
    const [witness, other] = followersOf(peers) as [Peer, Peer]
    await simulation.until(set(leader, 1))
    await simulation.until(leader.legion.setRole(witness.id, 'witness'))
    await simulation.settle(() => roleOf(leader, witness) === 'witness')
    await simulation.until(set(other, 2))
    expect(() => witness.legion.peek('get', 'k')).toThrow(expect.objectContaining({ code: 'E_UNSUPPORTED' }))
    await expect(simulation.until(set(witness, 3))).rejects.toMatchObject({ code: 'E_UNSUPPORTED' })
    await expect(simulation.until(leader.legion.transferLeadership(witness.id))).rejects.toMatchObject({
      code: 'E_INVALID',
    })
    await simulation.until(leader.legion.setRole(witness.id, 'voter'))
    await simulation.settle(() => roleOf(leader, witness) === 'voter', 30_000)
    expect(await simulation.until(witness.legion.read('get', 'k'))).toBe(2)
  })
})

describe('transferLeadership', () => {
  it('[GRP130] from any member to any voter resolves when that one leads', async () => {
    const [simulation, peers] = await start(3, 12)
    for (const asking of peers) {
      for (const to of peers) {
        await simulation.until(asking.legion.transferLeadership(to.id))
        expect(asking.legion.leader).toBe(to.id)
        await simulation.until(set(to, 1))
      }
    }
  })

  it('[GRP131] is refused for strangers and learners', async () => {
    const [simulation, peers] = await start(2, 13)
    const [peer] = peers as [Peer]
    const learner = peers.find((each) => roleOf(peer, each) === 'learner') as Peer
    const stranger = 'AAAAAAAAAAAAAAAAAAAAAA' as Peer['id']
    const transfer = (to: Peer['id']) => simulation.until(peer.legion.transferLeadership(to))
    await expect(transfer(stranger)).rejects.toMatchObject({ code: 'E_NO_PEER' })
    await expect(transfer(learner.id)).rejects.toMatchObject({ code: 'E_INVALID' })
  })

  it('[GRP131] to a voter that is gone fails with E_TIMEOUT', async () => {
    const [simulation, peers] = await start(5, 14, { timing: { replaceAfterMs: 60_000 } })
    const [asking, gone] = followersOf(peers) as [Peer, Peer]
    gone.crash()
    const transfer = asking.legion.transferLeadership(gone.id, { timeoutMs: 2000 })
    await expect(simulation.until(transfer)).rejects.toMatchObject({ code: 'E_TIMEOUT' })
  })
})

describe('admit', () => {
  it('[GRP132] lets nobody become a member whom a member refuses: E_UNAUTHORIZED', async () => {
    const [simulation, peers] = await start(3, 15, { admit: ({ name }) => name !== 'bad' })
    const bad = simulation.open<typeof kv>({ machine: kv, name: 'bad' })
    const good = simulation.open<typeof kv>({ machine: kv, name: 'good' })
    await simulation.settle(() => bad.legion.status().main?.stopped?.code === 'E_UNAUTHORIZED')
    await simulation.settle(() => good.legion.status().isReady)
    expect(peers[0]?.legion.members.map(({ name }) => name)).not.toContain('bad')
    await expect(simulation.until(bad.legion.ready)).rejects.toMatchObject({ code: 'E_UNAUTHORIZED' })
  })

  it('[GRP132] that throws refuses', async () => {
    const admit = () => {
      throw new Error('oops')
    }
    const [simulation] = await start(1, 16, { admit })
    const other = simulation.open<typeof kv>({ machine: kv })
    await simulation.settle(() => other.legion.status().main?.stopped?.code === 'E_UNAUTHORIZED')
  })
})

describe('the end', () => {
  it.each(['memory', 'simulated'] as const)(
    '[GRP133] leave resolves when the roster is without it (%s)',
    async (storage) => {
      const [simulation, peers] = await start(3, 17, { storage })
      for (const leaving of [leaderOf(peers), ...followersOf(peers)].slice(0, 2)) {
        await simulation.until(leaving.legion.leave())
        const rest = peers.filter((peer) => peer !== leaving && peer.legion.status().main?.stopped === undefined)
        expect(rest.some(({ legion }) => !legion.members.some(({ peer }) => peer === leaving.id))).toBe(true)
        for (const peer of rest) await simulation.until(set(peer, 1))
      }
    },
  )

  it.each([0, 1, 5, 20, 100, 1000])(
    '[GRP183] leave waits for its own storage, and for the others (%i ms)',
    async (afterMs) => {
      const [simulation, peers] = await start(3, 19, { storage: 'simulated', disk: { latencyMs: [5, 20] } })
      const [going, other] = followersOf(peers) as [Peer, Peer]
      going.crash()
      await simulation.run(1000)
      const again = going.restart()
      await simulation.run(afterMs)
      await simulation.until(again.legion.leave())
      expect(other.legion.members.map(({ peer }) => peer)).not.toContain(again.id)
      const back = again.restart()
      await simulation.settle(() => back.legion.status().isReady)
      expect([back.id, back.legion.status().main?.id]).toEqual([again.id, `${again.id}.2`])
    },
  )

  it('[GRP183] leave of a durable peer that is alone though it has members tells that in time, and changes nothing', async () => {
    const [simulation, peers] = await start(3, 20, { storage: 'simulated' })
    for (const peer of peers) peer.crash()
    const [going, ...others] = peers.map((peer) => peer.restart()) as [Peer, ...Peer[]]
    for (const other of others) other.crash()
    await expect(simulation.until(going.legion.leave({ timeoutMs: 500 }), 600)).rejects.toMatchObject({
      code: 'E_TIMEOUT',
    })
    const again = [going, ...others].map((peer) => peer.restart())
    await simulation.settle(() => again.every(({ legion }) => legion.members.length === 3))
    expect(again[0]?.legion.status().main?.id).toBe(`${going.id}.1`)
  })

  it.each(['memory', 'simulated'] as const)(
    '[GRP183] who leaves while it joins is no member afterwards, and waits for no one that it does not need (%s)',
    async (storage) => {
      const [simulation, peers] = await start(2, 21)
      for (const afterMs of [0, 5, 20, 50, 100, 150, 200, 300, 1000]) {
        const joining = simulation.open<typeof kv>({ machine: kv, storage })
        await simulation.run(afterMs)
        await simulation.until(joining.legion.leave(), 1000)
        await simulation.run(15_000)
        for (const peer of peers) expect(peer.legion.members).toHaveLength(2)
      }
    },
  )

  it('[GRP183] leave with a store that cannot be opened says so', async () => {
    const [simulation, [peer]] = await start(1, 22, { storage: 'simulated' })
    const twin = (peer as Peer).restart()
    await expect(simulation.until(twin.legion.leave())).rejects.toMatchObject({ code: 'E_STORAGE_LOCKED' })
    await expect(simulation.until(twin.legion.leave())).rejects.toMatchObject({ code: 'E_STORAGE_LOCKED' })
  })

  it('[GRP134] close of a durable leader hands over at once and stays in the roster', async () => {
    const [simulation, peers] = await start(3, 18, { storage: 'simulated' })
    const leader = leaderOf(peers)
    const [other] = followersOf(peers) as [Peer]
    await simulation.until(leader.legion.close())
    await simulation.until(set(other, 1), 500)
    await simulation.run(10_000)
    expect(other.legion.members.map(({ peer }) => peer)).toContain(leader.id)
  })
})
