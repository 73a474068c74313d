import { describe, expect, it } from 'vitest'
import type { Append } from '../../src/raft/messages.js'
import { Cluster, change, HEARTBEAT_TICKS, id, NO_BYTES, type Replica, text } from './cluster.js'

const appends = (replica: Replica, to: string): Append[] =>
  replica.process().messages.filter((each): each is Append => each.type === 'append' && each.to === to)

const payloads = (message: Append | undefined) => message?.entries.map((each) => text(each.data))

describe('flow control', () => {
  it('[RFT70] a leader sends ahead of the acknowledgements', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    for (const payload of ['x', 'y', 'z']) leader.propose(payload)
    expect(appends(leader, 'b').map(payloads)).toEqual([['x'], ['y'], ['z']])
  })

  it('[RFT70] a member whose log it does not know gets one append, until that is answered', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    leader.raw.reportUnreachable(id('b'))
    expect(leader.status.progress.get(id('b'))).toMatchObject({ state: 'probe', paused: false })
    for (const payload of ['x', 'y', 'z']) leader.propose(payload)
    const sent = appends(leader, 'b')
    expect(sent.map(payloads)).toEqual([['x']])
    cluster.deliver(sent[0] as Append)
    const [answer] = cluster.get('b').process().messagesAfterPersist
    if (answer !== undefined) leader.raw.step(answer)
    expect(appends(leader, 'b').map(payloads)).toEqual([['y', 'z']])
  })

  it('[RFT70] reports about strangers, oneself or by followers change nothing', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    const before = leader.status
    leader.raw.reportUnreachable(id('x'))
    leader.raw.reportUnreachable(id('a'))
    cluster.get('b').raw.reportUnreachable(id('c'))
    expect(leader.status).toEqual(before)
    expect(cluster.get('b').status.lead).toBe('a')
  })

  it('[RFT71] no more appends are on the way than the window holds', () => {
    const cluster = new Cluster('abc', { maxInflightMessages: 2 })
    const leader = cluster.elect('a')
    for (const payload of ['1', '2', '3', '4']) leader.propose(payload)
    const sent = appends(leader, 'b')
    expect(sent.map(payloads)).toEqual([['1'], ['2']])
    expect(leader.status.progress.get(id('b'))).toMatchObject({ inflightMessages: 2, inflightFull: true, paused: true })
    for (const message of sent) cluster.deliver(message)
    for (const answer of cluster.get('b').process().messagesAfterPersist) leader.raw.step(answer)
    const next = appends(leader, 'b').filter((each) => each.entries.length > 0)
    expect(next.map(payloads)).toEqual([['3', '4']])
  })

  it('[RFT71] nor more bytes, though always one append', () => {
    const cluster = new Cluster('abc', { maxInflightBytes: 10 })
    const leader = cluster.elect('a')
    for (const payload of ['123', '456', '789 0 1', 'x']) leader.propose(payload)
    expect(appends(leader, 'b').map(payloads)).toEqual([['123'], ['456'], ['789 0 1']])
  })

  it('[RFT71] a full window whose messages are all lost is opened by heartbeats', () => {
    const cluster = new Cluster('abc', { maxInflightMessages: 2 })
    const leader = cluster.elect('a')
    cluster.lost = (message) => message.to === 'b' && message.type === 'append'
    for (const payload of ['1', '2', '3', '4']) leader.propose(payload)
    cluster.settle()
    cluster.heal()
    cluster.tick(2 * HEARTBEAT_TICKS)
    expect(cluster.get('b').applied).toEqual(['1', '2', '3', '4'])
  })

  it('[RFT72] an append holds at most maxMessageBytes of entries, though always one entry', () => {
    const cluster = new Cluster('abc', { maxMessageBytes: 60 })
    const leader = cluster.elect('a')
    cluster.isolate('b')
    for (const payload of ['12', '34', '56', 'x'.repeat(100), '78']) leader.propose(payload)
    cluster.settle()
    cluster.heal()
    const before = cluster.log.length
    cluster.tick(HEARTBEAT_TICKS)
    const sent = cluster.log.slice(before).filter((each): each is Append => each.type === 'append' && each.to === 'b')
    expect(sent.map((each) => each.entries.length).filter(Boolean)).toEqual([3, 1, 1])
    expect(cluster.get('b').applied.length).toBe(5)
  })

  it('[RFT73] a Ready holds at most maxCommittedBytesPerReady to apply, though always one entry', () => {
    const cluster = new Cluster('abc', { maxCommittedBytesPerReady: 40 })
    const leader = cluster.elect('a')
    const sizes: number[] = []
    const process = leader.process.bind(leader)
    leader.process = () => {
      const ready = process()
      sizes.push(ready.committedEntries.length)
      return ready
    }
    leader.propose('1', '2', '3', 'x'.repeat(100), '5')
    cluster.settle()
    expect(sizes.filter(Boolean)).toEqual([2, 1, 1, 1])
    expect(leader.applied.length).toBe(5)
  })

  it('[RFT74] a leader takes no more than maxUncommittedBytes, though always one proposal', () => {
    const cluster = new Cluster('abc', { maxUncommittedBytes: 10 })
    const leader = cluster.elect('a')
    cluster.isolate('a')
    expect(leader.propose('x'.repeat(20)).kind).toBe('appended')
    expect(leader.propose('y')).toEqual({ kind: 'dropped', reason: 'busy' })
    expect(leader.raw.propose([NO_BYTES]).kind).toBe('appended')
    expect(leader.status.uncommittedBytes).toBe(20)
    cluster.heal()
    cluster.tick(HEARTBEAT_TICKS)
    expect(leader.status.uncommittedBytes).toBe(0)
    expect(leader.propose('y').kind).toBe('appended')
  })
})

