import { describe, expect, it } from 'vitest'
import type { Goodbye, Message } from '../../src/raft/messages.js'
import { emptyState } from '../../src/raft/options.js'
import type { HardState, InitialState, VoterId } from '../../src/raft/types.js'
import {
  Cluster,
  change,
  ELECTION_TICKS,
  HEARTBEAT_TICKS,
  id,
  ids,
  NO_BYTES,
  NO_COMMIT,
  Replica,
  type TestOptions,
} from './cluster.js'

const MAX_BYTES = 4096

/** `name` ends; its last words are on their way to `hearers`. */
function end(cluster: Cluster, name: string, hearers?: string): Omit<Goodbye, 'to'> {
  const others = [...cluster.replicas.keys()].filter((each) => each !== name)
  const heard = others.filter((each) => hearers?.includes(each) ?? true)
  const { entries, goodbye } = cluster.get(name).raw.goodbye((to) => heard.includes(to), MAX_BYTES)
  cluster.replicas.delete(id(name))
  for (const to of heard) {
    if (entries !== undefined) cluster.messages.push({ ...entries, to })
    cluster.messages.push({ ...goodbye, to })
  }
  return goodbye
}

/** A cluster whose leader is `a`, with one entry committed everywhere. */
function led(voters: string, options: TestOptions = {}): Cluster {
  const cluster = new Cluster(voters, options)
  cluster.elect('a').propose('first')
  cluster.settle()
  return cluster
}

interface Stored {
  readonly voters: string
  readonly learners?: string
  readonly witnesses?: string
  readonly term?: number
  readonly vote?: string
  readonly hosted?: HardState['hosted']
  /** The terms of the entries from index 2 on. */
  readonly log?: readonly number[]
}

function stored({ voters, learners = '', witnesses = '', term = 1, vote, hosted, log = [] }: Stored): InitialState {
  const configuration = {
    ...emptyState.snapshot.configuration,
    voters: ids(voters),
    learners: ids(learners),
    witnesses: ids(witnesses),
  }
  return {
    hardState: { term, vote: vote === undefined ? undefined : id(vote), commit: 1, hosted },
    snapshot: { index: 1, term: 1, configuration },
    entries: log.map((each, i) => ({ term: each, index: i + 2, type: 'normal', data: NO_BYTES })),
  }
}

/** A replica alone, with what it sends. */
function alone(name: string, initial: Stored, options: TestOptions = {}) {
  const replica = new Replica(id(name), stored(initial), options)
  const sent: Message[] = []
  const work = () => {
    while (replica.raw.hasReady()) {
      const ready = replica.process()
      sent.push(...ready.messages, ...ready.messagesAfterPersist)
    }
    return sent.splice(0)
  }
  const hear = (message: Message) => {
    const ignored = replica.raw.step(message)
    return { ignored, sent: work() }
  }
  return { replica, raw: replica.raw, work, hear, voices: () => replica.raw.voices.join('') }
}

function goodbye(
  from: string,
  to: string,
  rest: Partial<Omit<Goodbye, 'heirs' | 'ids'>> & { heirs?: string; ids?: string } = {},
): Goodbye {
  const { heirs = to, ids: given = from, ...others } = rest
  const envelope = { type: 'goodbye', from: id(from), to: id(to), term: 1, floor: { index: 1, term: 1 } } as const
  return { ...envelope, ...others, heirs: ids(heirs), ids: ids(given) }
}

function voteRequest(from: string, to: string, term: number, log: { lastIndex: number; lastTerm: number }): Message {
  return { type: 'vote', from: id(from), to: id(to), term, ...log, transfer: false, ...NO_COMMIT }
}

const granted = (messages: readonly Message[]) =>
  messages.flatMap((each) => (each.type === 'vote-response' && each.granted ? [(each.speaksFor ?? []).join('')] : []))
const acknowledged = (messages: readonly Message[]) =>
  messages.flatMap((each) =>
    each.type === 'append-response' && each.rejected === undefined
      ? [[each.index, (each.speaksFor ?? []).join('')]]
      : [],
  )

