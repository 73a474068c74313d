import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../src/codec/decode.js'
import { decodeValue, encodeValue, type Value } from '../../src/codec/value.js'
import { readChunks } from '../../src/codec/value-reader.js'
import { plainValue } from './values.js'

/** Cut where `sizes` say, again and again; parts of a larger buffer, as chunks from a network are. */
async function* cut(bytes: Uint8Array, sizes: readonly number[]): AsyncIterable<Uint8Array> {
  const whole = new Uint8Array(bytes.length + 20).fill(1)
  whole.set(bytes, 10)
  let from = 0
  for (let i = 0; from < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    yield whole.subarray(10 + from, 10 + Math.min(bytes.length, from + size))
    from += size
  }
}

function isDeeplyFrozen(value: Value): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return true
  return Object.isFrozen(value) && Object.values(value).every(isDeeplyFrozen)
}

const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 })

describe('a value in chunks', { timeout: 60_000 }, () => {
  it('[COD13] arrives as it was sent, frozen, wherever it was cut', async () => {
    await fc.assert(
      fc.asyncProperty(plainValue(), sizes, async (value, sizes) => {
        const read = await readChunks(cut(encodeValue(value), sizes))
        expect(read).toStrictEqual(value)
        expect(encodeValue(read)).toEqual(encodeValue(value))
        expect(isDeeplyFrozen(read)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  it('[COD13] any bytes are refused exactly when they are refused as a whole', async () => {
    const biased = fc.array(fc.oneof(fc.integer({ min: 115, max: 128 }), fc.integer({ min: 0, max: 255 })))
    await fc.assert(
      fc.asyncProperty(biased.map(Uint8Array.from.bind(Uint8Array)), sizes, async (bytes, sizes) => {
        const [read] = await Promise.allSettled([readChunks(cut(bytes, sizes))])
        const whole = settled(() => decodeValue(bytes))
        if (read.status === 'rejected') expect(read.reason).toBeInstanceOf(DecodeError)
        expect(read.status === 'fulfilled' ? { value: read.value } : undefined).toEqual(whole)
      }),
      { numRuns: 2000 },
    )
  })

  it('[COD13] a changed or shortened encoding is refused exactly when it is as a whole', async () => {
    const byte = fc.integer({ min: 0, max: 255 })
    await fc.assert(
      fc.asyncProperty(plainValue(), fc.nat(), byte, fc.boolean(), sizes, async (value, at, byte, isCut, sizes) => {
        const whole = encodeValue(value)
        const place = at % whole.length
        whole[place] = byte
        const bytes = isCut ? whole.slice(0, place) : whole
        const read = await readChunks(cut(bytes, sizes)).then(
          (value) => ({ value }),
          () => undefined,
        )
        expect(read).toEqual(settled(() => decodeValue(bytes)))
      }),
      { numRuns: 1000 },
    )
  })

  it.each([
    ['nothing', []],
    ['a number that is not all there', [125, 128]],
    ['something left over', [126, 126]],
    ['a key twice', [118, 2, 1, 97, 126, 1, 97, 126]],
    ['too many levels', [...new Array(200).fill(117).flatMap((tag) => [tag, 1]), 126]],
  ])('[COD13] refuses %s', async (_title, bytes) => {
    await expect(readChunks(cut(Uint8Array.from(bytes), [1]))).rejects.toThrow(DecodeError)
  })

  it('[COD13] a part that is longer than many chunks costs no more than it must', async () => {
    const value = { before: 1, bytes: new Uint8Array(1_000_000).fill(7), after: [2] }
    expect(await readChunks(cut(encodeValue(value), [1000]))).toEqual(value)
  })
})

function settled(decode: () => Value): { readonly value: Value } | undefined {
  try {
    return { value: decode() }
  } catch {
    return undefined
  }
}
