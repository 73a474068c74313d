import { describe, expect, it } from 'vitest'
import { Cluster, change, HEARTBEAT_TICKS, id } from './cluster.js'

const holdCommits = true

/** A leader `a` with followers `b` and `c`, which know everything that is committed. */
function start(): Cluster {
  const cluster = new Cluster('abc', { holdCommits })
  const leader = cluster.elect('a')
  leader.raw.releaseCommit(leader.status.commit)
  cluster.settle()
  return cluster
}

const applied = (cluster: Cluster) => cluster.all.map((each) => each.applied.join(''))

/** Messages that go by when `fn` and all that follows from it happen. */
function traffic(cluster: Cluster, fn: () => void): string[] {
  const before = cluster.log.length
  fn()
  cluster.settle()
  return cluster.log.slice(before).map(({ type, from, to }) => `${type} ${from}>${to}`)
}

describe('a commit index that is held back', () => {
  it('[RFT280] goes to followers with the next entries: a command costs an append and an answer each', () => {
    const cluster = start()
    const leader = cluster.get('a')
    const costs = ['append a>b', 'append a>c', 'append-response b>a', 'append-response c>a']
    expect(traffic(cluster, () => leader.propose('x')).sort()).toEqual(costs)
    expect(applied(cluster)).toEqual(['x', '', ''])
    leader.raw.releaseCommit(leader.status.commit)
    cluster.settle()
    expect(traffic(cluster, () => leader.propose('y')).sort()).toEqual(costs)
    expect(applied(cluster)).toEqual(['xy', 'x', 'x'])
  })

  it('[RFT280] or with the next heartbeat', () => {
    const cluster = start()
    cluster.get('a').propose('x')
    cluster.settle()
    cluster.tick(HEARTBEAT_TICKS)
    expect(applied(cluster)).toEqual(['x', 'x', 'x'])
  })

  it('[RFT294] makes heartbeats superfluous where appends were answered just now, unless a read waits for one', () => {
    const cluster = start()
    const leader = cluster.get('a')
    const wait = () =>
      traffic(cluster, () => cluster.tick(HEARTBEAT_TICKS)).filter((each) => each.startsWith('heartbeat a'))
    wait()
    leader.propose('x')
    cluster.settle()
    leader.raw.releaseCommit(leader.status.commit)
    cluster.settle()
    expect(wait()).toEqual([])
    expect(wait()).toEqual(['heartbeat a>b', 'heartbeat a>c'])
    leader.propose('y')
    cluster.settle()
    leader.raw.releaseCommit(leader.status.commit)
    cluster.settle()
    cluster.lost = ({ type }) => type === 'heartbeat'
    leader.raw.readIndex(1)
    cluster.settle()
    cluster.heal()
    expect(wait()).toEqual(['heartbeat a>b', 'heartbeat a>c'])
  })

  it('[RFT281] or when the owner releases it; what was committed since goes on being held', () => {
    const cluster = start()
    const leader = cluster.get('a')
    expect(leader.raw.heldCommit).toBeUndefined()
    leader.propose('x')
    cluster.settle()
    const held = leader.raw.heldCommit ?? 0
    leader.propose('y')
    cluster.settle()
    expect(leader.raw.heldCommit).toBe(held + 1)
    expect(traffic(cluster, () => leader.raw.releaseCommit(held))).toEqual(['append a>c', 'append-response c>a'])
    expect(leader.raw.heldCommit).toBe(held + 1)
    leader.raw.releaseCommit(held + 1)
    cluster.settle()
    expect(applied(cluster)).toEqual(['xy', 'xy', 'xy'])
    expect(leader.raw.heldCommit).toBeUndefined()
  })

  it('[RFT281] to followers does nothing when it is released on another role', () => {
    const cluster = start()
    cluster.get('a').propose('x')
    cluster.settle()
    cluster.get('a').raw.stepDown()
    expect(cluster.get('a').raw.heldCommit).toBeUndefined()
    cluster.get('a').raw.releaseCommit(3)
    expect(cluster.get('a').process().messages).toEqual([])
  })

  it('[RFT282] goes at once to the follower that proposed what is committed, and to no other', () => {
    const cluster = start()
    cluster.get('b').propose('x')
    cluster.settle()
    expect(applied(cluster)).toEqual(['x', 'x', ''])
    cluster.get('a').propose('y')
    cluster.settle()
    expect(applied(cluster)).toEqual(['xy', 'x', ''])
  })

  it('[RFT282] though another one acknowledged it first, or it lags', () => {
    const cluster = start()
    cluster.lost = ({ type, from }) => type === 'append-response' && from === 'b'
    cluster.get('b').propose('x')
    cluster.settle()
    expect(applied(cluster)).toEqual(['x', 'x', ''])
  })

  it('[RFT283] goes to a follower that reads before its answer', () => {
    const cluster = start()
    cluster.get('a').propose('x')
    cluster.settle()
    const sent = traffic(cluster, () => cluster.get('b').raw.readIndex(7))
    expect(cluster.get('b').readStates).toEqual([{ index: 3, ticket: 7 }])
    expect(applied(cluster)).toEqual(['x', 'x', 'x']) // the read's heartbeats tell everyone
    expect(sent).not.toContain('append a>b')
  })

  it('[RFT283] even one that had not acknowledged it when the heartbeats of its read left', () => {
    const cluster = start()
    cluster.lost = ({ from, type }) => from === 'b' && type === 'append-response'
    cluster.get('a').propose('x')
    cluster.settle()
    const sent = traffic(cluster, () => cluster.get('b').raw.readIndex(7))
    expect(sent.indexOf('append a>b')).toBeGreaterThanOrEqual(0)
    expect(sent.indexOf('append a>b')).toBeLessThan(sent.indexOf('read-index-response a>b'))
    expect(applied(cluster)[1]).toBe('x')
  })

  it('[RFT284] is told to all at once when the configuration changes, also to who is removed', () => {
    const cluster = start()
    cluster.get('a').raw.proposeConfigChange(change('auto', 'rc'))
    cluster.settle()
    for (const each of cluster.all) expect(each.configuration.voters).toEqual([id('a'), id('b')])
  })

  it('[RFT284] does not keep a leader that is removed from handing over', () => {
    const cluster = start()
    cluster.get('b').raw.proposeConfigChange(change('auto', 'ra'))
    cluster.settle()
    expect(cluster.leaders).toContain('b')
  })
})
