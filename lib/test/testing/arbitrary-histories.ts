import fc from 'fast-check'
import { type Operation, UNKNOWN } from '../../src/testing/history.js'
import type { RegisterInput, RegisterOutput } from '../../src/testing/models.js'

export type Input = RegisterInput<number>
export type Output = RegisterOutput<number>
export type History = Operation<Input, Output>[]

const value = fc.integer({ min: 0, max: 2 })

export const input: fc.Arbitrary<Input> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ type: 'read' } as const) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('write' as const), value }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('cas' as const), expected: value, value }) },
)

/** Any outputs at any times: explained or not. */
export function anyHistory(maxLength: number): fc.Arbitrary<History> {
  return fc.array(anyOperation, { maxLength })
}

/** What a register that starts with 0 did, one operation after the other, each at some moment while it was open. */
export function possibleHistory(maxLength: number): fc.Arbitrary<History> {
  return fc.array(possibleStep, { maxLength }).map(runSteps)
}

/** A possible history in which one known output is another. */
export function mutatedHistory(maxLength: number): fc.Arbitrary<History> {
  return fc.tuple(possibleHistory(maxLength), fc.nat()).map(([history, n]) => {
    const known = history.filter(({ input, output }) => input.type !== 'write' && output !== UNKNOWN)
    const target = known[n % Math.max(known.length, 1)]
    return history.map((operation) => (operation === target ? withOtherOutput(operation, n) : operation))
  })
}

function withOtherOutput(operation: Operation<Input, Output>, n: number): Operation<Input, Output> {
  if (operation.input.type === 'cas') return { ...operation, output: !operation.output }
  return { ...operation, output: ((operation.output as number) + 1 + (n % 2)) % 3 }
}

const time = fc.integer({ min: 0, max: 12 })

const anyOperation = fc
  .record({
    process: fc.nat(3),
    input,
    read: value,
    set: fc.boolean(),
    invokedAt: time,
    duration: fc.option(time, { freq: 6 }),
  })
  .map(({ process, input, read, set, invokedAt, duration }): Operation<Input, Output> => {
    if (duration === null) return { process, input, output: UNKNOWN, invokedAt, returnedAt: undefined }
    const output = input.type === 'read' ? read : input.type === 'cas' ? set : undefined
    return { process, input, output, invokedAt, returnedAt: invokedAt + duration }
  })

type Fate = 'answered' | 'answer lost' | 'never returned' | 'never happened'

const possibleStep = fc.record({
  process: fc.nat(5),
  input,
  before: fc.nat(35),
  after: fc.nat(35),
  fate: fc.oneof(
    { weight: 8, arbitrary: fc.constant<Fate>('answered') },
    { weight: 1, arbitrary: fc.constantFrom<Fate>('answer lost', 'never returned', 'never happened') },
  ),
})

type Step = typeof possibleStep extends fc.Arbitrary<infer T> ? T : never

/** Step n has its effect at 10 n. */
function runSteps(steps: readonly Step[]): History {
  let register = 0
  return steps.map(({ process, input, before, after, fate }, n) => {
    const invokedAt = 10 * n - before
    const ended = fate === 'answered' || fate === 'answer lost'
    const returnedAt = ended ? 10 * n + after : undefined
    if (fate === 'never happened') return { process, input, output: UNKNOWN, invokedAt, returnedAt }
    const [next, output] = run(register, input)
    register = next
    return { process, input, output: fate === 'answered' ? output : UNKNOWN, invokedAt, returnedAt }
  })
}

function run(register: number, input: Input): [next: number, output: Output] {
  switch (input.type) {
    case 'read':
      return [register, register]
    case 'write':
      return [input.value, undefined]
    case 'cas':
      return register === input.expected ? [input.value, true] : [register, false]
  }
}
