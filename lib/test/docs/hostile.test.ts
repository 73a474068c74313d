import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { randomInt, seededRandom } from '../../src/base/random.js'
import { DecodeError } from '../../src/codec/decode.js'
import { DEFAULT_DOCUMENT_LIMITS, type DocumentLimits } from '../../src/docs/documents.js'
import { decodeFrame, encodeFrame, type FrameBody, PART_BYTES } from '../../src/docs/protocol.js'
import { applyChecked, checkUpdate } from '../../src/docs/updates.js'
import { type DocumentPeer, DocumentPeers } from '../support/document-peers.js'
import { peerIdOf } from '../support/memory-network.js'

const STATE_VECTOR = new Uint8Array([1, 5, 3])
const SELF = { client: 7, links: [peerIdOf(1), peerIdOf(2)], takesYours: true, isChosen: false }
const STATE_HASH = '0123456789abcdef'
/** Deletions of 5:10 and 5:5, in that order: Yjs would keep them in a form that it can't read. */
const OUT_OF_ORDER = new Uint8Array([0, 1, 5, 2, 10, 1, 5, 1])
const SUMMARY = { stateVector: STATE_VECTOR, stateHash: STATE_HASH }
const ASK = { kind: 'ask', self: SELF, askId: 1, summary: SUMMARY, takenHash: undefined } as const
const BODIES: FrameBody[] = [
  ASK,
  { kind: 'ask', self: SELF, askId: 1, summary: SUMMARY, takenHash: STATE_HASH },
  { kind: 'answer', self: SELF, askId: 300, stateHash: STATE_HASH, update: new Uint8Array([0, 0]) },
  { kind: 'answer', self: SELF, askId: 2, stateHash: STATE_HASH, update: undefined },
  { kind: 'absent' },
  { kind: 'stale' },
  { kind: 'update', update: new Uint8Array([1, 2, 3]) },
  { kind: 'self', self: { ...SELF, links: [], takesYours: false, isChosen: true } },
  { kind: 'awareness', entries: [{ client: 1, clock: 2, state: '{"a":1}' }] },
  { kind: 'part', totalBytes: 100_000, bytes: new Uint8Array([1, 2, 3]) },
  { kind: 'taken', bytes: 70_000 },
  { kind: 'beacon', beacon: { root: peerIdOf(3), sequence: 12, relays: 1, hops: 3 } },
  { kind: 'have', outline: new Uint8Array([0, 0]) },
]

