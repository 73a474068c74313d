import fc from 'fast-check'
import { expect, it } from 'vitest'
import { concatBytes } from '../../src/base/bytes.js'
import { encodeValue, type Value } from '../../src/codec/value.js'
import { encodeChunks } from '../../src/codec/value-chunks.js'
import { plainValue } from './values.js'

it('[COD12] chunks together are the encoding of the value, whatever their size', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(plainValue(), fc.integer({ min: 1, max: 40 }), (value, chunkBytes) => {
      const chunks = [...encodeChunks(value, chunkBytes)]
      expect(concatBytes(chunks)).toEqual(encodeValue(value))
      for (const chunk of chunks.slice(0, -1)) expect(chunk.length).toBeGreaterThanOrEqual(chunkBytes)
    }),
    { numRuns: 300 },
  )
})

it('[COD12] chunks are hardly longer than asked for, and encoded only when they are taken', { timeout: 60_000 }, () => {
  const list: Value[] = Array.from({ length: 30_000 }, (_, i) => ({ name: `item ${i}`, nested: [{ i }] }))
  const lengths = [...encodeChunks(list)].map((chunk) => chunk.length)
  expect(lengths.length).toBeGreaterThan(10)
  expect(Math.max(...lengths)).toBeLessThan(64 * 1024 + 100)

  let read = 0
  const ownKeys = (item: object) => {
    read++
    return Reflect.ownKeys(item)
  }
  const spied = list.map((item) => new Proxy(item as object, { ownKeys }))
  const chunks = encodeChunks(spied as Value)
  expect(read).toBe(0)
  chunks.next()
  expect(read).toBeGreaterThan(0)
  expect(read).toBeLessThan(5_000)
})
