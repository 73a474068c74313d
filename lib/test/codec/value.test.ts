import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LegionError } from '../../src/base/errors.js'
import { DecodeError } from '../../src/codec/decode.js'
import { hashBytes, hashValue } from '../../src/codec/hash.js'
import {
  assertPlain,
  copyValue,
  decodeValue,
  encodeValue,
  equalValues,
  freezePlain,
  MAX_DEPTH,
  type Value,
} from '../../src/codec/value.js'
import { plainValue } from './values.js'

function nested(depth: number): unknown {
  let value: unknown = 'leaf'
  for (let i = 0; i < depth; i++) value = [value]
  return value
}

/** A frozen object that tells when it is examined. */
function frozenSpy(onLook: () => void): object {
  const getPrototypeOf = () => {
    onLook()
    return Object.prototype
  }
  return new Proxy(Object.freeze({}), { getPrototypeOf })
}

function notPlain(act: () => unknown): { path: string; message: string } {
  try {
    act()
  } catch (error) {
    if (LegionError.is(error) && error.code === 'E_NOT_PLAIN') {
      return { path: (error.details as { path: string }).path, message: error.message }
    }
    throw error
  }
  throw new Error('was not refused')
}

const cycle: { self?: unknown } = {}
cycle.self = cycle
const named = Object.assign([1, 2], { name: 'x' })
const holes = [1, 2, 3]
delete holes[1]

const REFUSED: [title: string, value: unknown, path: string, problem: string][] = [
  ['a Date', { when: new Date(0) }, 'value.when', 'is an instance of Date'],
  ['a Map', { a: [new Map()] }, 'value.a[0]', 'is an instance of Map'],
  ['a Set', new Set(), 'value', 'is an instance of Set'],
  ['a promise', { a: Promise.resolve(1) }, 'value.a', 'is an instance of Promise'],
  ['a function', { 'a b': { c: () => 1 } }, 'value["a b"].c', 'is a function'],
  ['a symbol', [Symbol('s')], 'value[0]', 'is a symbol'],
  ['a class instance', { e: new Error('x') }, 'value.e', 'is an instance of Error'],
  ['a subclass of Array', new (class List extends Array {})(), 'value', 'is an instance of List'],
  ['an inherited object', Object.create({ a: 1 }), 'value', 'is an object with its own prototype'],
  ['another byte array', new Int8Array(1), 'value', 'is an instance of Int8Array'],
  ['a bigint of 65 bits', [0n, 2n ** 63n], 'value[1]', 'more than 64 bits'],
  ['a negative bigint of 65 bits', -(2n ** 63n) - 1n, 'value', 'more than 64 bits'],
  ['a key named __proto__', { a: JSON.parse('{"__proto__": 1}') }, 'value.a', '__proto__'],
  ['a symbol key', { a: { [Symbol('k')]: 1 } }, 'value.a', 'symbol key'],
  ['a hidden property', Object.defineProperty({}, 'x', { value: 1 }), 'value.x', 'hidden property'],
  [
    'an accessor',
    {
      get now() {
        return 1
      },
    },
    'value.now',
    'is an accessor',
  ],
  [
    'an accessor in an array',
    Object.defineProperty([1], 0, { get: () => 1, enumerable: true }),
    'value[0]',
    'accessor',
  ],
  ['an array with holes', { holes }, 'value.holes', 'holes'],
  ['an empty array with a length', new Array(2), 'value', 'holes'],
  ['an array with names', named, 'value', 'named properties'],
  ['a lone surrogate', { s: 'a\ud800' }, 'value.s', 'lone surrogate'],
  ['a key with a lone surrogate', { 'a\udc00': 1 }, 'value', 'lone surrogate'],
  ['a cycle', { cycle }, `value.cycle${'.self'.repeat(MAX_DEPTH)}`, 'contains itself'],
  ['too many levels', nested(MAX_DEPTH + 1), `value${'[0]'.repeat(MAX_DEPTH + 1)}`, 'nested deeper than 100 levels'],
]

