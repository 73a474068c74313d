import { describe, expect, it } from 'vitest'
import type { InstallSnapshot } from '../../src/raft/messages.js'
import { foundingState } from '../../src/raft/options.js'
import type { Configuration } from '../../src/raft/types.js'
import { bytes, Cluster, HEARTBEAT_TICKS, id, ids, Replica } from './cluster.js'

const configuration = foundingState(ids('abc')).snapshot.configuration

function install(index: number, term: number, changed: Partial<Configuration> = {}): InstallSnapshot {
  const snapshot = { index, term, configuration: { ...configuration, ...changed }, data: bytes('["s"]') }
  return { type: 'snapshot', from: id('a'), to: id('b'), term: 3, snapshot }
}

function follower(): Replica {
  return new Replica(id('b'), foundingState(ids('abc')), {})
}

describe('log compaction (Raft paper, 7)', () => {
  it('[RFT60] a follower that needs compacted entries gets the snapshot, then what follows', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    cluster.isolate('c')
    for (const payload of ['x', 'y', 'z']) leader.propose(payload)
    cluster.settle()
    leader.compact()
    leader.propose('after')
    cluster.settle()
    expect(leader.status.firstIndex).toBe(6)
    cluster.heal()
    cluster.tick(2 * HEARTBEAT_TICKS)
    expect(cluster.get('c').applied).toEqual(['x', 'y', 'z', 'after'])
    expect(cluster.delivered('snapshot').map((each) => each.to)).toEqual(['c'])
  })

  it('[RFT60] compaction forgets what is applied, once; it changes no other answer', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    leader.propose('x', 'y', 'z')
    cluster.settle()
    leader.compact(3)
    leader.raw.compact(2)
    expect(leader.status).toMatchObject({ firstIndex: 4, lastIndex: 5 })
    expect([2, 3, 4].map((index) => leader.raw.term(index))).toEqual([undefined, 2, 2])
    expect(leader.raw.entries(1, 9).map((each) => each.index)).toEqual([4, 5])
    expect(() => leader.raw.compact(6)).toThrow('compacting to 6, applied 5')
  })

  it('[RFT61] a snapshot replaces log, state and configuration', () => {
    const replica = follower()
    replica.raw.step(install(9, 2, { voters: ids('abcd'), learners: ids('x') }))
    expect(replica.raw.campaign()).toBe('not-promotable') // not before it is installed
    const ready = replica.process()
    expect(ready).toMatchObject({ snapshot: { index: 9 }, committedEntries: [], hardState: { term: 3, commit: 9 } })
    expect(ready.messagesAfterPersist).toMatchObject([{ type: 'append-response', index: 9 }])
    expect(replica.applied).toEqual(['s'])
    expect(replica.status).toMatchObject({
      firstIndex: 10,
      lastIndex: 9,
      applied: 9,
      configuration: { learners: ['x'] },
    })
    expect(replica.raw.campaign()).toBeUndefined()
  })

  it('[RFT61] entries that follow a snapshot wait until it is installed', () => {
    const replica = follower()
    replica.raw.step(install(9, 2))
    const entry = { term: 3, index: 10, type: 'normal', data: bytes('next') } as const
    const append = { from: id('a'), to: id('b'), term: 3, prevIndex: 9, prevTerm: 2, entries: [entry], commit: 10 }
    replica.raw.step({ type: 'append', ...append })
    expect(replica.process()).toMatchObject({ entries: [entry], committedEntries: [] })
    expect(replica.applied).toEqual(['s'])
    replica.process()
    expect(replica.applied).toEqual(['s', 'next'])
  })

  it('[RFT61] a newer snapshot may come while one is installed', () => {
    const replica = follower()
    replica.raw.step(install(9, 2))
    const ready = replica.raw.ready()
    replica.raw.step(install(12, 2))
    replica.persist(ready)
    replica.apply(ready)
    replica.raw.advance()
    expect(replica.status.applied).toBe(9)
    replica.process()
    expect(replica.status.applied).toBe(12)
  })

  it('[RFT62] a snapshot that is older than what is committed changes nothing', () => {
    const replica = follower()
    replica.raw.step(install(9, 2))
    replica.process()
    replica.raw.step(install(8, 2))
    expect(replica.process()).toMatchObject({ snapshot: undefined, messagesAfterPersist: [{ index: 9 }] })
  })

  it('[RFT62] a snapshot within the log only commits', () => {
    const initial = foundingState(ids('abc'))
    const entries = [2, 3, 4].map((index) => ({ term: 2, index, type: 'normal', data: bytes(`${index}`) }) as const)
    const replica = new Replica(id('b'), { ...initial, entries }, {})
    replica.raw.step(install(3, 2))
    const ready = replica.process()
    expect(ready).toMatchObject({ snapshot: undefined, messagesAfterPersist: [{ index: 3 }] })
    expect(replica.applied).toEqual(['2', '3'])
    expect(replica.status.lastIndex).toBe(4)
  })

  it.each([
    ['no voters', { voters: [] }],
    ['witnesses only', { witnesses: ids('abc') }],
    ['unsorted', { voters: ids('cba') }],
    ['twice', { voters: ids('abb') }],
    ['a learner that votes', { learners: ids('a') }],
    ['a next learner that does not leave', { learnersNext: ids('x') }],
    ['a next learner that stays', { votersOutgoing: ids('a'), learnersNext: ids('a') }],
    ['a witness that is none', { witnesses: ids('x') }],
    ['not for this replica', { voters: ids('acd') }],
  ])('[RFT62] a snapshot with a configuration that makes no sense is ignored: %s', (_, changed) => {
    const replica = follower()
    expect(replica.raw.step(install(9, 2, changed))).toBe('malformed')
    expect(replica.process()).toMatchObject({ snapshot: undefined, messagesAfterPersist: [{ index: 1 }] })
  })

  it('[RFT63] nothing is sent to a member while its snapshot is on the way', () => {
    const { cluster, leader } = sending()
    leader.propose('more')
    cluster.settle()
    expect(leader.status.progress.get(id('c'))).toMatchObject({ state: 'snapshot', pendingSnapshot: 5, paused: true })
    expect(cluster.messages).toEqual([])
  })

  it('[RFT63] a failed snapshot is sent again after the next heartbeat', () => {
    const { cluster, leader } = sending()
    leader.raw.reportSnapshot(id('c'), false)
    expect(leader.status.progress.get(id('c'))).toMatchObject({ state: 'probe', next: 3, paused: true })
    cluster.heal()
    cluster.tick(2 * HEARTBEAT_TICKS)
    expect(cluster.get('c').applied).toEqual(['x', 'y', 'z'])
  })

  it('[RFT63] a delivered one is followed by what comes after it', () => {
    const { cluster, leader } = sending()
    leader.raw.reportSnapshot(id('c'), true)
    expect(leader.status.progress.get(id('c'))).toMatchObject({ state: 'probe', next: 6, paused: true })
    leader.raw.reportSnapshot(id('c'), false) // too late, and to nobody
    leader.raw.reportSnapshot(id('x'), true)
    cluster.get('b').raw.reportSnapshot(id('c'), true)
    expect(leader.status.progress.get(id('c'))).toMatchObject({ state: 'probe', next: 6 })
  })

  it('[RFT63] a follower that caught up by itself needs no snapshot any more', () => {
    const { leader } = sending()
    const answer = { type: 'append-response', from: id('c'), to: id('a'), term: 2, rejected: undefined } as const
    leader.raw.step({ ...answer, index: 3 })
    expect(leader.status.progress.get(id('c'))).toMatchObject({ state: 'snapshot' })
    leader.raw.step({ ...answer, index: 5 })
    expect(leader.status.progress.get(id('c'))).toMatchObject({ state: 'replicate', match: 5, next: 6 })
  })

  it('[RFT63] a delivered one that was overtaken by another compaction is followed by the next', () => {
    const { cluster, leader } = sending()
    leader.propose('more')
    cluster.settle()
    leader.compact()
    cluster.heal()
    leader.raw.step({ type: 'append-response', from: id('c'), to: id('a'), term: 2, rejected: undefined, index: 5 })
    expect(leader.status.progress.get(id('c'))).toMatchObject({ state: 'snapshot', match: 5, pendingSnapshot: 6 })
    cluster.settle()
    expect(leader.status.progress.get(id('c'))).toMatchObject({ state: 'replicate', match: 6 })
    expect(cluster.get('c').applied).toEqual(['x', 'y', 'z', 'more'])
  })

  it('[RFT64] without a snapshot at hand, or towards a silent member, the leader waits', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    cluster.isolate('c')
    leader.propose('x')
    cluster.tick(30, 'ab')
    leader.compact()
    leader.raw.reportUnreachable(id('c'))
    cluster.tick(2 * HEARTBEAT_TICKS)
    expect(leader.status.progress.get(id('c'))).toMatchObject({ state: 'probe', recentActive: false })
    leader.snapshotAvailable = false
    cluster.heal()
    cluster.tick(2 * HEARTBEAT_TICKS)
    expect(leader.status.progress.get(id('c'))).toMatchObject({ state: 'probe', recentActive: true })
    leader.snapshotAvailable = true
    cluster.tick(2 * HEARTBEAT_TICKS)
    expect(cluster.get('c').applied).toEqual(['x'])
  })

  it('[RFT64] a snapshot that is of no use is the mistake of the owner', () => {
    const cluster = new Cluster('abc', {
      snapshot: () => ({ ...foundingState(ids('abc')).snapshot, data: bytes('[]') }),
    })
    const leader = cluster.elect('a')
    cluster.isolate('c')
    leader.propose('x')
    cluster.settle()
    leader.compact()
    cluster.heal()
    expect(() => cluster.tick(2 * HEARTBEAT_TICKS)).toThrow('snapshot at 1: first entry 4, committed 3')
  })
})

/** A leader whose snapshot for `c` got lost. */
function sending() {
  const cluster = new Cluster('abc')
  const leader = cluster.elect('a')
  cluster.isolate('c')
  leader.propose('x', 'y', 'z')
  cluster.settle()
  leader.compact()
  leader.raw.reportUnreachable(id('c'))
  cluster.lost = (message) => message.to === 'c' && message.type !== 'heartbeat'
  cluster.tick(2 * HEARTBEAT_TICKS)
  expect(leader.status.progress.get(id('c'))?.state).toBe('snapshot')
  return { cluster, leader }
}
