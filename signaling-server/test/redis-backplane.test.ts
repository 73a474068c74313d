import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Backplane } from '../src/backplane.js'
import { type Clock, systemClock, type Timer } from '../src/clock.js'
import { silentLog } from '../src/log.js'
import { RedisBackplane } from '../src/redis-backplane.js'
import {
  backplaneContract,
  type ContractLimits,
  type ContractSubject,
  GRACE_MS,
  type StayParts,
  TestStay,
} from './backplane-contract.js'
import { tokenOf } from './fake-client.js'
import { hasRedis, RedisServer } from './redis-server.js'

/** A busy machine must not make instances look dead. */
const LEASE_MS = 3000
const SOON = { timeout: 20_000 }
const LIMITS: ContractLimits = { membersPerRoom: 10, rooms: 10, reservationMs: 60_000, reservations: 10 }

let prefixes = 0

function instanceAt(redis: RedisServer, prefix: string, limits = LIMITS, clock: Clock = systemClock): RedisBackplane {
  return new RedisBackplane({
    ...{ url: redis.url, prefix, leaseMs: LEASE_MS, clock, log: silentLog },
    ...{ warmupMs: 0, graceMs: GRACE_MS, limits },
  })
}

/** While it is stopped nothing is due: its owner does nothing of itself, as a process that hangs. */
class StoppableClock implements Clock {
  #isStopped = false
  #overdue: (() => void)[] = []

  readonly nowMs = systemClock.nowMs
  readonly wallClockMs = systemClock.wallClockMs

