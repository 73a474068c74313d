import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type PeerId, parsePeerId } from '../../src/base/ids.js'
import type { Value } from '../../src/codec/value.js'
import { defineMachine } from '../../src/machines/define-machine.js'
import { kv } from '../../src/machines/kv.js'
import { machineTools } from '../../src/machines/machine-tools.js'
import { Rejected } from '../../src/machines/rejected.js'
import type { AnyMachine } from '../../src/machines/types.js'
import { type Operation, UNKNOWN, type Unknown } from '../../src/testing/history.js'
import { checkLinearizability } from '../../src/testing/linearizability.js'
import {
  type MachineInput,
  type MachineModelOptions,
  type MachineOutput,
  machineModel,
} from '../../src/testing/machine-model.js'

const ALICE = parsePeerId('AAAAAAAAAAAAAAAAAAAAAA') as PeerId
const BOB = parsePeerId('AAAAAAAAAAAAAAAAAAAAAQ') as PeerId

const theatre = defineMachine({
  name: 'theatre',
  version: 1,
  initial: () => ({ seats: {} as Record<string, string> }),
  commands: {
    reserve(state, seat: string, { from }) {
      if (Object.hasOwn(state.seats, seat)) throw new Rejected('taken', { holder: state.seats[seat] })
      if (seat === '13') throw new TypeError('no such seat')
      state.seats[seat] = from
      return { seat }
    },
  },
  queries: {
    holder: (state, seat: string) => state.seats[seat] ?? null,
    row: (): never => {
      throw new Rejected('no rows', 1)
    },
    broken: (): never => {
      throw new TypeError('broken')
    },
  },
})

const command = (from: PeerId, name: string, payload: Value): MachineInput => ({ kind: 'command', name, payload, from })
const query = (name: string, payload: Value): MachineInput => ({ kind: 'query', name, payload, from: ALICE })
const reserve = (from: PeerId, seat: string) => command(from, 'reserve', seat)
const ok = (output: Value): MachineOutput => ({ ok: true, output })
const refused = (rejected: string | undefined, details: Value): MachineOutput => ({ ok: false, rejected, details })

type Call = Operation<MachineInput, MachineOutput>
type Step = readonly [input: MachineInput, output: MachineOutput | Unknown]

/** One call after the other. */
const inTurn = (...steps: Step[]): Call[] =>
  steps.map(([input, output], i) => ({ process: input.from, input, output, invokedAt: 2 * i, returnedAt: 2 * i + 1 }))

const atOnce = (...steps: Step[]): Call[] =>
  steps.map(([input, output]) => ({ process: input.from, input, output, invokedAt: 0, returnedAt: 1 }))

const verdict = (definition: AnyMachine, history: Call[], options?: MachineModelOptions) =>
  checkLinearizability(history, machineModel(definition, options)).verdict

describe('a machine as a model', () => {
  it('[SIM28] knows who gave the command', () => {
    expect(verdict(theatre, inTurn([reserve(BOB, '1'), ok({ seat: '1' })], [query('holder', '1'), ok(BOB)]))).toBe(
      'linearizable',
    )
    expect(verdict(theatre, inTurn([reserve(BOB, '1'), ok({ seat: '1' })], [query('holder', '1'), ok(ALICE)]))).toBe(
      'not-linearizable',
    )
  })

  it('[SIM28] a seat is sold once, in either order', () => {
    const sold = ok({ seat: '1' })
    expect(verdict(theatre, atOnce([reserve(ALICE, '1'), sold], [reserve(BOB, '1'), sold]))).toBe('not-linearizable')
    const aliceWasFirst: Step = [reserve(BOB, '1'), refused('taken', { holder: ALICE })]
    expect(verdict(theatre, atOnce(aliceWasFirst, [reserve(ALICE, '1'), sold]))).toBe('linearizable')
    const bobWasFirst: Step = [reserve(ALICE, '1'), refused('taken', { holder: BOB })]
    expect(verdict(theatre, atOnce(bobWasFirst, aliceWasFirst))).toBe('not-linearizable')
  })

  it('[SIM28] refusals and failures change nothing and are compared', () => {
    const history = (failure: MachineOutput, seat: Value) =>
      inTurn([reserve(ALICE, '13'), failure], [query('holder', '13'), ok(seat)])
    expect(verdict(theatre, history(refused(undefined, undefined), null))).toBe('linearizable')
    expect(verdict(theatre, history(refused(undefined, undefined), ALICE))).toBe('not-linearizable')
    expect(verdict(theatre, history(ok({ seat: '13' }), null))).toBe('not-linearizable')
    expect(verdict(theatre, history(refused('taken', { holder: BOB }), null))).toBe('not-linearizable')
  })

  it('[SIM28] queries may refuse or fail too', () => {
    expect(verdict(theatre, inTurn([query('row', 1), refused('no rows', 1)]))).toBe('linearizable')
    expect(verdict(theatre, inTurn([query('row', 1), refused('no rows', 2)]))).toBe('not-linearizable')
    expect(verdict(theatre, inTurn([query('broken', 1), refused(undefined, undefined)]))).toBe('linearizable')
  })

  it('[SIM28] names that the machine does not have are an error', () => {
    const unknown = expect.objectContaining({ code: 'E_UNKNOWN_COMMAND' })
    expect(() => verdict(theatre, inTurn([command(ALICE, 'sell', 1), ok(1)]))).toThrow(unknown)
    expect(() => verdict(theatre, inTurn([query('sell', 1), ok(1)]))).toThrow(unknown)
  })

  it('[SIM28] a violation shows the state, not the snapshot', () => {
    const history = inTurn([reserve(BOB, '1'), ok({ seat: '1' })], [query('holder', '1'), ok(null)])
    const result = checkLinearizability(history, machineModel(theatre))
    expect(result).toMatchObject({ violation: { blocked: history[1], state: { seats: { '1': BOB } } } })
  })
})

