import fc from 'fast-check'

/** One thing done to bytes. Numbers are taken modulo what there is. */
type Mutation = (bytes: Uint8Array, other: Uint8Array) => Uint8Array

/** Where counts change their length, signs flip, and tags of values lie. */
const TELLING_BYTES = [0, 1, 2, 0x7f, 0x80, 0xff, 116, 117, 118, 119, 127] as const
/** As counts: 2^32 - 1, the largest that is safe, one above it, and one that never ends. */
const TELLING_COUNTS = [
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10],
  new Array(16).fill(0xff),
] as const

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(fc.nat(), fc.nat(255)).map(
    ([at, byte]): Mutation =>
      (bytes) =>
        replaced(bytes, at, 1, [byte]),
  ),
  fc.tuple(fc.nat(), fc.constantFrom(...TELLING_BYTES)).map(
    ([at, byte]): Mutation =>
      (bytes) =>
        replaced(bytes, at, 1, [byte]),
  ),
  fc.tuple(fc.nat(), fc.nat(7)).map(
    ([at, bit]): Mutation =>
      (bytes) =>
        flipped(bytes, at, bit),
  ),
  fc.tuple(fc.nat(), fc.constantFrom(...TELLING_COUNTS)).map(
    ([at, count]): Mutation =>
      (bytes) =>
        replaced(bytes, at, 1, count),
  ),
  fc.tuple(fc.nat(), fc.nat(32)).map(
    ([at, length]): Mutation =>
      (bytes) =>
        replaced(bytes, at, length, []),
  ),
  fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 16 })).map(
    ([at, more]): Mutation =>
      (bytes) =>
        replaced(bytes, at, 0, more),
  ),
  fc.nat().map(
    (at): Mutation =>
      (bytes) =>
        bytes.slice(0, at % (bytes.length + 1)),
  ),
  fc.tuple(fc.nat(), fc.nat()).map(
    ([at, cut]): Mutation =>
      (bytes, other) =>
        spliced(bytes, other, at, cut),
  ),
  fc.tuple(fc.nat(), fc.nat(64)).map(
    ([at, length]): Mutation =>
      (bytes) =>
        repeated(bytes, at, length),
  ),
)

/** One of the `samples` after up to eight mutations, or arbitrary bytes. */
export function fuzzed(samples: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const random = fc.uint8Array({ maxLength: 256 })
  if (samples.length === 0) return random
  const sample = fc.constantFrom(...samples)
  const mutated = fc
    .tuple(sample, sample, fc.array(mutation, { maxLength: 8 }))
    .map(([bytes, other, mutations]) => mutations.reduce((result, mutate) => mutate(result, other), bytes))
  return fc.oneof({ weight: 1, arbitrary: random }, { weight: 7, arbitrary: mutated })
}

function replaced(bytes: Uint8Array, at: number, length: number, by: ArrayLike<number>): Uint8Array {
  const start = at % (bytes.length + 1)
  return Uint8Array.from([...bytes.subarray(0, start), ...Array.from(by), ...bytes.subarray(start + length)])
}

function flipped(bytes: Uint8Array, at: number, bit: number): Uint8Array {
  const copy = bytes.slice()
  if (copy.length > 0) copy[at % copy.length] = (copy[at % copy.length] ?? 0) ^ (1 << bit)
  return copy
}

function spliced(bytes: Uint8Array, other: Uint8Array, at: number, cut: number): Uint8Array {
  return Uint8Array.from([...bytes.subarray(0, at % (bytes.length + 1)), ...other.subarray(cut % (other.length + 1))])
}

/** Bounded, so that repeating what was repeated does not explode. */
function repeated(bytes: Uint8Array, at: number, length: number): Uint8Array {
  const start = at % (bytes.length + 1)
  const part = bytes.subarray(start, start + length)
  return bytes.length > 8_192 ? bytes : replaced(bytes, start, 0, part)
}
