import { describe, expect, it } from 'vitest'
import {
  Cluster,
  change,
  ELECTION_TICKS,
  HEARTBEAT_TICKS,
  id,
  ids,
  NO_BYTES,
  NO_COMMIT,
  type Replica,
} from './cluster.js'
import { acknowledged, alone, end, goodbye, granted, led, MAX_BYTES, voteRequest } from './goodbyes.js'

describe('a goodbye', () => {
  it('[RFT267] of a learner leaves the vote that it was given and had not heard of, and no other', () => {
    const cluster = led('ab')
    const { raw } = cluster.get('a')
    cluster.add('l')
    cluster.add('m')
    raw.proposeConfigChange(change('auto', 'll', 'lm'))
    cluster.settle()
    cluster.lost = ({ to }) => to === 'l'
    raw.proposeConfigChange(change('auto', 'vl'))
    cluster.settle()
    expect(raw.status().configuration).toMatchObject({ voters: ids('abl'), votersOutgoing: [] })
    cluster.isolate('b')
    expect(end(cluster, 'm').heirs).toEqual(ids('abl'))
    expect(end(cluster, 'l').heirs).toEqual(ids('ab'))
    cluster.settle()
    expect(raw.voices).toEqual(ids('l'))
    cluster.get('a').propose('x')
    cluster.settle()
    expect(raw.status()).toMatchObject({ commit: raw.status().lastIndex })
  })

  it('[RFT250] names the leader first among the heirs, then who has most; no witness, nobody who has ended or is not reached', () => {
    const cluster = led('abcde')
    cluster.isolate('d')
    cluster.get('a').propose('x')
    cluster.settle()
    cluster.heal()
    expect(end(cluster, 'a').heirs).toEqual(ids('bced'))
    cluster.settle()
    cluster.elect('e')
    expect(end(cluster, 'b').heirs).toEqual(ids('ecd'))
    const { raw } = alone('b', { voters: 'abcw', witnesses: 'w', learners: 'l' })
    raw.step(goodbye('a', 'b', { heirs: 'cb' }))
    expect(raw.goodbye(() => true, MAX_BYTES).goodbye.heirs).toEqual(ids('cl'))
    expect(alone('b', { voters: 'abc' }).raw.goodbye((to) => to !== 'a', 0).goodbye.heirs).toEqual(ids('c'))
  })

  it('[RFT250] goes to learners after all voters, that of a learner to voters only', () => {
    expect(alone('a', { voters: 'a', learners: 'lm' }).raw.goodbye(() => true, 0).goodbye.heirs).toEqual(ids('lm'))
    const cutOff = alone('a', { voters: 'ab', learners: 'lm' })
    expect(cutOff.raw.goodbye((to) => to !== 'b', 0).goodbye.heirs).toEqual(ids('lm'))
    expect(alone('l', { voters: 'ab', learners: 'lm' }).raw.goodbye(() => true, 0).goodbye.heirs).toEqual(ids('ab'))
    const speaking = alone('l', { voters: 'ab', learners: 'lm', hosted: [{ id: id('a'), fence: 1 }] })
    const last = speaking.raw.goodbye(() => true, 0).goodbye
    expect([last.ids, last.heirs]).toEqual([ids('la'), ids('bm')])
  })

  it('[RFT251] has as floor the log of a follower, of a leader what is committed or was there before its term', () => {
    const floorOf = (each: Replica) => each.raw.goodbye(() => true, 0).goodbye.floor
    expect(floorOf(alone('b', { voters: 'abc', term: 3, log: [1, 3, 3] }).replica)).toEqual({ index: 4, term: 3 })
    const cluster = led('abc')
    cluster.isolate('bc')
    cluster.get('a').propose('more', 'and more')
    cluster.settle()
    expect(floorOf(cluster.get('a'))).toEqual({ index: 3, term: 2 })
    const heir = alone('b', { voters: 'abc', term: 3, log: [1, 3, 3] })
    heir.raw.campaign({ transfer: true })
    heir.work()
    heir.hear({ type: 'vote-response', from: id('c'), to: id('b'), term: 4, granted: true, ...NO_COMMIT })
    expect(heir.replica.isLeader).toBe(true)
    expect(floorOf(heir.replica)).toEqual({ index: 4, term: 3 })
  })

  it('[RFT252] brings the entries that the first heir lacks, if they are few', () => {
    const cluster = led('abc')
    cluster.lost = (message) => message.type === 'append' && message.to === 'b'
    cluster.get('a').propose('x')
    cluster.settle()
    expect(cluster.get('a').status.commit).toBe(4)
    const last = cluster.get('a').raw.goodbye((to) => to === 'b', MAX_BYTES)
    expect(last.entries).toMatchObject({ type: 'append', from: 'a', prevIndex: 3 })
    expect(last.entries?.entries.map(({ index }) => index)).toEqual([4])
    const other = led('abc')
    other.lost = (message) => message.type === 'append' && message.to === 'b'
    other.get('a').propose('x')
    other.settle()
    expect(other.get('a').raw.goodbye((to) => to === 'b', 0).entries).toMatchObject({ prevIndex: 3, entries: [] })
  })

  it('[RFT252] brings the last ones that are few to an heir that it has not heard in its term', () => {
    const cluster = led('abc')
    cluster.lost = (message) => message.from === 'b' && message.type === 'append-response'
    cluster.elect('c')
    cluster.settle()
    const { raw, status } = cluster.get('c')
    expect(status).toMatchObject({ role: 'leader', commit: 4, lastIndex: 4 })
    const last = raw.goodbye((to) => to === 'b', MAX_BYTES)
    expect(last.entries).toMatchObject({ type: 'append', from: 'c', prevIndex: 1 })
    expect(last.entries?.entries.map(({ index }) => index)).toEqual([2, 3, 4])
  })

  it('[RFT252] brings an heir that slept what a sole voter committed alone, even if it leads anew', () => {
    const cluster = led('a')
    cluster.add('l')
    const { raw } = cluster.get('a')
    raw.proposeConfigChange(change('auto', 'll'))
    cluster.settle()
    cluster.isolate('l')
    cluster.get('a').propose('x')
    cluster.settle()
    raw.stepDown()
    cluster.elect('a')
    const { commit } = cluster.get('a').status
    expect(cluster.get('l').status.lastIndex).toBe(commit - 2)
    const { entries } = raw.goodbye(() => true, MAX_BYTES)
    if (entries !== undefined) cluster.get('l').raw.step({ ...entries, to: id('l') })
    expect(cluster.get('l').raw.status()).toMatchObject({ lastIndex: commit, commit })
  })

  it.each([false, true])(
    '[RFT252] brings what follows a snapshot that is on its way (delivered: %s)',
    (isDelivered) => {
      const cluster = led('a')
      const { raw } = cluster.get('a')
      cluster.get('a').compact()
      cluster.add('l')
      cluster.lost = (message) => message.type === 'append-response' && message.rejected === undefined
      raw.proposeConfigChange(change('auto', 'll'))
      cluster.settle()
      cluster.tick(HEARTBEAT_TICKS)
      const snapshotIndex = cluster.get('l').status.lastIndex
      if (isDelivered) raw.reportSnapshot(id('l'), true)
      cluster.get('a').propose('more')
      cluster.settle()
      expect(raw.status().progress.get(id('l'))).toMatchObject({ match: 0 })
      const { entries } = raw.goodbye(() => true, MAX_BYTES)
      expect(entries).toMatchObject({ commit: snapshotIndex + 1 })
      if (entries !== undefined) cluster.get('l').raw.step({ ...entries, to: id('l') })
      expect(cluster.get('l').status).toMatchObject({ lastIndex: snapshotIndex + 1, commit: snapshotIndex + 1 })
    },
  )

  it('[RFT252] brings what an heir lacks, though it begins before what that one knows to be committed', () => {
    const cluster = led('abc')
    const leader = cluster.get('a')
    cluster.lost = (message) => message.from === 'b'
    leader.propose('x')
    cluster.settle()
    cluster.isolate('b')
    leader.propose('y')
    cluster.settle()
    const heir = cluster.get('b')
    expect(heir.status).toMatchObject({ lastIndex: 4, commit: 4 })
    const { entries } = leader.raw.goodbye((to) => to === 'b', MAX_BYTES)
    expect(entries).toMatchObject({ prevIndex: 3, commit: 5 })
    if (entries !== undefined) heir.raw.step({ ...entries, to: id('b') })
    expect(heir.raw.status()).toMatchObject({ lastIndex: 5, commit: 5 })
  })

  it('[RFT252] tells an heir that has everything what is committed: nobody else may be left who knows', () => {
    const cluster = led('abc')
    cluster.lost = (message) => message.type === 'append' && message.entries.length === 0
    cluster.get('a').propose('x')
    cluster.settle()
    expect(cluster.get('a').status.commit).toBe(4)
    expect(cluster.get('b').status).toMatchObject({ lastIndex: 4, commit: 3 })
    const { entries } = cluster.get('a').raw.goodbye((to) => to === 'b', MAX_BYTES)
    if (entries !== undefined) cluster.get('b').raw.step({ ...entries, to: id('b') })
    expect(cluster.get('b').raw.status().commit).toBe(4)
  })

  it('[RFT253] ends everything: what follows is neither done nor said', () => {
    const cluster = led('abc')
    const { raw, status } = cluster.get('a')
    raw.propose([NO_BYTES])
    const ready = raw.ready()
    raw.goodbye(() => true, MAX_BYTES)
    expect(
      raw.step({ type: 'append-response', from: id('b'), to: id('a'), term: 2, index: 4, rejected: undefined }),
    ).toBe('unexpected')
    cluster.get('a').persist(ready)
    raw.advance()
    for (let i = 0; i < 5 * ELECTION_TICKS; i++) raw.tick()
    expect(raw.propose([NO_BYTES])).toEqual({ kind: 'dropped', reason: 'no-leader' })
    expect(raw.readIndex(1)).toBe('no-leader')
    expect(raw.campaign()).toBe('not-promotable')
    expect(raw.hasReady()).toBe(false)
    expect(raw.status()).toMatchObject({ role: 'follower', term: status.term, commit: status.commit })
    const sole = alone('a', { voters: 'a' })
    sole.raw.campaign()
    sole.work()
    sole.raw.propose([NO_BYTES])
    sole.raw.ready()
    sole.raw.goodbye(() => true, 0)
    sole.raw.advance()
    expect(sole.raw.status().commit).toBe(2)
  })
})