describe('frames of documents', () => {
  it('[DOC23] survive encoding and decoding', () => {
    for (const body of BODIES) {
      expect(decodeFrame(encodeFrame('näme', body), DEFAULT_DOCUMENT_LIMITS)).toEqual({ name: 'näme', ...body })
    }
  })

  it('[DOC23] of any bytes give a frame or a DecodeError', () => {
    fc.assert(
      fc.property(hostileBytes(BODIES.map((body) => encodeFrame('n', body))), (bytes) => {
        try {
          expect(decodeFrame(bytes, DEFAULT_DOCUMENT_LIMITS).kind).toBeTypeOf('string')
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
      { numRuns: 3_000 },
    )
  })

  it('[DOC23] with states that are no objects, or more or larger parts than allowed, are malformed', () => {
    const limits = { updateBytes: 2, awarenessStateBytes: 10, awarenessClients: 1 }
    const entry = { client: 1, clock: 2, state: '{}' }
    const refused: FrameBody[] = [
      { kind: 'update', update: new Uint8Array(3) },
      { kind: 'awareness', entries: [entry, entry] },
      { kind: 'awareness', entries: [{ ...entry, state: '{"longer": 1}' }] },
      { kind: 'awareness', entries: [{ ...entry, state: '5' }] },
      { kind: 'awareness', entries: [{ ...entry, state: '{' }] },
      { ...ASK, summary: { stateVector: new Uint8Array([9]), stateHash: '' } },
      { ...ASK, takenHash: `${STATE_HASH}0` },
      { kind: 'part', totalBytes: 100_000, bytes: new Uint8Array(PART_BYTES + 1) },
    ]
    for (const body of refused) expect(() => decodeFrame(encodeFrame('n', body), limits)).toThrowError(DecodeError)
  })
})

describe('updates', () => {
  const random = seededRandom(7)
  const updates = randomUpdates(120)

  it('[DOC24] that are changed at random are refused, or applied without harm', () => {
    let refused = 0
    let applied = 0
    for (let i = 0; i < 1_000; i++) {
      const update = mutated(updates)
      const y = documentOf(updates.slice(0, randomInt(random, updates.length)))
      try {
        checkUpdate(update)
        applyChecked(y, update, 'remote')
        applied++
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
        refused++
      }
      expectUsable(y)
    }
    expect(refused).toBeGreaterThan(200)
    expect(applied).toBeGreaterThan(20)
  }, 60_000)

  function mutated(all: readonly Uint8Array[]): Uint8Array {
    const update = (all[randomInt(random, all.length)] as Uint8Array).slice()
    for (let n = randomInt(random, 3); n >= 0; n--) update[randomInt(random, update.length)] = randomInt(random, 256)
    return update
  }

  function expectUsable(y: Y.Doc): void {
    for (const update of updates) Y.applyUpdate(y, update)
    y.getText('t').insert(0, 'still works')
    y.getText('t').delete(0, y.getText('t').length)
    const copy = documentOf([Y.encodeStateAsUpdate(y)])
    expect(copy.getText('t').toString()).toBe('')
    expect(Y.encodeStateVector(copy)).toEqual(Y.encodeStateVector(y))
  }

  it('[DOC24] that refer to what can never come are refused before they are taken', () => {
    const y = new Y.Doc()
    y.clientID = 5
    y.getText('t').insert(0, 'ab')
    y.getText('t').insert(1, 'c')
    const good = Y.encodeStateAsUpdate(y)
    // The origin of the last struct, 5:0, becomes 5:100.
    const bad = good.slice()
    const at = bad.findIndex((byte, i) => byte === 5 && bad[i + 1] === 0 && bad[i + 2] === 5 && bad[i + 3] === 1)
    bad[at + 1] = 100
    expect(() => checkUpdate(good)).not.toThrow()
    expect(() => checkUpdate(bad)).toThrowError(DecodeError)
  })
})

describe('a hostile peer', () => {
  function victim(limits: Partial<DocumentLimits> = {}) {
    const peers = new DocumentPeers()
    const [a, b] = [peers.add(limits), peers.add()] as [DocumentPeer, DocumentPeer]
    peers.connect(a, b)
    a.insert('precious')
    b.documents.open('notes')
    const network = peers.networks.add(99)
    const port = network.openPort('documents', { message: () => {} })
    peers.networks.connect(network, a.network)
    const send = async (body: FrameBody) => {
      peers.networks.connect(network, a.network)
      port.send(a.id, encodeFrame('notes', body))
      await peers.settle()
    }
    return { peers, a, b, network, send }
  }

  it('[DOC25] loses its link for malformed updates; the document and the other links are unharmed', async () => {
    const { peers, a, b, network, send } = victim()
    await peers.settle()
    for (const update of [
      new Uint8Array([255, 255, 255]),
      new Uint8Array([1, 1, 5, 0, 4]),
      new Uint8Array(),
      OUT_OF_ORDER,
    ]) {
      await send({ kind: 'update', update })
      expect(network.peers.size).toBe(0)
    }
    expect(peers.networks.violations).toHaveLength(4)
    expect(a.doc.y.store.pendingDs).toBeNull()
    expect(a.network.peers.has(b.id)).toBe(true)
    b.insert('still ')
    await peers.settle()
    expect(a.text).toBe('still precious')
    expect(a.doc.status).toBe('synced')
  })

  it('[DOC26] can not make a peer hold more than the limit of updates that wait for others', async () => {
    const { a, send } = victim({ pendingBytes: 1_000 })
    const other = new Y.Doc()
    const gaps: Uint8Array[] = []
    other.on('update', (update: Uint8Array) => gaps.push(update))
    for (let i = 0; i < 100; i++) other.getText('t').insert(0, 'x'.repeat(100))
    for (const update of gaps.slice(1)) await send({ kind: 'update', update })
    const store = a.doc.y.store
    expect((store.pendingStructs?.update.length ?? 0) + (store.pendingDs?.length ?? 0)).toBeLessThanOrEqual(1_000)
    expect(a.text).toBe('precious')
    expect(a.doc.status).toBe('syncing')
  })

  it('[DOC26] can not fill awareness with more clients than the limit', async () => {
    const { a, send } = victim({ awarenessClients: 10 })
    for (let client = 0; client < 10; client++) {
      const entries = Array.from({ length: 10 }, (_, i) => ({ client: client * 10 + i, clock: 1, state: '{}' }))
      await send({ kind: 'awareness', entries })
    }
    expect(a.doc.awareness.getStates().size).toBe(10)
    expect(a.doc.awareness.meta.size).toBe(10)
  })

  it('[DOC27] can neither overwrite nor remove the awareness of other linked peers', async () => {
    const { peers, a, b, send } = victim()
    b.doc.awareness.setLocalStateField('name', 'b')
    await peers.run(100)
    const [own, client] = [a.doc.awareness.clientID, b.doc.awareness.clientID]
    await send({ kind: 'awareness', entries: [{ client, clock: 50, state: 'null' }] })
    await send({ kind: 'awareness', entries: [{ client: own, clock: 50, state: '{"name":"forged"}' }] })
    await send({ kind: 'awareness', entries: [{ client: own, clock: 50, state: 'null' }] })
    await peers.run(200)
    expect(a.doc.awareness.getStates().get(client)).toEqual({ name: 'b' })
    expect(a.doc.awareness.getStates().get(own)).toEqual({})
    expect(b.doc.awareness.getStates().get(own)).toEqual({})
  })
})

describe('limits', () => {
  it('[DOC28] names have 1 to 256 bytes, and only so many documents are open at once', () => {
    const a = new DocumentPeers().add({ documents: 2 })
    expect(() => a.documents.open('')).toThrowError(expect.objectContaining({ code: 'E_INVALID' }))
    expect(() => a.documents.open('ü'.repeat(129))).toThrowError(expect.objectContaining({ code: 'E_INVALID' }))
    const first = a.documents.open('ü'.repeat(128))
    a.documents.open('2')
    expect(() => a.documents.open('3')).toThrowError(expect.objectContaining({ code: 'E_BUSY' }))
    first.close()
    a.documents.open('3')
  })

  it('[DOC28] an update above the limit stays here and is logged; the other side does not claim to be synced', async () => {
    const peers = new DocumentPeers()
    const [a, b] = [peers.add({ updateBytes: 500 }), peers.add({ updateBytes: 500 })]
    peers.connect(a, b)
    a.documents.open('notes')
    b.documents.open('notes')
    await peers.settle()
    a.insert('x'.repeat(1_000))
    await peers.settle()
    expect(a.errors.length).toBeGreaterThan(0)
    expect(b.doc.status).toBe('syncing')
    expect(a.network.peers.has(b.id)).toBe(true)
    expect(peers.networks.violations).toEqual([])
  })

  it('[DOC29] observers and listeners that throw do no harm', async () => {
    const peers = new DocumentPeers()
    const [a, b, c] = peers.line(3) as [DocumentPeer, DocumentPeer, DocumentPeer]
    await peers.settle()
    const bug = () => {
      throw new Error('a bug of the program')
    }
    b.doc.y.getText('t').observe(bug)
    b.doc.on('update', bug)
    b.doc.on('status', bug)
    a.insert('hello')
    await peers.settle()
    expect([b.text, c.text]).toEqual(['hello', 'hello'])
    peers.disconnect(a, b)
    expect(peers.networks.violations).toEqual([])
    expect(b.errors.length).toBeGreaterThanOrEqual(2)
  })
})

/** Updates of two peers that edit at random and hear of each other at once. */
function randomUpdates(count: number): Uint8Array[] {
  const random = seededRandom(1)
  const documents = [5, 6].map(documentWithId)
  const updates: Uint8Array[] = []
  for (const y of documents) {
    y.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin === 'other') return
      updates.push(update)
      for (const other of documents) if (other !== y) Y.applyUpdate(other, update, 'other')
    })
  }
  while (updates.length < count) edit(documents[randomInt(random, 2)] as Y.Doc, (bound) => randomInt(random, bound))
  return [...updates, Y.encodeStateAsUpdate(documents[0] as Y.Doc)]
}

