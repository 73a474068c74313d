import { afterEach, describe, expect, it } from 'vitest'
import { LegionError } from '../../src/base/errors.js'
import { defineMachine, Rejected } from '../../src/machines/index.js'
import { createSimulation, type SimulatedPeer, type Simulation } from '../../src/testing/simulation.js'

const theatre = defineMachine({
  name: 'theatre',
  version: 1,
  initial: () => ({ seats: {} as Record<string, string>, commands: 0 }),
  commands: {
    reserve(state, { seat, by }: { seat: string; by: string }) {
      state.commands++
      const holder = Object.hasOwn(state.seats, seat) ? state.seats[seat] : undefined
      if (holder !== undefined) return { ok: false, holder }
      state.seats[seat] = by
      return { ok: true }
    },
    refuse() {
      throw new Rejected('sold out', { left: 0 })
    },
    fail(state) {
      state.commands = 1_000_000
      throw new Error('boom')
    },
    blob(state, bytes: Uint8Array) {
      state.commands++
      return bytes.length
    },
  },
  queries: { holder: (state, seat: string) => state.seats[seat] ?? null },
})
type Theatre = typeof theatre
type Peer = SimulatedPeer<Theatre>

const errorOf = (promise: Promise<unknown>): Promise<LegionError> =>
  promise.then(
    () => Promise.reject(new Error('it was applied')),
    (error: unknown) => (LegionError.is(error) ? error : Promise.reject(error)),
  )

