import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { copyBytes, pooledBytes, pooledCopy, pooledPiece, viewOf } from '../../src/codec/byte-pool.js'
import { decodeAll, readName, readString } from '../../src/codec/decode.js'
import { encode, writeString } from '../../src/codec/encode.js'

describe('small things that are many', () => {
  it('[COD14] bytes from the pool overlap with none that were given out before', () => {
    const lengths = fc.array(fc.oneof(fc.nat(80), fc.nat(3000)), { minLength: 1, maxLength: 100 })
    fc.assert(
      fc.property(lengths, (list) => {
        const given = list.map((length, i) => pooledBytes(length).fill(i))
        for (const [i, bytes] of given.entries()) expect(bytes).toEqual(new Uint8Array(list[i] ?? 0).fill(i))
      }),
      { numRuns: 50 },
    )
  })

  it('[COD14] pieces of the pool stay what they were, whatever else is taken from it', () => {
    const lengths = fc.array(fc.oneof(fc.nat(80), fc.nat(3000)), { minLength: 1, maxLength: 100 })
    fc.assert(
      fc.property(lengths, (list) => {
        const pieces = list.map((length, i) => {
          pooledBytes(length).fill(255)
          return pooledPiece(new Uint8Array(length + 3).fill(i), 2, length + 2)
        })
        for (const [i, piece] of pieces.entries()) expect(viewOf(piece)).toEqual(new Uint8Array(list[i] ?? 0).fill(i))
      }),
      { numRuns: 50 },
    )
  })

  it('[COD14] copies a part, short or long', () => {
    const bytes = Uint8Array.from({ length: 5000 }, (_, i) => i)
    for (const [start, end] of [
      [0, 0],
      [3, 60],
      [7, 300],
      [0, 5000],
    ] as const) {
      expect(pooledCopy(bytes, start, end)).toEqual(bytes.slice(start, end))
      const target = new Uint8Array(5002)
      copyBytes(bytes, start, end, target, 2)
      expect(target.subarray(2, 2 + end - start)).toEqual(bytes.slice(start, end))
    }
  })

  it('[COD14] a name is what a string is, whatever names came before', () => {
    const short = fc.string({ maxLength: 3, unit: fc.constantFrom('a', 'Ã', '¼', 'ü', '\u0080', '😀') })
    const text = fc.oneof(short, fc.string({ maxLength: 40, unit: 'grapheme' }))
    fc.assert(
      fc.property(fc.array(text, { maxLength: 200 }), (texts) => {
        for (const each of texts) {
          const bytes = encode((encoder) => writeString(encoder, each))
          expect(decodeAll(bytes, (decoder) => readName(decoder, 1000))).toBe(each)
          expect(decodeAll(bytes, (decoder) => readString(decoder, 1000))).toBe(each)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('[COD14] a name is refused above the limit though it is known', () => {
    const bytes = encode((encoder) => writeString(encoder, 'known'))
    expect(decodeAll(bytes, (decoder) => readName(decoder, 5))).toBe('known')
    expect(() => decodeAll(bytes, (decoder) => readName(decoder, 4))).toThrow('above the limit')
  })
})
