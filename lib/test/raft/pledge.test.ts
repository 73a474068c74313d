import { describe, expect, it } from 'vitest'
import type { Message, MessageOf } from '../../src/raft/messages.js'
import { Cluster, change, HEARTBEAT_TICKS, id, type Replica, type TestOptions } from './cluster.js'
import { alone, MAX_BYTES } from './goodbyes.js'

/** A leader `a` with followers that know everything that is committed. */
function start(voters = 'abc', options: TestOptions = {}): Cluster {
  const cluster = new Cluster(voters, { holdCommits: true, volatile: true, ...options })
  const leader = cluster.elect('a')
  leader.raw.releaseCommit(leader.status.commit)
  cluster.settle()
  return cluster
}

/** What `a` sends to `to` when `payload` is proposed at it. */
function appendTo(cluster: Cluster, to: string, payload = 'x'): MessageOf<'append'> {
  const leader = cluster.get('a')
  leader.propose(payload)
  const sent = leader.process().messages.find((message) => message.to === id(to) && message.type === 'append')
  return sent as MessageOf<'append'>
}

/** `replica` hears `message` and does what follows. @returns what it applied */
function hear(replica: Replica, message: Message): string[] {
  replica.raw.step(message)
  while (replica.raw.hasReady()) replica.process()
  return replica.applied
}

describe('a pledge', () => {
  it('[RFT290] lets a follower commit its own proposal after one round trip, with three messages', () => {
    const cluster = start()
    cluster.get('a').propose('first') // From here on commit indexes are held back.
    cluster.settle()
    const before = cluster.log.length
    cluster.get('b').propose('x')
    for (let i = 0; i < 2; i++) cluster.step()
    expect(cluster.get('b').applied).toEqual(['first'])
    cluster.step()
    expect(cluster.get('b').applied).toEqual(['first', 'x'])
    expect(cluster.get('a').applied).toEqual(['first'])
    cluster.settle()
    expect(cluster.get('a').applied).toEqual(['first', 'x'])
    const costs = cluster.log.slice(before).map(({ type, from, to }) => `${type} ${from}>${to}`)
    expect(costs).toEqual(['propose b>a', 'append a>b', 'append-response b>a'])
  })

  it('[RFT290] is only given if the receiver decides', () => {
    const cluster = start('abcde')
    expect(appendTo(cluster, 'b').pledge).toBe(0)
    const three = start('abc', { copies: 3 })
    expect(appendTo(three, 'b').pledge).toBe(0)
    const two = start('abc', { copies: 2 })
    expect(appendTo(two, 'b')).toMatchObject({ prevIndex: 2, pledge: 3 })
  })

  it('[RFT290] waits for the leader’s own disk', () => {
    const cluster = start('abc', { volatile: false })
    expect(appendTo(cluster, 'b').pledge).toBe(0)
  })

  it('[RFT291] is not given while the configuration changes or is joint', () => {
    const cluster = start()
    cluster.get('a').raw.proposeConfigChange(change('explicit', 'vd'))
    expect(appendTo(cluster, 'b').pledge).toBe(0)
    cluster.settle()
    expect(appendTo(cluster, 'b', 'y').pledge).toBe(0)
  })

  it('[RFT291] is not given for more than 32 entries', () => {
    const cluster = start()
    const leader = cluster.get('a')
    leader.propose(...Array.from({ length: 32 }, () => 'x'))
    expect(appendTo(cluster, 'b').pledge).toBe(34)
    leader.propose('y')
    const [, next] = leader.process().messages.filter(({ to }) => to === id('b') || to === id('c'))
    expect(next).toMatchObject({ type: 'append', pledge: 0 })
  })

  it('[RFT291] is not given beside a witness', () => {
    const cluster = start()
    cluster.add('w')
    cluster.get('a').raw.proposeConfigChange(change('auto', 'ww'))
    cluster.settle()
    expect(appendTo(cluster, 'b').pledge).toBe(0)
  })

  it('[RFT291] is not given for what an earlier leader left', () => {
    const cluster = start('abc', { volatile: false, maxMessageBytes: 1 })
    cluster.lost = ({ from, to, type }) => from === 'c' || to === 'c' || type === 'append-response'
    for (const payload of ['x', 'y', 'z']) cluster.get('a').propose(payload)
    cluster.settle()
    cluster.isolate('a')
    const before = cluster.log.length
    cluster.elect('b')
    const appends = cluster.log.slice(before).filter(({ type, to }) => type === 'append' && to === 'c')
    expect(appends).toContainEqual(expect.objectContaining({ prevIndex: 4, entries: [expect.anything()], pledge: 0 }))
    expect(cluster.get('c').applied).toEqual(['x', 'y', 'z'])
  })

  it('[RFT292] holds back reads that come before it is committed', () => {
    const cluster = start()
    const leader = cluster.get('a')
    const sent = appendTo(cluster, 'b')
    expect(hear(cluster.get('b'), sent)).toEqual(['x'])
    leader.raw.readIndex(1)
    cluster.settle()
    expect(leader.readStates).toEqual([])
    cluster.tick(HEARTBEAT_TICKS)
    expect(leader.readStates).toEqual([{ index: 3, ticket: 1 }])
  })

  it('[RFT251] raises the floor of a goodbye', () => {
    const cluster = start()
    appendTo(cluster, 'b')
    const { entries, goodbye } = cluster.get('a').raw.goodbye(() => true, MAX_BYTES)
    expect(goodbye.floor).toEqual({ index: 3, term: 2 })
    expect(entries?.entries).toMatchObject([{ index: 3 }])
  })

  it('[RFT293] counts once it is durable', () => {
    const { replica, raw } = alone('b', { voters: 'abc' })
    const entries = [{ term: 2, index: 2, type: 'normal', data: new Uint8Array(1) }] as const
    const envelope = { from: id('a'), to: id('b'), term: 2, prevIndex: 1, prevTerm: 1 }
    raw.step({ type: 'append', ...envelope, entries, commit: 1, pledge: 2 })
    const ready = raw.ready()
    expect(raw.committed).toBe(1)
    replica.persist(ready)
    raw.advance()
    expect(raw.committed).toBe(2)
    expect(raw.ready().committedEntries).toEqual(entries)
  })

  it('[RFT293] not for what it has not all of, nor after a goodbye', () => {
    const envelope = { from: id('a'), to: id('b'), term: 2, prevIndex: 1, prevTerm: 1 }
    const entries = [{ term: 2, index: 2, type: 'normal', data: new Uint8Array(1) }] as const
    const short = alone('b', { voters: 'abc' })
    short.hear({ type: 'append', ...envelope, entries, commit: 1, pledge: 3 })
    expect(short.raw.committed).toBe(1)
    const { raw } = alone('b', { voters: 'abc' })
    raw.step({ type: 'append', ...envelope, entries, commit: 1, pledge: 2 })
    raw.ready()
    raw.goodbye(() => true, MAX_BYTES)
    raw.advance()
    expect(raw.committed).toBe(1)
  })
})
