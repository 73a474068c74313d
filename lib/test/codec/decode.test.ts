import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ClusterId, newPeerId } from '../../src/base/ids.js'
import { systemRuntime } from '../../src/base/system-runtime.js'
import * as decode from '../../src/codec/decode.js'
import * as encode from '../../src/codec/encode.js'

const { decodeAll, DecodeError } = decode

describe('decoding', () => {
  it('[COD1] gives back what was written', () => {
    const id = newPeerId(systemRuntime())
    const bytes = encode.encode((encoder) => {
      encode.writeByte(encoder, 7)
      encode.writeCount(encoder, Number.MAX_SAFE_INTEGER)
      encode.writeBoolean(encoder, true)
      encode.writeBytes(encoder, Uint8Array.of(1, 2, 3))
      encode.writeString(encoder, '\ufeffüñí')
      encode.writeOneOf(encoder, ['a', 'b', 'c'], 'c')
      encode.writeList(encoder, [3, 4], encode.writeCount)
      encode.writeOptional(encoder, undefined, encode.writeString)
      encode.writeOptional(encoder, 'there', encode.writeString)
      encode.writeId(encoder, id)
    })
    const decoded = decodeAll(bytes, (decoder) => [
      decode.readByte(decoder),
      decode.readCount(decoder),
      decode.readBoolean(decoder),
      decode.readBytes(decoder, 3),
      decode.readString(decoder, 9),
      decode.readOneOf(decoder, ['a', 'b', 'c']),
      decode.readList(decoder, 2, (item) => decode.readCount(item, 4)),
      decode.readOptional(decoder, (item) => decode.readString(item, 9)),
      decode.readOptional(decoder, (item) => decode.readString(item, 9)),
      decode.readPeerId(decoder),
    ])
    expect(decoded).toEqual([
      7,
      Number.MAX_SAFE_INTEGER,
      true,
      Uint8Array.of(1, 2, 3),
      '\ufeffüñí',
      'c',
      [3, 4],
      undefined,
      'there',
      id,
    ])
  })

  it('[COD2] refuses bytes left over, bytes missing and numbers above the limit', () => {
    const two = Uint8Array.of(2, 1)
    expect(() => decodeAll(two, decode.readByte)).toThrow(DecodeError)
    expect(() => decodeAll(two, (decoder) => decode.readBytes(decoder, 9))).toThrow(DecodeError)
    expect(() => decodeAll(Uint8Array.of(2, 1, 1), (decoder) => decode.readBytes(decoder, 1))).toThrow(DecodeError)
    expect(() => decodeAll(Uint8Array.of(2, 65, 65), (decoder) => decode.readString(decoder, 1))).toThrow(DecodeError)
    expect(() => decodeAll(Uint8Array.of(2, 1, 1), (d) => decode.readList(d, 1, decode.readByte))).toThrow(DecodeError)
    expect(() => decodeAll(Uint8Array.of(2), (decoder) => decode.readOneOf(decoder, ['a', 'b']))).toThrow(DecodeError)
    expect(() => decodeAll(Uint8Array.of(2), decode.readBoolean)).toThrow(DecodeError)
    expect(() => decodeAll(new Uint8Array(15), decode.readPeerId)).toThrow(DecodeError)
    expect(() => decodeAll(new Uint8Array(8).fill(0xff, 0, 7).fill(0x7f, 7), (d) => decode.readCount(d))).toThrow(
      DecodeError,
    )
  })

  it('[COD2] refuses text that is not UTF-8', () => {
    const loneSurrogate = Uint8Array.of(3, 0xed, 0xa0, 0x80)
    expect(() => decodeAll(loneSurrogate, (decoder) => decode.readString(decoder, 9))).toThrow(DecodeError)
  })

  it('[COD2] makes a DecodeError of whatever a reader throws, with its cause', () => {
    const cause = new RangeError('too far')
    const failing = () =>
      decodeAll(Uint8Array.of(), () => {
        throw cause
      })
    expect(failing).toThrow(expect.objectContaining({ name: 'DecodeError', message: 'too far', cause }))
  })

  it('[COD3] any bytes give a value or a DecodeError, from every reader', () => {
    const readers: ((decoder: decode.Decoder) => unknown)[] = [
      decode.readByte,
      (d) => decode.readCount(d),
      decode.readBoolean,
      (d) => decode.readBytes(d, 100),
      (d) => decode.readString(d, 100),
      (d) => decode.readOneOf(d, [1, 2, 3]),
      (d) => decode.readList(d, 10, decode.readClusterId),
      (d) => decode.readOptional(d, decode.readPeerId),
    ]
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(...readers), (bytes, read) => {
        try {
          decodeAll(bytes, read)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
      { numRuns: 3000 },
    )
  })

  it('[COD1] writing what no reader could read is refused at once', () => {
    expect(() => encode.encode((e) => encode.writeOneOf<string>(e, ['a'], 'b'))).toThrow('choice -1 of 1')
    expect(() => encode.encode((e) => encode.writeId(e, 'short' as ClusterId))).toThrow('not an id: short')
  })
})
