import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type PeerId, parsePeerId } from '../../src/base/ids.js'
import type { Value } from '../../src/codec/value.js'
import { kv } from '../../src/machines/kv.js'
import { type KvContent, type KvInput, type KvOutput, kvModel } from '../../src/testing/kv-model.js'
import { checkLinearizability } from '../../src/testing/linearizability.js'
import { smallestViolation } from '../../src/testing/linearizability-shrink.js'
import { type MachineInput, type MachineOutput, machineModel } from '../../src/testing/machine-model.js'
import { type KvOperation, longHistory, runOn } from './kv-histories.js'

const FROM = parsePeerId('AAAAAAAAAAAAAAAAAAAAAA') as PeerId
const RUNS = { seed: 1, numRuns: 300 }

const key = fc.constantFrom('a', 'b')
const value = fc.integer({ min: 1, max: 3 })
const input: fc.Arbitrary<KvInput> = fc.oneof(
  fc.record({ type: fc.constant('get' as const), key }),
  fc.record({ type: fc.constant('set' as const), key, value }),
  fc.record({ type: fc.constant('increment' as const), key, by: value }),
  fc.record({
    type: fc.constant('compareAndSet' as const),
    key,
    expected: fc.option(value, { freq: 4 }),
    value,
  }),
)

const machineInput = ({ type, ...payload }: KvInput): MachineInput => ({
  kind: type === 'get' ? 'query' : 'command',
  name: type,
  payload: type === 'get' ? payload.key : withoutNull(payload),
  from: FROM,
})

const machineOutput = (output: KvOutput): MachineOutput => ({ ok: true, output: withoutNull(output) })

/** The machine knows `undefined` where histories have null. */
function withoutNull(plain: unknown): Value {
  if (plain === null) return undefined
  if (typeof plain !== 'object') return plain as Value
  return Object.fromEntries(Object.entries(plain).map(([name, part]) => [name, part ?? undefined])) as Value
}

describe('the model of kv', { timeout: 60_000 }, () => {
  it('[CHA3] says of any history what the machine says', () => {
    const model = machineModel(kv)
    const changed = fc.option(fc.tuple(fc.nat(), value))
    let linearizable = 0
    fc.assert(
      fc.property(fc.array(input, { minLength: 1, maxLength: 12 }), changed, (inputs, change) => {
        const history = doctor(inTurn(inputs), change)
        const { verdict } = checkLinearizability(history, kvModel)
        const translated = history.map((op) => ({
          ...op,
          input: machineInput(op.input),
          output: machineOutput(op.output as KvOutput),
        }))
        expect(verdict).toBe(checkLinearizability(translated, model).verdict)
        if (verdict === 'linearizable') linearizable++
      }),
      RUNS,
    )
    expect(linearizable).toBeGreaterThan(RUNS.numRuns / 2)
    expect(linearizable).toBeLessThan(RUNS.numRuns)
  })

  function inTurn(inputs: readonly KvInput[]): KvOperation[] {
    const store = new Map<string, KvContent>()
    return inputs.map((each, n) => {
      return { process: 0, input: each, output: runOn(store, each), invokedAt: 2 * n, returnedAt: 2 * n + 1 }
    })
  }

  function doctor(history: KvOperation[], change: [n: number, value: number] | null): KvOperation[] {
    const n = (change?.[0] ?? 0) % history.length
    const target = history[n] as KvOperation
    if (change === null || typeof target.output !== 'number') return history
    return history.with(n, { ...target, output: change[1] })
  }
})

describe('the smallest violation', { timeout: 60_000 }, () => {
  const isRead = ({ input: { type } }: KvOperation) => type === 'get'

  it('[CHA4] is of one key, a violation by itself, and has nothing in it that could be left out', () => {
    const history = longHistory({ seed: 2, length: 4_000, keys: 4, open: 20 })
    const stale = history.findLastIndex(({ input, output }) => input.type === 'get' && typeof output === 'number')
    const doctored = history.with(stale, { ...(history[stale] as KvOperation), output: 3 })
    const result = checkLinearizability(doctored, kvModel)
    if (result.verdict !== 'not-linearizable') throw new Error(`the verdict is ${result.verdict}`)
    const { operations, violation } = smallestViolation(doctored, kvModel, result.violation)
    expect(new Set(operations.map(({ input }) => input.key)).size).toBe(1)
    expect(operations.filter(isRead)).toEqual([violation.blocked])
    expect(operations.length).toBeLessThan(history.length / 4)
    expect(checkLinearizability(operations, kvModel).verdict).toBe('not-linearizable')
  })

  it('[CHA4] has nothing in it that began after it, and knows no return that came later', () => {
    const set = (value: number, invokedAt: number, returnedAt: number): KvOperation => {
      return { process: 0, input: { type: 'set', key: 'a', value }, output: undefined, invokedAt, returnedAt }
    }
    const get = (output: number, invokedAt: number): KvOperation => {
      return { process: 0, input: { type: 'get', key: 'a' }, output, invokedAt, returnedAt: invokedAt + 1 }
    }
    const history = [set(1, 0, 1), get(1, 2), set(3, 4, 100), get(2, 5), get(1, 8), set(2, 9, 10)]
    const result = checkLinearizability(history, kvModel)
    if (result.verdict !== 'not-linearizable') throw new Error(`the verdict is ${result.verdict}`)
    const { operations } = smallestViolation(history, kvModel, result.violation)
    expect(operations.map(({ invokedAt, returnedAt }) => [invokedAt, returnedAt])).toEqual([
      [0, 1],
      [4, undefined],
      [5, 6],
    ])
  })
})
