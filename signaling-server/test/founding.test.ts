import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CLAIM_MS, HOLDERS_MAX } from '../src/founding.js'
import type { Bye } from '../src/protocol.js'
import { type FakeClient, GRACE_MS, idOf, RoomsBench, WARMUP_MS } from './fake-client.js'

async function warmBench(): Promise<RoomsBench> {
  const bench = new RoomsBench()
  await bench.clock.run(WARMUP_MS)
  return bench
}

describe('founding', () => {
  it('[SIG5] gives the room to the first that asks and tells everyone the same', async () => {
    const bench = await warmBench()
    const [a, b] = [bench.join('a'), bench.join('b')]
    bench.found(a, 'x')
    bench.found(b, 'y')
    bench.found(a, 'x')
    expect(a.founded).toEqual([idOf('x'), idOf('x')])
    expect(b.founded).toEqual([idOf('x')])
  })

  it('[SIG6] waits for the warm-up, then serves in the order of asking', async () => {
    const bench = new RoomsBench()
    const [a, b, c] = [bench.join('a'), bench.join('b'), bench.join('c')]
    bench.found(b, 'y')
    bench.found(a, 'x')
    bench.found(b, 'y')
    await bench.clock.run(WARMUP_MS - 1)
    expect([...a.founded, ...b.founded]).toEqual([])
    await bench.clock.run(1)
    expect([a.founded, b.founded, c.founded]).toEqual([[idOf('y')], [idOf('y')], []])
  })

  it('[SIG6] forgets the request of who left meanwhile', async () => {
    const bench = new RoomsBench()
    const [a, b] = [bench.join('a'), bench.join('b')]
    bench.found(a, 'x')
    bench.found(b, 'y')
    bench.rooms.disconnected(a)
    await bench.clock.run(WARMUP_MS)
    expect(b.founded).toEqual([idOf('y')])
  })

  it('[SIG7] lets a member that comes back during the warm-up claim the room at once', () => {
    const bench = new RoomsBench()
    const a = bench.join('a')
    bench.found(a, 'x')
    const back = bench.join('b', { clusterId: 'y' })
    expect(back.received[0]).toMatchObject({ type: 'welcome', clusterId: idOf('y') })
    expect(a.founded).toEqual([idOf('y')])
  })

  it('[SIG7] does not give a founded room to who claims another cluster', async () => {
    const bench = await warmBench()
    bench.found(bench.join('a'), 'x')
    expect(bench.join('b', { clusterId: 'y' }).received[0]).toMatchObject({ clusterId: idOf('x') })
  })

  it('[SIG8] forgets a memory-only cluster a grace after its last claimant, whoever else is there', async () => {
    const bench = await warmBench()
    const founder = bench.join('a')
    const other = bench.join('b')
    bench.found(founder, 'x')
    bench.rooms.disconnected(founder)
    await bench.clock.run(GRACE_MS - 1)
    bench.found(other, 'y')
    expect(other.founded).toEqual([idOf('x')])
    await bench.clock.run(1)
    bench.found(other, 'y')
    expect(other.founded).toEqual([idOf('x'), idOf('y')])
  })

  it('[SIG8] keeps the cluster if a claimant is back within the grace', async () => {
    const bench = await warmBench()
    bench.rooms.disconnected(bench.join('a', { clusterId: 'x' }))
    await bench.clock.run(GRACE_MS - 1)
    bench.join('a', { clusterId: 'x' })
    await bench.clock.run(2 * GRACE_MS)
    expect(bench.clusterOf()).toBe(idOf('x'))
  })

  it('[SIG8] keeps the cluster while one claimant of several is left, and over a takeover', async () => {
    const bench = await warmBench()
    const [a, b] = [bench.join('a', { clusterId: 'x' }), bench.join('b')]
    bench.found(b, 'x')
    bench.rooms.disconnected(a)
    const again = bench.join('b', { clusterId: 'x' })
    bench.rooms.disconnected(b)
    await bench.clock.run(2 * GRACE_MS)
    expect(bench.clusterOf()).toBe(idOf('x'))
    bench.rooms.disconnected(again)
    await bench.clock.run(GRACE_MS)
    expect(bench.clusterOf()).toBeUndefined()
    expect(bench.backplane.counts.rooms).toBe(0)
  })

  it('[SIG24] forgets a memory-only cluster at once when all of its claimants ended', async () => {
    const bench = await warmBench()
    const [a, b] = [bench.join('a', { clusterId: 'x' }), bench.join('b', { clusterId: 'x' })]
    bench.end(a)
    expect(bench.backplane.counts.rooms).toBe(1)
    bench.end(b)
    bench.rooms.disconnected(b)
    expect([bench.backplane.counts.rooms, bench.rooms.memberCount]).toEqual([0, 0])
    const next = bench.join('c')
    bench.found(next, 'y')
    expect(next.founded).toEqual([idOf('y')])
  })

  it.each(['a claimant', 'somebody who may have found it'])(
    '[SIG24] waits for %s that lost its socket within the grace',
    async (who) => {
      const bench = await warmBench()
      const a = bench.join('a', { clusterId: 'x' })
      bench.rooms.disconnected(bench.join('b', who === 'a claimant' ? { clusterId: 'x' } : {}))
      await bench.clock.run(GRACE_MS - 100)
      bench.end(a)
      await bench.clock.run(99)
      expect(bench.backplane.counts.rooms).toBe(1)
      await bench.clock.run(1)
      expect(bench.backplane.counts.rooms).toBe(0)
    },
  )

  it('[SIG24] waits for who is in the room: its claim may be on its way', async () => {
    const bench = await warmBench()
    const [a, b, c] = [bench.join('a', { clusterId: 'x' }), bench.join('b'), bench.join('c')]
    bench.end(a)
    bench.found(c, 'z')
    bench.found(b, 'x')
    expect([b.founded, c.founded]).toEqual([[idOf('x')], [idOf('x')]])
    bench.end(b)
    await bench.clock.run(CLAIM_MS - 1)
    bench.found(c, 'z')
    await bench.clock.run(1)
    bench.found(c, 'z')
    expect(c.founded).toEqual([idOf('x'), idOf('x'), idOf('z')])
  })

  it('[SIG9] remembers a cluster for ever once a durable member claimed it', async () => {
    const bench = await warmBench()
    const durable = bench.join('a', { clusterId: 'x', durable: true })
    const memory = bench.join('b', { clusterId: 'x' })
    bench.end(durable)
    bench.end(memory)
    await bench.clock.run(1000 * GRACE_MS)
    expect(bench.clusterOf()).toBe(idOf('x'))
  })

  it('[SIG34] lets go of a cluster that the last of those who had it on disk has left for good', async () => {
    const bench = await warmBench()
    const [a, b] = [bench.join('a', { clusterId: 'x', durable: true }), bench.join('b', { clusterId: 'x' })]
    bench.end(a, 'memory')
    bench.rooms.disconnected(b)
    await bench.clock.run(GRACE_MS - 1)
    expect(bench.clusterOf()).toBe(idOf('x'))
    await bench.clock.run(GRACE_MS)
    expect(bench.clusterOf()).toBeUndefined()
  })

  it('[SIG34] remembers it while another disk has it, known here or only to who left', async () => {
    const bench = await warmBench()
    const [a, b] = [
      bench.join('a', { clusterId: 'x', durable: true }),
      bench.join('b', { clusterId: 'x', durable: true }),
    ]
    bench.end(a, 'disks')
    bench.end(b, 'unknown')
    await bench.clock.run(1000 * GRACE_MS)
    expect(bench.clusterOf()).toBe(idOf('x'))
    bench.end(bench.join('c', { clusterId: 'x' }), 'memory')
    await bench.clock.run(GRACE_MS)
    expect(bench.clusterOf()).toBeUndefined()
    bench.end(bench.join('d', { clusterId: 'z', durable: true }))
    bench.end(bench.join('e', { clusterId: 'z', durable: true }), 'memory')
    await bench.clock.run(1000 * GRACE_MS)
    expect(bench.clusterOf()).toBe(idOf('z'))
  })

  it('[SIG34] believes the last one that nothing is left, unless somebody is there; strangers it does not believe', async () => {
    const bench = await warmBench()
    bench.end(bench.join('a', { clusterId: 'x', durable: true }))
    bench.end(bench.join('b', { clusterId: 'y' }), 'nothing')
    expect(bench.clusterOf()).toBe(idOf('x'))
    const [c, d] = [bench.join('c', { clusterId: 'x' }), bench.join('d', { clusterId: 'x', durable: true })]
    bench.end(c, 'nothing')
    expect(bench.clusterOf()).toBe(idOf('x'))
    bench.end(d, 'nothing')
    await bench.clock.run(GRACE_MS)
    expect(bench.clusterOf()).toBeUndefined()
  })

  it('[SIG34] believes the last one whatever those before it say later, over slower sockets', async () => {
    const bench = await warmBench()
    const [a, b] = [
      bench.join('a', { clusterId: 'x', durable: true }),
      bench.join('b', { clusterId: 'x', durable: true }),
    ]
    bench.end(b, 'nothing')
    bench.end(a, 'disks')
    expect(bench.backplane.counts.rooms).toBe(0)
  })

  it('[SIG34] keeps track of a thousand disks; of more it lets go only by the word of the last one', async () => {
    const bench = new RoomsBench({ membersPerRoom: 2 })
    for (let i = 0; i <= HOLDERS_MAX; i++) bench.end(bench.join(`${i}`, { clusterId: 'x', durable: true }))
    for (let i = 0; i < HOLDERS_MAX; i++) bench.end(bench.join(`${i}`, { clusterId: 'x', durable: true }), 'unknown')
    expect(bench.clusterOf()).toBe(idOf('x'))
    bench.end(bench.join('last', { clusterId: 'x' }), 'nothing')
    await bench.clock.run(GRACE_MS)
    expect(bench.clusterOf()).toBeUndefined()
  })

  it('[SIG5] never grants a second cluster while a claimant of the first is here, whatever happens', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step(), { maxLength: 60 }), async (steps) => {
        const bench = new RoomsBench()
        const present = new Map<string, FakeClient>()
        for (const one of steps) await play(bench, present, one)
      }),
      { numRuns: 300 },
    )
  })
})

