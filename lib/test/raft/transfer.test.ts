import { describe, expect, it } from 'vitest'
import { Cluster, change, ELECTION_TICKS, HEARTBEAT_TICKS, id, NO_COMMIT } from './cluster.js'

describe('handing over leadership (dissertation, 3.10)', () => {
  it('[RFT40] the target campaigns at once, without pre-vote, although everybody hears the leader', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    expect(leader.raw.transferLeader(id('b'))).toBeUndefined()
    cluster.settle()
    expect(cluster.leaders).toEqual(['b'])
    expect(cluster.delivered('pre-vote')).toEqual([])
    expect(leader.transfers).toEqual([{ to: 'b', outcome: 'done' }])
  })

  it('[RFT41] a target that lags behind is brought up to date first', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    cluster.isolate('b')
    leader.propose('x')
    cluster.settle()
    leader.raw.transferLeader(id('b'))
    expect(leader.propose('y')).toEqual({ kind: 'dropped', reason: 'transferring' })
    cluster.heal()
    cluster.tick(HEARTBEAT_TICKS)
    expect(cluster.leaders).toEqual(['b'])
    expect(cluster.get('b').applied).toEqual(['x'])
  })

  it('[RFT42] after an election timeout the leader gives up and goes on', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    cluster.isolate('b')
    leader.raw.transferLeader(id('b'))
    expect(leader.status.transferee).toBe('b')
    cluster.tick(ELECTION_TICKS)
    expect(leader.transfers).toEqual([{ to: 'b', outcome: 'timeout' }])
    expect(leader.propose('x').kind).toBe('appended')
  })

  it('[RFT42] another wish replaces the first, the same one does not', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    cluster.isolate('b')
    leader.raw.transferLeader(id('b'))
    expect(leader.raw.transferLeader(id('b'))).toBe('under-way')
    leader.raw.transferLeader(id('c'))
    cluster.settle()
    expect(cluster.leaders).toEqual(['c'])
    expect(leader.transfers).toEqual([
      { to: 'b', outcome: 'superseded' },
      { to: 'c', outcome: 'done' },
    ])
  })

  it('[RFT42] it ends when the target loses its vote', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    cluster.isolate('b')
    leader.raw.proposeConfigChange(change('auto', 'lb'))
    leader.raw.transferLeader(id('b'))
    cluster.settle()
    expect(leader.transfers).toEqual([{ to: 'b', outcome: 'target-removed' }])
  })

  it('[RFT42] it is lost when somebody else leads, or nobody does', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    cluster.isolate('b')
    leader.raw.transferLeader(id('b'))
    cluster.settle()
    cluster.elect('c')
    expect(leader.transfers).toEqual([{ to: 'b', outcome: 'lost' }])

    const next = cluster.get('c')
    next.raw.transferLeader(id('b'))
    next.raw.step({
      type: 'vote',
      from: id('a'),
      to: id('c'),
      term: 9,
      lastIndex: 0,
      lastTerm: 0,
      transfer: true,
      ...NO_COMMIT,
    })
    cluster.settle()
    expect(next.transfers).toEqual([])
    next.raw.campaign()
    cluster.settle()
    expect(next.transfers).toEqual([{ to: 'b', outcome: 'lost' }])
  })

  it('[RFT43] any follower can ask for it', () => {
    const cluster = new Cluster('abc')
    cluster.elect('a')
    expect(cluster.get('b').raw.transferLeader(id('c'))).toBeUndefined()
    cluster.settle()
    expect(cluster.leaders).toEqual(['c'])
    expect(cluster.get('b').raw.transferLeader(id('x'))).toBeUndefined()
    cluster.settle()
    expect(cluster.get('c').status.ignored).toMatchObject({ unexpected: 1 })
  })

  it('[RFT43] what can never work is refused at once', () => {
    const cluster = new Cluster('abc')
    expect(cluster.get('a').raw.transferLeader(id('b'))).toBe('no-leader')
    const leader = cluster.elect('a')
    expect(leader.raw.transferLeader(id('a'))).toBe('already-leader')
    expect(cluster.get('b').raw.transferLeader(id('a'))).toBe('already-leader')
    expect(leader.raw.transferLeader(id('x'))).toBe('not-a-voter')
    leader.raw.proposeConfigChange(change('auto', 'lc'))
    cluster.settle()
    expect(leader.raw.transferLeader(id('c'))).toBe('not-a-voter')
  })

  it('[RFT44] leaving a joint configuration waits for the transfer, not for ever', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    cluster.lost = (message) => message.type === 'timeout-now'
    leader.raw.proposeConfigChange(change('implicit', 'lc'))
    leader.raw.transferLeader(id('b'))
    cluster.settle()
    expect(leader.status.configuration.autoLeave).toBe(true)
    cluster.tick(2 * ELECTION_TICKS)
    expect(leader.status.configuration).toMatchObject({ voters: ['a', 'b'], votersOutgoing: [] })
  })
})
