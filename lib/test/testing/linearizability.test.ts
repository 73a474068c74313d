import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HistoryRecorder, type Operation, UNKNOWN } from '../../src/testing/history.js'
import {
  checkLinearizability,
  explainViolation,
  type LinearizabilityOptions,
  type Violation,
} from '../../src/testing/linearizability.js'
import { type KeyValueInput, type KeyValueOutput, keyValueModel, registerModel } from '../../src/testing/models.js'
import {
  anyHistory,
  type History,
  type Input,
  mutatedHistory,
  type Output,
  possibleHistory,
} from './arbitrary-histories.js'
import { explainingOrders, explainsUntil, respectsTime, stateAfter } from './every-order.js'

const register = registerModel<number>(0)

const READ = { type: 'read' } as const
const write = (value: number) => ({ type: 'write', value }) as const
const cas = (expected: number, value: number) => ({ type: 'cas', expected, value }) as const

let processes = 0
const call = (input: Input, output: Output, invokedAt: number, returnedAt: number): Operation<Input, Output> => ({
  process: processes++,
  input,
  output,
  invokedAt,
  returnedAt,
})
const lost = (input: Input, invokedAt: number, returnedAt?: number): Operation<Input, Output> => ({
  process: processes++,
  input,
  output: UNKNOWN,
  invokedAt,
  returnedAt,
})

const check = (history: History, options?: LinearizabilityOptions) => checkLinearizability(history, register, options)
const verdict = (history: History) => check(history).verdict

function violationOf(history: History): Violation<Input, Output> {
  const result = check(history)
  if (result.verdict !== 'not-linearizable') throw new Error(`the verdict is ${result.verdict}`)
  return result.violation
}

describe('against the definition', { timeout: 60_000 }, () => {
  /** @returns how many were linearizable */
  function compare(histories: fc.Arbitrary<History>, numRuns: number): number {
    let explained = 0
    fc.assert(
      fc.property(histories, (history) => {
        const orders = explainingOrders(history, register)
        const isLinearizable = orders.some((order) => explainsUntil(order, history, Number.MAX_VALUE))
        expect(verdict(history)).toBe(isLinearizable ? 'linearizable' : 'not-linearizable')
        if (isLinearizable) explained++
        else expectFirstViolation(history, violationOf(history), orders)
      }),
      { numRuns },
    )
    return explained
  }

  function expectFirstViolation(history: History, violation: Violation<Input, Output>, orders: (readonly unknown[])[]) {
    const { blocked, order, state } = violation
    const time = blocked.returnedAt ?? Number.NaN
    expect(history).toContain(blocked)
    expect(order).not.toContain(blocked)
    expect(orders.filter((any) => explainsUntil(any as History, history, time))).toEqual([])
    expect(orders).toContainEqual(order)
    expect(history.filter((op) => (op.returnedAt ?? Infinity) < time && !order.includes(op))).toEqual([])
    expect(stateAfter(order, register)).toBe(state)
  }

  it('[SIM21] agrees on any small history, and names the first operation that no order explains', () => {
    const explained = compare(anyHistory(6), 400)
    expect(explained).toBeGreaterThan(40)
    expect(explained).toBeLessThan(360)
  })

  it('[SIM21] agrees on small histories with one output changed', () => {
    const explained = compare(mutatedHistory(6), 400)
    expect(explained).toBeGreaterThan(40)
    expect(explained).toBeLessThan(380)
  })

  it('[SIM22] accepts whatever a single copy did', () => {
    fc.assert(
      fc.property(possibleHistory(80), (history) => {
        expect(verdict(history)).toBe('linearizable')
      }),
    )
  })

  it('[SIM25] gives a valid order with every violation of a longer history', () => {
    fc.assert(
      fc.property(mutatedHistory(60), (history) => {
        const result = check(history)
        if (result.verdict === 'linearizable') return
        const { order, blocked, state } = violationOf(history)
        expect(respectsTime(order, history)).toBe(true)
        expect(stateAfter(order, register)).toBe(state)
        expect(explainsUntil(order, history, (blocked.returnedAt as number) - 1)).toBe(true)
      }),
    )
  })
})

