import { describe, expect, it } from 'vitest'
import type { Append } from '../../src/raft/messages.js'
import { foundingState } from '../../src/raft/options.js'
import { RawNode } from '../../src/raft/raw-node.js'
import type { Entry } from '../../src/raft/types.js'
import { bytes, Cluster, HEARTBEAT_TICKS, id, ids, NO_COMMIT, Replica, text } from './cluster.js'

function entry(term: number, index: number, payload = `${term}/${index}`): Entry {
  return { term, index, type: 'normal', data: bytes(payload) }
}

/** A follower `b` with entries of these terms from index 2 on. */
function follower(...terms: number[]): Replica {
  const initial = foundingState(ids('abc'))
  const entries = terms.map((term, i) => entry(term, i + 2))
  const hardState = { term: terms.at(-1) ?? 1, vote: undefined, commit: 1 }
  return new Replica(id('b'), { ...initial, hardState, entries }, {})
}

function append(term: number, prevTerm: number, prevIndex: number, entries: Entry[] = [], commit = 0): Append {
  return { type: 'append', from: id('a'), to: id('b'), term, prevIndex, prevTerm, entries, commit }
}

const shape = (entries: readonly Entry[]) => entries.map((each) => `${each.term}/${each.index}`).join(' ')

describe('log replication (Raft paper, 5.3)', () => {
  it('[RFT20] an entry is committed when a majority has it, then applied in order by all', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    cluster.isolate('c')
    leader.propose('x', 'y')
    leader.propose('z')
    cluster.settle()
    expect(leader.applied).toEqual(['x', 'y', 'z'])
    expect(cluster.get('b').applied).toEqual(['x', 'y', 'z'])
    cluster.heal()
    cluster.tick(HEARTBEAT_TICKS)
    expect(cluster.get('c').applied).toEqual(['x', 'y', 'z'])
  })

  it('[RFT20] what a minority has is neither committed nor applied', () => {
    const cluster = new Cluster('abcde')
    const leader = cluster.elect('a')
    cluster.lost = (message) => 'cde'.includes(message.to)
    const result = leader.propose('x')
    cluster.settle()
    expect(result).toEqual({ kind: 'appended', term: 2, first: 3, last: 3 })
    expect(leader.status.commit).toBe(2)
    expect([leader.applied, cluster.get('b').applied]).toEqual([[], []])
  })

  it('[RFT20] the leader tells followers the commit index with the next append or heartbeat', () => {
    const replica = follower(2, 2, 2)
    replica.raw.step(append(2, 2, 4, [entry(2, 5)], 3))
    replica.process()
    expect(replica.applied).toEqual(['2/2', '2/3'])
    replica.raw.step({ type: 'heartbeat', from: id('a'), to: id('b'), term: 2, commit: 5, match: 5, round: 0 })
    replica.process()
    expect(replica.applied).toEqual(['2/2', '2/3', '2/4', '2/5'])
  })

  it('[RFT20] a commit index beyond what the append covers commits no further than that', () => {
    const replica = follower(2, 2, 2)
    replica.raw.step(append(3, 2, 2, [entry(2, 3)], 9))
    expect(replica.status.commit).toBe(3)
  })

  it('[RFT21] a follower refuses entries unless it has the one before, and says where the logs may agree', () => {
    const replica = follower(2, 2, 4, 4)
    replica.raw.step(append(6, 5, 9, [entry(6, 10)]))
    replica.raw.step(append(6, 3, 4, [entry(6, 5)]))
    expect(replica.process().messagesAfterPersist).toMatchObject([
      { index: 9, rejected: { hintIndex: 5, hintTerm: 4 } },
      { index: 4, rejected: { hintIndex: 3, hintTerm: 2 } },
    ])
    expect(shape(replica.entries)).toBe('2/2 2/3 4/4 4/5')
  })

  it('[RFT22] what contradicts the leader is replaced, what agrees with it stays', () => {
    const replica = follower(2, 2, 3, 3)
    replica.raw.step(append(4, 1, 1, [entry(2, 2), entry(2, 3), entry(4, 4)]))
    const ready = replica.process()
    expect(shape(ready.entries)).toBe('4/4')
    expect(shape(replica.entries)).toBe('2/2 2/3 4/4')
    expect(ready.messagesAfterPersist).toMatchObject([{ index: 4, rejected: undefined }])
  })

  it('[RFT22] an old append, delivered late, removes nothing', () => {
    const replica = follower(2, 2, 2, 2)
    replica.raw.step(append(2, 1, 1, [entry(2, 2), entry(2, 3)]))
    const ready = replica.process()
    expect(ready.entries).toEqual([])
    expect(shape(replica.entries)).toBe('2/2 2/3 2/4 2/5')
    expect(ready.messagesAfterPersist).toMatchObject([{ index: 3 }])
  })

  it('[RFT22] of an append that begins with what is committed, what follows that counts', () => {
    const replica = follower(2, 2)
    replica.raw.step(append(2, 2, 3, [], 3))
    replica.process()
    replica.raw.step(append(2, 1, 1, [entry(2, 2), entry(2, 3), entry(2, 4)], 4))
    const ready = replica.process()
    expect(shape(ready.entries)).toBe('2/4')
    expect(replica.status.commit).toBe(4)
    expect(ready.messagesAfterPersist).toMatchObject([{ index: 4, rejected: undefined }])
  })

  it('[RFT22] replacing committed entries is refused', () => {
    const replica = follower(2, 2, 2)
    replica.raw.step(append(2, 2, 4, [], 4))
    expect(replica.raw.step(append(3, 1, 1, [entry(3, 2)]))).toBe('conflicts-with-committed')
    expect(replica.raw.step(append(3, 2, 4, [entry(3, 5)], 5))).toBeUndefined()
    replica.process()
    expect(shape(replica.entries)).toBe('2/2 2/3 2/4 3/5')
    expect(replica.status.commit).toBe(5)
  })

  it('[RFT22] entries given out for storage but replaced meanwhile are given out again', () => {
    const replica = follower()
    replica.raw.step(append(2, 1, 1, [entry(2, 2), entry(2, 3)]))
    const ready = replica.raw.ready()
    replica.raw.step({ ...append(3, 2, 2, [entry(3, 3)]), from: id('c') })
    replica.persist(ready)
    replica.apply(ready)
    replica.raw.advance()
    expect(shape(replica.entries)).toBe('2/2 2/3')
    replica.process()
    expect(shape(replica.entries)).toBe('2/2 3/3')
  })

  it('[RFT23] whatever the followers have, in the end they have what the leader has (figure 7)', () => {
    const logs = {
      a: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6],
      b: [1, 1, 1, 4, 4, 5, 5, 6, 6],
      c: [1, 1, 1, 4],
      d: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
      e: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
      f: [1, 1, 1, 4, 4, 4, 4],
      g: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    }
    const cluster = new Cluster('', {})
    for (const [name, terms] of Object.entries(logs)) {
      const initial = foundingState(ids('abcdefg'))
      const entries = terms.map((term, i) => entry(term, i + 2))
      cluster.add(name, { ...initial, entries, hardState: { term: 7, vote: undefined, commit: 1 } })
    }
    cluster.elect('a')
    cluster.tick(HEARTBEAT_TICKS)
    const expected = `${shape(logs.a.map((term, i) => entry(term, i + 2)))} 8/12`
    expect(cluster.all.map((each) => shape(each.entries))).toEqual(Array(7).fill(expected))
    const rejections = cluster.delivered('append-response').filter((each) => each.rejected !== undefined)
    expect(rejections.length).toBeLessThanOrEqual(7) // at most one for each follower or two: whole terms are skipped
  })

  it('[RFT24] a leader commits by counting only entries of its own term (figure 8)', () => {
    const initial = foundingState(ids('abcde'))
    const hardState = { term: 3, vote: undefined, commit: 1 }
    const leader = new Replica(id('a'), { ...initial, hardState, entries: [entry(2, 2)] }, {})
    const from = (names: string) => ids(names).map((name) => ({ from: name, to: id('a'), term: 4 }))
    leader.raw.campaign({ transfer: true })
    leader.process()
    for (const each of from('bc')) leader.raw.step({ ...each, type: 'vote-response', granted: true, ...NO_COMMIT })
    leader.process()
    const stored = (index: number, names: string) => {
      for (const each of from(names)) leader.raw.step({ ...each, type: 'append-response', index, rejected: undefined })
    }
    stored(2, 'bcde') // the old entry is everywhere, and may still be replaced
    expect(leader.status.commit).toBe(1)
    stored(3, 'b')
    expect(leader.status.commit).toBe(1)
    stored(3, 'c')
    expect(leader.status.commit).toBe(3)
  })

  it('[RFT25] a leader starts its term with an empty entry, which commits everything before it', () => {
    const cluster = new Cluster('abc')
    cluster.elect('a').propose('x')
    cluster.lost = (message) => message.type === 'append' && message.commit > 2 // nobody hears of the commit
    cluster.settle()
    expect(cluster.get('b').applied).toEqual([])
    cluster.isolate('a')
    cluster.get('b').raw.campaign({ transfer: true })
    cluster.settle()
    expect(cluster.get('b').applied).toEqual(['x'])
    expect(cluster.get('b').entries.map((each) => text(each.data))).toEqual(['', 'x', ''])
  })

  it('[RFT26] the leader tries for ever until a follower has everything', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    let lost = 0
    cluster.lost = (message) => message.to === 'c' && message.type === 'append' && lost++ < 20
    leader.propose('x')
    cluster.tick(30 * HEARTBEAT_TICKS)
    expect(lost).toBeGreaterThan(20)
    expect(cluster.get('c').applied).toEqual(['x'])
  })
})

