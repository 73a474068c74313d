import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Append, AppendResponse, Message, MessageType } from '../../src/raft/messages.js'
import type { EntryType, VoterId } from '../../src/raft/types.js'
import { bytes, Cluster, change, ELECTION_TICKS, id, ids, NO_BYTES, NO_COMMIT } from './cluster.js'

const entry = (term: number, index: number) => ({ term, index, type: 'normal', data: NO_BYTES }) as const

function append(changed: Partial<Append> = {}): Append {
  const envelope = { from: id('b'), to: id('a'), term: 2 }
  return { ...envelope, type: 'append', prevIndex: 1, prevTerm: 1, entries: [], commit: 0, ...changed }
}

describe('what peers send', () => {
  it.each<[string, Message]>([
    ['no term', append({ term: 0 })],
    ['a negative term', append({ term: -1 })],
    ['half an index', append({ prevIndex: 0.5 })],
    ['an index that is none', append({ prevIndex: Number.NaN })],
    ['a negative commit', append({ commit: -1 })],
    ['an infinite term before', append({ prevTerm: Number.POSITIVE_INFINITY })],
    ['a gap', append({ entries: [entry(2, 3)] })],
    ['falling terms', append({ entries: [entry(2, 2), entry(1, 3)] })],
    ['entries from the future', append({ entries: [entry(3, 2)] })],
    ['half a term', append({ entries: [entry(1.5, 2)] })],
    ['a request with a term', { type: 'read-index', from: id('b'), to: id('a'), term: 2, ticket: 1 }],
    ['an empty proposal', { type: 'propose', from: id('b'), to: id('a'), term: 0, ticket: 1, entries: [] }],
    [
      'a commit that nobody acknowledged',
      { type: 'heartbeat', from: id('b'), to: id('a'), term: 2, commit: 2, match: 1, round: 0 },
    ],
    ['half a round', { type: 'heartbeat-response', from: id('b'), to: id('a'), term: 2, round: 0.5 }],
    ['half a hint', rejection(0.5)],
    ['no index', { type: 'read-index-response', from: id('b'), to: id('a'), term: 0, ticket: 1, index: -1 }],
    ['a negative last index', { ...voteRequest(), lastIndex: -1 }],
    [
      'half a commit',
      { type: 'vote-response', from: id('b'), to: id('a'), term: 2, granted: true, commit: 1, commitTerm: 0.5 },
    ],
    ['a negative quiet', { type: 'quiesce', from: id('b'), to: id('a'), term: 2, commit: -1 }],
    ['a snapshot of nothing', snapshotAt(0)],
  ])('[RFT93] is ignored and counted if it makes no sense: %s', (_, message) => {
    const { raw } = new Cluster('abc').get('a')
    expect(raw.step(message)).toBe('malformed')
    expect(raw.status().ignored).toEqual({ malformed: 1 })
    expect(raw.hasReady()).toBe(false)
  })

  it('[RFT93] is ignored if it is for somebody else, or seems to come from oneself', () => {
    const { raw } = new Cluster('abc').get('a')
    expect(raw.step(append({ to: id('c') }))).toBe('misdirected')
    expect(raw.step(append({ from: id('a') }))).toBe('misdirected')
  })

  it('[RFT94] claims against the own state are ignored', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    const follower = cluster.get('b')
    const toFollower = { from: id('c'), to: id('b') }
    const fromFollower = { from: id('b'), to: id('a'), term: 2 }
    expect(follower.raw.step(append(toFollower))).toBe('second-leader')
    expect(leader.raw.step(append())).toBe('second-leader')
    expect(leader.raw.step({ type: 'append-response', ...fromFollower, index: 9, rejected: undefined })).toBe(
      'beyond-log',
    )
    expect(
      leader.raw.step({ type: 'append-response', ...fromFollower, from: id('x'), index: 1, rejected: undefined }),
    ).toBe('unknown-peer')
    expect(leader.raw.step({ ...rejection(0), index: 1 })).toBe('stale')
    const conflict = { from: id('a'), to: id('b'), prevIndex: 2, prevTerm: 2 }
    follower.raw.step(append({ ...conflict, entries: [entry(2, 3)], commit: 3 }))
    expect(follower.status.commit).toBe(3)
    expect(follower.raw.step({ type: 'timeout-now', from: id('c'), to: id('b'), term: 2 })).toBe('second-leader')
    expect(follower.raw.step({ type: 'wake', from: id('c'), to: id('b'), term: 2 })).toBe('unexpected')
    expect(follower.raw.step({ type: 'heartbeat-response', from: id('c'), to: id('b'), term: 2, round: 0 })).toBe(
      'stale',
    )
  })

  it('[RFT94] a leader that contradicts committed entries is not followed', () => {
    const cluster = new Cluster('abc')
    cluster.elect('a').propose('x')
    cluster.settle()
    const follower = cluster.get('b')
    const lie = append({
      from: id('c'),
      to: id('b'),
      term: 9,
      prevIndex: 3,
      prevTerm: 2,
      entries: [entry(3, 4)],
      commit: 4,
    })
    follower.raw.step(lie)
    const second = { ...lie, term: 10, from: id('a'), entries: [entry(9, 4)] }
    expect(follower.raw.step(second)).toBe('conflicts-with-committed')
  })

  it('[RFT95] never makes step() throw, whatever it is and whoever gets it', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(anyMessage, anyEvent), { maxLength: 60 }), (inputs) => {
        const cluster = new Cluster('abc', { quiesceTicks: 3 })
        const replica = cluster.elect('a')
        for (const input of inputs) {
          const before = replica.status
          if (typeof input === 'string') happen[input](replica.raw)
          else replica.raw.step(input)
          const after = replica.status
          expect(after.term).toBeGreaterThanOrEqual(before.term)
          expect(after.commit).toBeGreaterThanOrEqual(before.commit)
          if (after.term === before.term && before.vote !== undefined) expect(after.vote).toBe(before.vote)
          if (replica.raw.hasReady()) replica.process()
        }
      }),
      { numRuns: 300 },
    )
  }, 60_000)
})

