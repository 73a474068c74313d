import fc from 'fast-check'
import type { MemberChange } from '../../src/raft/config-change.js'
import type { VoterId } from '../../src/raft/types.js'
import type { Schedule, Setup, Step, Verb } from '../../src/testing/raft/index.js'

// Any schedule of a small cluster, as plain data.

const DATA = ['a', 'b', 'c', 'd'] as VoterId[]
const WITNESS = 'w' as VoterId

const anyone = fc.constantFrom(...DATA, WITNESS)
const withData = fc.constantFrom(...DATA)

function step(verb: Verb, rest: Partial<Record<keyof Step, fc.Arbitrary<unknown>>> = {}): fc.Arbitrary<Step> {
  return fc.record({ verb: fc.constant(verb), who: anyone, ...rest }) as fc.Arbitrary<Step>
}

const few = fc.nat(3)
const memberChange: fc.Arbitrary<MemberChange> = fc.oneof(
  fc.record({ type: fc.constantFrom('add-voter', 'add-learner', 'remove'), id: withData }),
  fc.record({ type: fc.constantFrom('add-witness', 'remove'), id: fc.constant(WITNESS) }),
) as fc.Arbitrary<MemberChange>
const change = fc.record({
  transition: fc.constantFrom('auto', 'implicit', 'explicit'),
  changes: fc.array(memberChange, { maxLength: 3 }),
})

/** Most of what happens makes progress; faults come in between. */
const anyStep = fc.oneof(
  { weight: 6, arbitrary: step('deliver', { peer: anyone, count: fc.constantFrom(0, 0, 0, 1, 4) }) },
  { weight: 4, arbitrary: step('ready') },
  { weight: 3, arbitrary: step('tick', { count: fc.constantFrom(1, 2, 12, 22) }) },
  { weight: 3, arbitrary: step('settle', { peer: fc.option(anyone, { nil: undefined }) }) },
  { weight: 3, arbitrary: step('propose', { count: few }) },
  { weight: 1, arbitrary: step('write') },
  { weight: 1, arbitrary: step('sync') },
  { weight: 1, arbitrary: step('drop', { peer: anyone, count: few }) },
  { weight: 1, arbitrary: step('duplicate', { peer: anyone, count: few }) },
  { weight: 1, arbitrary: step('crash', { count: few }) },
  { weight: 2, arbitrary: step('restart') },
  { weight: 1, arbitrary: step('cut', { peer: anyone }) },
  { weight: 1, arbitrary: step('mend', { peer: anyone }) },
  { weight: 1, arbitrary: step('read') },
  { weight: 1, arbitrary: step('change', { change }) },
  { weight: 1, arbitrary: step('transfer', { peer: anyone }) },
  { weight: 1, arbitrary: step('campaign') },
  { weight: 1, arbitrary: step('compact', { count: few }) },
  { weight: 1, arbitrary: step('unreachable', { peer: anyone }) },
  { weight: 1, arbitrary: step('report-snapshot', { peer: anyone, count: fc.nat(1) }) },
)

const setup: fc.Arbitrary<Setup> = fc.record({
  seed: fc.nat(1000),
  voters: fc.constant('abc'),
  learners: fc.constantFrom('', 'd'),
  witnesses: fc.constant(''),
  spares: fc.constant('dw'),
  durableMachine: fc.boolean(),
  core: fc.record({
    electionTicks: fc.constant(10),
    heartbeatTicks: fc.constant(2),
    preVote: fc.boolean(),
    checkQuorum: fc.boolean(),
    quiesceTicks: fc.constantFrom(0, 3),
    maxMessageBytes: fc.constantFrom(100_000, 1),
    maxInflightMessages: fc.constantFrom(10, 1),
    maxUncommittedBytes: fc.constantFrom(100_000, 100),
  }),
})

export const anySchedule: fc.Arbitrary<Schedule> = fc
  .record({ setup, steps: fc.array(anyStep, { minLength: 10, maxLength: 300, size: 'max' }) })
  .map(({ setup: { learners, ...rest }, steps }) => ({
    setup: { ...rest, learners, spares: learners === 'd' ? 'w' : 'dw' },
    steps,
  }))