describe('a goodbye', () => {
  it('[RFT250] names the leader first among the heirs, then who has most; no witness, nobody who has ended or is not reached', () => {
    const cluster = led('abcde')
    cluster.isolate('d')
    cluster.get('a').propose('x')
    cluster.settle()
    cluster.heal()
    expect(end(cluster, 'a').heirs).toEqual(ids('bced'))
    cluster.settle()
    cluster.tick(3 * ELECTION_TICKS)
    const [leader] = cluster.leaders
    const next = cluster.all.find((each) => !each.isLeader && each.id !== 'd') as Replica
    expect(end(cluster, next.id).heirs[0]).toBe(leader)
    const { raw } = alone('b', { voters: 'abcw', witnesses: 'w', learners: 'l' })
    raw.step(goodbye('a', 'b', { heirs: 'cb' }))
    expect(raw.goodbye(() => true, MAX_BYTES).goodbye.heirs).toEqual(ids('c'))
    expect(alone('b', { voters: 'abc' }).raw.goodbye((to) => to !== 'a', 0).goodbye.heirs).toEqual(ids('c'))
  })

  it('[RFT250] of a sole voter goes to its learners, of a learner to nobody', () => {
    expect(alone('a', { voters: 'a', learners: 'lm' }).raw.goodbye(() => true, 0).goodbye.heirs).toEqual(ids('lm'))
    expect(alone('l', { voters: 'ab', learners: 'lm' }).raw.goodbye(() => true, 0).goodbye.heirs).toEqual([])
    const speaking = alone('l', { voters: 'ab', learners: 'lm', hosted: [{ id: id('a'), fence: 1 }] })
    const last = speaking.raw.goodbye(() => true, 0).goodbye
    expect([last.ids, last.heirs]).toEqual([ids('la'), ids('b')])
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
    expect(other.get('a').raw.goodbye((to) => to === 'b', 0).entries).toBeUndefined()
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

describe('a leader', () => {
  it('[RFT261] counts what the speakers acknowledge; one that gets lost is made up for by a heartbeat', () => {
    const cluster = led('abcde')
    cluster.isolate('cde')
    cluster.get('a').propose('x')
    cluster.settle()
    end(cluster, 'c', 'b')
    const isRepeat = (message: Message) => message.type === 'append-response' && message.speaksFor?.includes(id('c'))
    cluster.lost = (message) => 'de'.includes(message.from) || 'de'.includes(message.to) || isRepeat(message) === true
    cluster.settle()
    expect(cluster.get('b').raw.voices).toEqual(ids('c'))
    expect(cluster.get('a').applied).toEqual(['first'])
    cluster.tick(HEARTBEAT_TICKS)
    expect(cluster.get('a').applied).toEqual(['first', 'x'])
  })

  it('[RFT261] sends nothing to who has ended, and takes nothing from it as an answer of its own voice', () => {
    const cluster = led('abc')
    end(cluster, 'b')
    end(cluster, 'c')
    cluster.settle()
    const { raw } = cluster.get('a')
    raw.step({ type: 'heartbeat-response', from: id('c'), to: id('a'), term: 2, round: 0, speaksFor: ids('b') })
    cluster.log.length = 0
    const sent: Message[] = []
    for (let i = 0; i < 5 * ELECTION_TICKS; i++) {
      raw.tick()
      while (raw.hasReady()) sent.push(...cluster.get('a').process().messages)
    }
    expect(sent).toEqual([])
    expect([...raw.status().progress.values()].map(({ speaker }) => speaker)).toEqual([undefined, 'a', 'a'])
    expect(raw.status().role).toBe('leader')
  })

  it('[RFT262] answers waiting reads with what it adopts', () => {
    const cluster = led('abc')
    cluster.isolate('b')
    cluster.lost = (message) => 'bc'.includes(message.from) && message.type !== 'goodbye'
    const { raw, readStates } = cluster.get('a')
    raw.readIndex(5)
    cluster.settle()
    expect(readStates).toEqual([])
    end(cluster, 'c', 'a')
    cluster.settle()
    expect(readStates.map(({ ticket }) => ticket)).toEqual([5])
  })

  it('[RFT263] commits what so many processes have, learners counted, adopted votes not', () => {
    const cluster = led('abc', { copies: 2 })
    end(cluster, 'b')
    cluster.settle()
    cluster.isolate('c')
    const leader = cluster.get('a')
    leader.propose('x')
    cluster.settle()
    expect(leader.applied).toEqual(['first'])
    leader.raw.reportUnreachable(id('c'))
    cluster.settle()
    expect(leader.applied).toEqual(['first', 'x'])
    cluster.heal()
    cluster.tick(HEARTBEAT_TICKS)
    leader.propose('y')
    cluster.settle()
    expect(cluster.get('c').applied).toEqual(['first', 'x', 'y'])
  })

  it('[RFT263] waits for learners too, and not for more than there are', () => {
    const cluster = new Cluster('a', { copies: 3 })
    cluster.add('l')
    const leader = cluster.elect('a')
    leader.raw.proposeConfigChange(change('auto', 'll'))
    cluster.settle()
    cluster.tick(HEARTBEAT_TICKS)
    cluster.isolate('l')
    leader.propose('x')
    cluster.settle()
    expect(leader.applied).toEqual([])
    cluster.heal()
    cluster.tick(HEARTBEAT_TICKS)
    expect(leader.applied).toEqual(['x'])
  })

  it('[RFT263] counts no copy for a vote that became a member after it was adopted', () => {
    const hosted = [{ id: id('z'), fence: 1 }]
    const { replica, raw, work, hear } = alone('a', { voters: 'ab', hosted }, { copies: 2 })
    raw.campaign({ transfer: true })
    work()
    hear({ type: 'vote-response', from: id('b'), to: id('a'), term: 2, granted: true, ...NO_COMMIT })
    const ack = (index: number) =>
      hear({ type: 'append-response', from: id('b'), to: id('a'), term: 2, index, rejected: undefined })
    ack(2)
    raw.proposeConfigChange(change('implicit', 'vz'))
    work()
    ack(3)
    expect(replica.configuration.voters).toEqual(ids('abz'))
    raw.propose([NO_BYTES])
    work()
    expect(replica.status.commit).toBe(3)
    ack(4)
    expect(replica.status.commit).toBe(4)
  })

  it('[RFT264] stays awake while a goodbye is not settled, and silences nobody after its own', () => {
    const cluster = led('abc', { quiesceTicks: 3 })
    end(cluster, 'c', 'b')
    cluster.get('a').raw.step(goodbye('c', 'a', { heirs: 'bx' }))
    cluster.get('b').raw.step(goodbye('x', 'b', { heirs: '' }))
    cluster.lost = (message) => message.type === 'goodbye'
    cluster.tick(3 * ELECTION_TICKS)
    expect(cluster.get('a').raw.quiesced).toBe(false)
    const { raw, hear } = alone('b', { voters: 'abc', term: 2, log: [2] }, { quiesceTicks: 3 })
    hear({ type: 'heartbeat', from: id('a'), to: id('b'), term: 2, commit: 2, round: 0 })
    hear(goodbye('a', 'b', { term: 2, heirs: 'cb', floor: { index: 2, term: 2 } }))
    hear({ type: 'quiesce', from: id('a'), to: id('b'), term: 2, commit: 2 })
    expect(raw.quiesced).toBe(false)
  })
})

describe('goodbyes', () => {
  it('[RFT265] that make no sense are ignored, and touch no term', () => {
    const { hear, voices, replica } = alone('b', { voters: 'abc' })
    const many = Array.from({ length: 300 }, (_, i) => `n${i}` as VoterId)
    const nonsense: Goodbye[] = [
      goodbye('a', 'b', { ids: 'c' }),
      goodbye('a', 'b', { term: 0 }),
      goodbye('a', 'b', { floor: { index: -1, term: 1 } }),
      goodbye('a', 'b', { floor: { index: 1, term: 2 } }),
      goodbye('a', 'b', { floor: { index: 1, term: Number.NaN } }),
      { ...goodbye('a', 'b'), ids: [id('a'), ...many] },
      { ...goodbye('a', 'b'), heirs: [id('b'), ...many] },
    ]
    for (const each of nonsense) expect(hear(each).ignored).toBe('malformed')
    expect(hear(goodbye('a', 'c')).ignored).toBe('misdirected')
    expect(hear(goodbye('b', 'b')).ignored).toBe('misdirected')
    expect(voices()).toBe('')
    expect(hear(goodbye('a', 'b', { term: 9, heirs: 'c' })).ignored).toBeUndefined()
    expect(replica.status.term).toBe(1)
  })

  it('[RFT265] are remembered up to 64, and speak for up to 255', () => {
    const forgetful = alone('b', { voters: 'abc' })
    forgetful.hear(goodbye('a', 'b', { heirs: 'xb' }))
    for (let i = 0; i < 64; i++)
      forgetful.hear({ ...goodbye('a', 'b', { heirs: '' }), from: id(`n${i}`), ids: [id(`n${i}`)] })
    forgetful.hear(goodbye('x', 'b', { heirs: '' }))
    expect(forgetful.voices()).toBe('')
    const hosted = Array.from({ length: 254 }, (_, i) => ({ id: id(`n${i}`), fence: 1 }))
    const full = alone('b', { voters: 'abcd', hosted })
    full.hear(goodbye('a', 'b', { ids: 'ax' }))
    expect(full.raw.voices.length).toBe(254)
    full.hear(goodbye('c', 'b'))
    expect(full.raw.voices.length).toBe(255)
    full.hear(goodbye('d', 'b'))
    expect(full.raw.voices.length).toBe(255)
  })
})
