import { expect, it } from 'vitest'
import * as Y from 'yjs'
import { pick, randomInt, seededRandom } from '../../src/base/random.js'
import { type DocumentPeer, DocumentPeers, type PeerOptions } from '../support/document-peers.js'

const PEERS = 24
const KEYSTROKE_MS = 200
const STEP_MS = 5

/** Each with about six others, all connected. */
function connectSome(peers: DocumentPeers): void {
  const random = seededRandom(7)
  const at = (i: number) => peers.all[i % PEERS] as DocumentPeer
  for (let i = 0; i < PEERS; i++) {
    peers.connect(at(i), at(i + 1))
    for (let n = 0; n < 2; n++) {
      const other = at(i + 1 + randomInt(random, PEERS - 1))
      peers.connect(at(i), other)
    }
  }
}

/** Each keystroke goes somewhere into the text. @returns how long each took to each of the others, in ms */
async function typeTogether(peers: DocumentPeers, durationMs: number): Promise<number[]> {
  const random = seededRandom(8)
  const typedAtMs = new Map<string, number>()
  const delaysMs: number[] = []
  for (const { doc } of peers.all) {
    doc.y.on('afterTransaction', ({ beforeState, afterState, local }) => {
      for (const [client, to] of local ? [] : afterState) {
        for (let clock = beforeState.get(client) ?? 0; clock < to; clock++) {
          delaysMs.push(peers.clock.nowMs - (typedAtMs.get(`${client} ${clock}`) ?? Number.NaN))
        }
      }
    })
  }
  for (let ms = 0; ms < durationMs; ms += STEP_MS) {
    for (const [i, peer] of peers.all.entries()) {
      if ((ms + i * STEP_MS) % KEYSTROKE_MS !== 0) continue
      const { y } = peer.doc
      typedAtMs.set(`${y.clientID} ${Y.getState(y.store, y.clientID)}`, peers.clock.nowMs)
      peer.insert('x', randomInt(random, peer.text.length + 1))
    }
    await peers.clock.run(STEP_MS)
    await peers.settle()
  }
  return delaysMs.sort((a, b) => a - b)
}

/** With the document open, and the time that it takes to agree on a tree. */
async function crowd(options: PeerOptions = {}): Promise<DocumentPeers> {
  const peers = new DocumentPeers()
  peers.networks.isPartOfMore = true
  for (let i = 0; i < PEERS; i++) peers.add({}, options)
  connectSome(peers)
  for (const { documents } of peers.all) documents.open('notes')
  await peers.run(15_000)
  return peers
}

/** Those to which a change at `peer` brings an update from another one, each as often as it gets one. */
async function updatesOf(peers: DocumentPeers, peer: DocumentPeer): Promise<string[]> {
  const frames = await peers.framesOf(() => peer.insert('x'))
  return frames.flatMap(({ kind, to }) => (kind === 'update' ? [to] : []))
}

function expectAll(peers: readonly DocumentPeer[], text: string): void {
  expect(peers.map((peer) => peer.text)).toEqual(Array(peers.length).fill(text))
}

it('[DOC49] a crowd that types at once over few links sends little, and everything is everywhere soon', async () => {
  const peers = await crowd()
  await typeTogether(peers, 2_000) // until the flushes that may leave at once are used up
  const before = peers.networks.sent.length
  const delaysMs = await typeTogether(peers, 1_000)
  const perPeer = (peers.networks.sent.length - before) / PEERS
  await peers.run(1_000)
  expect(new Set(peers.all.map(({ text }) => text)).size).toBe(1)
  expect(delaysMs[Math.floor(delaysMs.length * 0.99)]).toBeLessThan(300)
  expect(perPeer).toBeLessThan(100)
}, 60_000)

it('[DOC52] in a crowd that has agreed on a tree each change comes to each peer once, from wherever', async () => {
  const peers = await crowd()
  for (const peer of peers.all) {
    const others = peers.all.filter((other) => other !== peer).map(({ id }) => id)
    expect((await updatesOf(peers, peer)).sort()).toEqual(others.sort())
    await peers.run(500)
  }
  expectAll(peers.all, 'x'.repeat(PEERS))
}, 60_000)

/** The peer that passes most on of what `author` changes: from now on nothing that it says arrives, but its links stay. */
async function freezeHub(peers: DocumentPeers, author: DocumentPeer): Promise<DocumentPeer> {
  const passed = new Map<string, number>()
  for (const { kind, from } of await peers.framesOf(() => author.insert('a'))) {
    if (kind === 'update' && from !== author.id) passed.set(from, (passed.get(from) ?? 0) + 1)
  }
  const most = Math.max(...passed.values())
  const hub = peers.all.find(({ id }) => passed.get(id) === most) as DocumentPeer
  for (const { network } of peers.all) if (network !== hub.network) peers.networks.hold(hub.network, network, true)
  return hub
}

it('[DOC53] what a peer that has stopped should have passed on comes over other links within four seconds', async () => {
  for (let i = 0; i < 4; i++) {
    const peers = await crowd()
    const author = peers.all[i] as DocumentPeer
    const hub = await freezeHub(peers, author)
    author.insert('b')
    author.doc.applyFast((y) => y.getText('t').delete(1, 1))
    await peers.run(4_000)
    const others = peers.all.filter((peer) => peer !== hub)
    expectAll(others, 'b')
  }
}, 60_000)

it('[DOC54] what is said while links and peers go, the root among them, is everywhere soon, and nothing is lost', async () => {
  const random = seededRandom(9)
  const peers = await crowd()
  const alive = [...peers.all]
  const change = (peer: DocumentPeer) => peer.insert(`${alive.indexOf(peer)} `)
  for (let n = 0; n < 12; n++) {
    for (let i = 0; i < 4; i++) change(pick(random, alive))
    if (n % 3 === 0) {
      const [root] = alive.sort((a, b) => (a.id < b.id ? -1 : 1)) as [DocumentPeer]
      if (n % 2 === 0) peers.networks.isolate(root.network)
      else root.doc.close()
      alive.shift()
    } else {
      const [a, b] = [pick(random, alive), pick(random, alive)]
      if (a !== b) peers.disconnect(a, b)
      if (a !== b && n % 2 === 0) peers.connect(a, b)
    }
    for (let i = 0; i < 4; i++) change(pick(random, alive))
    await peers.run(randomInt(random, 3_000))
  }
  for (let i = 1; i < alive.length; i++) peers.connect(alive[i - 1] as DocumentPeer, alive[i] as DocumentPeer)
  await peers.run(2_000)
  expect(alive[0]?.text.length).toBeGreaterThan(100)
  expectAll(alive, alive[0]?.text ?? '')
}, 60_000)

it('[DOC54] guests are on no way that others need', async () => {
  const isGuest = (id: string) => peers.all.findIndex((peer) => peer.id === id) % 3 === 0
  const peers = new DocumentPeers()
  peers.networks.isPartOfMore = true
  for (let i = 0; i < PEERS; i++) peers.add({}, { settings: { canWrite: ({ id }) => !isGuest(id) } })
  const writers = peers.all.filter(({ id }) => !isGuest(id))
  connectSome(peers)
  writers.forEach((writer, i) => {
    const next = writers[(i + 1) % writers.length] as DocumentPeer
    peers.connect(writer, next)
  })
  for (const { documents } of peers.all) documents.open('notes')
  await peers.run(15_000)
  for (const writer of writers) writer.insert('x')
  peers.all[0]?.insert('refused')
  await peers.run(1_000)
  expectAll(writers, 'x'.repeat(writers.length))
}, 60_000)
