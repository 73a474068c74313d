import { expect, it } from 'vitest'
import * as Y from 'yjs'
import { randomInt, seededRandom } from '../../src/base/random.js'
import { type DocumentPeer, DocumentPeers } from '../support/document-peers.js'

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

it('[DOC49] a crowd that types at once over few links sends little, and everything is everywhere soon', async () => {
  const peers = new DocumentPeers()
  for (let i = 0; i < PEERS; i++) peers.add()
  connectSome(peers)
  for (const { documents } of peers.all) documents.open('notes')
  await peers.run(1_000)
  await typeTogether(peers, 2_000) // until the flushes that may leave at once are used up
  const before = peers.networks.sent.length
  const delaysMs = await typeTogether(peers, 1_000)
  const perPeer = (peers.networks.sent.length - before) / PEERS
  await peers.run(1_000)
  expect(new Set(peers.all.map(({ text }) => text)).size).toBe(1)
  expect(delaysMs[Math.floor(delaysMs.length * 0.99)]).toBeLessThan(300)
  expect(perPeer).toBeLessThan(200)
}, 60_000)
