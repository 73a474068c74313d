import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { hashValue } from '../../src/codec/hash.js'
import { decodeValue, encodeValue, type Value } from '../../src/codec/value.js'
import { defineMachine, Rejected, type StateMachine } from '../../src/machines/index.js'
import { machineTools } from '../../src/machines/machine-tools.js'
import { plainValue } from '../codec/values.js'
import { bytesOf, contextAt, pieces } from './context.js'

type Box = { [key: string]: unknown }
type Step =
  | { do: 'put'; at: string; value: Value }
  | { do: 'move' | 'copy' | 'swap' | 'freeze'; at: string; to: string }
  | { do: 'delete' | 'leave' | 'wrap' | 'throw' | 'reject' | 'date' | 'give' | 'dice'; at: string }
  | { do: 'push' | 'unshift'; value: Value }
  | { do: 'shift' | 'pop' | 'reverse' | 'sort' | 'splice' | 'deepen' }

/** Does to its state whatever a program may think of, several steps in one command. */
const wild = defineMachine({
  name: 'wild',
  version: 1,
  initial: () => ({ box: {} as Box, list: [] as unknown[] }),
  commands: {
    run(state, steps: Step[], { random }) {
      const given: unknown[] = []
      for (const step of steps) given.push(act(state.box, state.list, step, random))
      return given as Value
    },
  },
})

function act(box: Box, list: unknown[], step: Step, random: () => number): unknown {
  switch (step.do) {
    case 'put':
      box[step.at] = step.value
      return
    case 'move':
      box[step.to] = box[step.at]
      delete box[step.at]
      return
    case 'copy':
      box[step.to] = box[step.at]
      return
    case 'swap':
      ;[box[step.to], box[step.at]] = [box[step.at], box[step.to]]
      return
    case 'freeze':
      box[step.to] = Object.freeze({ kept: box[step.at] })
      return
    case 'delete':
      delete box[step.at]
      return
    case 'leave':
      return box[step.at]
    case 'wrap':
      box[step.at] = { list, inner: box[step.at] }
      return
    case 'throw':
      throw new Error('thrown')
    case 'reject':
      throw new Rejected('no', box[step.at])
    case 'date':
      box[step.at] = new Date(0)
      return
    case 'give':
      list.push(box[step.at])
      return
    case 'dice':
      box[step.at] = random()
      return
    case 'push':
    case 'unshift':
      return list[step.do](step.value)
    case 'shift':
    case 'pop':
    case 'reverse':
      return list[step.do]()
    case 'sort':
      return list.sort((a, b) => (hashValue(a) < hashValue(b) ? -1 : 1))
    case 'splice':
      return list.splice(1, 2, { spliced: true })
    case 'deepen':
      for (const item of list) if (isBox(item)) item['seen'] = isBox(item['seen']) ? { again: item['seen'] } : {}
      return
  }
}

function isBox(value: unknown): value is Box {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
}

const key = fc.constantFrom('a', 'b', 'c')
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('put'), at: key, value: plainValue() }),
  fc.record({ do: fc.constantFrom('move', 'copy', 'swap', 'freeze'), at: key, to: key }),
  fc.record({
    do: fc.constantFrom('delete', 'leave', 'leave', 'wrap', 'throw', 'reject', 'date', 'give', 'give', 'dice'),
    at: key,
  }),
  fc.record({ do: fc.constantFrom('push', 'unshift'), value: plainValue() }),
  fc.record({ do: fc.constantFrom('shift', 'pop', 'reverse', 'sort', 'splice', 'deepen', 'deepen') }),
)
const commands = fc.array(fc.array(step, { minLength: 1, maxLength: 5 }), { maxLength: 25 })

/** What would be replicated of a result. */
function apply(machine: StateMachine, steps: Step[], index: number): Value {
  const result = machine.apply({ name: 'run', payload: steps as Value }, contextAt(index))
  return result.ok || result.rejected !== undefined ? { ...result } : { ok: false }
}

function isDeeplyFrozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return true
  return Object.isFrozen(value) && Object.values(value).every(isDeeplyFrozen)
}

it('[MAC16] the same commands give the same results and states, also on a replica that restores all the time', {
  timeout: 60_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(commands, async (list) => {
      const steady = wild.create(machineTools)
      let restored = wild.create(machineTools)
      for (const [index, steps] of list.entries()) {
        const fresh = wild.create(machineTools)
        await fresh.restore(pieces(bytesOf(restored), 50))
        restored = fresh
        expect(hashValue(apply(restored, steps, index))).toBe(hashValue(apply(steady, steps, index)))
        expect(hashValue(restored.state)).toBe(hashValue(steady.state))
      }
    }),
    { numRuns: 400 },
  )
})

it('[MAC16] after any commands the state is frozen and exactly what a snapshot of it restores', {
  timeout: 60_000,
}, () => {
  fc.assert(
    fc.property(commands, (list) => {
      const machine = wild.create(machineTools)
      for (const [index, steps] of list.entries()) {
        const before = machine.state
        const hash = hashValue(before)
        const result = apply(machine, steps, index) as { ok: boolean }
        expect(hashValue(before)).toBe(hash)
        if (!result.ok) expect(machine.state).toBe(before)
        expect(isDeeplyFrozen(machine.state)).toBe(true)
        expect(isDeepStrictEqual(decodeValue(encodeValue(machine.state)), machine.state)).toBe(true)
      }
    }),
    { numRuns: 400 },
  )
})
