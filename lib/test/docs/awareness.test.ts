import { beforeEach, describe, expect, it } from 'vitest'
import { type DocumentPeer, DocumentPeers } from '../support/document-peers.js'

let peers = new DocumentPeers()
beforeEach(() => {
  peers = new DocumentPeers()
})

function names(peer: DocumentPeer): string[] {
  return [...peer.doc.awareness.getStates().values()].map((state) => String(state['name'])).sort()
}

/** Gives each peer the name of its place: a, b, … */
async function named(all: DocumentPeer[]): Promise<DocumentPeer[]> {
  for (const [i, peer] of all.entries()) peer.doc.awareness.setLocalStateField('name', 'abcdef'[i])
  await peers.run(100)
  return all
}

async function three(of: 'line' | 'mesh'): Promise<[DocumentPeer, DocumentPeer, DocumentPeer]> {
  return (await named(peers[of](3))) as [DocumentPeer, DocumentPeer, DocumentPeer]
}

describe('awareness', () => {
  it('[DOC16] states reach everyone, along a line too', async () => {
    const [a, b, c] = await three('line')
    expect([a, b, c].map(names)).toEqual(Array(3).fill(['a', 'b', 'c']))
    a.doc.awareness.setLocalStateField('cursor', 5)
    await peers.run(100)
    expect(c.doc.awareness.getStates().get(a.doc.awareness.clientID)).toEqual({ name: 'a', cursor: 5 })
  })

  it('[DOC16] who has set nothing yet is there, with an empty state', async () => {
    const [a, b] = peers.line(2) as [DocumentPeer, DocumentPeer]
    await peers.settle()
    expect(b.doc.awareness.getStates().get(a.doc.awareness.clientID)).toEqual({})
  })

  it('[DOC16] who comes later sees all that are there', async () => {
    const [a, b] = await named(peers.line(2))
    const d = peers.add()
    d.documents.open('notes')
    peers.connect(b as DocumentPeer, d)
    await peers.run(100)
    expect(names(d)).toEqual(['a', 'b', 'undefined'])
    expect(names(a as DocumentPeer)).toEqual(['a', 'b', 'undefined'])
  })

  it('[DOC17] changes are sent at once, then at most every 50 ms, the newest only', async () => {
    const [a, b] = await named(peers.line(2))
    await peers.run(1_000)
    const before = peers.networks.sent.length
    for (let i = 0; i < 100; i++) {
      a!.doc.awareness.setLocalStateField('cursor', i)
      await peers.settle()
      await peers.clock.run(1)
    }
    expect(peers.networks.sent.length - before).toBe(3)
    await peers.run(100)
    expect(peers.networks.sent.length - before).toBe(3)
    expect(b!.doc.awareness.getStates().get(a!.doc.awareness.clientID)).toMatchObject({ cursor: 99 })
  })

  it('[DOC21] waits while the queue is backed up, and goes as the newest only', async () => {
    const [a, b] = (await named(peers.line(2))) as [DocumentPeer, DocumentPeer]
    peers.networks.queuedBytes = 100_000
    for (let i = 0; i < 10; i++) {
      a.doc.awareness.setLocalStateField('cursor', i)
      await peers.run(30)
    }
    expect(b.doc.awareness.getStates().get(a.doc.awareness.clientID)).not.toHaveProperty('cursor')
    const before = peers.networks.sent.length
    peers.networks.queuedBytes = 0
    await peers.run(60)
    expect(b.doc.awareness.getStates().get(a.doc.awareness.clientID)).toMatchObject({ cursor: 9 })
    expect(peers.networks.sent.length - before).toBe(1)
  })

  it('[DOC17] in a full mesh each change travels once to each peer', async () => {
    const [a] = (await named(peers.mesh(5))) as [DocumentPeer]
    await peers.run(1_000)
    const frames = await peers.framesOf(() => a.doc.awareness.setLocalStateField('cursor', 1))
    expect(frames).toHaveLength(4)
  })

  it('[DOC18] of a peer that left is gone at once, whether it said goodbye or not', async () => {
    for (const reason of ['goodbye', 'lost'] as const) {
      peers = new DocumentPeers()
      const [a, b, c] = await three('mesh')
      const nowMs = peers.clock.nowMs
      peers.networks.isolate(c.network, reason)
      expect([a, b].map(names)).toEqual(Array(2).fill(['a', 'b']))
      expect(names(c)).toEqual(['c'])
      expect(peers.clock.nowMs).toBe(nowMs)
    }
  })

  it('[DOC18] of a peer that closed the document, or left beyond another peer, is gone as soon as that is heard', async () => {
    const [a, b, c, d] = (await named(peers.line(4))) as [DocumentPeer, DocumentPeer, DocumentPeer, DocumentPeer]
    d.doc.close()
    await peers.run(100)
    expect([a, b, c].map(names)).toEqual(Array(3).fill(['a', 'b', 'c']))
    peers.networks.isolate(c.network)
    await peers.run(100)
    expect([a, b].map(names)).toEqual(Array(2).fill(['a', 'b']))
  })

  it('[DOC18] of a peer that set it to null is gone', async () => {
    const [a, b, c] = await three('line')
    c.doc.awareness.setLocalState(null)
    await peers.run(100)
    expect([a, b, c].map(names)).toEqual(Array(3).fill(['a', 'b']))
  })

  it('[DOC19] of a living peer stays where it is linked, and comes back where only a link was lost', async () => {
    const [a, b, c] = await three('mesh')
    const removed: string[] = []
    c.doc.awareness.on('change', (change: { removed: number[] }) => removed.push(...change.removed.map(String)))
    peers.disconnect(a, b)
    expect(names(a)).toEqual(['a', 'c'])
    await peers.run(200)
    expect([a, b, c].map(names)).toEqual(Array(3).fill(['a', 'b', 'c']))
    expect(removed).toEqual([])
  })

  it('[DOC19] comes back at once when a lost link comes back', async () => {
    const [a, b] = (await named(peers.line(2))) as [DocumentPeer, DocumentPeer]
    for (let i = 0; i < 3; i++) {
      peers.disconnect(a, b)
      expect([a, b].map(names)).toEqual([['a'], ['b']])
      peers.connect(a, b)
      await peers.run(100)
      expect([a, b].map(names)).toEqual(Array(2).fill(['a', 'b']))
    }
  })

  it('[DOC20] of a peer behind a broken path is gone after 30 s; a living one stays', async () => {
    const [a, b, c] = await three('line')
    await peers.run(45_000)
    expect([a, b, c].map(names)).toEqual(Array(3).fill(['a', 'b', 'c']))
    c.doc.awareness.setLocalStateField('cursor', 1) // and so is heard of now, not up to 15 s ago
    await peers.run(100)
    peers.disconnect(a, b)
    expect(names(a)).toEqual(['a', 'c'])
    await peers.run(25_000)
    expect(names(a)).toEqual(['a', 'c'])
    await peers.run(20_000)
    expect(names(a)).toEqual(['a'])
  })

  it('[DOC21] that a full queue refused comes when it drains, the newest only', async () => {
    const [a, b] = (await named(peers.line(2))) as [DocumentPeer, DocumentPeer]
    peers.networks.setFull(a.network, b.network, true)
    for (let i = 0; i < 5; i++) {
      a.doc.awareness.setLocalStateField('cursor', i)
      await peers.run(50)
    }
    const frames = await peers.framesOf(() => peers.networks.setFull(a.network, b.network, false))
    expect(b.doc.awareness.getStates().get(a.doc.awareness.clientID)).toMatchObject({ cursor: 4 })
    expect(frames.filter(({ kind }) => kind === 'awareness')).toHaveLength(1)
  })

  it('[DOC22] that is no JSON or too large stays here, and is logged', async () => {
    const [a, b] = (await named(peers.line(2))) as [DocumentPeer, DocumentPeer]
    a.doc.awareness.setLocalStateField('big', 1n)
    await peers.run(100)
    a.doc.awareness.setLocalStateField('big', 'x'.repeat(100_000))
    await peers.run(100)
    expect(a.errors).toHaveLength(2)
    expect(names(b)).toEqual(['a', 'b'])
    expect(peers.networks.violations).toEqual([])
  })

  it('[DOC22] listeners that throw do no harm', async () => {
    const [a, b] = (await named(peers.line(2))) as [DocumentPeer, DocumentPeer]
    b.doc.awareness.on('change', () => {
      throw new Error('a bug of the program')
    })
    a.doc.awareness.setLocalStateField('cursor', 1)
    await peers.run(100)
    peers.disconnect(a, b)
    expect(names(b)).toEqual(['b'])
    expect(b.errors.length).toBe(2)
  })
})
