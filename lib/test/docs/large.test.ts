import { beforeEach, describe, expect, it } from 'vitest'
import { Arrivals } from '../../src/docs/arrivals.js'
import type { DocumentProgress } from '../../src/docs/document.js'
import { encodeFrame, PART_BYTES } from '../../src/docs/protocol.js'
import { type DocumentPeer, DocumentPeers } from '../support/document-peers.js'
import { peerIdOf } from '../support/memory-network.js'

const MIB = 1024 * 1024

let peers = new DocumentPeers()
beforeEach(() => {
  peers = new DocumentPeers()
})

function two(): [DocumentPeer, DocumentPeer] {
  return [peers.add(), peers.add()]
}

describe('a large document', () => {
  it('[DOC41] comes in parts, with progress, and is applied as a whole', async () => {
    const [a, b] = two()
    a.insert('x'.repeat(3 * MIB))
    b.documents.open('notes')
    const seen: DocumentProgress[] = []
    const lengths = new Set<number>()
    b.doc.on('progress', (progress) => {
      seen.push(progress)
      lengths.add(b.text.length)
    })
    peers.connect(a, b)
    await peers.settle()
    expect(b.text === a.text).toBe(true)
    expect([a.doc.status, b.doc.status]).toEqual(['synced', 'synced'])
    expect([...lengths]).toEqual([0])
    expect(seen.length).toBeGreaterThan(48)
    expect(seen.at(-1)?.receivedBytes).toBe(seen[0]?.totalBytes)
    expect(seen.every(({ peer }) => peer === a.id)).toBe(true)
    expect(Math.max(...peers.networks.sent.map(({ payload }) => payload.length))).toBeLessThan(PART_BYTES + 100)
  })

  it('[DOC41] waits for the receiver: at most a MiB is on its way', async () => {
    const [a, b] = two()
    a.insert('x'.repeat(3 * MIB))
    b.documents.open('notes')
    peers.connect(a, b)
    peers.networks.hold(b.network, a.network, true)
    await peers.settle()
    peers.networks.hold(b.network, a.network, false)
    peers.networks.hold(a.network, b.network, true)
    const frames = await peers.framesOf(() => {})
    expect(frames.filter(({ kind }) => kind === 'part')).toHaveLength(MIB / PART_BYTES)
    peers.networks.hold(a.network, b.network, false)
    await peers.settle()
    expect(b.text === a.text).toBe(true)
  })

  it('[DOC41] lets other documents, and what is new in it, pass or follow without a gap', async () => {
    const [a, b] = two()
    a.insert('x'.repeat(3 * MIB))
    b.documents.open('notes')
    const small = [a, b].map(({ documents }) => documents.open('small').y.getText('t'))
    peers.connect(a, b)
    for (let i = 0; i < 20; i++) peers.networks.step()
    await Promise.resolve()
    peers.networks.hold(b.network, a.network, true)
    await peers.settle() // parts wait for the receiver's word now
    expect(b.text).toBe('')
    small[0]?.insert(0, 'urgent')
    a.insert('new ')
    a.doc.applyFast((y) => y.getText('t').delete(100, 50))
    await peers.settle()
    expect(small[1]?.toString()).toBe('urgent')
    peers.networks.hold(b.network, a.network, false)
    await peers.settle()
    expect(b.text === a.text).toBe(true)
    const frames = await peers.framesOf(() => a.insert('!'))
    expect(frames.map(({ kind }) => kind)).toEqual(['update'])
  })

  it('[DOC41] comes again from the start when its link breaks on the way', async () => {
    const [a, b] = two()
    a.insert('x'.repeat(2 * MIB))
    b.documents.open('notes')
    for (let cuts = 1; cuts <= 3; cuts++) {
      peers.connect(a, b)
      for (let i = 0; i < 15 * cuts; i++) {
        peers.networks.step()
        await Promise.resolve()
      }
      peers.disconnect(a, b)
    }
    expect(b.text).toBe('')
    peers.connect(a, b)
    await peers.settle()
    expect(b.text === a.text).toBe(true)
  })

  it('[DOC41] goes on when a full queue drains, on either side', async () => {
    const [a, b] = two()
    a.insert('x'.repeat(3 * MIB))
    b.documents.open('notes')
    peers.connect(a, b)
    for (let i = 0; i < 20; i++) {
      peers.networks.step()
      await Promise.resolve()
    }
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      peers.networks.setFull(from.network, to.network, true)
      await peers.settle()
      expect(b.text).toBe('')
      peers.networks.setFull(from.network, to.network, false)
    }
    await peers.settle()
    expect(b.text === a.text).toBe(true)
    expect(b.doc.status).toBe('synced')
  })

  it('[DOC42] leaves alone to each peer, one after the other', async () => {
    const [a, b] = two()
    for (let i = 0; i < 5; i++) {
      a.documents.open(`${i}`).y.getText('t').insert(0, 'x'.repeat(300_000))
      b.documents.open(`${i}`)
    }
    const frames = await peers.framesOf(() => peers.connect(a, b))
    const order = frames.filter(({ kind }) => kind === 'part').map(({ name }) => name)
    expect(order).toEqual([...order].sort())
    expect(new Set(order).size).toBe(5)
    for (let i = 0; i < 5; i++) {
      expect(b.documents.open(`${i}`).y.getText('t').length).toBe(300_000)
      expect(b.documents.open(`${i}`).status).toBe('synced')
    }
  })

  it('[DOC42] an update that is large goes the same way, to several peers at once', async () => {
    const mesh = peers.mesh(4)
    await peers.settle()
    mesh[0]?.insert('x'.repeat(MIB))
    mesh[1]?.insert('small ')
    await peers.settle()
    const text = mesh[0]?.text
    expect(mesh.every((peer) => peer.text === text)).toBe(true)
    expect(text).toContain('small ')
    expect(mesh.map(({ doc }) => doc.status)).toEqual(Array(4).fill('synced'))
  })

  it('[DOC42] that is closed while it comes does no harm, opened again it is complete', async () => {
    const [a, b] = two()
    a.insert('x'.repeat(2 * MIB))
    b.documents.open('notes')
    peers.connect(a, b)
    for (let i = 0; i < 10; i++) {
      peers.networks.step()
      await Promise.resolve()
    }
    b.doc.close()
    await peers.run(100)
    b.documents.open('notes')
    await peers.run(100)
    expect(b.text === a.text).toBe(true)
    expect(peers.networks.violations).toEqual([])
  })
})

