import { describe, expect, it } from 'vitest'
import { UNKNOWN } from '../../src/testing/history.js'
import { kvModel } from '../../src/testing/kv-model.js'
import { checkLinearizability } from '../../src/testing/linearizability.js'
import { type KvOperation, longHistory } from './kv-histories.js'

const MIB = 2 ** 20

describe('long histories', { timeout: 120_000 }, () => {
  const history = longHistory({ seed: 1, length: 200_000, keys: 8, open: 400 })

  it('[CHA1] 200,000 operations on a few keys, hundreds of them open, are decided within the default budget', () => {
    expect(history.filter(({ returnedAt }) => returnedAt === undefined).length).toBeGreaterThan(300)
    expect(checkLinearizability(history, kvModel)).toEqual({ verdict: 'linearizable' })
  })

  it('[CHA1] a lost increment at the end of one is found', () => {
    const shorter = longHistory({ seed: 2, length: 20_000, keys: 8, open: 80 })
    const last = shorter.findLastIndex(({ input, output }) => input.type === 'increment' && output !== UNKNOWN)
    const doctored = shorter.with(last, { ...(shorter[last] as KvOperation), output: 1 })
    expect(checkLinearizability(doctored, kvModel).verdict).toBe('not-linearizable')
  })

  it('[CHA2] little memory or few configurations give unknown, soon', () => {
    const memory = { maxMemoryBytes: 2 * MIB }
    expect(checkLinearizability(history, kvModel, memory)).toMatchObject({ exhausted: 'maxMemoryBytes' })
    const time = { maxConfigurations: 10_000 }
    expect(checkLinearizability(history, kvModel, time)).toMatchObject({ exhausted: 'maxConfigurations' })
  })

  it('[CHA2] what no budget can decide holds little more than the budget', () => {
    const before = process.memoryUsage().arrayBuffers
    const result = checkLinearizability(undecidable(64), kvModel, { maxMemoryBytes: 4 * MIB })
    expect(result).toMatchObject({ verdict: 'unknown', exhausted: 'maxMemoryBytes' })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(25 * MIB)
  })

  it('[CHA1] hundreds of open increments that stand for each other are no trouble', () => {
    const open = Array.from({ length: 300 }, (_, i) => increment(i, undefined))
    const sums = (last: number) => [increment(400, 150), increment(500, last)]
    expect(checkLinearizability([...open, ...sums(301)], kvModel).verdict).toBe('linearizable')
    expect(checkLinearizability([...open, ...sums(303)], kvModel).verdict).toBe('not-linearizable')
    expect(checkLinearizability([...open, ...sums(150)], kvModel).verdict).toBe('not-linearizable')
  })
})

/** @param sum undefined if it never returned */
function increment(invokedAt: number, sum: number | undefined): KvOperation {
  const input = { type: 'increment', key: 'n', by: 1 } as const
  return sum === undefined
    ? { process: 0, input, output: UNKNOWN, invokedAt, returnedAt: undefined }
    : { process: 0, input, output: sum, invokedAt, returnedAt: invokedAt + 1 }
}

/** Increments by different powers, all at once, any of which may have happened, and a sum that none of them makes. */
function undecidable(count: number): KvOperation[] {
  const open = Array.from({ length: count }, (_, i): KvOperation => {
    const input = { type: 'increment', key: 'n', by: 2 * (3 * i + 1) } as const
    return { process: i, input, output: UNKNOWN, invokedAt: 0, returnedAt: undefined }
  })
  return [...open, { process: count, input: { type: 'get', key: 'n' }, output: 1, invokedAt: 1, returnedAt: 2 }]
}
