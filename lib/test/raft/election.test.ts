import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/base/random.js'
import type { VoteRequest } from '../../src/raft/messages.js'
import { foundingState } from '../../src/raft/options.js'
import type { HardState } from '../../src/raft/types.js'
import { bytes, Cluster, change, ELECTION_TICKS, id, ids, NO_COMMIT, Replica } from './cluster.js'

const PLAIN = { preVote: false, checkQuorum: false }

function replica(options = {}, state: Partial<HardState> = {}): Replica {
  const initial = foundingState(ids('abc'))
  return new Replica(id('a'), { ...initial, hardState: { ...initial.hardState, ...state } }, { ...PLAIN, ...options })
}

function voteRequest(from: string, term: number, lastIndex = 1, lastTerm = 1): VoteRequest {
  return { type: 'vote', from: id(from), to: id('a'), term, lastIndex, lastTerm, transfer: false, ...NO_COMMIT }
}

describe('elections (Raft paper, 5.2)', () => {
  it('[RFT4] a follower that hears no leader for an election timeout starts an election', () => {
    const { raw } = replica()
    for (let i = 1; i < ELECTION_TICKS; i++) raw.tick()
    expect(raw.status().role).toBe('follower')
    raw.tick()
    expect(raw.status().role).toBe('candidate')
  })

  it('[RFT4] a follower that hears a leader does not', () => {
    const { raw } = replica()
    for (let i = 0; i < 5 * ELECTION_TICKS; i++) {
      raw.tick()
      if (i % 3 === 0)
        raw.step({ type: 'heartbeat', from: id('b'), to: id('a'), term: 2, commit: 0, match: 0, round: 0 })
    }
    expect(raw.status()).toMatchObject({ role: 'follower', lead: 'b', term: 2 })
  })

  it('[RFT5] timeouts are drawn at random, from electionTicks to just below twice that, anew for each election', () => {
    const { raw } = replica({ random: seededRandom(1) })
    const timeouts = Array.from({ length: 200 }, () => {
      const { term } = raw.status()
      let ticks = 0
      for (; raw.status().term === term; ticks++) raw.tick()
      return ticks
    })
    expect(new Set(timeouts)).toEqual(new Set(Array.from({ length: ELECTION_TICKS }, (_, i) => ELECTION_TICKS + i)))
  })

  it('[RFT6] a candidate raises its term, votes for itself and asks all other voters', () => {
    const candidate = replica()
    candidate.raw.campaign()
    const ready = candidate.raw.ready()
    expect(ready.hardState).toEqual({ term: 2, vote: 'a', commit: 1 })
    const request = { type: 'vote', from: 'a', term: 2, lastIndex: 1, lastTerm: 1, transfer: false, commit: 1 }
    expect(ready.messagesAfterPersist).toMatchObject(['b', 'c'].map((to) => ({ ...request, to })))
  })

  it('[RFT7] a candidate with the votes of a majority becomes leader and says so at once', () => {
    const candidate = replica()
    candidate.raw.campaign()
    candidate.process()
    expect(candidate.status.role).toBe('candidate')
    candidate.raw.step({ type: 'vote-response', from: id('b'), to: id('a'), term: 2, granted: true, ...NO_COMMIT })
    expect(candidate.status).toMatchObject({ role: 'leader', lead: 'a' })
    expect(candidate.raw.ready().messages.map((each) => [each.type, each.to])).toEqual([
      ['append', 'b'],
      ['append', 'c'],
    ])
  })

  it('[RFT7] a majority of refusals ends the candidacy; one voter counts once', () => {
    const candidate = replica()
    candidate.raw.campaign()
    candidate.process()
    const refusal = {
      type: 'vote-response',
      from: id('b'),
      to: id('a'),
      term: 2,
      granted: false,
      ...NO_COMMIT,
    } as const
    candidate.raw.step(refusal)
    candidate.raw.step(refusal)
    candidate.raw.step({ ...refusal, granted: true })
    expect(candidate.status.role).toBe('candidate')
    candidate.raw.step({ ...refusal, from: id('c') })
    expect(candidate.status).toMatchObject({ role: 'follower', term: 2 })
  })

  it('[RFT8] a replica gives one vote per term, first come, first served, and the same one again', () => {
    const voter = replica()
    const answers = ['b', 'c', 'b'].map((candidate) => {
      voter.raw.step(voteRequest(candidate, 5))
      return voter.process().messagesAfterPersist[0]
    })
    expect(answers).toMatchObject([{ granted: true }, { granted: false }, { granted: true }])
  })

  it('[RFT8] a vote survives a restart', () => {
    const voter = replica()
    voter.raw.step(voteRequest('b', 5))
    voter.process()
    voter.restart()
    voter.raw.step(voteRequest('c', 5))
    expect(voter.process().messagesAfterPersist).toMatchObject([{ to: 'c', granted: false }])
  })

  it.each(['append', 'heartbeat'] as const)('[RFT9] a candidate follows who leads its term (%s)', (type) => {
    const candidate = replica()
    candidate.raw.campaign()
    const message = { from: id('b'), to: id('a'), term: 2, commit: 0 }
    if (type === 'append') candidate.raw.step({ ...message, type, prevIndex: 1, prevTerm: 1, entries: [] })
    else candidate.raw.step({ ...message, type, match: 0, round: 0 })
    expect(candidate.status).toMatchObject({ role: 'follower', lead: 'b', term: 2 })
  })

  it('[RFT9] candidate and leader become followers of a higher term', () => {
    const cluster = new Cluster('abc', PLAIN)
    const leader = cluster.elect('a')
    leader.raw.step(voteRequest('b', 9))
    expect(leader.status).toMatchObject({ role: 'follower', term: 9 })
    leader.raw.campaign()
    leader.raw.step(voteRequest('b', 19))
    expect(leader.status).toMatchObject({ role: 'follower', term: 19 })
  })

  it('[RFT10] what comes from an older term is ignored', () => {
    const { raw } = replica({}, { term: 7 })
    const answer = { type: 'vote-response', granted: true, commit: 0, commitTerm: 0 } as const
    expect(raw.step({ ...answer, from: id('b'), to: id('a'), term: 6 })).toBe('lower-term')
    expect(raw.step({ type: 'timeout-now', from: id('b'), to: id('a'), term: 6 })).toBe('lower-term')
    expect(raw.hasReady()).toBe(false)
    expect(raw.status()).toMatchObject({ term: 7, lead: undefined, ignored: { 'lower-term': 2 } })
  })

  it('[RFT10] a candidate of an older term is told the newer one', () => {
    const { raw } = replica({}, { term: 7 })
    expect(raw.step(voteRequest('b', 6))).toBe('lower-term')
    expect(raw.ready().messagesAfterPersist).toMatchObject([
      { type: 'vote-response', to: 'b', term: 7, granted: false },
    ])
  })

  it('[RFT10] a leader of an older term is told the newer one', () => {
    const { raw } = replica({}, { term: 7 })
    raw.step({ type: 'heartbeat', from: id('b'), to: id('a'), term: 6, commit: 0, match: 0, round: 0 })
    expect(raw.ready().messagesAfterPersist).toMatchObject([{ type: 'append-response', to: 'b', term: 7, index: 0 }])
  })

  it.each([
    { lastTerm: 3, lastIndex: 9, granted: false },
    { lastTerm: 4, lastIndex: 2, granted: false },
    { lastTerm: 4, lastIndex: 3, granted: true },
    { lastTerm: 4, lastIndex: 4, granted: true },
    { lastTerm: 5, lastIndex: 1, granted: true },
  ])('[RFT11] votes only for logs that are as up to date: $lastTerm/$lastIndex against 4/3', (candidate) => {
    const voter = replica({}, { term: 4 })
    const entry = (index: number) => ({ term: 4, index, type: 'normal', data: bytes('') }) as const
    voter.entries = [entry(2), entry(3)]
    voter.restart()
    voter.raw.step(voteRequest('b', 6, candidate.lastIndex, candidate.lastTerm))
    expect(voter.process().messagesAfterPersist).toMatchObject([{ granted: candidate.granted }])
  })

  it('[RFT12] after a split vote candidates try again in a new term', () => {
    const cluster = new Cluster('abcd', PLAIN)
    cluster.lost = (message) =>
      message.type === 'vote' && !['ab', 'cd'].includes([message.from, message.to].sort().join(''))
    cluster.get('a').raw.campaign()
    cluster.get('c').raw.campaign()
    cluster.settle()
    expect(cluster.leaders).toEqual([])
    cluster.heal()
    cluster.tick(ELECTION_TICKS, 'a')
    expect(cluster.leaders).toEqual(['a'])
    expect(cluster.get('a').status.term).toBe(3)
  })

  it('[RFT13] a sole voter elects itself, as soon as its vote is durable', () => {
    const cluster = new Cluster('a')
    const only = cluster.get('a')
    only.raw.campaign()
    expect(only.status.role).toBe('pre-candidate')
    cluster.settle()
    expect(only.status).toMatchObject({ role: 'leader', commit: 2, applied: 2 })
  })

  it('[RFT14] learners, witnesses, strangers and who has a committed change unapplied do not campaign', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    const stranger = cluster.add('d')
    expect(stranger.raw.campaign()).toBe('not-promotable')
    leader.raw.proposeConfigChange(change('auto', 'ld'))
    cluster.settle()
    expect(stranger.raw.campaign()).toBe('not-promotable')
    cluster.tick(30, 'd')
    expect(stranger.status.role).toBe('follower')
    expect(leader.raw.campaign()).toBe('unexpected')
  })

  it('[RFT14] a committed configuration change has to be applied before a campaign', () => {
    const cluster = new Cluster('abc')
    cluster.elect('a').raw.proposeConfigChange(change('auto', 'ld'))
    cluster.settle()
    const follower = new Replica(id('b'), foundingState(ids('abc')), {})
    Object.assign(follower, { hardState: cluster.get('b').hardState, entries: cluster.get('b').entries })
    follower.restart()
    expect(follower.raw.campaign()).toBe('not-promotable')
    while (follower.raw.hasReady()) follower.process()
    expect(follower.raw.campaign()).toBeUndefined()
  })
})

