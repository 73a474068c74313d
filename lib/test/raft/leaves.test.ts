import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvariantError, LegionError } from '../../src/base/errors.js'
import {
  type ConfigChange,
  decodeConfigChange,
  encodeConfigChange,
  leaveJoint,
  type MemberChangeType,
} from '../../src/raft/config-change.js'
import { changeConfiguration, isValidConfiguration } from '../../src/raft/configuration.js'
import { Inflights } from '../../src/raft/inflights.js'
import { Log } from '../../src/raft/log.js'
import { emptyState, foundingState } from '../../src/raft/options.js'
import { jointVote, majorityCommitted, majorityVote } from '../../src/raft/quorum.js'
import { RawNode } from '../../src/raft/raw-node.js'
import { ReadRounds } from '../../src/raft/read-rounds.js'
import type { VoterId } from '../../src/raft/types.js'
import { id, ids, NO_BYTES } from './cluster.js'

const anyId = fc.constantFrom(...'abcdef').map(id)
const anyType = fc.constantFrom<MemberChangeType>('add-voter', 'add-learner', 'add-witness', 'remove')
const anyChange: fc.Arbitrary<ConfigChange> = fc.record({
  transition: fc.constantFrom('auto', 'implicit', 'explicit'),
  changes: fc.array(
    fc.record({ type: anyType, id: fc.oneof(anyId, fc.string({ minLength: 1, maxLength: 60 }).map(id)) }),
  ),
  context: fc.uint8Array({ maxLength: 20 }),
})

describe('quorum', () => {
  it('[RFT1] an index is committed if and only if a majority has it', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 9 }), (acknowledged) => {
        const voters = acknowledged.map((_, i) => id(`${i}`))
        const committed = majorityCommitted(voters, (voter) => acknowledged[Number(voter)] ?? 0)
        const having = (index: number) => acknowledged.filter((each) => each >= index).length
        expect(having(committed) * 2).toBeGreaterThan(voters.length)
        expect(having(committed + 1) * 2).toBeLessThanOrEqual(voters.length)
      }),
    )
  })

  it('[RFT1] a decision that is won or lost stays so, whatever else is answered', () => {
    const answers = fc.array(fc.option(fc.boolean(), { nil: undefined }), { minLength: 1, maxLength: 7 })
    fc.assert(
      fc.property(answers, answers, fc.boolean(), (incoming, outgoing, rest) => {
        const voters = incoming.map((_, i) => id(`${i}`))
        const votersOutgoing = outgoing.map((_, i) => id(`${i + 3}`))
        const all = new Map<VoterId, boolean | undefined>([
          ...votersOutgoing.map((each, i) => [each, outgoing[i]] as const),
          ...voters.map((each, i) => [each, incoming[i]] as const),
        ])
        const now = jointVote({ voters, votersOutgoing }, (voter) => all.get(voter))
        const later = jointVote({ voters, votersOutgoing }, (voter) => all.get(voter) ?? rest)
        expect(later).not.toBe('pending')
        if (now !== 'pending') expect(later).toBe(now)
        const halves = [voters, votersOutgoing].map((half) => majorityVote(half, (voter) => all.get(voter) ?? rest))
        expect(later === 'won').toBe(halves.every((half) => half === 'won'))
      }),
    )
  })
})

describe('configuration changes', () => {
  it('[RFT2] what is encoded is decoded, leaving a joint configuration to no bytes', () => {
    fc.assert(
      fc.property(anyChange, (change) => {
        const encoded = encodeConfigChange(change) as Uint8Array
        expect(decodeConfigChange(encoded)).toEqual(change)
      }),
    )
    expect(encodeConfigChange(leaveJoint)).toEqual(NO_BYTES)
  })

  it('[RFT2] any bytes are decoded to a change or to nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (data) => {
        const change = decodeConfigChange(data)
        if (change !== undefined) expect(encodeConfigChange(change)).toEqual(data)
      }),
    )
    for (const data of [
      [0],
      [0, 0],
      [3, 0],
      [0, 1],
      [0, 1, 0],
      [0, 1, 9, 1, 97],
      [0, 1, 0, 0],
      [0, 1, 0, 2, 97],
      [0, 1, 0, 1, 255],
    ]) {
      expect(decodeConfigChange(new Uint8Array(data))).toBeUndefined()
    }
  })

  it('[RFT2] more than 255 changes, and ids of no or of more than 255 bytes, can not be encoded', () => {
    const add = (name: string) => ({ type: 'add-voter', id: id(name) }) as const
    const encode = (...names: string[]) => encodeConfigChange({ ...leaveJoint, changes: names.map(add) })
    expect(encode('x'.repeat(255))).toBeDefined()
    expect(encode('x'.repeat(256))).toBeUndefined()
    expect(encode('')).toBeUndefined()
    expect(encode(...Array<string>(255).fill('x'))).toBeDefined()
    expect(encode(...Array<string>(256).fill('x'))).toBeUndefined()
  })

  it('[RFT2] whatever is changed, only valid configurations come of it, and neighbours can not decide apart', () => {
    fc.assert(
      fc.property(fc.array(anyChange, { maxLength: 12 }), (allChanges) => {
        let { configuration } = foundingState(ids('abc')).snapshot
        for (const change of [...allChanges, leaveJoint]) {
          const result = changeConfiguration(configuration, change)
          if (!result.ok) continue
          expect(isValidConfiguration(result.configuration)).toBe(true)
          expect(canDecideApart(configuration, result.configuration)).toBe(false)
          expect(becameMore(configuration.witnesses, result.configuration)).toEqual([])
          configuration = result.configuration
        }
      }),
    )
  })
})