type Step =
  | { readonly do: 'join'; readonly peer: string; readonly cluster: string | undefined; readonly durable: boolean }
  | { readonly do: 'found'; readonly peer: string; readonly cluster: string }
  | { readonly do: 'leave' | 'end'; readonly peer: string; readonly rest: Bye['rest'] }
  | { readonly do: 'wait'; readonly ms: number }

function step(): fc.Arbitrary<Step> {
  const peer = fc.constantFrom('a', 'b', 'c')
  const cluster = fc.constantFrom('x', 'y', 'z')
  const rest = fc.constantFrom(undefined, 'disks', 'memory', 'nothing', 'unknown')
  return fc.oneof(
    fc.record({
      do: fc.constant('join' as const),
      peer,
      cluster: fc.option(cluster, { nil: undefined }),
      durable: fc.boolean(),
    }),
    fc.record({ do: fc.constant('found' as const), peer, cluster }),
    fc.record({ do: fc.constantFrom('leave' as const, 'end' as const), peer, rest }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.nat(GRACE_MS) }),
  )
}

/** Each step in turn; after it, two present peers that were granted their own cluster were granted the same one. */
async function play(bench: RoomsBench, present: Map<string, FakeClient>, step: Step): Promise<void> {
  if (step.do === 'wait') await bench.clock.run(step.ms)
  else await act(bench, present, step)
  const claimed = [...present.values()].map((client) => client.claimed).filter((cluster) => cluster !== undefined)
  expect(new Set(claimed).size).toBeLessThanOrEqual(1)
}

async function act(
  bench: RoomsBench,
  present: Map<string, FakeClient>,
  step: Exclude<Step, { do: 'wait' }>,
): Promise<void> {
  const client = present.get(step.peer)
  if (step.do === 'join' && client === undefined) {
    present.set(step.peer, bench.join(step.peer, { clusterId: step.cluster, durable: step.durable }))
  } else if (step.do === 'found' && client !== undefined) {
    bench.found(client, step.cluster)
  } else if ((step.do === 'leave' || step.do === 'end') && client !== undefined) {
    present.delete(step.peer)
    if (step.do === 'end') bench.end(client, step.rest)
    bench.rooms.disconnected(client)
  }
}