describe('pre-vote (dissertation, 9.6) and check-quorum (6.2, 4.2.3)', () => {
  it('[RFT15] a pre-candidate raises no term before a majority would vote for it', () => {
    const cluster = new Cluster('abc')
    cluster.isolate('a')
    cluster.tick(5 * ELECTION_TICKS, 'a')
    expect(cluster.get('a').status).toMatchObject({ role: 'pre-candidate', term: 1 })
    cluster.heal()
    cluster.tick(ELECTION_TICKS, 'a')
    expect(cluster.get('a').status).toMatchObject({ role: 'leader', term: 2 })
  })

  it('[RFT15] pre-votes bind nobody', () => {
    const voter = replica({ preVote: true })
    for (const candidate of ['b', 'c']) {
      voter.raw.step({ ...voteRequest(candidate, 2), type: 'pre-vote' })
      expect(voter.process()).toMatchObject({
        hardState: undefined,
        messagesAfterPersist: [{ to: candidate, granted: true, term: 2 }],
      })
    }
  })

  it('[RFT15] who asks for a term that is over is told the current one', () => {
    const voter = replica({ preVote: true }, { term: 7 })
    voter.raw.step({ ...voteRequest('b', 6), type: 'pre-vote' })
    expect(voter.process().messagesAfterPersist).toMatchObject([{ to: 'b', term: 7, granted: false }])
  })

  it('[RFT15] an answer to another pre-vote does not count', () => {
    const candidate = replica({ preVote: true }, { term: 3 })
    candidate.raw.campaign()
    candidate.process()
    const answer = { type: 'pre-vote-response', from: id('b'), to: id('a'), granted: true, ...NO_COMMIT } as const
    expect(candidate.raw.step({ ...answer, term: 3 })).toBe('stale')
    expect(candidate.status.role).toBe('pre-candidate')
    expect(candidate.raw.step({ ...answer, term: 4 })).toBeUndefined()
    expect(candidate.status).toMatchObject({ role: 'candidate', term: 4 })
  })

  it('[RFT16] a replica that was cut off comes back without disturbing leader or term', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    const { term } = leader.status
    cluster.isolate('c')
    cluster.tick(5 * ELECTION_TICKS)
    cluster.heal()
    cluster.tick(2 * ELECTION_TICKS)
    expect(cluster.all.map((each) => each.status)).toMatchObject(
      ['leader', 'follower', 'follower'].map((role) => ({ role, term, lead: 'a' })),
    )
  })

  it('[RFT17] who hears a leader does not vote against it', () => {
    const cluster = new Cluster('abc', { checkQuorum: true, preVote: false })
    cluster.elect('a')
    cluster.get('b').raw.campaign()
    cluster.settle()
    expect(cluster.get('a').status.ignored).toMatchObject({ 'leader-alive': 1 })
    expect(cluster.get('c').status).toMatchObject({ lead: 'a', vote: 'a', ignored: { 'leader-alive': 1 } })
  })

  it('[RFT18] a leader that hears no quorum for an election timeout steps down', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    cluster.isolate('a')
    cluster.tick(2 * ELECTION_TICKS, 'a')
    expect(leader.status).toMatchObject({ role: 'follower', lead: undefined })
  })

  it('[RFT18] without check-quorum it goes on', () => {
    const cluster = new Cluster('abc', { checkQuorum: false })
    const leader = cluster.elect('a')
    cluster.isolate('a')
    cluster.tick(5 * ELECTION_TICKS, 'a')
    expect(leader.status.role).toBe('leader')
  })

  it('[RFT19] a follower whose leader is reported unreachable forgets it and votes at once', () => {
    const cluster = new Cluster('abc')
    cluster.elect('a')
    cluster.isolate('a')
    for (const name of ['b', 'c']) cluster.get(name).raw.reportUnreachable(id('a'))
    expect(cluster.get('c').status.lead).toBeUndefined()
    expect(cluster.get('b').raw.campaign()).toBeUndefined()
    cluster.settle()
    expect(cluster.get('b').status).toMatchObject({ role: 'leader', term: 3 })
  })
})