describe('values', { timeout: 60_000 }, () => {
  it('[COD4] survive encoding and decoding exactly', () => {
    fc.assert(
      fc.property(plainValue(), (value) => {
        const decoded = decodeValue(encodeValue(value))
        expect(decoded).toStrictEqual(value)
        expect(encodeValue(decoded)).toEqual(encodeValue(value))
      }),
      { numRuns: 1000 },
    )
  })

  it.each([
    [-0],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [2 ** 53],
    [-(2 ** 31)],
    [0.1],
    [-(2n ** 63n)],
    [2n ** 63n - 1n],
    [undefined],
    [{ kept: undefined }],
    [{ b: 1, a: 2, 3: 3 }],
    ['\ufeff\0😀'],
    [new Uint8Array(300).fill(9)],
    [nested(MAX_DEPTH)],
  ])('[COD4] %o survives', (value) => {
    const decoded = decodeValue(encodeValue(value))
    expect(decoded).toStrictEqual(value)
    expect(Object.keys(Object(decoded))).toEqual(Object.keys(Object(value)))
  })

  it('[COD4] decoded byte arrays share nothing with what was decoded', () => {
    const bytes = encodeValue(Uint8Array.of(1, 2))
    const decoded = decodeValue(bytes) as Uint8Array
    bytes.fill(0)
    expect([...decoded]).toEqual([1, 2])
    expect(decoded.buffer.byteLength).toBe(2)
  })

  it.each(REFUSED)('[COD5] refuses %s, naming the place', (_title, value, path, problem) => {
    for (const act of [encodeValue, copyValue, assertPlain, (v: unknown) => freezePlain(v, undefined)]) {
      const refusal = notPlain(() => act(value))
      expect(refusal.path).toBe(path)
      expect(refusal.message).toContain(`${path} `)
      expect(refusal.message).toContain(problem)
    }
  })

  it('[COD5] names the value as the caller does', () => {
    expect(notPlain(() => encodeValue({ f() {} }, 'payload')).path).toBe('payload.f')
  })

  it('[COD6] takes objects without a prototype and Node buffers as plain ones', () => {
    const value = Object.assign(Object.create(null), { bytes: Buffer.from([1, 2]) })
    const plain = { bytes: Uint8Array.of(1, 2) }
    expect(decodeValue(encodeValue(value))).toStrictEqual(plain)
    expect(copyValue(value)).toStrictEqual(plain)
    expect(notPlain(() => freezePlain({ value }, undefined)).path).toBe('value.value')
    expect(notPlain(() => freezePlain(Buffer.from([1]), undefined)).message).toContain('Buffer')
  })

  it('[COD7] random bytes give a value or a DecodeError', () => {
    const biased = fc.array(fc.oneof(fc.integer({ min: 115, max: 128 }), fc.integer({ min: 0, max: 255 })))
    fc.assert(
      fc.property(biased, (bytes) => {
        try {
          const value = decodeValue(Uint8Array.from(bytes))
          expect(decodeValue(encodeValue(value))).toStrictEqual(value)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
      { numRuns: 5000 },
    )
  })

  it('[COD7] a changed or shortened encoding gives a value or a DecodeError', () => {
    fc.assert(
      fc.property(plainValue(), fc.nat(), fc.integer({ min: 0, max: 255 }), fc.boolean(), (value, at, byte, cut) => {
        const bytes = encodeValue(value)
        const place = at % bytes.length
        bytes[place] = byte
        try {
          decodeValue(cut ? bytes.subarray(0, place) : bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it.each([
    ['a key named __proto__', [118, 1, 9, ...new TextEncoder().encode('__proto__'), 118, 0]],
    ['a key twice', [118, 2, 1, 97, 126, 1, 97, 126]],
    ['an unknown tag', [1]],
    ['a list longer than the bytes', [117, 255, 255, 255, 255, 15, 126]],
    ['a text longer than the bytes', [119, 5, 97]],
    ['a missing number', [117, 1, 125]],
    ['too many levels', [...new Array(200).fill(117).flatMap((tag) => [tag, 1]), 126]],
    ['a hundred thousand levels', [...new Array(100_000).fill(117).flatMap((tag) => [tag, 1]), 126]],
  ])('[COD7] refuses %s when decoding', (_title, bytes) => {
    expect(() => decodeValue(Uint8Array.from(bytes))).toThrow(DecodeError)
  })

  it('[COD8] a copy is equal and shares nothing that can change', () => {
    fc.assert(
      fc.property(plainValue(), (value) => {
        const copy = copyValue(value)
        expect(copy).toStrictEqual(value)
        if (typeof value === 'object' && value !== null) expect(copy).not.toBe(value)
      }),
    )
    const bytes = Uint8Array.of(1)
    expect(copyValue([bytes])).not.toBe(bytes)
    expect((copyValue({ bytes }) as { bytes: Uint8Array }).bytes).not.toBe(bytes)
  })

  it('[COD9] freezing reaches every part and looks only at what is new', () => {
    const first = freezePlain({ list: [{ n: 1 }, { n: 2 }], kept: { deep: { x: 1 } } }, undefined)
    expect(Object.isFrozen(first.kept.deep) && Object.isFrozen(first.list[1]) && Object.isFrozen(first)).toBe(true)

    // Parts that are known are not looked at again, wherever they stand now: prove it by spoiling them.
    const looked: string[] = []
    const [a, b, c] = ['a', 'b', 'c'].map((name) => frozenSpy(() => looked.push(name)))
    const previous = { list: [a, b, c], at: { x: a } }
    freezePlain({ list: [c, a, b], at: { x: a } }, previous)
    freezePlain({ list: [b, c, 1], at: { y: a } }, previous)
    expect(looked).toEqual([])
    freezePlain({ list: [a, b], at: { x: b } }, previous)
    expect(new Set(looked)).toEqual(new Set(['b']))
  })

  it('[COD9] a frozen object that was not there before is checked', () => {
    const frozen = Object.freeze({ when: new Date(0) })
    expect(notPlain(() => freezePlain({ frozen }, { frozen: { when: 1 } })).path).toBe('value.frozen.when')
    expect(notPlain(() => freezePlain({ list: [frozen] }, { list: [1] })).path).toBe('value.list[0].when')
    const match = 'abc'.match(/b/)
    expect(notPlain(() => freezePlain({ match }, { match: ['b'] })).path).toBe('value.match')
  })

  it('[COD10] equal values have equal hashes, different ones different hashes', () => {
    fc.assert(
      fc.property(plainValue(), plainValue(), (a, b) => {
        const same = Buffer.compare(encodeValue(a), encodeValue(b)) === 0
        expect(hashValue(a) === hashValue(b)).toBe(same)
        expect(hashValue(copyValue(a))).toBe(hashValue(a))
      }),
    )
    expect(hashValue({ a: 1, b: 2 })).not.toBe(hashValue({ b: 2, a: 1 }))
  })

  it('[COD10] a hundred thousand small inputs have a hundred thousand hashes', () => {
    const hashes = new Set<string>()
    for (let i = 0; i < 100_000; i++) hashes.add(hashBytes(Uint8Array.of(i, i >> 8, i >> 16)))
    expect(hashes.size).toBe(100_000)
    expect([...hashes].every((hash) => /^[0-9a-f]{16}$/.test(hash))).toBe(true)
  })
})

describe('equality', { timeout: 60_000 }, () => {
  it('[COD11] is deep and does not care for the order of keys', () => {
    fc.assert(
      fc.property(plainValue(), plainValue(), (a, b) => {
        expect(equalValues(a, copyValue(a))).toBe(true)
        expect(equalValues([a, { x: a, y: 1 }], [a, { y: 1, x: copyValue(a) }])).toBe(true)
        expect(equalValues(a, b)).toBe(isDeepStrictEqual(a, b))
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    [0, -0],
    [1, 1n],
    [null, undefined],
    [[], {}],
    [{}, new Uint8Array()],
    [[1], Uint8Array.of(1)],
    [[1, 2], [1]],
    [{ a: undefined }, {}],
    [{ a: undefined }, { b: undefined }],
    [{ a: 1 }, null],
  ])('[COD11] %o is not %o', (a, b) => {
    expect(equalValues(a as Value, b as Value)).toBe(false)
    expect(equalValues(b as Value, a as Value)).toBe(false)
  })
})
