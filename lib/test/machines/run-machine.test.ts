import { describe, expect, it } from 'vitest'
import { LegionError } from '../../src/base/errors.js'
import { type PeerId, parsePeerId } from '../../src/base/ids.js'
import { defineMachine, Rejected } from '../../src/machines/index.js'
import { type LogEntry, replay } from '../../src/testing/replay.js'
import { runMachine } from '../../src/testing/run-machine.js'

const BOB = parsePeerId('AAAAAAAAAAAAAAAAAAAAAQ') as PeerId

interface First {
  total: number
}

const till = defineMachine({
  name: 'till',
  version: 3,
  initial: () => ({ cents: 0, notes: [] as string[] }),
  commands: {
    pay(state, amount: number, { version }) {
      if (amount < 0) throw new Rejected('negative', { amount })
      if (version === 1) {
        const first = state as unknown as First
        first.total += amount
        return first.total
      }
      state.cents += Math.round(amount * 100)
      return state.cents / 100
    },
    note(state, text: string, { from, index, timestampMs, random, version }) {
      state.notes.push(text)
      return { from, index, timestampMs, version, isChance: random() < 1 }
    },
    empty(state) {
      state.cents = 0
    },
    broken() {
      throw new TypeError('broken')
    },
  },
  queries: { cents: (state) => state.cents },
  migrate: {
    2: ({ total }: First) => ({ cents: Math.round(total * 100) }),
    3(state: { notes?: string[] }) {
      state.notes = []
    },
  },
  since: { note: 3 },
})

describe('runMachine', () => {
  it('[MAC39] gives the state and the output of every command, or its error', () => {
    const { state, outputs } = runMachine(till, [['pay', 1.5], ['pay', -1], ['broken'], ['pay', 2], ['empty']])
    expect(state).toEqual({ cents: 0, notes: [] })
    const [first, rejected, failed, second, last] = outputs
    expect([first, second, last]).toEqual([1.5, 3.5, undefined])
    expect(rejected).toMatchObject({ code: 'E_REJECTED', message: 'negative', details: { amount: -1 } })
    expect(failed).toMatchObject({ code: 'E_COMMAND_FAILED', cause: new TypeError('broken') })
    // The types follow the commands.
    second satisfies number | LegionError
    last satisfies undefined | LegionError
  })

  it('[MAC39] tells the commands what the options say, and goes on from a state', () => {
    const before = runMachine(till, [['pay', 1]])
    const options = { from: BOB, timestampMs: 77, state: before.state }
    const { state, outputs } = runMachine(
      till,
      [
        ['pay', 1],
        ['note', 'hello'],
      ],
      options,
    )
    expect(outputs).toEqual([2, { from: BOB, index: 2, timestampMs: 77, version: 3, isChance: true }])
    expect(state).toEqual({ cents: 200, notes: ['hello'] })
    expect(before.state).toEqual({ cents: 100, notes: [] })
  })

  it('[MAC39] runs as an older version', () => {
    const { state, outputs } = runMachine(till, [['pay', 1]], { version: 1, state: { total: 5 } })
    expect([state, outputs]).toEqual([{ total: 6 }, [6]])
    expect(() => runMachine(till, [['note', 'x']], { version: 1, state: { total: 5 } })).toThrow(LegionError)
  })

  it('[MAC39] wrong names and payloads do not compile', () => {
    const wrong = () => {
      // @ts-expect-error no such command
      runMachine(till, [['sell', 1]])
      // @ts-expect-error the payload is a number
      runMachine(till, [['pay', '1']])
      // @ts-expect-error the payload is missing
      runMachine(till, [['pay']])
    }
    expect(wrong).toThrow(expect.objectContaining({ code: 'E_UNKNOWN_COMMAND' }))
  })
})

describe('replay', () => {
  const entry = (index: number, name: string, payload?: LogEntry['payload']): LogEntry => {
    return { index, timestampMs: 10 * index, from: BOB, name, payload }
  }
  const outputs = ({ entries }: ReturnType<typeof replay>) => entries.map(({ version, output }) => [version, output])

  it('[MAC40] runs an old log, with the new version from a given place on', () => {
    const log = [entry(3, 'pay', 0.1), entry(4, 'pay', 0.2), entry(6, 'pay', 1), entry(9, 'note', 'bye')]
    const { state, version, entries } = replay(till, log, { state: { total: 0 }, version: 1, activateAt: 5 })
    expect(entries.map((replayed) => [replayed.entry.index, replayed.version, replayed.output])).toEqual([
      [3, 1, 0.1],
      [4, 1, 0.1 + 0.2],
      [6, 3, 1.3],
      [9, 3, { from: BOB, index: 9, timestampMs: 90, version: 3, isChance: true }],
    ])
    expect([state, version]).toEqual([{ cents: 130, notes: ['bye'] }, 3])
  })

  it('[MAC40] reports refusals and failures, and ends with a command that nobody knows', () => {
    const log = [entry(1, 'pay', -1), entry(2, 'broken'), entry(3, 'sell', 1), entry(4, 'pay', 1)]
    const replayed = replay(till, log)
    expect(outputs(replayed)).toEqual([
      [3, expect.objectContaining({ code: 'E_REJECTED' })],
      [3, expect.objectContaining({ code: 'E_COMMAND_FAILED' })],
      [3, expect.objectContaining({ code: 'E_UNKNOWN_COMMAND' })],
    ])
    expect(replayed.state).toEqual({ cents: 0, notes: [] })
  })

  it('[MAC40] a command of a later version ends it too, and a migration that fails throws', () => {
    const log = [entry(1, 'note', 'x')]
    const early = replay(till, log, { state: { total: 0 }, version: 1 })
    expect(outputs(early)).toEqual([[1, expect.objectContaining({ code: 'E_UNKNOWN_COMMAND' })]])
    const torn = defineMachine({
      name: 'torn',
      version: 2,
      initial: () => ({}),
      commands: {},
      migrate: { 2: () => JSON.parse('no JSON') as object },
    })
    expect(() => replay(torn, log, { version: 1, activateAt: 1 })).toThrow(
      expect.objectContaining({ code: 'E_MACHINE' }),
    )
  })

  it('[MAC40] the same log gives the same report', () => {
    const dice = defineMachine({
      name: 'dice',
      version: 1,
      initial: () => ({}),
      commands: {
        roll: (_state, _, { random }) => random(),
      },
    })
    const log = [entry(1, 'roll'), entry(2, 'roll')]
    expect(replay(dice, log)).toEqual(replay(dice, log))
    const [first, second] = replay(dice, log).entries
    expect(first?.output).not.toBe(second?.output)
  })
})
