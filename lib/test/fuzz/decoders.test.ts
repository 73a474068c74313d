import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ErrorCode, LegionError } from '../../src/base/errors.js'
import { DecodeError } from '../../src/codec/decode.js'
import { filesBelow } from '../architecture/sources.js'
import { DECODERS, type DecoderCase } from './decoders.js'
import { fuzzed } from './mutations.js'
import { weightOf } from './weight.js'

/** Of each decoder. `npm run fuzz` sets more. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 400)
const SEED = Number(process.env['FUZZ_SEED'] ?? 1)
/** What a value may take of memory: so many times its bytes, and a little. */
const WEIGHT = { perByte: 100, atMostBesides: 16 * 1024 }
/** Far above what anything takes, and far below what something of more than linear effort takes. */
const LONGEST_MS = 3_000

describe('every decoder', () => {
  it.each(DECODERS.map((one) => [one.source, one] as const))(
    '[FUZ1] %s reads what is sound',
    async (_, { decode, samples }) => {
      for (const sample of samples) await decode(sample)
    },
  )

  it.each(DECODERS.map((one) => [one.source, one] as const))(
    '[FUZ1] %s makes a value or an error of its own of any bytes, in bounded time and memory',
    { timeout: 60_000 + RUNS * 20 },
    async (_, decoder) => {
      await fc.assert(
        fc.asyncProperty(fuzzed(decoder.samples), async (bytes) => {
          const before = bytes.slice()
          const startMs = performance.now()
          const value = await outcomeOf(decoder, bytes)
          expect(performance.now() - startMs).toBeLessThan(LONGEST_MS)
          expect(weightOf(value, bytes)).toBeLessThan(WEIGHT.perByte * bytes.length + WEIGHT.atMostBesides)
          expect(bytes).toEqual(before) // decoders do not write
        }),
        { numRuns: RUNS, seed: SEED },
      )
    },
  )

  it('[FUZ1] a value that is heavier than its bytes can explain would be found', () => {
    const input = new Uint8Array(10)
    expect(weightOf(input.subarray(2), input)).toBeLessThan(100)
    expect(weightOf(new Uint8Array(100_000), input)).toBeGreaterThan(100_000)
    expect(weightOf(new Map([[1, new Set(['x'.repeat(50_000)])]]), input)).toBeGreaterThan(100_000)
    expect(weightOf({ list: Array.from({ length: 1_000 }, () => ({})) }, input)).toBeGreaterThan(30_000)
  })

  it('[FUZ2] is in the table: every exported decode…, and whatever else calls decodeAll', () => {
    const listed = new Set(DECODERS.map(({ source }) => source))
    const sources = filesBelow('lib/src', ['.ts']).map(({ path, text }) => ({
      path: path.slice('lib/src/'.length),
      text,
    }))
    const named = sources.flatMap(({ path, text }) =>
      [...text.matchAll(/^export (?:async )?function (decode\w*)/gm)].map(([, name]) => `${path}#${name}`),
    )
    const missing = named.filter((source) => !listed.has(source as DecoderCase['source']) && !ABOVE.has(source))
    expect(missing).toEqual([])
    const calling = sources.filter(({ path, text }) => /\bdecodeAll\(/.test(text) && path !== 'codec/decode.ts')
    const files = new Set(DECODERS.map(({ source }) => source.split('#')[0]))
    expect(calling.map(({ path }) => path).filter((path) => !files.has(path))).toEqual([])
  })
})

/** Of what is stored, and of a snapshot of another machine. */
const PROPER_CODES: readonly ErrorCode[] = ['E_STORAGE', 'E_MACHINE']

/** Not decoders of bytes of others. */
const ABOVE: ReadonlySet<string> = new Set(['codec/decode.ts#decodeAll'])

/** The value; undefined for a proper refusal. */
async function outcomeOf({ decode }: DecoderCase, bytes: Uint8Array): Promise<unknown> {
  try {
    return await decode(bytes)
  } catch (error) {
    const isProper = error instanceof DecodeError || (LegionError.is(error) && PROPER_CODES.includes(error.code))
    if (!isProper) throw error
    return undefined
  }
}