describe('small histories', () => {
  it('[SIM23] an empty one is linearizable', () => {
    expect(verdict([])).toBe('linearizable')
    expect(verdict([lost(write(1), 0), lost(READ, 1)])).toBe('linearizable')
  })

  it('[SIM23] a stale read is found', () => {
    expect(verdict([call(write(1), undefined, 0, 1), call(READ, 0, 2, 3)])).toBe('not-linearizable')
    expect(verdict([call(write(1), undefined, 0, 2), call(READ, 0, 1, 3)])).toBe('linearizable')
  })

  it('[SIM23] a lost update is found', () => {
    const sets = [call(cas(0, 1), true, 0, 10), call(cas(0, 2), true, 0, 10)]
    expect(verdict(sets)).toBe('not-linearizable')
    expect(verdict([...sets, call(write(0), undefined, 0, 10)])).toBe('linearizable')
  })

  it('[SIM23] reads that go back are found', () => {
    const open = call(write(1), undefined, 0, 100)
    expect(verdict([open, call(READ, 0, 1, 2), call(READ, 1, 3, 4)])).toBe('linearizable')
    expect(verdict([open, call(READ, 1, 1, 2), call(READ, 0, 3, 4)])).toBe('not-linearizable')
  })

  it('[SIM23] operations that touch in one moment overlap', () => {
    expect(verdict([call(write(1), undefined, 0, 5), call(READ, 0, 5, 6)])).toBe('linearizable')
  })

  it('[SIM23] the order in which operations are given does not matter', () => {
    const history = [
      call(READ, 2, 6, 7),
      call(write(2), undefined, 4, 5),
      call(READ, 1, 2, 3),
      call(write(1), undefined, 0, 1),
    ]
    expect(verdict(history)).toBe('linearizable')
    expect(verdict(history.reverse())).toBe('linearizable')
  })

  it('[SIM23] an operation that would change nothing at first may have to wait', () => {
    const write0 = call(write(0), undefined, 0, 10)
    const history = [write0, call(write(1), undefined, 1, 2), call(READ, 1, 20, 30), call(cas(0, 1), true, 20, 30)]
    expect(verdict(history)).toBe('linearizable')
  })

  it('[SIM24] an unknown outcome may show at any later time, but not before, and not twice', () => {
    const write1 = lost(write(1), 10)
    expect(verdict([write1, call(READ, 0, 20, 21), call(READ, 1, 1000, 1001)])).toBe('linearizable')
    expect(verdict([write1, call(READ, 0, 20, 21)])).toBe('linearizable')
    expect(verdict([write1, call(READ, 1, 0, 9)])).toBe('not-linearizable')
    expect(verdict([write1, call(READ, 1, 20, 21), call(READ, 0, 22, 23)])).toBe('not-linearizable')
    const overwritten = [call(write(2), undefined, 30, 31), call(READ, 1, 32, 33)]
    expect(verdict([write1, call(READ, 1, 20, 21), ...overwritten])).toBe('not-linearizable')
    expect(verdict([write1, lost(write(1), 10), call(READ, 1, 20, 21), ...overwritten])).toBe('linearizable')
  })

  it('[SIM24] what returned without a known output has taken effect', () => {
    expect(verdict([lost(write(1), 0, 5), call(READ, 0, 6, 7)])).toBe('not-linearizable')
    expect(verdict([lost(cas(0, 1), 0, 5), call(READ, 1, 6, 7)])).toBe('linearizable')
    expect(verdict([lost(cas(2, 1), 0, 5), call(READ, 0, 6, 7)])).toBe('linearizable')
  })

  it('[SIM29] returns before invocations are refused', () => {
    expect(() => check([call(READ, 0, 2, 1)])).toThrow(expect.objectContaining({ code: 'E_INVALID' }))
    expect(() => check([call(READ, 0, Number.NaN, 1)])).toThrow(expect.objectContaining({ code: 'E_INVALID' }))
  })
})

describe('violations', () => {
  it('[SIM25] names the first operation that cannot be placed and what came before it', () => {
    const history = [
      call(write(1), undefined, 0, 1),
      call(cas(1, 2), true, 2, 3),
      call(READ, 1, 4, 5),
      call(READ, 0, 6, 7),
    ]
    const violation = violationOf(history)
    expect(violation).toEqual({ blocked: history[2], order: history.slice(0, 2), state: 2 })
    const text = explainViolation({ ...violation, blocked: { ...call(READ, 1, 4, 5), process: 'p7' } })
    expect(text).toContain('p7: {"type":"read"} -> 1 [4, 5]')
    expect(text).toContain('{"type":"cas","expected":1,"value":2} -> true [2, 3]')
    expect(text).toContain('the state is 2')
  })

  it('[SIM25] the text of any violation is short and shows what JSON cannot', () => {
    const odd = { blob: new Uint8Array([255]), big: 7n, long: 'x'.repeat(10_000) }
    const operation = { process: 0, input: odd, output: UNKNOWN, invokedAt: 0, returnedAt: undefined }
    const order = Array.from({ length: 1000 }, () => operation)
    const text = explainViolation({ blocked: operation, order, state: undefined })
    expect(text).toContain('"blob":"_w","big":"7n"')
    expect(text).toContain('-> unknown [0, never returned]')
    expect(text).toContain('1000 operations')
    expect(text.length).toBeLessThan(10_000)
  })
})

