import { beforeEach, describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import type { DocumentStatus } from '../../src/docs/document.js'
import { RemoteOrigin } from '../../src/docs/partners.js'
import { encodeFrame } from '../../src/docs/protocol.js'
import { type DocumentPeer, DocumentPeers } from '../support/document-peers.js'

let peers = new DocumentPeers()
beforeEach(() => {
  peers = new DocumentPeers()
})

/** Three peers as most tests need them. */
function three(of: 'line' | 'mesh'): [DocumentPeer, DocumentPeer, DocumentPeer] {
  return peers[of](3) as [DocumentPeer, DocumentPeer, DocumentPeer]
}

function two(): [DocumentPeer, DocumentPeer] {
  return peers.line(2) as [DocumentPeer, DocumentPeer]
}

describe('convergence', () => {
  it('[DOC1] peers that were apart exchange what each lacks when they are linked, then what is new', async () => {
    const [a, b] = [peers.add(), peers.add()]
    a.insert('from a. ')
    b.insert('from b. ')
    peers.connect(a, b)
    await peers.settle()
    expect(a.text).toBe(b.text)
    expect(a.text).toContain('from a. ')
    expect(a.text).toContain('from b. ')
    b.insert('later: ')
    await peers.settle()
    expect(a.text.startsWith('later: ')).toBe(true)
  })

  it('[DOC1] nothing is sent twice when two are linked', async () => {
    const [a, b] = [peers.add(), peers.add()]
    a.insert('x'.repeat(1_000))
    b.documents.open('notes')
    const frames = await peers.framesOf(() => peers.connect(a, b))
    const sizes = frames.map((frame) => ('update' in frame ? (frame.update?.length ?? 0) : 0))
    expect(sizes.reduce((total, size) => total + size, 0)).toBeLessThan(1_100)
  })

  it('[DOC2] who opens a document later gets it all', async () => {
    const [a, b] = [peers.add(), peers.add()]
    peers.connect(a, b)
    a.insert('early')
    await peers.settle()
    b.documents.open('notes')
    await peers.settle()
    expect(b.text).toBe('early')
    b.insert('both ')
    await peers.settle()
    expect(a.text).toBe('both early')
  })

  it('[DOC2] who has not opened a document neither gets nor passes on any of it', async () => {
    const [a, b, c] = [peers.add(), peers.add(), peers.add()]
    peers.connect(a, b)
    peers.connect(b, c)
    const frames = await peers.framesOf(() => {
      a.insert('secret')
      c.documents.open('notes')
    })
    expect(frames.some((frame) => 'update' in frame)).toBe(false)
    expect(c.text).toBe('')
    expect(b.documents.metrics().open).toBe(0)
  })

  it('[DOC3] documents of different names are apart', async () => {
    const [a, b] = two()
    a.documents.open('x').applyFast((y) => y.getMap('m').set('in', 'x'))
    b.documents.open('x')
    b.documents.open('y').applyFast((y) => y.getMap('m').set('in', 'y'))
    a.documents.open('y')
    await peers.settle()
    expect(a.documents.open('y').y.getMap('m').toJSON()).toEqual({ in: 'y' })
    expect(b.documents.open('x').y.getMap('m').toJSON()).toEqual({ in: 'x' })
  })

  it('[DOC4] deletions alone bring documents together too', async () => {
    const [a, b] = two()
    a.insert('0123456789')
    await peers.settle()
    peers.disconnect(a, b)
    a.doc.applyFast((y) => y.getText('t').delete(0, 5))
    peers.connect(a, b)
    await peers.settle()
    expect(b.text).toBe('56789')
  })
})

describe('applyFast', () => {
  it('[DOC5] changes at once, in one transaction that names the document, and returns what the function returns', () => {
    const a = peers.add()
    const origins: unknown[] = []
    a.doc.y.on('afterTransaction', ({ origin }) => origins.push(origin))
    const length = a.doc.applyFast((y) => {
      y.getText('t').insert(0, 'hel')
      y.getText('t').insert(3, 'lo')
      return y.getText('t').length
    })
    expect(length).toBe(5)
    expect(a.text).toBe('hello')
    expect(origins).toEqual([a.doc])
  })

  it('[DOC5] `update` tells who changed the document', async () => {
    const [a, b] = two()
    const from: unknown[] = []
    b.doc.on('update', (_, peer) => from.push(peer))
    a.insert('a')
    await peers.settle()
    b.insert('b')
    expect(from).toEqual([a.id, undefined])
  })
})

describe('batching and passing on', () => {
  it('[DOC6] all changes of a tick make one frame per peer and one transaction there', async () => {
    const [a, b, c] = three('mesh')
    await peers.settle()
    let transactions = 0
    b.doc.y.on('afterTransaction', (transaction: Y.Transaction) => {
      transactions++
      expect(transaction.origin).toEqual(new RemoteOrigin(a.id))
    })
    const frames = await peers.framesOf(() => {
      for (let i = 0; i < 1_000; i++) a.insert('x', i)
    })
    expect(frames.map(({ kind, from, to }) => [kind, from, to])).toEqual([
      ['update', a.id, b.id],
      ['update', a.id, c.id],
    ])
    expect(transactions).toBe(1)
    expect(b.text).toBe('x'.repeat(1_000))
  })

  it('[DOC7] what is new is passed on along a line, and never back', async () => {
    const [a, b, c] = three('line')
    await peers.settle()
    const frames = await peers.framesOf(() => a.insert('hello'))
    expect(c.text).toBe('hello')
    expect(frames.map(({ kind, from, to }) => [kind, from, to])).toEqual([
      ['update', a.id, b.id],
      ['update', b.id, c.id],
    ])
  })

  it('[DOC7] what is not new is not passed on', async () => {
    const [a, b, c] = three('line')
    a.insert('hello')
    await peers.settle()
    const port = peers.networks.add(9)
    peers.networks.connect(port, b.network)
    const send = port.openPort('documents', { message: () => {} })
    const frames = await peers.framesOf(() =>
      send.send(b.id, encodeFrame('notes', { kind: 'update', update: Y.encodeStateAsUpdate(a.doc.y) })),
    )
    expect(frames.filter(({ from, kind }) => from === b.id && kind === 'update')).toEqual([])
    expect(c.text).toBe('hello')
  })

  it('[DOC7] what came before the change that it builds on is passed on to whoever sent that', async () => {
    const [a, b, c] = three('line')
    await peers.settle()
    peers.connect(a, c)
    await peers.settle()
    peers.networks.hold(a.network, b.network, true)
    a.insert('word')
    await peers.settle()
    peers.disconnect(a, c)
    c.insert('X', 2) // b gets it before the word
    await peers.settle()
    peers.networks.hold(a.network, b.network, false)
    await peers.settle()
    expect(b.text).toBe('woXrd')
    expect(a.text).toBe('woXrd')
  })

  it('[DOC8] in a full mesh each change travels once to each peer', async () => {
    const mesh = peers.mesh(6)
    await peers.settle()
    const frames = await peers.framesOf(() => mesh[0]?.insert('hello'))
    expect(frames).toHaveLength(5)
    expect(mesh.map(({ text }) => text)).toEqual(Array(6).fill('hello'))
  })

  it('[DOC8] in a mesh with a missing link every change still reaches everyone, with few duplicates', async () => {
    const mesh = peers.mesh(4)
    await peers.settle()
    const [a, b] = mesh as [DocumentPeer, DocumentPeer]
    peers.disconnect(a, b)
    await peers.run(2_000)
    const frames = await peers.framesOf(() => a.insert('hello'))
    expect(mesh.map(({ text }) => text)).toEqual(Array(4).fill('hello'))
    // Both others pass it on to b: neither knows of the other's doing so.
    expect(frames.filter(({ kind }) => kind === 'update')).toHaveLength(4)
  })

  it('[DOC7] changes of several sources in one tick keep their order', async () => {
    const [a, b, c] = three('line')
    await peers.settle()
    b.doc.y.getText('t').observe((event) => {
      if (event.transaction.origin instanceof RemoteOrigin) b.insert('>', b.text.length)
    })
    let gaps = 0
    c.doc.y.on('afterTransaction', () => {
      if (c.doc.y.store.pendingStructs !== null) gaps++
    })
    for (let i = 0; i < 5; i++) a.insert(String(i), a.text.length)
    await peers.settle()
    expect(c.text).toBe(b.text)
    expect(a.text).toBe(b.text)
    expect(gaps).toBe(0)
  })
})

describe('status', () => {
  function history(peer: DocumentPeer): DocumentStatus[] {
    const seen: DocumentStatus[] = [peer.doc.status]
    peer.doc.on('status', (status) => seen.push(status))
    return seen
  }

  it('[DOC9] is alone without links, syncing until every linked peer has answered, then synced', async () => {
    const [a, b] = [peers.add(), peers.add()]
    const seen = history(a)
    b.documents.open('notes')
    peers.connect(a, b)
    expect(a.doc.status).toBe('syncing')
    await peers.settle()
    peers.disconnect(a, b)
    expect(seen).toEqual(['alone', 'syncing', 'synced', 'alone'])
  })

  it('[DOC9] is alone again once the linked peers have said that they do not have it open', async () => {
    const [a, b] = [peers.add(), peers.add()]
    peers.connect(a, b)
    const seen = history(a)
    await peers.settle()
    expect(seen).toEqual(['syncing', 'alone'])
    b.insert('more')
    await peers.settle()
    expect(seen).toEqual(['syncing', 'alone', 'syncing', 'synced'])
    expect(a.text).toBe('more')
    b.doc.close()
    await peers.settle()
    expect(seen.at(-1)).toBe('alone')
  })

  it('[DOC9] is not synced while an answer is missing', async () => {
    const [a, b, c] = three('mesh')
    peers.networks.setFull(c.network, a.network, true)
    await peers.settle()
    expect(b.doc.status).toBe('synced')
    expect(a.doc.status).toBe('syncing')
    peers.networks.setFull(c.network, a.network, false)
    await peers.settle()
    expect(a.doc.status).toBe('synced')
  })

  it('[DOC9] the content is there when the status says synced', async () => {
    const [a, b] = [peers.add(), peers.add()]
    a.insert('all of it')
    const atSynced: string[] = []
    b.doc.on('status', (status) => {
      if (status === 'synced') atSynced.push(b.text)
    })
    peers.connect(a, b)
    await peers.settle()
    expect(atSynced).toEqual(['all of it'])
  })
})

describe('repair', () => {
  it('[DOC10] what a full queue refused comes when it drains', async () => {
    const [a, b] = two()
    await peers.settle()
    peers.networks.setFull(a.network, b.network, true)
    for (let i = 0; i < 10; i++) {
      a.insert(String(i), i)
      await peers.settle()
    }
    expect(b.text).toBe('')
    expect(a.documents.metrics().droppedFrames).toBe(1)
    peers.networks.setFull(a.network, b.network, false)
    await peers.settle()
    expect(b.text).toBe('0123456789')
    const frames = await peers.framesOf(() => a.insert('!', 10))
    expect(frames.map(({ kind }) => kind)).toEqual(['update'])
  })

  it('[DOC10] a question or an answer that a full queue refused goes out when it drains', async () => {
    const [a, b] = [peers.add(), peers.add()]
    a.insert('a')
    b.insert('b')
    peers.connect(a, b)
    peers.disconnect(a, b)
    peers.networks.setFull(a.network, b.network, true)
    peers.connect(a, b)
    await peers.settle()
    expect([a.doc.status, b.doc.status]).toEqual(['syncing', 'syncing'])
    peers.networks.setFull(a.network, b.network, false)
    await peers.settle()
    expect([a.doc.status, b.doc.status]).toEqual(['synced', 'synced'])
    expect(a.text).toHaveLength(2)
    expect(b.text).toBe(a.text)
  })

  it('[DOC11] what a breaking link lost on its way to a peer comes from the others', async () => {
    const [a, b, c] = three('mesh')
    await peers.settle()
    a.insert('hello')
    await Promise.resolve()
    peers.disconnect(a, b) // with the update to b under way; c has it, and knew that a sent it to b
    await peers.settle()
    expect(c.text).toBe('hello')
    await peers.run(1_500)
    expect(b.text).toBe('hello')
  })

  it('[DOC12] an update that builds on one that never came makes the receiver ask soon', async () => {
    const [a, b] = two()
    await peers.settle()
    a.insert('one')
    await Promise.resolve()
    peers.networks.lose(a.network, b.network)
    a.insert('two ')
    await peers.settle()
    expect(b.text).toBe('')
    await peers.run(1_500)
    expect(b.text).toBe('two one')
    expect(b.doc.y.store.pendingStructs).toBeNull()
  })

  it('[DOC12] updates that merely overtook each other cause no questions', async () => {
    const [a, b, c] = three('mesh')
    await peers.settle()
    a.insert('one')
    await Promise.resolve()
    // a -> c is slow: b builds on a's update and is heard by c first.
    peers.networks.hold(a.network, c.network, true)
    await peers.settle()
    b.insert('two', 3)
    await peers.settle()
    expect(c.doc.y.store.pendingStructs).not.toBeNull()
    peers.networks.hold(a.network, c.network, false)
    await peers.settle()
    expect(c.text).toBe('onetwo')
    const before = peers.networks.sent.length
    await peers.run(2_000)
    expect(peers.networks.sent).toHaveLength(before)
  })

  it('[DOC13] whatever else was lost, deletions included, comes with one of the next rounds', async () => {
    const [a, b] = two()
    a.insert('0123456789')
    await peers.settle()
    a.doc.applyFast((y) => y.getText('t').delete(0, 5))
    await Promise.resolve()
    peers.networks.lose(a.network, b.network)
    await peers.settle()
    expect(b.text).toBe('0123456789')
    await peers.run(16_000)
    expect(b.text).toBe('56789')
  })

  it('[DOC13] rounds between equal documents carry no content', async () => {
    const [a, b] = two()
    a.insert('x'.repeat(1_000))
    await peers.settle()
    const before = peers.networks.sent.length
    await peers.run(30_000)
    const sent = peers.networks.sent.slice(before)
    expect(sent.length).toBeGreaterThan(3)
    expect(Math.max(...sent.map(({ payload }) => payload.length))).toBeLessThan(100)
    expect(b.doc.status).toBe('synced')
  })
})

describe('closing and opening', () => {
  it('[DOC14] open gives the same object until it is closed, then a new one that gets everything again', async () => {
    const [a, b] = two()
    a.insert('kept by a')
    await peers.settle()
    const first = b.doc
    expect(b.doc).toBe(first)
    first.close()
    first.close()
    expect(first.y.isDestroyed).toBe(true)
    expect(() => first.applyFast(() => {})).toThrowError(/closed/)
    await peers.settle()
    expect(a.doc.status).toBe('alone')
    expect(b.doc).not.toBe(first)
    await peers.settle()
    expect(b.text).toBe('kept by a')
    expect(a.doc.status).toBe('synced')
  })

  it('[DOC14] closing and opening in one tick, with answers under way, ends synced with everything', async () => {
    const [a, b] = [peers.add(), peers.add()]
    a.insert('content')
    peers.connect(a, b)
    await peers.settle()
    b.documents.open('notes') // its question is under way
    peers.networks.step()
    b.doc.close()
    const atSynced: string[] = []
    b.doc.on('status', (status) => {
      if (status === 'synced') atSynced.push(b.text)
    })
    await peers.settle()
    expect(atSynced).toEqual(['content'])
    expect(b.doc.status).toBe('synced')
    expect(a.doc.status).toBe('synced')
  })

  it('[DOC14] an answer to a question of an earlier opening is not taken for one of this opening', async () => {
    const [a, b] = two()
    a.insert('content')
    await peers.settle()
    peers.disconnect(a, b)
    peers.connect(a, b)
    peers.networks.hold(a.network, b.network, true)
    await peers.settle() // the answer "you lack nothing" is on its way
    b.doc.close()
    const atSynced: string[] = []
    b.doc.on('status', (status) => {
      if (status === 'synced') atSynced.push(b.text)
    })
    peers.networks.hold(a.network, b.network, false)
    await peers.settle()
    expect(atSynced).toEqual(['content'])
  })

  it('[DOC14] opening again is noticed even if the farewell was dropped', async () => {
    const [a, b] = two()
    await peers.settle()
    peers.networks.setFull(b.network, a.network, true)
    b.doc.close()
    b.insert('new')
    peers.networks.setFull(b.network, a.network, false)
    await peers.settle()
    expect(a.text).toBe('new')
    expect(a.doc.awareness.getStates().size).toBe(2)
  })

  it('[DOC14] destroying the Yjs document closes it', async () => {
    const [a, b] = two()
    await peers.settle()
    b.doc.y.destroy()
    expect(b.documents.metrics().open).toBe(0)
    await peers.settle()
    expect(a.doc.status).toBe('alone')
  })

  it('[DOC15] closing all leaves no timers and takes no more documents', async () => {
    const [a, b] = two()
    await peers.settle()
    a.documents.close()
    b.documents.close()
    const before = peers.clock.firedCount
    await peers.run(60_000)
    expect(peers.clock.firedCount).toBe(before)
    expect(() => a.documents.open('x')).toThrowError(/Closed/)
  })
})
