import fc from 'fast-check'
import type { Value } from '../../src/codec/value.js'

const text = () => fc.string({ unit: 'grapheme', maxLength: 8 })
const key = () => text().filter((name) => name !== '__proto__')

/** Any plain value, small. */
export function plainValue(): fc.Arbitrary<Value> {
  const leaf = fc.oneof(
    fc.constantFrom(undefined, null, -0),
    fc.boolean(),
    fc.integer(),
    fc.double(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    text(),
    fc.uint8Array({ maxLength: 8 }),
  )
  return fc.letrec<{ value: Value }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(key(), tie('value'), { maxKeys: 4, noNullPrototype: true }),
    ),
  })).value
}