describe('an heir', () => {
  it('[RFT254] speaks for who said goodbye: a leader goes on with its votes', () => {
    const cluster = led('abc')
    end(cluster, 'c')
    cluster.settle()
    expect(cluster.get('a').raw.voices).toEqual(ids('c'))
    end(cluster, 'b')
    cluster.settle()
    const { raw, hardState } = cluster.get('a')
    expect(hardState.hosted).toEqual([
      { id: 'c', fence: 2 },
      { id: 'b', fence: 2 },
    ])
    raw.propose([NO_BYTES])
    raw.readIndex(7)
    cluster.tick(3 * ELECTION_TICKS)
    expect(cluster.leaders).toEqual(['a'])
    expect(cluster.get('a').status.commit).toBe(cluster.get('a').status.lastIndex)
    expect(cluster.get('a').readStates.map(({ ticket }) => ticket)).toEqual([7])
  })

  it('[RFT254] elects itself with them after the leader ended, and after a restart', () => {
    const cluster = led('abc')
    end(cluster, 'c')
    cluster.settle()
    end(cluster, 'a')
    cluster.settle()
    expect(cluster.get('b').raw.voices).toEqual(ids('ac'))
    cluster.tick(2 * ELECTION_TICKS)
    expect(cluster.leaders).toEqual(['b'])
    cluster.get('b').restart()
    expect(cluster.get('b').raw.voices).toEqual(ids('ac'))
    cluster.tick(2 * ELECTION_TICKS)
    expect(cluster.leaders).toEqual(['b'])
    expect(cluster.get('b').applied).toEqual(['first'])
  })

  it('[RFT255] has the log, compared as in votes', () => {
    const floor = { index: 3, term: 2 }
    const adopts = (log: readonly number[]) => {
      const { hear, voices } = alone('b', { voters: 'abc', term: 3, log })
      hear(goodbye('a', 'b', { term: 2, floor }))
      return voices()
    }
    expect([adopts([2]), adopts([1, 1, 1]), adopts([2, 2]), adopts([3])]).toEqual(['', '', 'a', 'a'])
  })

  it('[RFT255] adopts as soon as its log is there, though the goodbye came first', () => {
    const { hear, voices } = alone('b', { voters: 'abc', term: 2, log: [2] })
    hear(goodbye('a', 'b', { term: 2, floor: { index: 3, term: 2 } }))
    const entries = [{ term: 2, index: 3, type: 'normal', data: NO_BYTES }] as const
    const append = {
      type: 'append',
      from: id('c'),
      to: id('b'),
      term: 2,
      prevIndex: 2,
      prevTerm: 2,
      commit: 1,
    } as const
    const { sent } = hear({ ...append, entries })
    expect(voices()).toBe('a')
    expect(acknowledged(sent)).toEqual([
      [3, ''],
      [3, 'a'],
    ])
  })

  it('[RFT255] that comes to lead by itself has a newer log than any floor', () => {
    const hosted = [{ id: id('c'), fence: 1 }]
    const { raw, hear, work, voices } = alone('b', {
      voters: 'abcde',
      term: 3,
      hosted: [...hosted, { id: id('d'), fence: 1 }],
    })
    hear(goodbye('a', 'b', { term: 3, floor: { index: 9, term: 3 } }))
    expect(voices()).toBe('cd')
    raw.campaign({ transfer: true })
    work()
    expect(voices()).toBe('cda')
  })

  it('[RFT256] waits for the goodbyes of the heirs before it, and takes nothing that one of them held', () => {
    const later = () => alone('c', { voters: 'abcd' })
    const second = later()
    second.hear(goodbye('a', 'c', { heirs: 'bc' }))
    expect(second.voices()).toBe('')
    second.hear(goodbye('b', 'c', { heirs: '' }))
    expect(second.voices()).toBe('a')
    const barred = later()
    barred.hear(goodbye('a', 'c', { heirs: 'bc' }))
    barred.hear(goodbye('b', 'c', { heirs: '', ids: 'ba' }))
    expect(barred.voices()).toBe('')
    const notNamed = later()
    notNamed.hear(goodbye('a', 'c', { heirs: 'b' }))
    notNamed.hear(goodbye('b', 'c', { heirs: '' }))
    expect(notNamed.voices()).toBe('')
  })

  it('[RFT256] gets with a vote all that its owner held; what was pending goes to the next by itself', () => {
    const chain = alone('b', { voters: 'abcd' })
    chain.hear(goodbye('a', 'b'))
    expect(chain.raw.goodbye(() => true, 0).goodbye.ids).toEqual(ids('ba'))
    const pending = alone('b', { voters: 'abcd' })
    pending.hear(goodbye('a', 'b', { heirs: 'bc', floor: { index: 9, term: 1 } }))
    expect(pending.raw.goodbye(() => true, 0).goodbye.ids).toEqual(ids('b'))
    const third = alone('c', { voters: 'abcd' })
    third.hear(goodbye('b', 'c', { ids: 'ba' }))
    expect(third.voices()).toBe('ba')
  })

  it('[RFT256] holds both who said goodbye to each other', () => {
    for (const order of ['ab', 'ba']) {
      const third = alone('c', { voters: 'abc' })
      for (const name of order) third.hear(goodbye(name, 'c', { heirs: name === 'a' ? 'bc' : 'ac' }))
      expect([...third.voices()].sort().join('')).toBe('ab')
    }
  })

  it('[RFT257] rises to the term of the goodbye, and says for others only what is above it', () => {
    const { raw, hear, work, replica } = alone('b', { voters: 'abc', term: 2, log: [2] })
    raw.campaign({ transfer: true })
    work()
    expect(replica.status).toMatchObject({ role: 'candidate', term: 3 })
    hear(goodbye('a', 'b', { term: 5 }))
    expect(replica.status).toMatchObject({ role: 'follower', term: 5, vote: undefined })
    const log = { lastIndex: 5, lastTerm: 4 }
    expect(granted(hear(voteRequest('c', 'b', 5, log)).sent)).toEqual([''])
    expect(granted(hear(voteRequest('c', 'b', 6, log)).sent)).toEqual(['a'])
  })

  it('[RFT257] repeats its vote of a later term for what it adopts, and no vote of the same term', () => {
    const voted = (term: number) => {
      const { hear } = alone('b', { voters: 'abc', term: 3, vote: 'c' })
      return granted(hear(goodbye('a', 'b', { term })).sent)
    }
    expect([voted(2), voted(3)]).toEqual([['a'], ['']])
  })

  it('[RFT257] as a candidate counts the adopted vote with its own, once its own is durable', () => {
    const own = (term: number) => {
      const { raw, hear, work, replica } = alone('b', { voters: 'abc', term: 2 })
      raw.campaign({ transfer: true })
      work()
      hear(goodbye('a', 'b', { term }))
      return replica.status.role
    }
    expect([own(2), own(3)]).toEqual(['leader', 'candidate'])
    const { raw, replica } = alone('b', { voters: 'abc', term: 2 })
    raw.step(goodbye('a', 'b', { term: 2 }))
    replica.persist(raw.ready())
    raw.campaign({ transfer: true })
    raw.advance()
    expect(raw.status().role).toBe('candidate')
    expect(raw.ready().hardState).toMatchObject({ term: 3, vote: 'b' })
    raw.advance()
    expect(raw.status().role).toBe('leader')
  })

  it('[RFT258] speaks only after the adoption is durable, with the log and the term that it needs', () => {
    const { raw, replica } = alone('b', { voters: 'abc', term: 2 })
    raw.step(goodbye('a', 'b', { term: 4 }))
    expect(raw.voices).toEqual([])
    const ready = raw.ready()
    expect(ready).toMatchObject({ mustSync: true, hardState: { term: 4, hosted: [{ id: 'a', fence: 4 }] } })
    raw.step(voteRequest('c', 'b', 5, { lastIndex: 1, lastTerm: 1 }))
    replica.persist(ready)
    expect(raw.voices).toEqual([])
    raw.advance()
    expect(raw.voices).toEqual(ids('a'))
    expect(granted(raw.ready().messagesAfterPersist)).toEqual(['', 'a'])
  })

  it('[RFT258] that crashes before has adopted nothing', () => {
    const { raw, replica } = alone('b', { voters: 'abc' })
    raw.step(goodbye('a', 'b'))
    expect(raw.ready().mustSync).toBe(true)
    replica.restart()
    expect(replica.raw.voices).toEqual([])
  })

  it('[RFT259] late and repeated goodbyes change nothing; a lost one is as a crash', () => {
    const { hear, voices, replica } = alone('b', { voters: 'abc' })
    hear(goodbye('a', 'b', { term: 2 }))
    const before = replica.hardState
    expect(hear(goodbye('a', 'b', { term: 2 })).sent).toEqual([])
    expect([voices(), replica.hardState]).toEqual(['a', before])
    const cluster = led('abc')
    end(cluster, 'c', '')
    end(cluster, 'b', '')
    cluster.get('a').propose('x')
    cluster.tick(3 * ELECTION_TICKS)
    expect(cluster.get('a').applied).toEqual(['first'])
  })

  it('[RFT266] a candidate that was refused asks who asked it, and spoke for others', () => {
    for (const preVote of [true, false]) {
      const restarted = alone('a', { voters: 'abc', learners: 'd', term: 3, log: [1, 3] }, { preVote })
      const request = { from: id('d'), to: id('a'), lastIndex: 2, lastTerm: 1, transfer: false, ...NO_COMMIT } as const
      const type = preVote ? 'pre-vote' : 'vote'
      restarted.hear({ ...request, type, term: 4, speaksFor: ids('bc') })
      restarted.raw.campaign()
      expect(
        restarted
          .work()
          .filter((message) => message.type === type)
          .map(({ to }) => to),
      ).toEqual([id('d')])
    }
  })

  it('[RFT266] says for whom it speaks when it asks for votes', () => {
    const heir = alone('d', { voters: 'abc', learners: 'd', term: 3, hosted: [{ id: id('b'), fence: 2 }] })
    heir.raw.campaign()
    expect(heir.work()).toContainEqual(expect.objectContaining({ type: 'pre-vote', to: id('a'), speaksFor: ids('b') }))
  })

  it('[RFT260] is a learner, if it has to be, and leads', () => {
    const cluster = new Cluster('a')
    cluster.add('l')
    cluster.elect('a').raw.proposeConfigChange(change('auto', 'll'))
    cluster.settle()
    cluster.get('a').propose('x')
    cluster.settle()
    cluster.tick(HEARTBEAT_TICKS)
    end(cluster, 'a')
    cluster.tick(2 * ELECTION_TICKS)
    expect(cluster.leaders).toEqual(['l'])
    cluster.get('l').raw.proposeConfigChange(change('auto', 'vl', 'ra'))
    cluster.tick(2 * ELECTION_TICKS)
    expect(cluster.get('l').configuration.voters).toEqual(ids('l'))
    expect(cluster.leaders).toEqual(['l'])
  })

  it('[RFT260] counts in each half of a joint configuration for itself', () => {
    const cluster = led('abc')
    for (const name of 'def') cluster.add(name)
    cluster.get('a').raw.proposeConfigChange(change('explicit', 'vd', 've', 'vf', 'rb', 'rc'))
    cluster.settle()
    cluster.tick(HEARTBEAT_TICKS)
    for (const name of 'bde') end(cluster, name)
    cluster.settle()
    cluster.isolate('cf')
    cluster.get('a').propose('x')
    cluster.settle()
    expect(cluster.get('a').configuration.votersOutgoing).toEqual(ids('abc'))
    expect(cluster.get('a').applied).toEqual(['first', 'x'])
  })

  it('[RFT260] that is a learner is asked for its vote', () => {
    const { raw, hear, work } = alone('b', { voters: 'abc', learners: 'l' })
    raw.campaign({ transfer: true })
    work()
    hear({ type: 'vote-response', from: id('c'), to: id('b'), term: 2, granted: true, ...NO_COMMIT })
    const speaksFor = ids('a')
    hear({ type: 'heartbeat-response', from: id('l'), to: id('b'), term: 2, round: 0, speaksFor })
    hear({ type: 'append-response', from: id('c'), to: id('b'), term: 4, index: 0, rejected: undefined })
    raw.campaign({ transfer: true })
    const asked = work().flatMap((each) => (each.type === 'vote' ? [each.to] : []))
    expect(asked.sort()).toEqual(ids('cl'))
  })
})