function edit(y: Y.Doc, int: (bound: number) => number): void {
  const text = y.getText('t')
  const edits = [
    () => text.insert(int(text.length + 1), 'héllo'),
    () => text.length > 3 && text.delete(int(text.length - 2), 2),
    () => text.length > 4 && text.format(int(text.length - 3), 3, { bold: int(2) === 0 ? true : null }),
    () => y.getMap('m').set(`k${int(4)}`, { list: [1, 'x', int(9)] }),
    () => y.getMap('m').set('nested', new Y.Map([['z', int(9)]])),
    () => y.getArray('a').insert(int(y.getArray('a').length + 1), [1, new Uint8Array([1, 2]), 'x']),
    () => y.getXmlFragment('x').insert(0, [new Y.XmlElement('p')]),
  ]
  edits[int(edits.length)]?.()
}

function documentWithId(client: number): Y.Doc {
  const y = new Y.Doc()
  y.clientID = client
  return y
}

function documentOf(updates: readonly Uint8Array[]): Y.Doc {
  const y = new Y.Doc()
  for (const update of updates) Y.applyUpdate(y, update)
  return y
}

/** Random bytes, and real frames with bytes changed or cut off. */
function hostileBytes(samples: Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const mutated = fc
    .tuple(fc.constantFrom(...samples), fc.nat(), fc.nat(255), fc.nat())
    .map(([bytes, at, byte, cut]) => {
      const copy = bytes.slice()
      copy[at % copy.length] = byte
      return copy.subarray(0, copy.length - (cut % 3))
    })
  return fc.oneof(fc.uint8Array({ maxLength: 64 }), mutated)
}
