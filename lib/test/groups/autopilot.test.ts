import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Candidate, planRoster } from '../../src/groups/autopilot.js'
import type { VoterId } from '../../src/raft/index.js'

const rules = { voters: 5, copies: 2, replaceAfterMs: 5000, replicas: 0 }

function candidate(id: string, changes: Partial<Candidate> = {}): Candidate {
  return {
    id: id as VoterId,
    role: 'learner',
    pinned: undefined,
    isOut: false,
    isSpokenFor: false,
    isHeard: true,
    isSteady: true,
    isLeader: false,
    kind: 'node',
    host: `host of ${id}`,
    canVote: true,
    durable: false,
    visible: true,
    reachable: true,
    caughtUp: true,
    goneForMs: 0,
    ...changes,
  }
}

const leader = candidate('L', { role: 'voter', isLeader: true })
const voter = (id: string, changes: Partial<Candidate> = {}) => candidate(id, { role: 'voter', ...changes })
const gone = (ms: number) => ({ reachable: false, goneForMs: ms })

describe('planRoster', () => {
  it('[GRP30] makes a newcomer a learner, and leaves two peers with one voter', () => {
    const plan = planRoster([leader, candidate('a', { role: 'newcomer', caughtUp: false })], rules)
    expect(plan).toEqual({ voters: ['L'], witnesses: [], learners: ['a'] })
    expect(planRoster([leader, candidate('a')], rules)).toBeUndefined()
  })

  it('[GRP31] wants the largest odd number of able replicas, up to the limit', () => {
    expect(planRoster([leader, candidate('a'), candidate('b')], rules)?.voters).toEqual(['L', 'a', 'b'])
    const seven = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => candidate(id))
    expect(planRoster([leader, ...seven], rules)?.voters).toHaveLength(5)
    const behind = [candidate('a', { caughtUp: false }), candidate('b', { canVote: false }), candidate('c')]
    expect(planRoster([leader, ...behind], rules)).toBeUndefined()
  })

  it('[GRP32] prefers Node peers, then visible tabs, then hidden ones, then who is voter already', () => {
    const tabs = { kind: 'browser' } as const
    const crowd = [
      candidate('hidden', { ...tabs, visible: false }),
      candidate('tab', tabs),
      candidate('voting tab', { ...tabs, role: 'voter' }),
      candidate('node'),
    ]
    expect(planRoster([leader, ...crowd], { ...rules, voters: 3 })?.voters).toEqual(['L', 'node', 'voting tab'])
    expect(
      planRoster(
        [leader, candidate('hidden', { ...tabs, visible: false }), candidate('tab', tabs), candidate('tab2', tabs)],
        { ...rules, voters: 3 },
      )?.voters,
    ).toEqual(['L', 'tab', 'tab2'])
  })

  it('[GRP37] gives the tabs of one browser no majority if others can have it', () => {
    const tab = (id: string) => candidate(id, { kind: 'browser', host: 'one browser' })
    const tabs = [tab('t1'), tab('t2'), tab('t3')]
    expect(planRoster([leader, candidate('n'), ...tabs], rules)?.voters).toEqual(['L', 'n', 't1'])
    expect(planRoster([leader, candidate('n1'), candidate('n2'), ...tabs], rules)?.voters).toHaveLength(5)
    expect(planRoster([leader, tab('t1'), tab('t2')], rules)?.voters).toEqual(['L', 't1', 't2'])
  })

  it('[GRP33] keeps a voter that vanished a moment ago, replaces it after a while, at once after a goodbye', () => {
    const others = [voter('a'), candidate('spare')]
    expect(planRoster([leader, voter('x', gone(4999)), ...others], rules)).toBeUndefined()
    const replaced = { voters: ['L', 'a', 'spare'], witnesses: [], learners: [] }
    expect(planRoster([leader, voter('x', gone(5000)), ...others], rules)).toEqual(replaced)
    expect(planRoster([leader, voter('x', gone(Number.POSITIVE_INFINITY)), ...others], rules)).toEqual(replaced)
  })

  it('[GRP38] prefers who can be reached when there are to be fewer voters', () => {
    const vanished = voter('b', gone(1000))
    const shrinking = [leader, vanished, voter('c'), voter('d'), voter('x', gone(5000))]
    expect(planRoster(shrinking, rules)).toMatchObject({ voters: ['L', 'c', 'd'], learners: ['b'] })
    const silent = shrinking.map((each) => (each === vanished ? voter('b', { isHeard: false }) : each))
    expect(planRoster(silent, rules)).toMatchObject({ voters: ['L', 'c', 'd'], learners: ['b'] })
    const steady = [leader, vanished, voter('c'), candidate('d')]
    expect(planRoster(steady, rules)).toBeUndefined()
  })

  it('[GRP34] keeps a durable member that is gone as a learner', () => {
    const plan = planRoster([leader, voter('a'), voter('x', { ...gone(6000), durable: true })], rules)
    expect(plan).toEqual({ voters: ['L'], witnesses: [], learners: ['a', 'x'] })
  })

  it('[GRP225] of more than 1,000 durable learners that are gone, forgets those that are gone the longest', () => {
    const absent = Array.from({ length: 1003 }, (_, i) => candidate(`${i}`, { ...gone(10_000 + i), durable: true }))
    const present = candidate('here', { durable: true })
    expect(planRoster([leader, ...absent.slice(3), present], rules)).toBeUndefined()
    const plan = planRoster([leader, ...absent, present], rules)
    expect(plan?.voters).toEqual(['L'])
    expect(plan?.learners).toEqual([...absent.slice(0, 1000), present].map(({ id }) => id))
  })

  it('[GRP226] takes no more than 4,096 members, whoever has come first', () => {
    const members = Array.from({ length: 4094 }, (_, i) => candidate(`${i}`, { canVote: false }))
    const comers = ['x', 'y'].map((id) => candidate(id, { role: 'newcomer' }))
    expect(planRoster([leader, ...members, ...comers], rules)?.learners).toEqual([...members.map(({ id }) => id), 'x'])
    expect(
      planRoster([leader, ...members, candidate('x', { canVote: false }), ...comers.slice(1)], rules),
    ).toBeUndefined()
  })

  it('[GRP35] touches nothing while the planned voters would have no reachable majority', () => {
    const lost = ['a', 'b', 'c'].map((id) => voter(id, gone(1000)))
    expect(planRoster([leader, ...lost, candidate('n', { role: 'newcomer' })], rules)).toBeUndefined()

    const silent = lost.slice(1).map((each) => ({ ...each, ...gone(0), reachable: true, isHeard: false }))
    expect(planRoster([leader, voter('a'), ...silent, voter('x', gone(6000))], rules)).toBeUndefined()

    const left = { ...voter('a', gone(Number.POSITIVE_INFINITY)), durable: true }
    const able = [leader, left, voter('b', gone(6000)), candidate('c'), candidate('d')]
    expect(planRoster(able, rules)).toBeUndefined()
    const spokenFor = able.map((each) => (each === left ? { ...left, isSpokenFor: true, isOut: true } : each))
    expect(planRoster(spokenFor, rules)?.voters).toEqual(['L', 'c', 'd'])
  })

  const anyCandidate = fc.record({
    role: fc.constantFrom('voter', 'learner', 'newcomer'),
    kind: fc.constantFrom('node', 'browser'),
    host: fc.constantFrom('one', 'two', 'three'),
    canVote: fc.boolean(),
    durable: fc.boolean(),
    visible: fc.boolean(),
    reachable: fc.boolean(),
    isHeard: fc.boolean(),
    caughtUp: fc.boolean(),
    goneForMs: fc.constantFrom(0, 1000, 6000, Number.POSITIVE_INFINITY),
  })

  /** The same peers after the plan was carried out. */
  function carriedOut(candidates: readonly Candidate[], plan: NonNullable<ReturnType<typeof planRoster>>) {
    return candidates
      .filter(({ id }) => plan.voters.includes(id) || plan.learners.includes(id))
      .map((each): Candidate => ({ ...each, role: plan.voters.includes(each.id) ? 'voter' : 'learner' }))
  }

  it('[GRP36] plans odd numbers of voters with a reachable majority, and comes to rest', () => {
    fc.assert(
      fc.property(fc.array(anyCandidate, { maxLength: 9 }), (drawn) => {
        let all = [
          leader,
          ...drawn.map((each, i) =>
            candidate(`c${i}`, each.reachable ? { ...each, goneForMs: 0 } : { ...each, ...gone(each.goneForMs || 1) }),
          ),
        ]
        // Newcomers become learners, learners voters: two changes, then rest.
        for (let plan = planRoster(all, rules), changes = 0; plan !== undefined; plan = planRoster(all, rules)) {
          const { voters } = plan
          const reachable = all.filter((each) => each.reachable && each.isHeard && voters.includes(each.id))
          expect(voters.length % 2).toBe(1)
          expect(reachable.length).toBeGreaterThan(voters.length / 2)
          expect(voters).toContain('L')
          expect(++changes).toBeLessThanOrEqual(2)
          all = carriedOut(all, plan)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
