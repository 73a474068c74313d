import { beforeAll, describe, expect, it } from 'vitest'
import { silentLogger } from '../../src/base/logger.js'
import { SealedEnvelope } from '../../src/signaling/envelope.js'
import { deriveRoomSecrets, openRoomId, type RoomSecrets } from '../../src/signaling/sealing.js'
import { drainMicrotasks, SimulatedClock } from '../../src/testing/simulated-runtime.js'
import { bytes, peer, SLOWLY } from './harness.js'

const { subtle } = globalThis.crypto
const [A, B, C] = [peer('a'), peer('b'), peer('c')]
let secrets: RoomSecrets

beforeAll(async () => {
  secrets = await deriveRoomSecrets('theatre', 'open sesame', subtle)
})

function envelopeOf(parts: { secrets?: RoomSecrets; subtle?: SubtleCrypto } = {}): SealedEnvelope {
  return new SealedEnvelope({ secrets, subtle, runtime: new SimulatedClock().fork(1), logger: silentLogger, ...parts })
}

function seal(envelope: SealedEnvelope, text: string): Promise<Uint8Array> {
  return new Promise((resolve) => envelope.seal(A, B, bytes(text), resolve))
}

/** What comes out; undefined if it was dropped. */
async function open(envelope: SealedEnvelope, from: typeof A, to: typeof B, sealed: Uint8Array) {
  const before = envelope.droppedCount
  let opened: string | undefined
  envelope.open(from, to, sealed, (payload) => {
    opened = new TextDecoder().decode(payload)
  })
  await expect.poll(() => opened !== undefined || envelope.droppedCount > before, SLOWLY).toBe(true)
  return opened
}

describe('sealing', { timeout: 30_000 }, () => {
  it('[SGC12] names the room of an open cluster by its name alone, always the same', () => {
    expect(openRoomId('theatre')).toMatch(/^[\w-]{43}$/)
    expect(openRoomId('theatre')).toBe(openRoomId('theatre'))
    expect(openRoomId('theatre')).not.toBe(openRoomId('theatre2'))
  })

  it('[SGC13] names the room of a secret cluster by name and secret', async () => {
    const rooms = [secrets.room, openRoomId('theatre')]
    for (const [cluster, secret] of [
      ['theatre', 'other'],
      ['other', 'open sesame'],
    ] as const) {
      rooms.push((await deriveRoomSecrets(cluster, secret, subtle)).room)
    }
    expect(new Set(rooms).size).toBe(4)
    expect((await deriveRoomSecrets('theatre', 'open sesame', subtle)).room).toBe(secrets.room)
    for (const room of rooms) expect(room).toMatch(/^[\w-]{43}$/)
  })

  it('[SGC13] keeps the key where no script can read it', () => {
    expect(secrets.sealingKey.extractable).toBe(false)
  })

  it('[SGC14] lets only members read, and hides even that two signals are the same', async () => {
    const [first, second] = [await seal(envelopeOf(), 'fingerprint'), await seal(envelopeOf(), 'fingerprint')]
    expect(new TextDecoder().decode(first)).not.toContain('fingerprint')
    expect(await open(envelopeOf(), A, B, first)).toBe('fingerprint')
    const one = envelopeOf()
    expect(await seal(one, 'x')).not.toEqual(await seal(one, 'x'))
    expect(second).toHaveLength(12 + 'fingerprint'.length + 16)
    const others = await deriveRoomSecrets('theatre', 'guess', subtle)
    expect(await open(envelopeOf({ secrets: others }), A, B, first)).toBeUndefined()
  })

  it('[SGC14] drops what was sealed for another peer, by another peer, in another room, or changed', async () => {
    const sealed = await seal(envelopeOf(), 'hello')
    const envelope = envelopeOf()
    expect(await open(envelope, A, C, sealed)).toBeUndefined()
    expect(await open(envelope, C, B, sealed)).toBeUndefined()
    expect(await open(envelope, B, A, sealed)).toBeUndefined()
    for (let i = 0; i < sealed.length; i++) {
      const changed = sealed.map((byte, at) => (at === i ? byte ^ 1 : byte))
      expect(await open(envelope, A, B, changed)).toBeUndefined()
    }
    expect(await open(envelope, A, B, new Uint8Array())).toBeUndefined()
    expect(envelope.droppedCount).toBe(4 + sealed.length)
    const room = openRoomId('other')
    expect(await open(envelopeOf({ secrets: { ...secrets, room } }), A, B, sealed)).toBeUndefined()
  })

  it('[SGC15] keeps the order of signals per peer, whatever the cryptography does', async () => {
    const envelope = envelopeOf({ subtle: lastFirst() })
    const sealed: Uint8Array[] = []
    for (const text of ['1', '2', '3']) envelope.seal(A, B, bytes(text), (one) => sealed.push(one))
    await expect.poll(() => sealed.length, SLOWLY).toBe(3)
    const opened: string[] = []
    for (const one of sealed) envelope.open(A, B, one, (payload) => opened.push(new TextDecoder().decode(payload)))
    await expect.poll(() => opened, SLOWLY).toEqual(['1', '2', '3'])
  })

  it('[SGC15] bounds what waits per peer', async () => {
    const envelope = envelopeOf()
    for (let i = 0; i < 300; i++) envelope.open(A, B, new Uint8Array(40), () => {})
    expect(envelope.droppedCount).toBe(300 - 256)
    await expect.poll(() => envelope.droppedCount, SLOWLY).toBe(300)
    await drainMicrotasks()
    expect(await open(envelope, A, B, await seal(envelopeOf(), 'again'))).toBe('again')
  })
})

/** Answers later calls sooner. */
function lastFirst(): SubtleCrypto {
  let delayMs = 20
  const delayed = async <T>(work: Promise<T>): Promise<T> => {
    delayMs -= 5
    await new Promise((resolve) => setTimeout(resolve, delayMs))
    return work
  }
  return {
    encrypt: (...args: Parameters<SubtleCrypto['encrypt']>) => delayed(subtle.encrypt(...args)),
    decrypt: (...args: Parameters<SubtleCrypto['decrypt']>) => delayed(subtle.decrypt(...args)),
  } as SubtleCrypto
}