  setTimer(delayMs: number, fn: () => void): Timer {
    return systemClock.setTimer(delayMs, () => {
      if (this.#isStopped) this.#overdue.push(fn)
      else fn()
    })
  }

  stop(): void {
    this.#isStopped = true
  }

  resume(): void {
    this.#isStopped = false
    for (const fn of this.#overdue.splice(0)) fn()
  }
}

/** Resolves when each instance knows the others. */
async function start(instances: readonly Backplane[]): Promise<void> {
  await Promise.all(instances.map((one) => one.start()))
  await expect.poll(() => instances.every(({ counts }) => counts.isShared), SOON).toBe(true)
}

describe.skipIf(!hasRedis)('RedisBackplane (needs redis-server)', () => {
  let redis: RedisServer

  beforeAll(async () => {
    redis = await RedisServer.open()
  })

  afterAll(() => redis.close())

  for (const count of [1, 2]) {
    backplaneContract(`of ${count} instances`, async (limits): Promise<ContractSubject> => {
      const prefix = `contract${prefixes++}:`
      const instances = Array.from({ length: count }, () => instanceAt(redis, prefix, limits))
      await start(instances)
      return {
        instances,
        pass: sleep,
        close: async () => void (await Promise.all(instances.map((one) => one.close()))),
      }
    })
  }
})

describe.skipIf(!hasRedis)('RedisBackplane and its Redis (needs redis-server)', { timeout: 90_000 }, () => {
  let redis: RedisServer
  const instances: Backplane[] = []
  const clocks: StoppableClock[] = []

  afterEach(async () => {
    clocks.length = 0
    await Promise.all(instances.splice(0).map((one) => one.close()))
    await redis.close()
  })

  async function serve(count: number): Promise<void> {
    redis = await RedisServer.open()
    for (let i = 0; i < count; i++) {
      const clock = new StoppableClock()
      clocks.push(clock)
      instances.push(instanceAt(redis, 'legion:', LIMITS, clock))
    }
    await start(instances)
  }

  async function enter(at: number, peer: string, parts?: StayParts): Promise<TestStay> {
    const stay = new TestStay(instances[at] as Backplane, peer, parts)
    stay.backplane.enter(stay)
    await expect.poll(() => stay.log.length, SOON).toBeGreaterThan(0)
    return stay
  }

  const isShared = () => instances.every(({ counts }) => counts.isShared)
  const isCutOff = () => instances.every(({ counts }) => !counts.isShared)

  it('[SIG26] goes on alone without Redis, and all meet when it is back, although it has forgotten everything', async () => {
    await serve(2)
    const a = await enter(0, 'a', { clusterId: 'x' })
    const b = await enter(1, 'b')
    await a.heard('entered', 'b joined')
    await redis.kill()
    await expect.poll(isCutOff, SOON).toBe(true)
    const [c, d] = [await enter(0, 'c'), await enter(1, 'd')]
    expect(c.view).toMatchObject({ clusterId: a.clusterId })
    await a.heard('entered', 'b joined', 'c joined', 'b left')
    await redis.start()
    await expect.poll(isShared, SOON).toBe(true)
    for (const stay of [a, b, c, d]) {
      const others = [a, b, c, d].filter((other) => other !== stay).map(({ peer }) => peer)
      await expect.poll(() => [...stay.others].sort(), SOON).toEqual(others.sort())
    }
    a.signal('d', 'hello')
    await expect.poll(() => d.log, SOON).toContain('a says hello')
    expect((await enter(1, 'e')).view?.clusterId).toBe(a.clusterId)
  })

  it('[SIG26] tells nobody of a short loss of Redis', async () => {
    await serve(2)
    await redis.kill()
    await redis.start({ isPersistent: true })
    await expect.poll(isShared, SOON).toBe(true)
    const [a, b] = [await enter(0, 'a'), await enter(1, 'b')]
    await a.heard('entered', 'b joined')
    await redis.kill()
    await expect.poll(isCutOff, SOON).toBe(true)
    await redis.start({ isPersistent: true })
    await expect.poll(isShared, SOON).toBe(true)
    a.signal('b', '1')
    b.signal('a', '2')
    await a.heard('entered', 'b joined', 'b says 2')
    await b.heard('entered', 'a says 1')
  })

  it('[SIG26] founds nothing while it is cut off, unless the cluster is known; then it does', async () => {
    await serve(2)
    const [a, b] = [await enter(0, 'a'), await enter(1, 'b')]
    await enter(0, 'c', { room: 'known', clusterId: 'k' })
    await redis.kill()
    await expect.poll(isCutOff, SOON).toBe(true)
    const late = await enter(0, 'd', { room: 'known' })
    late.found('z')
    await late.heard('entered', 'founded k')
    a.found('x')
    b.found('y')
    await sleep(LEASE_MS / 2)
    expect([a, b].flatMap(({ log }) => log.filter((line) => line.startsWith('founded')))).toEqual([])
    await redis.start()
    const answers = () => [a, b].flatMap(({ log }) => log.filter((line) => line.startsWith('founded')))
    await expect.poll(() => answers().length, SOON).toBe(2)
    expect(new Set(answers()).size).toBe(1)
  })

  it('[SIG26] takes back what Redis forgot without a word', async () => {
    await serve(2)
    const [a, b] = [await enter(0, 'a', { clusterId: 'x' }), await enter(1, 'b')]
    await redis.flush()
    await expect.poll(() => redis.keyCount(), SOON).toBeGreaterThan(3)
    const c = await enter(1, 'c')
    await expect.poll(() => [...c.others].length, SOON).toBe(2)
    expect(c.view?.clusterId).toBe(a.clusterId)
    expect((await enter(1, 'a', { token: tokenOf('thief') })).log).toEqual(['peer-taken'])
    await expect.poll(() => [...a.others].sort(), SOON).toEqual([b.peer, c.peer].sort())
  })

  it('[SIG26] notices that Redis hangs, and goes on alone', async () => {
    await serve(1)
    await redis.signal('SIGSTOP')
    const a = await enter(0, 'a')
    expect(a.log).toEqual(['entered'])
    expect(isCutOff()).toBe(true)
    await redis.signal('SIGCONT')
    await expect.poll(isShared, SOON).toBe(true)
  })

  it('[SIG26] starts without Redis', async () => {
    redis = await RedisServer.open()
    await redis.kill()
    instances.push(instanceAt(redis, 'legion:'))
    await instances[0]?.start()
    const a = await enter(0, 'a')
    a.found('x')
    await redis.start()
    await a.heard('entered', 'founded x')
  })

  it('[SIG26] forgets the members of an instance that ended without a word, a lease later', async () => {
    await serve(2)
    const [a, b] = [await enter(0, 'a'), await enter(1, 'b', { clusterId: 'x' })]
    await a.heard('entered', 'b joined')
    clocks[1]?.stop()
    await a.heard('entered', 'b joined', 'b left')
    expect((await enter(0, 'b', { token: tokenOf('thief') })).log).toEqual(['peer-taken'])
    expect((await enter(0, 'b')).log).toEqual(['entered'])
    expect(b.log).toEqual(['entered'])
  })

  it('[SIG26] shows the members of an instance again that hung for longer than its lease', async () => {
    await serve(2)
    const [a, b] = [await enter(0, 'a'), await enter(1, 'b', { clusterId: 'x' })]
    clocks[1]?.stop()
    await a.heard('entered', 'b joined', 'b left')
    const late = new TestStay(instances[1] as Backplane, 'c')
    late.backplane.enter(late)
    clocks[1]?.resume()
    await expect.poll(() => [...a.others].sort(), SOON).toEqual([b.peer, late.peer].sort())
    await expect.poll(() => [...late.others].sort(), SOON).toEqual([a.peer, b.peer].sort())
    expect([b.log[0], late.log[0]]).toEqual(['entered', 'entered'])
  })

  it('[SIG26] rejects its start for an URL that can never work', async () => {
    redis = await RedisServer.open()
    const wrong = new RedisBackplane({
      ...{ url: 'no url', clock: systemClock, log: silentLog },
      ...{ warmupMs: 0, graceMs: GRACE_MS, limits: LIMITS },
    })
    await expect(wrong.start()).rejects.toThrow()
  })
})
