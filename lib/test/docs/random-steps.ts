import fc from 'fast-check'
import { expect } from 'vitest'
import * as Y from 'yjs'
import { pick, randomInt, seededRandom } from '../../src/base/random.js'
import type { DocumentPeer, DocumentPeers } from '../support/document-peers.js'

/** What a schedule does, one after the other; numbers choose among the peers. */
export type Step =
  | { readonly do: 'edit'; readonly peer: number; readonly seed: number }
  | { readonly do: 'connect' | 'disconnect' | 'fill' | 'drain'; readonly a: number; readonly b: number }
  | { readonly do: 'deliver'; readonly count: number; readonly seed: number }
  | { readonly do: 'reopen' | 'paste'; readonly peer: number }
  | { readonly do: 'wait'; readonly durationMs: number }

export function anyStep(peers: number): fc.Arbitrary<Step> {
  const peer = fc.nat(peers - 1)
  const change = fc.constantFrom('connect' as const, 'disconnect' as const, 'fill' as const, 'drain' as const)
  return fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('edit' as const), peer, seed: fc.nat() }) },
    { weight: 4, arbitrary: fc.record({ do: change, a: peer, b: peer }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('deliver' as const), count: fc.nat(20), seed: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('reopen' as const, 'paste' as const), peer }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), durationMs: fc.nat(3_000) }) },
  )
}

export async function take(peers: DocumentPeers, step: Step): Promise<void> {
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

export function at(peers: DocumentPeers, index: number): DocumentPeer {
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

export async function heal(peers: DocumentPeers): Promise<void> {
  for (const a of peers.all) for (const b of peers.all) if (a !== b) peers.networks.setFull(a.network, b.network, false)
  await peers.settle()
}

export function expectEqual(peers: DocumentPeers): void {
  const [first, ...others] = peers.all as [DocumentPeer, ...DocumentPeer[]]
  for (const other of others) expect(contentOf(other)).toEqual(contentOf(first))
  for (const { doc } of peers.all) {
    expect(doc.y.store.pendingStructs).toBeNull()
    expect(doc.y.store.pendingDs).toBeNull()
    expect(doc.status).toBe('synced')
  }
}
