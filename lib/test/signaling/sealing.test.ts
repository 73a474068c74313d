import { beforeAll, describe, expect, it } from 'vitest'
import { silentLogger } from '../../src/base/logger.js'
import { Cipher } from '../../src/signaling/cipher.js'
import { SealedEnvelope } from '../../src/signaling/sealed-envelope.js'
import { encodeSealedSignal } from '../../src/signaling/sealed-signal.js'
import { deriveRoomSecrets, openRoomId, type RoomSecrets } from '../../src/signaling/sealing.js'
import { drainMicrotasks, SimulatedClock } from '../../src/testing/simulated-runtime.js'
import { bytes, peer, SLOWLY } from './harness.js'

const { subtle } = globalThis.crypto
const [A, B, C] = [peer('a'), peer('b'), peer('c')]
const runtime = new SimulatedClock().fork(1)
let secrets: RoomSecrets

beforeAll(async () => {
  secrets = await deriveRoomSecrets('theatre', 'open sesame', subtle)
})

function cipherOf(other: Partial<RoomSecrets> = {}): Cipher {
  return new Cipher({ secrets: { ...secrets, ...other }, subtle, runtime })
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
    const sealed = await cipherOf().seal(A, B, bytes('fingerprint'))
    expect(new TextDecoder().decode(sealed)).not.toContain('fingerprint')
    expect(await cipherOf().open(A, B, sealed)).toEqual(bytes('fingerprint'))
    expect(await cipherOf().seal(A, B, bytes('fingerprint'))).not.toEqual(sealed)
    expect(sealed).toHaveLength(12 + 'fingerprint'.length + 16)
    const others = await deriveRoomSecrets('theatre', 'guess', subtle)
    await expect(cipherOf({ sealingKey: others.sealingKey }).open(A, B, sealed)).rejects.toThrow()
  })

  it('[SGC14] opens nothing that was sealed for another peer, by another peer, in another room, or changed', async () => {
    const cipher = cipherOf()
    const sealed = await cipher.seal(A, B, bytes('hello'))
    await expect(cipher.open(A, C, sealed)).rejects.toThrow()
    await expect(cipher.open(C, B, sealed)).rejects.toThrow()
    await expect(cipher.open(B, A, sealed)).rejects.toThrow()
    await expect(cipherOf({ room: openRoomId('other') }).open(A, B, sealed)).rejects.toThrow()
    for (let i = 0; i < sealed.length; i++) {
      const changed = sealed.map((byte, at) => (at === i ? byte ^ 1 : byte))
      await expect(cipher.open(A, B, changed)).rejects.toThrow()
    }
    for (const short of [0, 1, 12, 27]) await expect(cipher.open(A, B, sealed.subarray(0, short))).rejects.toThrow()
  })
})

describe('what waits', { timeout: 30_000 }, () => {
  interface Sent {
    readonly sealed: Uint8Array[]
    readonly opened: string[]
  }

  function envelopeOf(self: typeof A): SealedEnvelope & Sent {
    const [sealed, opened]: [Uint8Array[], string[]] = [[], []]
    const envelope = new SealedEnvelope(
      { secrets, subtle, runtime, logger: silentLogger },
      {
        self,
        transmit: (_, one) => sealed.push(one),
        deliver: (_, payload) => opened.push(new TextDecoder().decode(payload)),
      },
    )
    return Object.assign(envelope, { sealed, opened })
  }

  it('[SGC15] keeps the order of signals per peer, whatever the cryptography does', async () => {
    const opened: string[] = []
    const options = { secrets, subtle: lastFirst(), runtime, logger: silentLogger }
    const deliver = (_: typeof A, payload: Uint8Array) => void opened.push(new TextDecoder().decode(payload))
    const a: SealedEnvelope = new SealedEnvelope(options, { self: A, transmit: (_, one) => b.receive(A, one), deliver })
    const b: SealedEnvelope = new SealedEnvelope(options, { self: B, transmit: (_, one) => a.receive(B, one), deliver })
    a.joined([B])
    b.joined([A])
    for (const text of ['1', '2', '3']) a.send(B, bytes(text))
    await expect.poll(() => opened, SLOWLY).toEqual(['1', '2', '3'])
    expect([a.droppedCount, b.droppedCount]).toEqual([0, 0])
  })

  it('[SGC15] bounds what waits per peer', async () => {
    const b = envelopeOf(B)
    b.joined([A])
    for (let i = 0; i < 300; i++) b.receive(A, new Uint8Array(40))
    expect(b.droppedCount).toBe(300 - 256)
    await expect.poll(() => b.droppedCount, SLOWLY).toBe(300)
    await drainMicrotasks()
    b.receive(A, await cipherOf().seal(A, B, encodeSealedSignal({ kind: 'asks', mine: new Uint8Array(16) })))
    await expect.poll(() => b.sealed.length, SLOWLY).toBe(1)
    expect(b.droppedCount).toBe(300)
  })

  it('[SGC15] drops what a member sealed that makes no sense, and counts it', async () => {
    const b = envelopeOf(B)
    b.joined([A])
    for (const plain of [bytes(''), bytes('nonsense'), Uint8Array.of(3), new Uint8Array(500)]) {
      b.receive(A, await cipherOf().seal(A, B, plain))
    }
    await expect.poll(() => b.droppedCount, SLOWLY).toBe(4)
    expect(b.opened).toEqual([])
  })
})

/** Answers later calls sooner. */
function lastFirst(): SubtleCrypto {
  let delayMs = 40
  const delayed = async <T>(work: Promise<T>): Promise<T> => {
    delayMs = Math.max(0, delayMs - 5)
    await new Promise((resolve) => setTimeout(resolve, delayMs))
    return work
  }
  return {
    encrypt: (...args: Parameters<SubtleCrypto['encrypt']>) => delayed(subtle.encrypt(...args)),
    decrypt: (...args: Parameters<SubtleCrypto['decrypt']>) => delayed(subtle.decrypt(...args)),
  } as SubtleCrypto
}