function rejection(hintIndex: number): AppendResponse {
  return {
    type: 'append-response',
    from: id('b'),
    to: id('a'),
    term: 2,
    index: 5,
    rejected: { hintIndex, hintTerm: 0 },
  }
}

function voteRequest() {
  return {
    type: 'vote',
    from: id('b'),
    to: id('a'),
    term: 2,
    lastIndex: 1,
    lastTerm: 1,
    transfer: false,
    ...NO_COMMIT,
  } as const
}

function snapshotAt(index: number): Message {
  const configuration = new Cluster('abc').get('a').configuration
  const snapshot = { index, term: 1, configuration, data: bytes('[]') }
  return { type: 'snapshot', from: id('b'), to: id('a'), term: 2, snapshot }
}

const happen = {
  tick: (raw) => raw.tick(),
  timeout: (raw) => Array.from({ length: ELECTION_TICKS }, () => raw.tick()),
  propose: (raw) => raw.propose([bytes('x')]),
  change: (raw) => raw.proposeConfigChange(change('implicit', 'lc', 'wd')),
  read: (raw) => raw.readIndex(1),
  transfer: (raw) => raw.transferLeader(id('b')),
  campaign: (raw) => raw.campaign(),
  unreachable: (raw) => raw.reportUnreachable(id('b')),
  failed: (raw) => raw.reportSnapshot(id('b'), false),
} satisfies Record<string, (raw: ReturnType<Cluster['get']>['raw']) => unknown>

const anyEvent = fc.constantFrom(...(Object.keys(happen) as (keyof typeof happen)[]))

const small = fc.oneof({ weight: 9, arbitrary: fc.nat(6) }, fc.constantFrom(-1, 0.5, 2 ** 60, Number.NaN))
const anyId: fc.Arbitrary<VoterId> = fc.constantFrom(...ids('abcdx'))
const anyIds = fc.uniqueArray(anyId, { maxLength: 4 })
const anyEntries = fc
  .array(fc.record({ type: fc.constantFrom<EntryType>('normal', 'config'), data: fc.uint8Array({ maxLength: 4 }) }), {
    maxLength: 3,
  })
  .chain((entries) => fc.tuple(fc.constant(entries), small, small))
  .map(([entries, first, term]) => entries.map((each, i) => ({ ...each, index: first + i, term })))
const anyRejection = fc.option(fc.record({ hintIndex: small, hintTerm: small }), { nil: undefined })
const anyConfiguration = fc.record({
  voters: anyIds,
  votersOutgoing: anyIds,
  learners: anyIds,
  learnersNext: anyIds,
  witnesses: anyIds,
  autoLeave: fc.boolean(),
})

const anyMessage: fc.Arbitrary<Message> = fc
  .record({
    type: fc.constantFrom<MessageType>(
      'append',
      'append-response',
      'heartbeat',
      'heartbeat-response',
      'snapshot',
      'vote',
      'pre-vote',
      'vote-response',
      'pre-vote-response',
      'timeout-now',
      'transfer-leader',
      'propose',
      'read-index',
      'read-index-response',
      'refused',
      'quiesce',
      'wake',
    ),
    from: anyId,
    to: fc.constantFrom(id('a'), id('a'), id('a'), id('b')),
    term: small,
    prevIndex: small,
    prevTerm: small,
    index: small,
    commit: small,
    commitTerm: small,
    match: small,
    round: small,
    lastIndex: small,
    lastTerm: small,
    ticket: small,
    target: anyId,
    granted: fc.boolean(),
    transfer: fc.boolean(),
    entries: anyEntries,
    rejected: anyRejection,
    request: fc.constantFrom('proposal', 'read'),
    reason: fc.constant('busy'),
    snapshot: fc.record({ index: small, term: small, configuration: anyConfiguration, data: fc.constant(bytes('[]')) }),
  })
  .map((fields) => fields as unknown as Message)
