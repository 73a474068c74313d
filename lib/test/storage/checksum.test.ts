import fc from 'fast-check'
import { expect, it } from 'vitest'
import { crc32c } from '../../src/codec/checksum.js'

const ascii = (text: string) => new TextEncoder().encode(text)

it.each([
  ['nothing', new Uint8Array(0), 0],
  ['the digits, as in every catalogue of CRCs', ascii('123456789'), 0xe3069283],
  ['32 zeros, as in RFC 3720', new Uint8Array(32), 0x8a9136aa],
  ['32 ones, as in RFC 3720', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['0 to 31, as in RFC 3720', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ['31 to 0, as in RFC 3720', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
])('[STO13] the checksum is CRC-32C: %s', (_, bytes, expected) => {
  expect(crc32c(bytes)).toBe(expected)
})

it('[STO13] the checksum is the same however the bytes are cut and wherever they lie', () => {
  const cut = fc.tuple(fc.uint8Array({ maxLength: 100 }), fc.nat(100))
  fc.assert(
    fc.property(cut, ([bytes, at]) => {
      const pieces = crc32c(bytes.subarray(at), crc32c(bytes.subarray(0, at)))
      expect(pieces).toBe(crc32c(bytes.slice()))
    }),
    { seed: 1 },
  )
})

it('[STO13] the checksum changes with any bit', () => {
  const bytes = Uint8Array.from({ length: 37 }, (_, i) => i * 7)
  const checksums = new Set([crc32c(bytes)])
  for (let bit = 0; bit < 37 * 8; bit++) {
    const changed = bytes.slice()
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    checksums.add(crc32c(changed))
  }
  expect(checksums.size).toBe(1 + 37 * 8)
})
