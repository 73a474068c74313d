import { describe, expect, it } from 'vitest'
import type { Goodbye, Message } from '../../src/raft/messages.js'
import type { VoterId } from '../../src/raft/types.js'
import { Cluster, change, ELECTION_TICKS, HEARTBEAT_TICKS, id, ids, NO_BYTES, NO_COMMIT } from './cluster.js'
import { alone, end, goodbye, led } from './goodbyes.js'

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

  it('[RFT263] does not wait for who refuses what follows: nothing may ever come of it again', () => {
    const { replica, raw, work, hear } = alone('a', { voters: 'a', learners: 'l' }, { copies: 2 })
    raw.campaign({ transfer: true })
    work()
    const answer = { type: 'append-response', from: id('l'), to: id('a'), term: 2, index: 2 } as const
    hear({ ...answer, rejected: undefined })
    raw.propose([NO_BYTES])
    work()
    expect(replica.status.commit).toBe(2)
    hear({ ...answer, index: 3, rejected: { hintIndex: 2, hintTerm: 2 } })
    expect(replica.status.commit).toBe(3)
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
    hear({ type: 'heartbeat', from: id('a'), to: id('b'), term: 2, commit: 2, match: 2, round: 0 })
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
