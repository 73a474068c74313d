import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../src/base/logger.js'
import { DecodeError } from '../../src/codec/decode.js'
import { Messaging } from '../../src/messaging/messaging.js'
import {
  decodeFrame,
  encodeAnswer,
  encodeCall,
  encodeCancel,
  encodeCast,
  encodeFailure,
  encodeRefusal,
  type Frame,
} from '../../src/messaging/protocol.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'
import { MemoryNetworks } from '../support/memory-network.js'

const failure = { code: 'E_REJECTED', message: 'no', details: { n: 1 } }
const SAMPLES: [Frame, Uint8Array][] = [
  [{ kind: 'cast', name: 'a', payload: [1] }, encodeCast('a', [1])],
  [{ kind: 'call', id: 300, name: 'ü'.repeat(128), payload: undefined }, encodeCall(300, 'ü'.repeat(128), undefined)],
  [{ kind: 'answer', id: 1, value: { x: 1n } }, encodeAnswer(1, { x: 1n })],
  [{ kind: 'refusal', id: 2, reason: 'E_BUSY' }, encodeRefusal(2, 'E_BUSY')],
  [{ kind: 'failure', id: 3, failure }, encodeFailure(3, failure)],
  [{ kind: 'cancel', id: 4 }, encodeCancel(4)],
]

describe('frames of messages', () => {
  it('[MSG23] survive encoding and decoding', () => {
    for (const [frame, bytes] of SAMPLES) expect(decodeFrame(bytes)).toEqual(frame)
  })

  it('[MSG23] of any bytes give a frame or a DecodeError', () => {
    fc.assert(
      fc.property(hostileBytes(), (bytes) => {
        try {
          expect(decodeFrame(bytes).kind).toBeTypeOf('string')
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('[MSG24] that are malformed cost their sender the link and nothing else', async () => {
    const networks = new MemoryNetworks()
    const [a, b] = networks.addMesh(2)
    const runtime = new SimulatedClock().fork(1)
    const messaging = new Messaging({ network: b!, runtime, handlers: { ping: () => 1 }, context: undefined })
    const port = a!.openPort('messages', { message: () => {} })
    for (const bytes of [new Uint8Array([99]), new Uint8Array(), encodeCast('ping', 1).subarray(0, 3)]) {
      networks.connect(a!, b!)
      port.send(b!.self.id, bytes)
      await networks.settle()
      expect(a!.peers.size).toBe(0)
    }
    expect(networks.violations).toHaveLength(3)
    expect(messaging.metrics().received).toBe(3)
  })

  it('[MSG24] that use the id of a running call again are malformed', async () => {
    const networks = new MemoryNetworks()
    const [a, b] = networks.addMesh(2)
    const runtime = new SimulatedClock().fork(1)
    const handlers = { wait: () => new Promise<never>(() => {}) }
    new Messaging({ network: b!, runtime, handlers, context: undefined, logger: silentLogger })
    const port = a!.openPort('messages', { message: () => {} })
    port.send(b!.self.id, encodeCall(7, 'wait', 0))
    port.send(b!.self.id, encodeCall(7, 'wait', 0))
    await networks.settle()
    expect(networks.violations).toHaveLength(1)
  })
})

/** Random bytes, and real frames with bytes changed or cut off. */
function hostileBytes(): fc.Arbitrary<Uint8Array> {
  const mutated = fc
    .tuple(fc.constantFrom(...SAMPLES.map(([, bytes]) => bytes)), fc.nat(), fc.nat(255), fc.nat())
    .map(([bytes, at, byte, cut]) => {
      const copy = bytes.slice()
      copy[at % copy.length] = byte
      return copy.subarray(0, copy.length - (cut % 3))
    })
  return fc.oneof(fc.uint8Array({ maxLength: 64 }), mutated)
}