describe('budget', { timeout: 60_000 }, () => {
  /** Everything overlaps and appends: as many states as orders, and none explains the last `get`. */
  const unexplained = (key: string, length: number): Operation<KeyValueInput, KeyValueOutput>[] => [
    ...Array.from({ length }, (_, i) => ({
      process: i,
      input: { type: 'append', key, value: String(i % 10) } as const,
      output: undefined,
      invokedAt: 0,
      returnedAt: 1,
    })),
    { process: length, input: { type: 'get', key }, output: 'x', invokedAt: 2, returnedAt: 3 },
  ]

  it('[SIM26] too few configurations give unknown', () => {
    const result = checkLinearizability(unexplained('a', 30), keyValueModel, { maxConfigurations: 10_000 })
    expect(result).toEqual({ verdict: 'unknown', exhausted: 'maxConfigurations', limit: 10_000 })
  })

  it('[SIM26] too little memory gives unknown', () => {
    const result = checkLinearizability(unexplained('a', 30), keyValueModel, { maxMemoryBytes: 1_000_000 })
    expect(result).toEqual({ verdict: 'unknown', exhausted: 'maxMemoryBytes', limit: 1_000_000 })
  })

  it('[SIM26] more of the budget is used only if it is needed', () => {
    const history = unexplained('a', 7) // 13,700 configurations
    const check = (maxConfigurations: number) =>
      checkLinearizability(history, keyValueModel, { maxConfigurations }).verdict
    expect(check(13_000)).toBe('unknown')
    expect(check(14_000)).toBe('not-linearizable')
  })

  it('[SIM26] a violation in another part is found whatever the budget cannot tell', () => {
    const history = [...unexplained('hard', 30), ...unexplained('easy', 2)]
    const result = checkLinearizability(history, keyValueModel, { maxConfigurations: 100_000 })
    expect(result.verdict).toBe('not-linearizable')
  })

  it('[SIM26] thousands of operations one after the other take no deep stack and little budget', () => {
    const history = Array.from({ length: 10_000 }, (_, i) => call(write(i), undefined, 2 * i, 2 * i + 1))
    expect(check(history, { maxConfigurations: 20_000 }).verdict).toBe('linearizable')
  })
})

describe('parts', () => {
  const op = (input: KeyValueInput, output: KeyValueOutput, invokedAt: number, returnedAt: number) => ({
    process: 0,
    input,
    output,
    invokedAt,
    returnedAt,
  })
  const put = (key: string, value: string, at: number) => op({ type: 'put', key, value }, undefined, at, at + 1)
  const get = (key: string, value: string, at: number) => op({ type: 'get', key }, value, at, at + 1)

  it('[SIM27] have each their own state', () => {
    const history = [put('a', '1', 0), put('b', '2', 2), get('a', '1', 4), get('b', '2', 6), get('c', '', 8)]
    expect(checkLinearizability(history, keyValueModel).verdict).toBe('linearizable')
  })

  it('[SIM27] the history is a whole if one operation may touch several', () => {
    const partitionOf = (input: KeyValueInput) => (input.key === '*' ? undefined : input.key)
    const model = { ...keyValueModel, partitionOf }
    const history = [put('a', '1', 0), get('b', '1', 2)]
    expect(checkLinearizability(history, model).verdict).toBe('not-linearizable')
    expect(checkLinearizability([...history, get('*', '1', 4)], model).verdict).toBe('linearizable')
  })
})

describe('recorder', () => {
  it('[SIM29] keeps the order of what happened', () => {
    const recorder = new HistoryRecorder<string, number>()
    const first = recorder.invoke('p', 'first')
    const second = recorder.invoke('q', 'second')
    const dropped = recorder.invoke('r', 'dropped')
    second.returned(2)
    recorder.invoke('q', 'third')
    first.returned(1)
    dropped.dropped()
    expect(recorder.operations).toEqual([
      { process: 'p', input: 'first', output: 1, invokedAt: 0, returnedAt: 5 },
      { process: 'q', input: 'second', output: 2, invokedAt: 1, returnedAt: 3 },
      { process: 'q', input: 'third', output: UNKNOWN, invokedAt: 4, returnedAt: undefined },
    ])
  })
})