describe('parts that nobody would send', () => {
  const [peer, part] = [peerIdOf(1), new Uint8Array(PART_BYTES)]

  it('[DOC43] are refused: of other frames, of other lengths, of more than the limit', () => {
    const total = 3 * PART_BYTES
    const bad: ((arrivals: Arrivals) => void)[] = [
      (arrivals) => arrivals.take(peer, 'other', total, part),
      (arrivals) => arrivals.take(peer, 'notes', total + 1, part),
      (arrivals) => arrivals.take(peer, 'notes', total, part.subarray(1)),
      (arrivals) => arrivals.take(peer, 'notes', total, new Uint8Array(0)),
      (arrivals) => arrivals.take(peerIdOf(2), 'notes', 10 * PART_BYTES + 1, part),
      (arrivals) => arrivals.take(peerIdOf(2), 'notes', PART_BYTES, part),
    ]
    for (const take of bad) {
      const arrivals = new Arrivals(10 * PART_BYTES)
      arrivals.take(peer, 'notes', total, part)
      expect(() => take(arrivals)).toThrowError(/part|frame/)
    }
  })

  it('[DOC43] cost their sender the link, whatever frame they make', async () => {
    const victim = peers.add()
    victim.documents.open('notes')
    const stranger = peers.networks.add(9)
    const port = stranger.openPort('documents', { message: () => {} })
    const nested = encodeFrame('notes', { kind: 'part', totalBytes: 90_000, bytes: new Uint8Array(10) })
    const frame = new Uint8Array(PART_BYTES + 10)
    frame.set(nested)
    for (const bytes of [frame, new Uint8Array(PART_BYTES + 10).fill(255)]) {
      peers.networks.connect(stranger, victim.network)
      for (const piece of [bytes.subarray(0, PART_BYTES), bytes.subarray(PART_BYTES)]) {
        const body = { kind: 'part', totalBytes: bytes.length, bytes: piece } as const
        port.send(victim.id, encodeFrame('notes', body))
      }
      await peers.settle()
      expect(stranger.peers.size).toBe(0)
    }
    expect(peers.networks.violations).toHaveLength(2)
    expect(victim.doc.status).toBe('alone')
  })
})

describe('the pace of updates', () => {
  it('[DOC44] lets what a person does leave at once, and joins what a program floods', async () => {
    const [a, b] = two()
    peers.connect(a, b)
    b.documents.open('notes')
    a.documents.open('notes')
    await peers.settle()
    const nowMs = peers.clock.nowMs
    for (let i = 0; i < 10; i++) {
      a.insert('x')
      await peers.settle()
      expect(b.text).toHaveLength(i + 1)
    }
    expect(peers.clock.nowMs).toBe(nowMs)
    await peers.run(200)
    const before = peers.networks.sent.length
    for (let i = 0; i < 250; i++) {
      a.insert('y')
      await peers.settle()
      await peers.clock.run(0.4)
    }
    await peers.run(10)
    expect(b.text).toBe(a.text)
    expect(peers.networks.sent.length - before).toBeLessThan(40)
  })
})
