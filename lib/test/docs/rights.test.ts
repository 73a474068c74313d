import { beforeEach, describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import type { PeerId } from '../../src/base/ids.js'
import type { CanWrite } from '../../src/docs/documents.js'
import { encodeFrame } from '../../src/docs/protocol.js'
import { SimulatedDisk } from '../../src/testing/simulated-disk.js'
import { type DocumentPeer, DocumentPeers } from '../support/document-peers.js'
import { peerIdOf } from '../support/memory-network.js'

let peers = new DocumentPeers()
const guests = new Set<PeerId>()
beforeEach(() => {
  peers = new DocumentPeers()
  guests.clear()
})

const canWrite: CanWrite = ({ id }, document) => document !== 'notes' || !guests.has(id)

/** Three who judge, the last of them a guest; all linked. */
async function mesh(): Promise<[DocumentPeer, DocumentPeer, DocumentPeer]> {
  const all = Array.from({ length: 3 }, () => peers.add({}, { settings: { canWrite } }))
  guests.add(peerIdOf(3))
  peers.connectAll()
  for (const peer of all) peer.documents.open('notes')
  await peers.settle()
  return all as [DocumentPeer, DocumentPeer, DocumentPeer]
}

function longest(frames: { payload: Uint8Array }[]): number {
  return Math.max(...frames.map(({ payload }) => payload.length))
}

describe('who may not write', () => {
  it('[DOC38] gets everything, and what it changes stays with it', async () => {
    const [a, b, guest] = await mesh()
    a.insert('from a ')
    await peers.settle()
    guest.insert('from the guest ')
    await peers.settle()
    expect([a.text, b.text]).toEqual(['from a ', 'from a '])
    b.insert('from b ')
    await peers.settle()
    expect(guest.text).toContain('from b ')
    expect(guest.text).toContain('from a ')
  })

  it('[DOC38] is refused what it had before it was linked, too', async () => {
    const [a, guest] = [peers.add({}, { settings: { canWrite } }), peers.add()]
    guests.add(guest.id)
    a.insert('from a')
    guest.insert('x'.repeat(200_000))
    peers.connect(a, guest)
    await peers.run(20_000)
    expect(a.text).toBe('from a')
    expect(guest.text).toContain('from a')
    expect([a.doc.status, guest.doc.status]).toEqual(['synced', 'synced'])
    expect(longest(peers.networks.sent)).toBeLessThan(200)
  })

  it('[DOC38] is refused even if it sends all the same', async () => {
    const [a] = await mesh()
    const stranger = peers.networks.add(9)
    guests.add(stranger.self.id)
    peers.networks.connect(stranger, a.network)
    const port = stranger.openPort('documents', { message: () => {} })
    const y = new Y.Doc()
    y.getText('t').insert(0, 'forged')
    port.send(a.id, encodeFrame('notes', { kind: 'update', update: Y.encodeStateAsUpdate(y) }))
    await peers.settle()
    expect(a.text).toBe('')
  })

  it('[DOC39] finds its document read-only, and writable again when it may', async () => {
    const [a, b, guest] = await mesh()
    expect([a, b, guest].map(({ doc }) => doc.isReadOnly)).toEqual([false, false, true])
    const seen: boolean[] = []
    guest.doc.on('readOnly', (isReadOnly) => seen.push(isReadOnly))
    guest.insert('written before it was let ')
    guests.clear()
    await peers.run(16_000)
    expect(seen).toEqual([false])
    expect([a.text, b.text]).toEqual(Array(2).fill('written before it was let '))
    guests.add(guest.id)
    guest.insert('too late ')
    await peers.settle()
    expect(guest.doc.isReadOnly).toBe(true)
    expect(a.text).not.toContain('too late')
  })

  it('[DOC39] differs for ever without any content travelling again and again', async () => {
    const [a, b, guest] = await mesh()
    a.insert('x'.repeat(1_000))
    a.doc.applyFast((y) => y.getText('t').delete(0, 900))
    guest.insert('y'.repeat(1_000))
    await peers.run(30_000)
    const before = peers.networks.sent.length
    await peers.run(60_000)
    const sent = peers.networks.sent.slice(before)
    expect(sent.length).toBeGreaterThan(10)
    expect(longest(sent)).toBeLessThan(120)
    expect([a, b, guest].map(({ doc }) => doc.status)).toEqual(['synced', 'synced', 'synced'])
  })

  it('[DOC39] is judged by who hands a change on, so one peer that lets it in lets it in everywhere', async () => {
    const [a, b, guest] = await mesh()
    const lenient = peers.add()
    peers.connectAll()
    lenient.documents.open('notes')
    await peers.settle()
    guest.insert('let in ')
    await peers.settle()
    expect(lenient.text).toBe('let in ')
    await peers.run(16_000)
    expect([a.text, b.text]).toEqual(['let in ', 'let in '])
  })

  it('[DOC39] may not write if canWrite throws', async () => {
    const a = peers.add({}, { settings: { canWrite: () => JSON.parse('no') as boolean } })
    const b = peers.add()
    peers.connect(a, b)
    a.documents.open('notes')
    b.insert('hello')
    await peers.settle()
    expect([a.text, b.doc.isReadOnly]).toEqual(['', true])
    expect(a.errors.length).toBeGreaterThan(0)
  })
})

describe("a peer with keep: 'all'", () => {
  it('[DOC40] opens what linked peers have open, keeps it, and gives it to those who come later', async () => {
    const [archive, a] = [peers.add({}, { settings: { keep: 'all' } }), peers.add()]
    a.insert('before')
    peers.connect(archive, a)
    await peers.settle()
    a.documents.open('another').y.getText('t').insert(0, 'after')
    await peers.settle()
    expect(archive.documents.metrics().open).toBe(2)
    peers.networks.isolate(a.network)
    const b = peers.add()
    b.documents.open('notes')
    peers.connect(archive, b)
    await peers.settle()
    expect(b.text).toBe('before')
    expect(b.documents.open('another').y.getText('t').toString()).toBe('')
    await peers.settle()
    expect(b.documents.open('another').y.getText('t').toString()).toBe('after')
  })

  it('[DOC40] opens no more than its limits allow', async () => {
    const settings = { keep: 'all' } as const
    const few = peers.add({ documents: 2 }, { settings })
    const small = peers.add({ keptBytes: 1_000 }, { settings })
    const a = peers.add()
    peers.connect(few, a)
    peers.connect(small, a)
    for (let i = 0; i < 4; i++) {
      a.documents.open(`document ${i}`).y.getText('t').insert(0, 'x'.repeat(600))
      await peers.settle()
    }
    expect([few, small].map(({ documents }) => documents.metrics().open)).toEqual([2, 2])
    expect(a.documents.open('document 3').status).toBe('alone')
  })

  it('[DOC40] with storage puts away what nobody has open, to make room, and brings it back when it is asked for', async () => {
    const disk = new SimulatedDisk(peers.clock.fork(100))
    const store = disk.storage().open('peer')
    const archive = peers.add({ documents: 3 }, { settings: { keep: 'all' }, store })
    const a = peers.add()
    peers.connect(archive, a)
    for (let i = 0; i < 10; i++) {
      const document = a.documents.open(`document ${i}`)
      document.y.getText('t').insert(0, `content ${i}`)
      await peers.run(100)
      document.close()
      await peers.run(100)
    }
    expect(archive.documents.metrics().open).toBe(3)
    const held = archive.documents.open('document 7') // by the archive's own program, which keeps it
    for (const i of [0, 5, 9]) {
      const again = a.documents.open(`document ${i}`)
      await peers.run(100)
      expect(again.y.getText('t').toString()).toBe(`content ${i}`)
      again.close()
      await peers.run(100)
    }
    expect(held.y.isDestroyed).toBe(false)
    disk.isFull = true
    for (let i = 10; i < 14; i++) {
      a.documents.open(`document ${i}`).y.getText('t').insert(0, 'not stored')
      await peers.run(100)
      a.documents.open(`document ${i}`).close()
      await peers.run(100)
    }
    const last = archive.documents.metrics().open
    expect(last, 'what can not be stored stays open').toBe(3)
    expect(archive.failures.length).toBeGreaterThan(0)
  })
})
