import { describe, expect, it } from 'vitest'
import { Cluster, change, HEARTBEAT_TICKS, id } from './cluster.js'

describe('linearizable reads (dissertation, 6.4)', () => {
  it('[RFT50] a leader answers with its commit index after a quorum confirmed that it leads', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    leader.propose('x')
    cluster.settle()
    expect(leader.raw.readIndex(7)).toBeUndefined()
    expect(leader.process().readStates).toEqual([])
    leader.raw.readIndex(8)
    cluster.settle()
    expect(leader.readStates).toContainEqual({ index: 3, ticket: 8 })
  })

  it('[RFT50] a leader that was replaced answers nothing', () => {
    const cluster = new Cluster('abc')
    const old = cluster.elect('a')
    cluster.isolate('a')
    cluster.elect('b').propose('x')
    old.raw.readIndex(1)
    cluster.settle()
    expect(old.readStates).toEqual([])
    cluster.heal()
    cluster.tick(HEARTBEAT_TICKS)
    expect(old.refusals).toEqual([{ request: 'read', ticket: 1, reason: 'not-leader' }])
  })

  it('[RFT50] echoes of learners do not count', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    leader.raw.proposeConfigChange(change('auto', 'lc'))
    cluster.settle()
    cluster.isolate('b')
    leader.raw.readIndex(1)
    cluster.settle()
    expect(leader.readStates).toEqual([])
    cluster.heal()
    cluster.tick(HEARTBEAT_TICKS)
    expect(leader.readStates).toEqual([{ index: 3, ticket: 1 }])
  })

  it('[RFT51] a new leader answers only after it has committed an entry of its term', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.get('a')
    cluster.lost = (message) => message.type === 'append'
    leader.raw.campaign()
    cluster.settle()
    leader.raw.readIndex(1)
    cluster.settle()
    expect(leader).toMatchObject({ isLeader: true, readStates: [] })
    cluster.heal()
    cluster.tick(HEARTBEAT_TICKS)
    expect(leader.readStates).toEqual([{ index: 2, ticket: 1 }])
  })

  it('[RFT52] reads between two Readies share one round of heartbeats', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    const before = cluster.delivered('heartbeat').length
    for (let ticket = 0; ticket < 100; ticket++) leader.raw.readIndex(ticket)
    cluster.settle()
    expect(leader.readStates.length).toBe(100)
    expect(cluster.delivered('heartbeat').length - before).toBe(2)
  })

  it('[RFT52] a read that comes after the heartbeats left needs a round of its own', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    leader.raw.readIndex(1)
    const sent = leader.process().messages
    leader.raw.readIndex(2)
    for (const message of sent) cluster.deliver(message)
    for (const name of 'bc') for (const answer of cluster.get(name).process().messages) leader.raw.step(answer)
    expect(leader.process().readStates).toEqual([{ index: 2, ticket: 1 }])
  })

  it('[RFT52] the answer to a later round counts for earlier ones', () => {
    const cluster = new Cluster('abcde')
    const leader = cluster.elect('a')
    const answer = (from: string, round: number) =>
      leader.raw.step({ type: 'heartbeat-response', from: id(from), to: id('a'), term: 2, round })
    leader.raw.readIndex(1)
    leader.process()
    leader.raw.readIndex(2)
    leader.process()
    answer('b', 1)
    answer('c', 2)
    leader.process()
    expect(leader.readStates).toEqual([{ index: 2, ticket: 1 }])
    answer('d', 2)
    leader.process()
    expect(leader.readStates.map((each) => each.ticket)).toEqual([1, 2])
  })

  it('[RFT53] any replica can ask', () => {
    const cluster = new Cluster('abc')
    const follower = cluster.get('b')
    expect(follower.raw.readIndex(1)).toBe('no-leader')
    cluster.elect('a').propose('x')
    cluster.settle()
    expect(follower.raw.readIndex(2)).toBeUndefined()
    cluster.settle()
    expect(follower.readStates).toEqual([{ index: 3, ticket: 2 }])
  })

  it('[RFT53] a follower hears that it asked the wrong one', () => {
    const cluster = new Cluster('abc')
    cluster.elect('a')
    cluster.isolate('b')
    cluster.elect('c')
    cluster.heal()
    cluster.get('b').raw.readIndex(5)
    cluster.settle()
    expect(cluster.get('b').refusals).toEqual([{ request: 'read', ticket: 5, reason: 'not-leader' }])
  })

  it('[RFT53] reads of followers that wait at a leader that is replaced are refused', () => {
    const cluster = new Cluster('abc')
    cluster.elect('a')
    cluster.lost = (message) => message.type === 'heartbeat-response'
    cluster.get('b').raw.readIndex(5)
    cluster.settle()
    cluster.elect('c')
    expect(cluster.get('b').refusals).toEqual([{ request: 'read', ticket: 5, reason: 'not-leader' }])
  })

  it('[RFT54] a sole voter answers at once, for learners too', () => {
    const cluster = new Cluster('a')
    const leader = cluster.elect('a')
    leader.raw.readIndex(1)
    leader.process()
    expect(leader.readStates).toEqual([{ index: 2, ticket: 1 }])
    cluster.add('b')
    leader.raw.proposeConfigChange(change('auto', 'lb'))
    cluster.settle()
    cluster.get('b').raw.readIndex(2)
    cluster.settle()
    expect(cluster.get('b').readStates).toEqual([{ index: 3, ticket: 2 }])
  })

  it('[RFT54] who becomes the sole voter answers what waits', () => {
    const cluster = new Cluster('ab')
    const leader = cluster.elect('a')
    leader.raw.proposeConfigChange(change('auto', 'rb'))
    cluster.lost = (message) => message.type === 'heartbeat'
    leader.raw.readIndex(1)
    cluster.settle()
    expect(leader.readStates).toEqual([{ index: 2, ticket: 1 }])
  })

  it('[RFT55] a leader holds a limited number of reads', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    cluster.isolate('a')
    const answers = new Set(Array.from({ length: 10_001 }, (_, ticket) => leader.raw.readIndex(ticket)))
    expect(answers).toEqual(new Set([undefined, 'busy']))
    expect(leader.raw.readIndex(0)).toBe('busy')
    leader.raw.step({ type: 'read-index', from: id('b'), to: id('a'), term: 0, ticket: 3 })
    expect(leader.raw.ready().messages).toContainEqual(expect.objectContaining({ type: 'refused', reason: 'busy' }))
  })
})
