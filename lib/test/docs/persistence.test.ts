import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { defer } from '../../src/base/deferred.js'
import { randomInt, seededRandom } from '../../src/base/random.js'
import type { Store } from '../../src/storage/storage.js'
import { SimulatedDisk } from '../../src/testing/simulated-disk.js'
import { type DocumentPeer, DocumentPeers } from '../support/document-peers.js'

let peers = new DocumentPeers()
let disk = new SimulatedDisk(peers.clock.fork(100))
beforeEach(() => {
  peers = new DocumentPeers()
  disk = new SimulatedDisk(peers.clock.fork(100))
})

/** A peer that keeps its documents on the disk; whoever had it before must have closed or crashed. */
function durable(): DocumentPeer {
  return peers.add({}, { store: disk.storage().open('peer') })
}

/** Its process ends without a word. */
function crash(peer: DocumentPeer): void {
  peers.networks.isolate(peer.network)
  disk.crash()
}

async function restarted(peer: DocumentPeer): Promise<DocumentPeer> {
  crash(peer)
  const next = durable()
  next.documents.open('notes')
  await peers.run(100)
  return next
}

async function saved(peer: DocumentPeer): Promise<void> {
  let isSaved = false
  const saving = peer.doc.save().then(() => {
    isSaved = true
  })
  while (!isSaved) await peers.run(10)
  await saving
}

function word(i: number): string {
  return `word ${i} `
}

/** All entries of the store, of a disk that nobody uses. */
async function entries(): Promise<Map<string, Uint8Array>> {
  disk.crash()
  const reading = readAll()
  await peers.run(200)
  return reading
}

async function readAll(): Promise<Map<string, Uint8Array>> {
  const store = await disk.storage().open('peer')
  const found = new Map<string, Uint8Array>()
  for await (const { key, value } of store.scan('')) found.set(key, value)
  return found
}

