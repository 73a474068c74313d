import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type RandomStream, randomInt, seededRandom } from '../../src/base/random.js'
import { DocumentPeers } from '../support/document-peers.js'
import { anyStep, at, expectEqual, heal, type Step, take } from './random-steps.js'

const PEERS = 5
const CROWD = 10

/** Over any connected set of links, as `seed` draws it. */
async function expectConvergence(steps: readonly Step[], seed: number): Promise<void> {
  const peers = await runSchedule(steps)
  connectRandomly(peers, seededRandom(seed))
  await peers.run(2_000)
  expectEqual(peers)
}

async function runSchedule(steps: readonly Step[]): Promise<DocumentPeers> {
  const peers = new DocumentPeers()
  for (let i = 0; i < PEERS; i++) peers.add().documents.open('notes')
  for (const step of steps) await take(peers, step)
  await heal(peers)
  return peers
}

/** Time passes between the steps, as it takes some until a tree follows the links. */
const crowdSchedule = fc.array(fc.record({ step: anyStep(CROWD), thenMs: fc.nat(1_500) }), {
  minLength: 10,
  maxLength: 30,
})

/** With the document open, two or more links each, and a tree. */
async function crowd(seed: number): Promise<DocumentPeers> {
  const random = seededRandom(seed)
  const peers = new DocumentPeers()
  peers.networks.isPartOfMore = true
  for (let i = 0; i < CROWD; i++) peers.add().documents.open('notes')
  for (let n = 0; n < 5; n++) connectRandomly(peers, random)
  await peers.run(6_000)
  return peers
}

/** So that all are connected, by each with one before it. */
function connectRandomly(peers: DocumentPeers, random: RandomStream): void {
  for (let i = 1; i < peers.all.length; i++) peers.connect(at(peers, i), at(peers, randomInt(random, i)))
}

describe('random schedules of edits, links, full queues and reopened documents', () => {
  it('[DOC30] converge as soon as all are linked', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep(PEERS), { minLength: 20, maxLength: 80 }), async (steps) => {
        const peers = await runSchedule(steps)
        peers.connectAll()
        await peers.run(2_000)
        expectEqual(peers)
      }),
      { numRuns: 60 },
    )
  }, 120_000)

  it('[DOC30] converge over any connected set of links', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep(PEERS), { minLength: 20, maxLength: 60 }), fc.nat(), expectConvergence),
      { numRuns: 60 },
    )
  }, 120_000)

  it('[DOC30] converge where an update for an earlier opening waits for one of another peer', async () => {
    const schedule: Step[] = [
      { do: 'connect', a: 3, b: 1 },
      { do: 'edit', peer: 0, seed: 0 },
      { do: 'connect', a: 3, b: 4 },
      { do: 'paste', peer: 1 },
      { do: 'deliver', count: 15, seed: 1525537807 },
      { do: 'reopen', peer: 3 },
      { do: 'paste', peer: 4 },
    ]
    await expectConvergence(schedule, 0)
  })

  it('[DOC30] converge in crowds that had agreed on a tree of links, or on several', async () => {
    await fc.assert(
      fc.asyncProperty(crowdSchedule, fc.nat(), async (schedule, seed) => {
        const peers = await crowd(seed)
        for (const { step, thenMs } of schedule) {
          await take(peers, step)
          await peers.run(thenMs)
        }
        await heal(peers)
        connectRandomly(peers, seededRandom(seed))
        await peers.run(8_000)
        expectEqual(peers)
        for (const peer of peers.all) await take(peers, { do: 'edit', peer: peers.all.indexOf(peer), seed })
        await peers.run(2_000)
        expectEqual(peers)
      }),
      { numRuns: 15 },
    )
  }, 120_000)

  it('[DOC20] leave everyone aware of everyone who is there, and of nobody else, after 45 s', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep(PEERS), { minLength: 20, maxLength: 60 }), fc.nat(), async (steps, seed) => {
        const peers = await runSchedule(steps)
        connectRandomly(peers, seededRandom(seed))
        await peers.run(45_000)
        const expected = peers.all.map(({ doc }) => doc.awareness.clientID).sort()
        for (const { doc } of peers.all) expect([...doc.awareness.getStates().keys()].sort()).toEqual(expected)
      }),
      { numRuns: 20 },
    )
  }, 120_000)

  it('[DOC31] the same schedule sends the same bytes', async () => {
    const steps = fc.sample(fc.array(anyStep(PEERS), { minLength: 60, maxLength: 60 }), {
      seed: 1,
      numRuns: 1,
    })[0] as Step[]
    const runs = [await runSchedule(steps), await runSchedule(steps)]
    const [first, second] = runs.map(({ networks }) => networks.sent.map(({ payload }) => payload.join()).join(';'))
    expect(first?.length).toBeGreaterThan(1_000)
    expect(second).toBe(first)
  })
})
