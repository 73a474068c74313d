import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/base/random.js'
import { Cluster, change, ELECTION_TICKS, id } from './cluster.js'

const QUIESCE_TICKS = 6

function silentCluster() {
  const cluster = new Cluster('abc', { quiesceTicks: QUIESCE_TICKS, random: seededRandom(1) })
  const leader = cluster.elect('a')
  leader.propose('x')
  cluster.settle()
  cluster.tick(QUIESCE_TICKS)
  return { cluster, leader }
}

const quiesced = (cluster: Cluster) => cluster.all.map((each) => each.status.quiesced)

describe('quiescence', () => {
  it('[RFT80] a group in which nothing happens falls silent and keeps its leader', () => {
    const { cluster, leader } = silentCluster()
    expect(quiesced(cluster)).toEqual([true, true, true])
    const before = cluster.log.length
    cluster.tick(20 * ELECTION_TICKS)
    expect(cluster.log.length).toBe(before)
    expect(leader.status).toMatchObject({ role: 'leader', term: 2 })
  })

  it('[RFT80] not by default, and not while a member lags behind', () => {
    const talking = new Cluster('abc')
    talking.elect('a')
    talking.tick(100)
    expect(quiesced(talking)).toEqual([false, false, false])
    const lagging = new Cluster('abc', { quiesceTicks: QUIESCE_TICKS })
    lagging.elect('a')
    lagging.isolate('c')
    lagging.get('a').propose('x')
    lagging.tick(10 * QUIESCE_TICKS, 'ab')
    expect(quiesced(lagging)).toEqual([false, false, false])
  })

  it.each([
    ['a proposal of the leader', (cluster: Cluster) => cluster.get('a').propose('y')],
    ['a proposal of a follower', (cluster: Cluster) => cluster.get('b').propose('y')],
    ['a read of the leader', (cluster: Cluster) => cluster.get('a').raw.readIndex(1)],
    ['a read of a follower', (cluster: Cluster) => cluster.get('b').raw.readIndex(1)],
    ['wake() of the leader', (cluster: Cluster) => cluster.get('a').raw.wake()],
    ['wake() of a follower', (cluster: Cluster) => cluster.get('b').raw.wake()],
    ['a configuration change', (cluster: Cluster) => cluster.get('a').raw.proposeConfigChange(change('auto', 'lx'))],
    ['a pre-vote', (cluster: Cluster) => cluster.get('b').raw.campaign()],
  ])('[RFT81] all wake up by %s', (_, happen) => {
    const { cluster } = silentCluster()
    happen(cluster)
    cluster.settle()
    expect(quiesced(cluster)).toEqual([false, false, false])
    expect(cluster.leaders).toEqual(['a'])
    cluster.tick(3 * ELECTION_TICKS)
    expect(cluster.leaders).toEqual(['a'])
  })

  it('[RFT81] a transfer works in the silence', () => {
    const { cluster, leader } = silentCluster()
    leader.raw.transferLeader(id('b'))
    cluster.settle()
    expect(cluster.leaders).toEqual(['b'])
  })

  it('[RFT80] not before a removed leader has handed over', () => {
    const cluster = new Cluster('abc', { quiesceTicks: QUIESCE_TICKS })
    cluster.elect('a').raw.proposeConfigChange(change('auto', 'ra'))
    cluster.lost = (message) => message.type === 'timeout-now'
    cluster.tick(2 * QUIESCE_TICKS)
    expect(quiesced(cluster)).toEqual([false, false, false])
    cluster.heal()
    cluster.tick(2 * ELECTION_TICKS)
    expect(cluster.leaders.length).toBe(1)
    expect(cluster.leaders).not.toContain('a')
  })

  it('[RFT82] when the leader of a silent group is gone, a follower that wakes up gets it replaced', () => {
    const { cluster } = silentCluster()
    cluster.isolate('a')
    cluster.get('b').propose('y')
    cluster.tick(6 * ELECTION_TICKS, 'bc')
    expect(cluster.get('b').status.lead).toMatch(/[bc]/)
  })

  it('[RFT82] so does one that hears that the leader can not be reached', () => {
    const { cluster } = silentCluster()
    cluster.isolate('a')
    for (const name of 'bc') cluster.get(name).raw.reportUnreachable(id('a'))
    cluster.get('c').raw.campaign()
    cluster.settle()
    expect(cluster.leaders).toContain('c')
  })

  it('[RFT83] a follower that is not up to date does not fall silent', () => {
    const { cluster } = silentCluster()
    const follower = cluster.get('b')
    follower.raw.wake()
    const quiesce = { type: 'quiesce', from: id('a'), to: id('b'), term: 2 } as const
    expect(follower.raw.step({ ...quiesce, commit: 2 })).toBe('stale')
    expect(follower.raw.step({ ...quiesce, from: id('c'), commit: 3 })).toBe('second-leader')
    expect(follower.status.quiesced).toBe(false)
    expect(follower.raw.step({ ...quiesce, commit: 3 })).toBeUndefined()
    expect(follower.status.quiesced).toBe(true)
  })

  it('[RFT83] if the word that all is quiet gets lost, a pre-vote brings the leader back', () => {
    const cluster = new Cluster('abc', { quiesceTicks: QUIESCE_TICKS })
    cluster.elect('a')
    cluster.lost = (message) => message.type === 'quiesce' && message.to === 'b'
    cluster.tick(QUIESCE_TICKS)
    expect(quiesced(cluster)).toEqual([true, false, true])
    cluster.heal()
    cluster.tick(10 * ELECTION_TICKS)
    expect(cluster.leaders).toEqual(['a'])
    expect(quiesced(cluster)).toEqual([true, true, true])
  })
})