describe('documents that are kept', () => {
  it('[DOC32] are there again after a restart, without any other peer', async () => {
    const a = durable()
    a.insert('kept')
    a.doc.applyFast((y) => y.getMap('m').set('k', [1, { deep: true }]))
    a.doc.applyFast((y) => y.getText('t').delete(0, 1))
    await saved(a)
    const again = await restarted(a)
    expect(again.text).toBe('ept')
    expect(again.doc.y.getMap('m').toJSON()).toEqual({ k: [1, { deep: true }] })
    expect(again.doc.status).toBe('alone')
  })

  it('[DOC32] merge what was changed before they were loaded, and keep that too', async () => {
    const a = durable()
    a.insert('old')
    await saved(a)
    crash(a)
    const b = durable()
    b.insert('new ')
    expect(b.doc.status).toBe('loading')
    await peers.run(100)
    expect(b.text).toContain('old')
    expect(b.text).toContain('new ')
    await saved(b)
    expect((await restarted(b)).text).toBe(b.text)
  })

  it('[DOC33] are loaded before anybody is asked or answered', async () => {
    const a = durable()
    a.insert('all of it')
    await saved(a)
    crash(a)
    const [again, b] = [durable(), peers.add()]
    const answers: string[] = []
    b.doc.on('status', (status) => status === 'synced' && answers.push(b.text))
    peers.connect(again, b)
    const seen: string[] = [again.doc.status]
    again.doc.on('status', (status) => seen.push(`${status} ${again.text}`))
    const frames = await peers.framesOf(() => {})
    expect(frames.filter(({ from }) => from === again.id)).toEqual([])
    await peers.run(100)
    expect(seen).toEqual(['loading', 'syncing all of it', 'synced all of it'])
    expect(answers).toEqual(['all of it'])
  })

  it('[DOC33] say when they are loaded; without storage at once, and can not be saved', async () => {
    const a = durable()
    a.insert('x')
    await saved(a)
    crash(a)
    const again = durable()
    let text = ''
    void again.doc.loaded.then(() => {
      text = again.text
    })
    await peers.run(100)
    expect(text).toBe('x')
    const c = peers.add()
    await c.doc.loaded
    await expect(c.doc.save()).rejects.toMatchObject({ code: 'E_UNSUPPORTED' })
    await expect(c.documents.kept.names()).rejects.toMatchObject({ code: 'E_UNSUPPORTED' })
  })

  it('[DOC34] are written in the order of the changes, what comes while the disk is busy as one', async () => {
    const a = durable()
    a.documents.open('notes')
    await peers.run(100)
    const before = disk.operationCount
    for (let i = 0; i < 1_000; i++) a.insert('x')
    await peers.run(100)
    expect(disk.operationCount - before).toBe(1)
    for (let i = 0; i < 1_000; i++) {
      a.insert('y')
      if (i % 100 === 0) await peers.clock.run(0.1)
    }
    await peers.run(100)
    expect(disk.operationCount - before).toBeLessThan(100)
    await saved(a)
    expect((await restarted(a)).text).toBe('y'.repeat(1_000) + 'x'.repeat(1_000))
  })

  it('[DOC34] are compacted, so that neither their number nor their bytes grow without bound', async () => {
    const a = durable()
    for (let i = 0; i < 2_000; i++) {
      a.insert(word(i))
      if (a.text.length > 1_000) a.doc.applyFast((y) => y.getText('t').delete(500, 500))
      await peers.clock.run(3)
    }
    await saved(a)
    const text = a.text
    const kept = await entries()
    expect(kept.size).toBeLessThan(300)
    expect([...kept.values()].reduce((sum, { length }) => sum + length, 0)).toBeLessThan(100_000)
    expect((await restarted(a)).text).toBe(text)
  }, 30_000)

  it('[DOC34] that are large are kept in pieces', async () => {
    const a = durable()
    a.insert('x'.repeat(2_000_000))
    await saved(a)
    a.insert('and more ')
    await saved(a)
    const text = a.text
    const kept = await entries()
    expect(Math.max(...[...kept.values()].map(({ length }) => length))).toBeLessThanOrEqual(512 * 1024)
    expect((await restarted(a)).text === text).toBe(true)
  }, 30_000)

  it('[DOC35] have all that was saved after a crash at any moment, and nothing that never was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 400 }), async (seed, crashAfter) => {
        peers = new DocumentPeers()
        disk = new SimulatedDisk(peers.clock.fork(seed))
        const random = seededRandom(seed)
        let peer = durable()
        let [past, safe] = [[''], 0]
        for (let life = 0; life < 3; life++) {
          const end = disk.operationCount + 1 + randomInt(random, crashAfter)
          for (let i = 0; disk.operationCount < end && i < 500; i++) {
            peer.insert(random() < 0.02 ? 'long '.repeat(randomInt(random, 200_000)) : word(i))
            past.push(peer.text)
            if (random() < 0.02) {
              await saved(peer)
              safe = past.length - 1
            }
            await peers.clock.run(random() * 3)
          }
          peer = await restarted(peer)
          const at = past.lastIndexOf(peer.text)
          expect(at, 'a state that the document once had').toBeGreaterThanOrEqual(safe)
          ;[past, safe] = [[peer.text], 0]
          expect(peer.failures).toEqual([])
          expect(peer.doc.y.store.pendingStructs).toBeNull()
        }
      }),
      { numRuns: 15, seed: 5 },
    )
  }, 120_000)

  it('[DOC36] go on in memory when the disk fails, and say so once', async () => {
    const [a, b] = [durable(), peers.add()]
    peers.connect(a, b)
    b.documents.open('notes')
    a.insert('one ')
    await saved(a)
    disk.isFull = true
    for (let i = 0; i < 5; i++) {
      a.insert('more ')
      await peers.run(50)
    }
    expect(a.failures.map(({ code }) => code)).toEqual(['E_STORAGE'])
    await expect(a.doc.save()).rejects.toMatchObject({ code: 'E_STORAGE' })
    expect(b.text).toBe(`${'more '.repeat(5)}one `)
    expect(a.doc.status).toBe('synced')
  })

  it('[DOC36] that are damaged are not loaded and not overwritten; removed, they can be kept again', async () => {
    const a = durable()
    a.insert('one')
    await saved(a)
    const key = [...(await entries()).keys()].find((name) => name.startsWith('d/u/')) ?? ''
    disk.crash()
    disk.damage('peer', key)
    const b = durable()
    b.insert('two')
    const loaded = b.doc.loaded.then(
      () => 'loaded',
      (error: { code: string }) => error.code,
    )
    await peers.run(100)
    expect(await loaded).toBe('E_STORAGE')
    expect(b.failures).toHaveLength(1)
    expect([b.text, b.doc.status]).toEqual(['two', 'alone'])
    const removal = b.documents.kept.remove('notes')
    await peers.run(100)
    await removal
    b.insert('three')
    await saved(b)
    expect((await restarted(b)).text).toBe('three')
  })

  it('[DOC36] work in memory when the store can not be opened', async () => {
    const store = defer<Store>()
    const a = peers.add({}, { store: store.promise })
    const b = peers.add()
    b.insert('hello')
    peers.connect(a, b)
    expect(a.doc.status).toBe('loading')
    store.reject(new Error('no disk'))
    await peers.run(100)
    expect([a.text, a.doc.status]).toEqual(['hello', 'synced'])
    expect(a.failures).toHaveLength(1)
  })

  it('[DOC37] can be listed and removed, open or not', async () => {
    const a = durable()
    for (const name of ['b', 'ä', 'a']) a.documents.open(name).y.getText('t').insert(0, name)
    await peers.run(100)
    a.documents.open('b').close()
    const names = async () => {
      const listed = a.documents.kept.names()
      await peers.run(100)
      return listed
    }
    expect(await names()).toEqual(['a', 'b', 'ä'])
    const removals = Promise.all(['a', 'b'].map((name) => a.documents.kept.remove(name)))
    expect(a.documents.metrics().open).toBe(1)
    await peers.run(100)
    await removals
    expect(await names()).toEqual(['ä'])
    const again = a.documents.open('a')
    await peers.run(100)
    expect(again.y.getText('t').toString()).toBe('')
    a.documents.close()
    expect([...(await entries()).keys()].filter((key) => key.startsWith('d/u/'))).toHaveLength(1)
  })

  it('[DOC37] are written to their end when they are closed, and opened again at once', async () => {
    const a = durable()
    a.insert('before it was loaded ')
    a.doc.close()
    a.insert('again ')
    await peers.run(100)
    expect(a.text).toContain('again ')
    expect(a.text).toContain('before it was loaded ')
    for (let i = 0; i < 20; i++) {
      a.insert('x'.repeat(100_000))
      const text = a.text
      await peers.clock.run(i / 4)
      a.doc.close()
      a.documents.open('notes')
      await peers.run(100)
      expect(a.text === text).toBe(true)
    }
  }, 30_000)

  it('[DOC37] bring back only what was stored here: two peers of one host share nothing but converge', async () => {
    const [a, other] = [durable(), new SimulatedDisk(peers.clock.fork(101))]
    const b = peers.add({}, { store: other.storage().open('peer') })
    a.insert('from a ')
    b.insert('from b ')
    await saved(a)
    await saved(b)
    peers.connect(a, b)
    await peers.run(100)
    expect(a.text).toBe(b.text)
    await saved(b)
    const text = b.text
    other.crash()
    const c = peers.add({}, { store: other.storage().open('peer') })
    c.documents.open('notes')
    await peers.run(100)
    expect(c.text).toBe(text)
    expect(Y.encodeStateVector(c.doc.y)).toEqual(Y.encodeStateVector(a.doc.y))
  })
})