describe('a group', () => {
  let simulation: Simulation
  let peers: Peer[]

  async function start(count: number, seed = count): Promise<Peer[]> {
    simulation = createSimulation({ seed })
    peers = await simulation.peers<Theatre>(count, { machine: theatre })
    await simulation.run(2000) // the roster comes to rest
    return peers
  }

  const leader = () => peers.find(({ legion, id, isAlive }) => isAlive && legion.leader === id) as Peer
  const follower = () => peers.find(({ legion, id, isAlive }) => isAlive && legion.leader !== id) as Peer
  const voters = () => leader().legion.members.filter(({ role }) => role === 'voter').length
  const reserve = (peer: Peer, seat: string, timeoutMs?: number) =>
    peer.legion.applyConsistent('reserve', { seat, by: peer.id }, { timeoutMs })

  afterEach(() => {
    for (const peer of peers) if (peer.isAlive) peer.crash()
  })

  it('[GRP1] of one peer founds the cluster, leads and works', async () => {
    const [alone] = await start(1)
    expect(alone?.legion.members).toMatchObject([{ role: 'voter', isLeader: true, peer: alone?.id }])
    expect(await simulation.until(reserve(alone as Peer, '1A'))).toEqual({ ok: true })
  })

  it('[GRP2] makes joiners learners and then voters, always an odd number', async () => {
    await start(4)
    expect(
      leader()
        .legion.members.map(({ role }) => role)
        .sort(),
    ).toEqual(['learner', 'voter', 'voter', 'voter'])
  })

  it('[GRP3] gives the output to who proposed, on the leader and on followers', async () => {
    await start(3)
    const outputs = await simulation.until(Promise.all(peers.map((peer) => reserve(peer, '1A'))))
    const winner = outputs.findIndex(({ ok }) => ok)
    expect(outputs.filter(({ ok }) => ok)).toHaveLength(1)
    expect(outputs.filter(({ ok }) => !ok)).toEqual([
      { ok: false, holder: peers[winner]?.id },
      { ok: false, holder: peers[winner]?.id },
    ])
  })

  it('[GRP4] comes to the same state on all replicas', async () => {
    await start(3)
    await simulation.until(Promise.all(['1', '2', '3', '4'].map((seat, i) => reserve(peers[i % 3] as Peer, seat))))
    await simulation.run(1000)
    expect(new Set(peers.map(({ legion }) => JSON.stringify(legion.state))).size).toBe(1)
    expect(Object.isFrozen(peers[0]?.legion.state.seats)).toBe(true)
  })

  it('[GRP5] reads what was finished before, on every replica', async () => {
    await start(3)
    await simulation.until(reserve(leader(), '1A'))
    const answers = await simulation.until(Promise.all(peers.map(({ legion }) => legion.read('holder', '1A'))))
    expect(answers).toEqual([leader().id, leader().id, leader().id])
  })

  it('[GRP6] has no state and no answers before it is ready, and says so', async () => {
    simulation = createSimulation({ seed: 1 })
    peers = [simulation.open<Theatre>({ machine: theatre })]
    const legion = (peers[0] as Peer).legion
    for (const access of [() => legion.state, () => legion.peek('holder', '1A')]) {
      expect(access).toThrow(expect.objectContaining({ code: 'E_NOT_READY' }))
    }
    const early = reserve(peers[0] as Peer, '1A')
    expect(await simulation.until(early)).toEqual({ ok: true })
    expect(legion.peek('holder', '1A')).toBe(legion.self.id)
  })

  it('[GRP7] refuses a command that the machine does not have', async () => {
    const [alone] = await start(1)
    const untyped = alone?.legion as unknown as { applyConsistent(name: string): Promise<unknown> }
    expect(await errorOf(untyped.applyConsistent('no such'))).toMatchObject({
      code: 'E_UNKNOWN_COMMAND',
      outcome: 'not-applied',
    })
  })

  it('[GRP8] without a quorum fails with E_NO_QUORUM, and what is known can still be read', async () => {
    await start(3)
    await simulation.until(reserve(leader(), '1A'))
    const old = leader()
    const rest = peers.filter((peer) => peer !== old)
    simulation.partition([old], rest)
    await simulation.run(15_000)
    const error = await simulation.until(errorOf(reserve(old, '1B', 1000)))
    expect(error).toMatchObject({ code: 'E_NO_QUORUM' })
    expect(await simulation.until(errorOf(old.legion.read('holder', '1A', { timeoutMs: 1000 })))).toMatchObject({
      code: 'E_NO_QUORUM',
    })
    expect(old.legion.peek('holder', '1A')).toBe(old.id)
    expect(await simulation.until(reserve(rest[0] as Peer, '1B'))).toEqual({ ok: true })
  })

  it('[GRP9] says of a command that timed out or was aborted whether it may still be applied', async () => {
    await start(3)
    const cutOff = follower()
    simulation.partition(
      [cutOff],
      peers.filter((peer) => peer !== cutOff),
    )
    const sent = errorOf(reserve(cutOff, '1A', 2000))
    await simulation.run(100)
    const controller = new AbortController()
    const aborted = errorOf(
      cutOff.legion.applyConsistent('reserve', { seat: '1B', by: 'x' }, { signal: controller.signal }),
    )
    await simulation.run(100)
    controller.abort()
    expect(await aborted).toMatchObject({ code: 'E_ABORTED', outcome: 'unknown' })
    expect(await simulation.until(sent)).toMatchObject({ outcome: 'unknown' })
    const late = cutOff.legion.applyConsistent('reserve', { seat: '1C', by: 'x' }, { signal: controller.signal })
    expect(await errorOf(late)).toMatchObject({ code: 'E_ABORTED', outcome: 'not-applied' })
  })

  it('[GRP10] refuses too much at once and too large a command before sending anything', async () => {
    simulation = createSimulation({ seed: 10 })
    const limits = { proposals: 3, commandBytes: 1000 }
    peers = await simulation.peers<Theatre>(1, { machine: theatre, limits })
    const [alone] = peers as [Peer]
    const taken = ['1', '2', '3'].map((seat) => reserve(alone, seat))
    expect(await errorOf(reserve(alone, '4'))).toMatchObject({ code: 'E_BUSY', outcome: 'not-applied' })
    await simulation.until(Promise.all(taken))
    const large = alone.legion.applyConsistent('blob', new Uint8Array(1000))
    expect(await errorOf(large)).toMatchObject({ code: 'E_TOO_LARGE', outcome: 'not-applied' })
    const notPlain = alone.legion.applyConsistent('reserve', { seat: '1', by: 'x', at: new Date() } as never)
    expect(await errorOf(notPlain)).toMatchObject({ code: 'E_NOT_PLAIN' })
  })

  it('[GRP11] tells a refusal with its details, and a failure with its cause only to the proposer', async () => {
    await start(3)
    const refused = await simulation.until(errorOf(follower().legion.applyConsistent('refuse')))
    expect(refused).toMatchObject({
      code: 'E_REJECTED',
      message: 'sold out',
      details: { left: 0 },
      outcome: 'not-applied',
    })
    const failed = await simulation.until(errorOf(follower().legion.applyConsistent('fail')))
    expect(failed).toMatchObject({ code: 'E_COMMAND_FAILED', outcome: 'not-applied' })
    expect(failed.cause).toMatchObject({ message: 'boom' })
    await simulation.run(1000)
    expect(peers.map(({ legion }) => legion.state.commands)).toEqual([0, 0, 0])
  })

  it('[GRP12] does not take in a peer with another machine or too old a version of it', async () => {
    const newer = { ...theatre, version: 2 }
    simulation = createSimulation({ seed: 12 })
    peers = await simulation.peers<Theatre>(1, { machine: newer })
    const other = defineMachine({ name: 'cinema', version: 1, initial: () => ({}), commands: {} })
    const stranger = simulation.open({ machine: other })
    expect(await simulation.until(errorOf(stranger.legion.ready))).toMatchObject({ code: 'E_MACHINE' })
    const older = simulation.open({ machine: theatre })
    expect(await simulation.until(errorOf(older.legion.ready))).toMatchObject({ code: 'E_OUTDATED' })
    expect(leader().legion.members).toHaveLength(1)
  })

  it('[GRP13] settles commands in flight exactly once when the leader vanishes', async () => {
    await start(5)
    const old = leader()
    const others = peers.filter((peer) => peer !== old)
    const inFlight = others.flatMap((peer, i) => ['a', 'b', 'c'].map((row) => reserve(peer, `${i}${row}`)))
    await simulation.run(8)
    old.crash()
    const outputs = await simulation.until(Promise.all(inFlight))
    expect(outputs.every(({ ok }) => ok)).toBe(true)
    await simulation.run(1000)
    expect(others.map(({ legion }) => legion.state.commands)).toEqual([12, 12, 12, 12])
  })

  it('[GRP14] elects a new leader well within a second when the leader says goodbye', async () => {
    await start(3)
    leader().closePage()
    const survivor = peers.find(({ isAlive }) => isAlive) as Peer
    expect(await simulation.until(reserve(survivor, '1A', 1000))).toEqual({ ok: true })
  })

  it('[GRP15] replaces a voter that stays away, and takes it back with everything when it returns', async () => {
    await start(4)
    const lost = peers.find(({ legion, id }) => legion.leader !== id) as Peer
    const rest = peers.filter((peer) => peer !== lost)
    simulation.partition([lost], rest)
    await simulation.run(20_000)
    expect(leader().legion.members.map(({ peer }) => peer)).not.toContain(lost.id)
    expect(voters()).toBe(3)
    await simulation.until(reserve(leader(), '1A'))
    simulation.heal()
    await simulation.settle(() => leader().legion.members.some(({ peer }) => peer === lost.id))
    expect(await simulation.until(lost.legion.read('holder', '1A'))).toBe(leader().id)
    expect(await simulation.until(reserve(lost, '1B'))).toEqual({ ok: true })
    expect(leader().legion.members.find(({ peer }) => peer === lost.id)?.id).toBe(`${lost.id}.2`)
  })

  it('[GRP16] removes who leaves before leave() returns, whoever leads', async () => {
    await start(4)
    for (const leaving of [follower(), leader()]) {
      await simulation.until(leaving.legion.leave())
      peers = peers.filter((peer) => peer !== leaving)
      await simulation.until(reserve(peers[0] as Peer, `after ${leaving.id}`))
      expect(leader().legion.members.map(({ peer }) => peer)).not.toContain(leaving.id)
    }
  })

  it('[GRP16] of two peers goes on with the other one when the only voter closes', async () => {
    await start(2)
    const old = leader()
    await simulation.until(old.legion.close())
    peers = peers.filter((peer) => peer !== old)
    expect(await simulation.until(reserve(peers[0] as Peer, '1A'))).toEqual({ ok: true })
  })

  it('[GRP16] leaves over slow links only when another one knows of it', async () => {
    for (const seed of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 52, 212]) {
      await start(2 + (seed % 3), 1600 + seed)
      simulation.network.setConditions({ latencyMs: [100, 400] })
      const old = leader()
      await simulation.until(old.legion.leave())
      peers = peers.filter((peer) => peer !== old)
      expect(await simulation.until(reserve(peers[0] as Peer, '1A'))).toEqual({ ok: true })
    }
  })

  it('[GRP17] brings a newcomer up from a snapshot after the log was cut, sessions included', async () => {
    simulation = createSimulation({ seed: 17 })
    const limits = { logEntries: 20, logMarginEntries: 5 }
    peers = await simulation.peers<Theatre>(3, { machine: theatre, limits })
    for (let i = 0; i < 60; i++) await simulation.until(reserve(peers[i % 3] as Peer, `seat ${i}`))
    expect(leader().legion.status().main?.firstIndex).toBeGreaterThan(30)
    const newcomer = simulation.open<Theatre>({ machine: theatre, limits })
    peers.push(newcomer)
    await simulation.until(newcomer.legion.ready)
    await simulation.run(2000)
    expect(Object.keys(newcomer.legion.state.seats)).toHaveLength(60)
    expect(await simulation.until(reserve(newcomer, 'seat 0'))).toMatchObject({ ok: false })
  })

  it('[GRP17] brings up a member for which one snapshot after the other comes too late', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      simulation = createSimulation({ seed: 1700 + seed })
      const limits = { logEntries: 20, logMarginEntries: 5 }
      peers = await simulation.peers<Theatre>(3, { machine: theatre, limits })
      const lagging = follower()
      simulation.partition(
        [lagging],
        peers.filter((peer) => peer !== lagging),
      )
      const busy = leader()
      let isOver = false
      const load = (async () => {
        for (let i = 0; !isOver; i++) {
          await reserve(busy, `${seed}/${i}`)
          // A sole voter commits at once: without this time would stand still.
          await new Promise<void>((resolve) => simulation.clock.setTimer(2, resolve))
        }
      })()
      await simulation.run(2000)
      simulation.heal()
      await simulation.settle(() => lagging.legion.members.length === 3 && lagging.legion.leader !== undefined)
      expect(await simulation.until(reserve(lagging, `${seed}/mine`))).toEqual({ ok: true })
      isOver = true
      await simulation.until(load)
    }
  })

  it('[GRP18] tells subscribers of the selected part, now and only when it changes', async () => {
    const [alone] = (await start(1)) as [Peer]
    const seen: (string | undefined)[] = []
    const unsubscribe = alone.legion.subscribe(
      ({ seats }) => seats['1A'],
      (holder) => seen.push(holder),
    )
    await simulation.until(reserve(alone, '1B'))
    await simulation.until(reserve(alone, '1A'))
    unsubscribe()
    await simulation.until(reserve(alone, '1C'))
    expect(seen).toEqual([undefined, alone.id])
  })

  it('[GRP19] fails what is in flight with E_CLOSED and an honest outcome when it is closed', async () => {
    await start(3)
    const peer = follower()
    simulation.partition(
      [peer],
      peers.filter((other) => other !== peer),
    )
    const inFlight = errorOf(reserve(peer, '1A'))
    await simulation.run(100)
    await simulation.until(peer.legion.close())
    expect(await inFlight).toMatchObject({ code: 'E_CLOSED', outcome: 'unknown' })
    expect(await errorOf(reserve(peer, '1B'))).toMatchObject({ code: 'E_CLOSED', outcome: 'not-applied' })
  })
})