describe('proposals', () => {
  it('[RFT75] a follower forwards to the leader', () => {
    const cluster = new Cluster('abc')
    cluster.elect('a')
    const result = cluster.get('b').propose('x', 'y')
    expect(result).toMatchObject({ kind: 'forwarded', to: 'a' })
    cluster.settle()
    expect(cluster.get('b').applied).toEqual(['x', 'y'])
    expect(cluster.get('b').refusals).toEqual([])
  })

  it('[RFT75] a configuration change is forwarded, too', () => {
    const cluster = new Cluster('abc')
    cluster.elect('a')
    cluster.get('b').raw.proposeConfigChange(change('auto', 'ld'))
    cluster.settle()
    expect(cluster.get('b').status.configuration.learners).toEqual(['d'])
  })

  it('[RFT76] without a leader, or with nothing to propose, it is refused at once', () => {
    const cluster = new Cluster('abc')
    expect(cluster.get('b').propose('x')).toEqual({ kind: 'dropped', reason: 'no-leader' })
    cluster.elect('a')
    expect(cluster.get('b').propose()).toEqual({ kind: 'dropped', reason: 'invalid' })
  })

  it.each([
    ['transferring', (leader: Replica) => leader.raw.transferLeader(id('c'))],
    ['busy', (leader: Replica) => leader.propose('x'.repeat(20))],
  ])('[RFT76] what the leader refuses comes back to the follower that forwarded it: %s', (reason, prepare) => {
    const cluster = new Cluster('abc', { maxUncommittedBytes: 10 })
    const leader = cluster.elect('a')
    cluster.isolate('c')
    cluster.lost = (message) => message.to === 'c' || message.type === 'append-response'
    prepare(leader)
    const follower = cluster.get('b')
    const tickets = [follower.propose('one'), follower.propose('two')].map((each) =>
      each.kind === 'forwarded' ? each.ticket : undefined,
    )
    cluster.settle()
    expect(follower.refusals).toEqual(tickets.map((ticket) => ({ request: 'proposal', ticket, reason })))
    expect(new Set(tickets).size).toBe(2)
  })

  it('[RFT76] so does what reaches a replica that does not lead', () => {
    const cluster = new Cluster('abc')
    cluster.elect('a')
    cluster.isolate('b')
    cluster.elect('c')
    cluster.heal()
    cluster.get('b').propose('x')
    cluster.settle()
    expect(cluster.get('b').refusals).toMatchObject([{ request: 'proposal', reason: 'not-leader' }])
    cluster.get('a').raw.campaign()
    cluster.get('a').raw.step({ type: 'propose', from: id('b'), to: id('a'), term: 0, ticket: 1, entries: [] })
    cluster.get('a').raw.step({ type: 'read-index', from: id('b'), to: id('a'), term: 0, ticket: 2 })
    const { messages } = cluster.get('a').process()
    expect(messages).toContainEqual(expect.objectContaining({ type: 'refused', request: 'read', ticket: 2 }))
  })

  it('[RFT76] a forwarded batch with more than one change, or one that can not be read, is refused', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    const propose = { type: 'propose', from: id('b'), to: id('a'), term: 0, ticket: 1 } as const
    const entry = { type: 'config', data: new Uint8Array([9]) } as const
    leader.raw.step({ ...propose, entries: [entry, entry] })
    leader.raw.step({ ...propose, entries: [entry] })
    const reasons = leader.process().messages.map((each) => each.type === 'refused' && each.reason)
    expect(reasons).toEqual(['config-pending', 'invalid'])
  })

  it('[RFT77] tickets start anywhere, so that a late refusal hits no proposal after a restart', () => {
    const cluster = new Cluster('abc', { random: () => 0.5 })
    cluster.elect('a')
    expect(cluster.get('b').propose('x')).toEqual({ kind: 'forwarded', to: 'a', ticket: 2 ** 31 + 1 })
  })
})