describe('what is durable when', () => {
  it('[RFT27] votes, acknowledgements and vote requests wait for storage; appends of a leader do not', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    leader.propose('x')
    const leading = leader.raw.ready()
    expect(leading.messages.map((each) => each.type)).toEqual(['append', 'append'])
    expect(leading.messagesAfterPersist).toEqual([])
    cluster.get('b').raw.step(leading.messages[0] as Append)
    const following = cluster.get('b').raw.ready()
    expect(following).toMatchObject({
      mustSync: true,
      messages: [],
      messagesAfterPersist: [{ type: 'append-response' }],
    })
    cluster.get('c').raw.campaign({ transfer: true })
    const campaigning = cluster.get('c').raw.ready()
    expect(campaigning).toMatchObject({ mustSync: true, messages: [] })
    expect(campaigning.messagesAfterPersist.map((each) => each.type)).toEqual(['vote', 'vote'])
  })

  it('[RFT27] the own vote and the own entries count only after advance()', () => {
    const cluster = new Cluster('ab')
    const leader = cluster.elect('a')
    leader.propose('x')
    const ready = leader.raw.ready()
    leader.raw.step({
      type: 'append-response',
      from: id('b'),
      to: id('a'),
      term: 2,
      index: 3,
      rejected: undefined,
    })
    expect(leader.status.commit).toBe(2)
    leader.persist(ready)
    leader.raw.advance()
    expect(leader.status.commit).toBe(3)
  })

  it('[RFT27] what was not durable does not count after losing office meanwhile', () => {
    const cluster = new Cluster('ab', { preVote: false, checkQuorum: false })
    const replica = cluster.get('a')
    replica.raw.campaign()
    replica.raw.ready()
    replica.raw.step({ type: 'heartbeat', from: id('b'), to: id('a'), term: 3, commit: 0, match: 0, round: 0 })
    replica.raw.advance()
    expect(replica.status).toMatchObject({ role: 'follower', term: 3, lead: 'b' })
    const other = new Cluster('ab')
    const leader = other.elect('b')
    leader.propose('x')
    leader.raw.ready()
    leader.raw.step({ type: 'heartbeat', from: id('a'), to: id('b'), term: 9, commit: 0, match: 0, round: 0 })
    leader.raw.advance()
    expect(leader.status).toMatchObject({ role: 'follower', term: 9 })
  })

  it('[RFT28] a restarted replica goes on from what it stored, and applies again from its snapshot', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    leader.propose('x')
    cluster.settle()
    const before = leader.status
    leader.restart()
    expect(leader.applied).toEqual([])
    expect(leader.status).toMatchObject({ role: 'follower', term: before.term, vote: 'a', commit: before.commit })
    cluster.settle()
    expect(leader.applied).toEqual(['x'])
  })

  it('[RFT28] with the state machine ahead of the snapshot only the rest is applied', () => {
    const initial = foundingState(ids('abc'))
    const raw = new RawNode({
      id: id('a'),
      random: () => 0,
      snapshot: () => undefined,
      initial: {
        hardState: { term: 1, vote: undefined, commit: 1 },
        snapshot: initial.snapshot,
        entries: [entry(1, 2, 'old'), entry(1, 3, 'new')],
        applied: { index: 2, configuration: initial.snapshot.configuration },
      },
    })
    expect(raw.status()).toMatchObject({ applied: 2, commit: 2 })
    expect(raw.hasReady()).toBe(false)
    expect(shape(raw.entries(0, 9))).toBe('1/2 1/3')
    expect([raw.term(3), raw.term(4)]).toEqual([1, undefined])
  })
})
