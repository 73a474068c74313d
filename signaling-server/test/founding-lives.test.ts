import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type FakeClient, GRACE_MS, idOf, RoomsBench, WARMUP_MS } from './fake-client.js'

interface Step {
  readonly do: 'open' | 'close' | 'crash' | 'leave' | 'wait'
  readonly peer: number
  readonly ms: number
}

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom('open', 'close', 'crash', 'leave', 'wait'),
  peer: fc.nat(4),
  ms: fc.nat(2 * GRACE_MS),
})

/** Peers of one room, half of them durable, and where the state of their cluster is. */
class Lives {
  readonly bench = new RoomsBench()
  readonly #present = new Map<number, FakeClient>()
  readonly #inMemory = new Set<number>()
  readonly #onDisk = new Set<number>()
  #cluster: string | undefined
  #founded = 0

  get isStateless(): boolean {
    return this.#onDisk.size === 0 && this.#inMemory.size === 0
  }

  async run({ do: what, peer, ms }: Step): Promise<void> {
    if (what === 'wait') await this.bench.clock.run(ms)
    else if (what === 'open') this.open(peer)
    else this.#end(peer, what)
  }

  open(peer: number): void {
    if (this.#present.has(peer)) return
    const clusterId = this.#onDisk.has(peer) ? this.#cluster : undefined
    const client = this.bench.join(`${peer}`, { durable: isDurable(peer), ...(clusterId && { clusterId }) })
    this.#present.set(peer, client)
    const { clusterId: known } = client.all('welcome')[0] ?? {}
    if (clusterId !== undefined) this.#inMemory.add(peer)
    else if (this.#inMemory.size > 0) this.#has(peer, client)
    else if (known === undefined) this.#found(peer, client)
  }

  /** Nobody may be granted a cluster while somebody has the state of another one. */
  #found(peer: number, client: FakeClient): void {
    expect([...this.#onDisk]).toEqual([])
    this.#cluster = `cluster ${++this.#founded}`
    this.#has(peer, client)
    expect(client.founded).toEqual([idOf(this.#cluster)])
  }

  #has(peer: number, client: FakeClient): void {
    this.bench.found(client, this.#cluster as string)
    this.#inMemory.add(peer)
    if (isDurable(peer)) this.#onDisk.add(peer)
  }

  #end(peer: number, how: 'close' | 'crash' | 'leave'): void {
    const client = this.#present.get(peer)
    if (client === undefined) return
    this.#present.delete(peer)
    const hadState = this.#inMemory.delete(peer)
    if (how === 'leave') this.#onDisk.delete(peer)
    const isGone = how === 'leave' || (how === 'close' && !isDurable(peer) && this.isStateless)
    if (how !== 'crash') this.bench.end(client, isGone ? this.#rest(hadState) : undefined)
    this.bench.rooms.disconnected(client)
  }

  #rest(hadState: boolean) {
    if (!hadState) return 'unknown'
    if (this.#onDisk.size > 0) return 'disks'
    return this.#inMemory.size > 0 ? 'memory' : 'nothing'
  }
}

const isDurable = (peer: number) => peer % 2 === 0

describe('lives of a cluster', () => {
  it('[SIG35] nobody founds another one while somebody has its state; somebody can when nobody has', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const lives = new Lives()
        await lives.bench.clock.run(WARMUP_MS)
        for (const one of steps) await lives.run(one)
        if (!lives.isStateless) return
        for (let peer = 0; peer < 5; peer++) await lives.run({ do: 'close', peer, ms: 0 })
        await lives.bench.clock.run(2 * GRACE_MS)
        lives.open(9)
        expect(lives.isStateless).toBe(false)
      }),
      { numRuns: 1000, seed: 1 },
    )
  })
})