type Halves = Pick<typeof emptyState.snapshot.configuration, 'voters' | 'votersOutgoing'>

/** True if some set of voters decides in one configuration while all others decide in the other. */
function canDecideApart(before: Halves, after: Halves): boolean {
  const everyone = [...new Set([before, after].flatMap((each) => [...each.voters, ...each.votersOutgoing]))]
  if (everyone.length > 10) return false
  for (let bits = 0; bits < 2 ** everyone.length; bits++) {
    const chosen = (voter: VoterId) => (bits & (1 << everyone.indexOf(voter))) > 0
    if (jointVote(before, chosen) === 'won' && jointVote(after, (voter) => !chosen(voter)) === 'won') return true
  }
  return false
}

/** Witnesses that are members with data now. */
function becameMore(witnesses: readonly VoterId[], after: typeof emptyState.snapshot.configuration): VoterId[] {
  const withData = [
    ...after.learners,
    ...after.learnersNext,
    ...after.voters.filter((each) => !after.witnesses.includes(each)),
  ]
  return witnesses.filter((each) => withData.includes(each))
}

describe('in-flight window', () => {
  it('[RFT71] holds what was sent and not acknowledged', () => {
    const sizes = fc.array(fc.tuple(fc.nat(5), fc.nat(3)), { maxLength: 50 })
    fc.assert(
      fc.property(sizes, (steps) => {
        const window = new Inflights(4, 12)
        let model: { last: number; size: number }[] = []
        let last = 0
        for (const [size, freed] of steps) {
          if (window.full) expect(() => window.add(last + 1, size)).toThrow(InvariantError)
          else {
            window.add(++last, size)
            model.push({ last, size })
          }
          const upTo = model[freed - 1]?.last ?? 0
          window.freeUpTo(upTo)
          model = model.filter((each) => each.last > upTo)
          const sizeBytes = model.reduce((sum, each) => sum + each.size, 0)
          expect([window.count, window.full]).toEqual([model.length, model.length >= 4 || sizeBytes >= 12])
        }
        window.clear()
        expect([window.count, window.full]).toEqual([0, false])
      }),
    )
  })
})

describe('read rounds', () => {
  it('[RFT52] a round that is answered while it is open takes no more reads', () => {
    const rounds = new ReadRounds()
    expect([rounds.empty, rounds.latest]).toEqual([true, 0])
    expect(rounds.add({ from: id('a'), ticket: 1 }, 5)).toBe(true)
    expect(rounds.add({ from: id('a'), ticket: 2 }, 6)).toBe(false)
    expect(rounds.takeAnswered(() => true)).toMatchObject([{ index: 6, reads: [{ ticket: 1 }, { ticket: 2 }] }])
    expect(rounds.empty).toBe(true)
    expect(rounds.add({ from: id('a'), ticket: 3 }, 7)).toBe(true)
    expect(rounds.latest).toBe(2)
  })
})

describe('impossible states', () => {
  const entry = (term: number, index: number) => ({ term, index, type: 'normal', data: NO_BYTES }) as const

  it('[RFT90] carry all numbers', () => {
    const log = new Log({ ...emptyState, entries: [entry(1, 1), entry(1, 2)] })
    const failures = [
      () => log.append(entry(1, 9)),
      () => log.append(entry(0, 3)),
      () => log.commitTo(3),
      () => log.appliedTo(1),
      () => log.compact(1),
      () => new Log({ ...emptyState, entries: [entry(1, 2)] }),
      () => new Log({ ...emptyState, hardState: { term: 1, vote: undefined, commit: 1 } }),
    ]
    for (const failure of failures) expect(failure).toThrow(InvariantError)
    expect(failures[0]).toThrow('appending 1/9 to a log that ends at 1/2')
    expect(failures[2]).toThrow('committing 3, committed 0, last 1/2')
    expect(failures[5]).toThrow('entry 1/2 stored as number 0 after 0/0')
    log.commitTo(2)
    const snapshot = { ...emptyState.snapshot, index: 2, term: 1, data: NO_BYTES }
    expect(() => log.restore(snapshot)).toThrow('snapshot at 2, committed 2, last 1/2')
  })

  it('[RFT90] an owner that mixes up ready() and advance() hears of it', () => {
    const raw = new RawNode({ id: id('a'), random: () => 0, snapshot: () => undefined })
    expect(() => raw.advance()).toThrow(InvariantError)
    raw.ready()
    expect(raw.hasReady()).toBe(false)
    expect(() => raw.ready()).toThrow(InvariantError)
    raw.advance()
  })

  it.each([
    [{ id: id('') }, 'id is empty'],
    [{ heartbeatTicks: 0 }, 'heartbeatTicks is 0'],
    [{ electionTicks: 5 }, 'electionTicks is 5; it has to be more than heartbeatTicks, 5'],
    [{ maxInflightMessages: 0 }, 'maxInflightMessages is 0'],
    [
      { initial: { ...emptyState, snapshot: { ...foundingState(ids('a')).snapshot, index: 0 } } },
      'a configuration needs a position in the log',
    ],
  ])('[RFT91] options that make no sense are refused: %o', (options, problem) => {
    const create = () => new RawNode({ id: id('a'), random: () => 0, snapshot: () => undefined, ...options })
    expect(create).toThrow(problem)
    expect(create).toThrow(LegionError)
  })
})
