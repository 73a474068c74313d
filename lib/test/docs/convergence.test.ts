import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { pick, randomInt, seededRandom } from '../../src/base/random.js'
import { type DocumentPeer, DocumentPeers } from '../support/document-peers.js'

/** What a schedule does, one after the other; numbers choose among the peers. */
type Step =
  | { readonly do: 'edit'; readonly peer: number; readonly seed: number }
  | { readonly do: 'connect' | 'disconnect' | 'fill' | 'drain'; readonly a: number; readonly b: number }
  | { readonly do: 'deliver'; readonly count: number; readonly seed: number }
  | { readonly do: 'reopen' | 'paste'; readonly peer: number }
  | { readonly do: 'wait'; readonly durationMs: number }

const PEERS = 5

const peerIndex = fc.nat(PEERS - 1)
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('edit' as const), peer: peerIndex, seed: fc.nat() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('connect' as const, 'disconnect' as const, 'fill' as const, 'drain' as const),
      a: peerIndex,
      b: peerIndex,
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('deliver' as const), count: fc.nat(20), seed: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('reopen' as const, 'paste' as const), peer: peerIndex }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), durationMs: fc.nat(3_000) }) },
)

async function take(peers: DocumentPeers, step: Step): Promise<void> {
  switch (step.do) {
    case 'edit':
      edit(at(peers, step.peer), step.seed)
      break
    case 'deliver': {
      const random = seededRandom(step.seed)
      for (let i = 0; i < step.count; i++) {
        peers.networks.step(random)
        await Promise.resolve()
      }
      break
    }
    case 'paste': // more than fits into one message
      at(peers, step.peer).insert('large '.repeat(12_000))
      break
    case 'reopen':
      reopen(peers, at(peers, step.peer))
      break
    case 'wait':
      await peers.run(step.durationMs)
      break
    default:
      changeLink(peers, step.do, at(peers, step.a), at(peers, step.b))
  }
}

function at(peers: DocumentPeers, index: number): DocumentPeer {
  return peers.all[index] as DocumentPeer
}

function changeLink(
  peers: DocumentPeers,
  change: 'connect' | 'disconnect' | 'fill' | 'drain',
  a: DocumentPeer,
  b: DocumentPeer,
): void {
  if (a === b) return
  if (change === 'connect') peers.connect(a, b)
  else if (change === 'disconnect') peers.disconnect(a, b)
  else if (a.network.peers.has(b.id)) peers.networks.setFull(a.network, b.network, change === 'fill')
}

/** Only where somebody else has all of it: closing is allowed to lose what no other peer got. */
function reopen(peers: DocumentPeers, peer: DocumentPeer): void {
  const state = Y.encodeStateVector(peer.doc.y).join()
  const isSafe = peers.all.some((other) => other !== peer && Y.encodeStateVector(other.doc.y).join() === state)
  if (!isSafe || peer.doc.y.store.pendingStructs !== null) return
  peer.doc.close()
  peer.documents.open('notes')
}

function edit(peer: DocumentPeer, seed: number): void {
  const random = seededRandom(seed)
  const int = (bound: number) => randomInt(random, bound)
  const { y } = peer.doc
  const [text, array, map] = [y.getText('t'), y.getArray('a'), y.getMap('m')]
  const edits = [
    () => text.insert(int(text.length + 1), `${seed % 100} `),
    () => text.insert(int(text.length + 1), 'x'.repeat(int(20)), { bold: true }),
    () => text.delete(int(text.length), int(4)),
    () => array.insert(int(array.length + 1), [seed, { n: seed }]),
    () => array.delete(int(array.length), 1),
    () => map.set(`k${int(4)}`, seed),
    () => map.set(`m${int(2)}`, new Y.Map([['seed', seed]])),
    () => map.delete(`k${int(4)}`),
    () => y.getXmlFragment('x').insert(0, [new Y.XmlElement(`p${int(3)}`)]),
  ]
  peer.doc.applyFast(() => {
    for (let n = int(3); n >= 0; n--) {
      try {
        pick(random, edits)()
      } catch {
        // Ranges may be beyond the end: no edit then.
      }
    }
  })
}

/** Everything that equal documents have in common. */
function contentOf({ doc: { y } }: DocumentPeer): unknown {
  return {
    text: y.getText('t').toDelta(),
    array: y.getArray('a').toJSON(),
    map: y.getMap('m').toJSON(),
    xml: y.getXmlFragment('x').toString(),
    snapshot: Y.encodeSnapshot(Y.snapshot(y)).join(),
  }
}

async function heal(peers: DocumentPeers): Promise<void> {
  for (const a of peers.all) for (const b of peers.all) if (a !== b) peers.networks.setFull(a.network, b.network, false)
  await peers.settle()
}

function expectEqual(peers: DocumentPeers): void {
  const [first, ...others] = peers.all as [DocumentPeer, ...DocumentPeer[]]
  for (const other of others) expect(contentOf(other)).toEqual(contentOf(first))
  for (const { doc } of peers.all) {
    expect(doc.y.store.pendingStructs).toBeNull()
    expect(doc.y.store.pendingDs).toBeNull()
    expect(doc.status).toBe('synced')
  }
}

/** Over any connected set of links, as `seed` draws it. */
async function expectConvergence(steps: readonly Step[], seed: number): Promise<void> {
  const peers = await runSchedule(steps)
  const random = seededRandom(seed)
  for (let i = 1; i < PEERS; i++) peers.connect(at(peers, i), at(peers, randomInt(random, i)))
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

describe('random schedules of edits, links, full queues and reopened documents', () => {
  it('[DOC30] converge as soon as all are linked', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 20, maxLength: 80 }), async (steps) => {
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
      fc.asyncProperty(fc.array(anyStep, { minLength: 20, maxLength: 60 }), fc.nat(), expectConvergence),
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

  it('[DOC20] leave everyone aware of everyone who is there, and of nobody else, after 45 s', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 20, maxLength: 60 }), fc.nat(), async (steps, seed) => {
        const peers = await runSchedule(steps)
        const random = seededRandom(seed)
        for (let i = 1; i < PEERS; i++) peers.connect(at(peers, i), at(peers, randomInt(random, i)))
        await peers.run(45_000)
        const expected = peers.all.map(({ doc }) => doc.awareness.clientID).sort()
        for (const { doc } of peers.all) expect([...doc.awareness.getStates().keys()].sort()).toEqual(expected)
      }),
      { numRuns: 20 },
    )
  }, 120_000)

  it('[DOC31] the same schedule sends the same bytes', async () => {
    const steps = fc.sample(fc.array(anyStep, { minLength: 60, maxLength: 60 }), { seed: 1, numRuns: 1 })[0] as Step[]
    const runs = [await runSchedule(steps), await runSchedule(steps)]
    const [first, second] = runs.map(({ networks }) => networks.sent.map(({ payload }) => payload.join()).join(';'))
    expect(first?.length).toBeGreaterThan(1_000)
    expect(second).toBe(first)
  })
})