describe('the kv machine as a model', { timeout: 60_000 }, () => {
  /** All but `range` and `size` touch one key. */
  const partitionOf = ({ payload }: MachineInput) =>
    typeof payload === 'string' ? payload : (payload as { readonly key?: string } | undefined)?.key

  it('[SIM28] lost and doubled increments are found', () => {
    const increment: MachineInput = command(ALICE, 'increment', { key: 'n' })
    const lost: Call = { process: 0, input: increment, output: UNKNOWN, invokedAt: 0, returnedAt: undefined }
    const known = inTurn([increment, ok(1)], [increment, ok(3)])
    expect(verdict(kv, known)).toBe('not-linearizable')
    expect(verdict(kv, [lost, ...known])).toBe('linearizable')
    expect(verdict(kv, [lost, ...inTurn([increment, ok(1)], [increment, ok(4)])])).toBe('not-linearizable')
  })

  it('[SIM27] is checked key by key, or as a whole if there is a query on all', () => {
    const set = (key: string, value: Value): Step => [command(ALICE, 'set', { key, value }), ok(undefined)]
    const history = inTurn(set('a', 1), set('b', 2), [query('get', 'a'), ok(1)], [query('has', 'c'), ok(false)])
    expect(verdict(kv, history, { partitionOf })).toBe('linearizable')
    const size = (count: number) => inTurn(set('a', 1), set('b', 2), [query('size', undefined), ok(count)])
    expect(verdict(kv, size(2), { partitionOf })).toBe('linearizable')
    expect(verdict(kv, size(1), { partitionOf })).toBe('not-linearizable')
  })

  it('[SIM22] [SIM28] accepts what the machine really did, in parts and as a whole, however the calls overlap', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const history = runOnMachine(steps)
        expect(verdict(kv, history)).toBe('linearizable')
        expect(verdict(kv, history, { partitionOf })).toBe('linearizable')
      }),
    )
  })

  const key = fc.constantFrom('a', 'b', 'c')
  const input: fc.Arbitrary<MachineInput> = fc.oneof(
    fc.record({ key, value: fc.nat(3) }).map((payload) => command(ALICE, 'set', payload)),
    fc.record({ key, expected: fc.nat(3), value: fc.nat(3) }).map((payload) => command(BOB, 'compareAndSet', payload)),
    key.map((payload) => command(BOB, 'delete', payload)),
    key.map((payload) => query('get', payload)),
  )
  const step = fc.record({ input, before: fc.nat(35), after: fc.nat(35), lost: fc.boolean() })
  type RandomStep = typeof step extends fc.Arbitrary<infer T> ? T : never

  /** Step n has its effect at 10 n. */
  function runOnMachine(steps: readonly RandomStep[]): Call[] {
    const machine = kv.create(machineTools)
    return steps.map(({ input, before, after, lost }, n) => {
      const context = { index: n + 1, timestampMs: n, random: () => 0, from: input.from, version: 1 }
      const output =
        input.kind === 'query' ? ok(machine.query(input, context)) : (machine.apply(input, context) as MachineOutput)
      const times = { invokedAt: 10 * n - before, returnedAt: lost ? undefined : 10 * n + after }
      return { process: n % 4, input, output: lost ? UNKNOWN : output, ...times }
    })
  }
})
