import { describe, expect, it } from 'vitest'
import { newClusterId, newPeerId } from '../../src/base/ids.js'
import { readGift, writeGift } from '../../src/groups/gift.js'
import { logPrefix } from '../../src/groups/orphan.js'
import type { Replica } from '../../src/groups/replica.js'
import { encodeAttributes } from '../../src/groups/replica-attributes.js'
import type { ReplicaHost } from '../../src/groups/replica-host.js'
import { ReplicaLog } from '../../src/groups/replica-log.js'
import { Roster } from '../../src/groups/roster.js'
import { Takeover } from '../../src/groups/takeover.js'
import { voterIdOf } from '../../src/groups/voter-id.js'
import { foundingState, type Message, type VoterId } from '../../src/raft/index.js'
import type { Siblings } from '../../src/storage/cluster-stores.js'
import { StoreWriter } from '../../src/storage/store-writer.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'
import { Disk } from './replica-log-disk.js'

const LOOK_MS = 1100
/** Where the log of the ended one ends. */
const END = { term: 3, index: 2 }
const NAME = 'of the ended one'

/** A tab that takes over from one store, and a core that only hears; each step can be held up. */
class Bench {
  readonly clock = new SimulatedClock()
  readonly #runtime = this.clock.fork(1)
  readonly clusterId = newClusterId(this.#runtime)
  readonly owner = newPeerId(this.#runtime)
  readonly ended = voterIdOf(this.owner, 1)
  readonly self = voterIdOf(newPeerId(this.#runtime), 1)
  readonly disk = new Disk()
  readonly heard: Message[] = []
  readonly told: string[] = []
  voices: VoterId[] = []
  last = { term: 0, index: 0 }
  /** Whether the store is open. */
  isOpen = false
  free = (): void => {}
  readonly takeover: Takeover

  constructor() {
    const { owner } = this
    const host = this.#newHost()
    this.takeover = new Takeover({
      siblings: this.#siblings(),
      runtime: this.#runtime,
      clusterId: this.clusterId,
      hosts: () => [host],
      ownerOf: async () => owner,
      ended: () => void this.told.push('ended'),
      failed: (error) => void this.told.push(String(error)),
    })
  }

  /** The ended one has left a log with one entry after the founding. */
  async leave(): Promise<void> {
    const { disk, clusterId, ended, self } = this
    const { log } = await ReplicaLog.load(disk, new StoreWriter(disk), logPrefix(0))
    const attributes = encodeAttributes({ clusterId, isFounder: true, epoch: 1, formerly: [] })
    await log.create(1, attributes, foundingState([ended, self]))
    const entry = { type: 'normal', index: 2, term: 3, data: Uint8Array.of(1) } as const
    await log.append({ term: 3, vote: ended, commit: 1 }, [entry], 'synced')
  }

  async giveTo(heirs: readonly VoterId[]): Promise<void> {
    const { ended, disk } = this
    const floor = { index: 2, term: 3 }
    await writeGift(disk, 0, { type: 'goodbye', from: ended, to: ended, term: 3, ids: [ended], floor, heirs })
  }

  get heirs(): Promise<readonly VoterId[] | undefined> {
    return readGift(this.disk, 0, this.owner).then((gift) => gift?.heirs)
  }

  get hasLog(): boolean {
    return this.disk.keys(logPrefix(0)).length > 0
  }

  heardOf(type: Message['type']): Message[] {
    return this.heard.filter((message) => message.type === type)
  }

  #siblings(): Siblings {
    return {
      list: async () => [NAME],
      whenFree: (_, free) => {
        this.free = () => {
          this.free = () => {}
          free()
        }
        return () => {}
      },
      visit: async (_, work) => {
        this.isOpen = true
        const result = await work(this.disk)
        this.isOpen = false
        return result
      },
    }
  }

  /** Its replica never changes; what it has and whom it speaks for, the test says. */
  #newHost(): ReplicaHost {
    const bench = this
    const replica = {
      id: this.self,
      configuration: foundingState([this.ended, this.self]).snapshot.configuration,
      state: { roster: new Roster() },
      soft: { role: 'follower', lead: undefined },
      committed: 1,
      get voices() {
        return bench.voices
      },
      get last() {
        return bench.last
      },
    } as unknown as Replica
    const hearLastWords = (message: Message) => void this.heard.push(message)
    return { group: 0, isStopped: false, replica, hearLastWords } as unknown as ReplicaHost
  }
}

/** A bench whose core has heard of all that the ended one had. */
async function equalBench(): Promise<Bench> {
  const bench = new Bench()
  await bench.leave()
  bench.last = END
  await bench.clock.run(LOOK_MS)
  return bench
}

describe('the steps of a takeover', () => {
  it('[GRP139] the vote is adopted after the gift is durable, the log is removed after the adoption, the gift stays', async () => {
    const bench = await equalBench()
    let open = (): void => {}
    bench.disk.gate = new Promise((resolve) => {
      open = resolve
    })
    bench.free()
    await bench.clock.run(100)
    expect(bench.told).toEqual(['ended'])
    expect(bench.heard).toEqual([])
    open()
    await bench.clock.run(100)
    expect(bench.heardOf('goodbye')).toMatchObject([{ ids: [bench.ended], heirs: [bench.self], floor: END }])
    expect([await bench.heirs, bench.hasLog]).toEqual([[bench.self], true])
    bench.voices = [bench.ended]
    bench.takeover.ran()
    bench.free()
    await bench.clock.run(100)
    expect([await bench.heirs, bench.hasLog]).toEqual([[bench.self], false])
  })

  it('[GRP227] the store is open only for the gift, not until the vote is adopted', async () => {
    const bench = await equalBench()
    bench.free()
    await bench.clock.run(10)
    expect(bench.heardOf('goodbye')).toHaveLength(1)
    expect([bench.isOpen, bench.hasLog]).toEqual([false, true])
  })

  it('[GRP139] the log stays while nobody has adopted the vote', async () => {
    const bench = await equalBench()
    bench.free()
    await bench.clock.run(5000)
    expect([await bench.heirs, bench.hasLog]).toEqual([[bench.self], true])
  })

  it('[GRP139] whom it was given to before comes first, for ever', async () => {
    const bench = await equalBench()
    const earlier = voterIdOf(newPeerId(bench.clock.fork(2)), 1)
    await bench.giveTo([earlier])
    bench.free()
    await bench.clock.run(100)
    expect(bench.heardOf('goodbye')).toMatchObject([{ heirs: [earlier, bench.self] }])
    expect(await bench.heirs).toEqual([earlier, bench.self])
  })

  it('[GRP139] nothing is given before the replica here has what the ended one had', async () => {
    const bench = await equalBench()
    bench.last = { term: 1, index: 1 }
    bench.free()
    await bench.clock.run(100)
    expect(bench.heard).toMatchObject([{ type: 'append', prevIndex: 1, commit: 1 }])
    expect(await bench.heirs).toBeUndefined()
    bench.last = END
    await bench.clock.run(1000)
    bench.free()
    await bench.clock.run(100)
    expect(bench.heardOf('goodbye')).toHaveLength(1)
  })
})
