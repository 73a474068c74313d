import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../src/codec/decode.js'
import { decodeTransferMessage, encodeTransferMessage, TRANSFER_REASONS } from '../../src/groups/snapshot-protocol.js'

const transfer = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('base64url'))
const word = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const count = fc.maxSafeNat()
const bytes = fc.uint8Array({ maxLength: 50 })
const reason = fc.constantFrom(...TRANSFER_REASONS)
const kind = <const K extends string>(name: K) => fc.constant(name)

const anyMessage = fc.oneof(
  fc.record({
    kind: kind('offer'),
    transfer,
    group: count,
    snapshotId: fc.string({ maxLength: 10 }),
    compressed: fc.boolean(),
    raftMessage: bytes,
  }),
  fc.record({ kind: kind('chunk'), transfer, sequence: count, checksum: word, bytes }),
  fc.record({ kind: kind('end'), transfer, count, checksum: word }),
  fc.record({ kind: kind('cancel'), transfer, reason }),
  fc.record({ kind: kind('accept'), transfer, next: count }),
  fc.record({ kind: kind('ack'), transfer, next: count }),
  fc.record({ kind: kind('complete'), transfer }),
  fc.record({ kind: kind('refuse'), transfer, reason }),
)

describe('messages of a snapshot transfer', () => {
  it('[SNP10] are carried exactly', () => {
    const property = fc.property(anyMessage, (message) => {
      expect(decodeTransferMessage(encodeTransferMessage(message))).toEqual(message)
    })
    fc.assert(property, { seed: 1, numRuns: 1_000 })
  })

  it('[SNP11] come of any bytes, or a DecodeError does', () => {
    const decodes = (input: Uint8Array) => {
      try {
        decodeTransferMessage(input)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
    }
    const noise = fc.property(fc.uint8Array({ maxLength: 60 }), decodes)
    const damaged = fc.property(anyMessage, fc.nat(), fc.nat(255), (message, at, byte) => {
      const encoded = encodeTransferMessage(message)
      encoded[at % encoded.length] = byte
      decodes(encoded)
      decodes(encoded.subarray(0, at % encoded.length))
    })
    fc.assert(noise, { seed: 1, numRuns: 3_000 })
    fc.assert(damaged, { seed: 1, numRuns: 3_000 })
  })

  it('[SNP11] are refused above the limits of their parts', () => {
    const chunk = {
      kind: 'chunk',
      transfer: 'x',
      sequence: 0,
      checksum: 0,
      bytes: new Uint8Array(64 * 1024 + 1),
    } as const
    expect(() => decodeTransferMessage(encodeTransferMessage(chunk))).toThrow(DecodeError)
    const ended = { kind: 'end', transfer: 'twelve bytes', count: 0, checksum: 0 } as const
    expect(() => decodeTransferMessage(encodeTransferMessage(ended))).toThrow(DecodeError)
  })
})
