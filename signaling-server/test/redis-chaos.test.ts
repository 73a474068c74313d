import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { pick, type RandomStream, seededRandom } from '../../lib/src/base/random.js'
import type { Backplane } from '../src/backplane.js'
import { systemClock } from '../src/clock.js'
import { silentLog } from '../src/log.js'
import { RedisBackplane } from '../src/redis-backplane.js'
import { nameOf, TestStay } from './backplane-contract.js'
import { roomOf } from './fake-client.js'
import { hasRedis, RedisServer } from './redis-server.js'

const STEPS = 80
/** A busy machine must not make instances look dead. */
const LEASE_MS = 3000
const PEERS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
const ROOMS = ['one', 'two']
const SOON = { timeout: 20_000 }
const LIMITS = { membersPerRoom: 100, rooms: 100, reservationMs: 60_000, reservations: 100 }

/** Peers that come and go at three instances with one Redis that is killed, flushed and hangs. */
class Storm {
  readonly redis: RedisServer
  readonly instances: readonly Backplane[]
  readonly #random: RandomStream
  readonly #stays = new Set<TestStay>()

  constructor(redis: RedisServer, random: RandomStream) {
    this.redis = redis
    this.#random = random
    this.instances = Array.from(
      { length: 3 },
      () =>
        new RedisBackplane({
          ...{ url: redis.url, leaseMs: LEASE_MS, clock: systemClock, log: silentLog },
          ...{ warmupMs: 0, graceMs: 100, limits: LIMITS },
        }),
    )
  }

  /** Who was not replaced and did not leave. */
  get present(): TestStay[] {
    return [...this.#stays].filter(({ log }) => !log.includes('replaced'))
  }

  async step(): Promise<void> {
    const dice = this.#random()
    const { present } = this
    if (dice < 0.5 || present.length === 0) this.#enter()
    else if (dice < 0.75) this.#leave(pick(this.#random, present))
    else if (dice < 0.9) pick(this.#random, present).found(pick(this.#random, PEERS))
    else await this.#trouble()
    await sleep(2 + this.#random() * 20) // the newest stay of a peer counts, by the clock
  }

  #enter(): void {
    const [instance, room] = [pick(this.#random, this.instances), pick(this.#random, ROOMS)]
    const stay = new TestStay(instance, pick(this.#random, PEERS), { room, durable: this.#random() < 0.2 })
    this.#stays.add(stay)
    instance.enter(stay)
  }

  #leave(stay: TestStay): void {
    this.#stays.delete(stay)
    stay.leave(this.#random() < 0.5)
  }

  async #trouble(): Promise<void> {
    const dice = this.#random()
    if (dice < 0.3) {
      await this.redis.flush()
    } else if (dice < 0.6) {
      await this.redis.signal('SIGSTOP')
      await sleep(this.#random() * LEASE_MS)
      await this.redis.signal('SIGCONT')
    } else {
      await this.redis.kill()
      await sleep(this.#random() * 300)
      await this.redis.start()
    }
  }
}

describe.skipIf(!hasRedis)('three instances and a Redis in trouble (needs redis-server)', { timeout: 240_000 }, () => {
  let storm: Storm

  afterEach(async () => {
    await Promise.all(storm.instances.map((one) => one.close()))
    await storm.redis.close()
  })

  it.each([1, 2, 3])('[SIG26] agree on who is there when all is well again (seed %i)', async (seed) => {
    storm = new Storm(await RedisServer.open(), seededRandom(seed))
    await Promise.all(storm.instances.map((one) => one.start()))
    for (let i = 0; i < STEPS; i++) await storm.step()
    await expect.poll(() => storm.instances.every(({ counts }) => counts.isShared), SOON).toBe(true)
    for (const room of ROOMS) {
      const present = () => storm.present.filter((stay) => stay.room === roomOf(room))
      await expect.poll(() => present().flatMap(strangersOf(present)), SOON).toEqual([])
      await expect.poll(() => bookkeepingOf(storm.redis, room), SOON).toEqual(countOf(present()))
    }
  })
})

/** Whom a stay sees that is not there, or does not see that is; itself if it is there twice. */
function strangersOf(present: () => TestStay[]): (stay: TestStay) => string[] {
  return (stay) => {
    const others = present().filter((other) => other !== stay)
    const missed = others.filter(({ peer }) => peer === stay.peer || !stay.others.has(peer)).map(({ peer }) => peer)
    const ghosts = [...stay.others].filter((peer) => others.every((other) => other.peer !== peer))
    return [...missed, ...ghosts].map((peer) => `${nameOf(stay.peer)}: ${nameOf(peer)}`)
  }
}

const countOf = (present: readonly TestStay[]) => ({ stays: present.length, told: present.length, claims: 0 })

/** What Redis counts must be what Redis has. */
async function bookkeepingOf(redis: RedisServer, room: string) {
  const stays = await redis.hash(`legion:room:${roomOf(room)}`)
  const at = await redis.hash(`legion:at:${roomOf(room)}`)
  const { claimants = '0' } = await redis.hash(`legion:cluster:${roomOf(room)}`)
  const claims = Object.values(stays).filter((text) => JSON.parse(text).c === 1)
  const told = Object.values(at).reduce((sum, count) => sum + Number(count), 0)
  return { stays: Object.keys(stays).length, told, claims: claims.length - Number(claimants) }
}
