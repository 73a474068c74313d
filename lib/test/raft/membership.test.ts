import { describe, expect, it } from 'vitest'
import { leaveJoint } from '../../src/raft/config-change.js'
import { describeConfiguration } from '../../src/raft/describe.js'
import type { Message } from '../../src/raft/messages.js'
import { foundingState } from '../../src/raft/options.js'
import { bytes, Cluster, change, ELECTION_TICKS, HEARTBEAT_TICKS, id, ids, NO_BYTES, Replica } from './cluster.js'

const configurationOf = (replica: Replica) => describeConfiguration(replica.status.configuration)

describe('membership (Raft paper, 6; dissertation, 4)', () => {
  it('[RFT30] a change takes effect where it is applied, and its entry carries the context of the proposer', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    cluster.add('d')
    leader.raw.proposeConfigChange({ ...change('auto', 'ld'), context: bytes('by me') })
    expect(configurationOf(leader)).toBe('voters=(a b c)')
    cluster.settle()
    expect(cluster.all.map(configurationOf)).toEqual(Array(4).fill('voters=(a b c) learners=(d)'))
    expect(new TextDecoder().decode(leader.entries.at(-1)?.data)).toContain('by me')
  })

  it('[RFT31] a learner gets everything and counts for nothing', () => {
    const cluster = new Cluster('ab')
    const leader = cluster.elect('a')
    cluster.add('c')
    leader.raw.proposeConfigChange(change('auto', 'lc'))
    cluster.settle()
    cluster.isolate('b')
    leader.propose('x')
    cluster.settle()
    expect(leader.applied).toEqual([])
    expect(cluster.get('c').status.lastIndex).toBe(leader.status.lastIndex)
    cluster.heal()
    cluster.tick(HEARTBEAT_TICKS)
    expect(cluster.get('c').applied).toEqual(['x'])
  })

  it('[RFT31] a learner becomes a voter and a voter a learner', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    leader.raw.proposeConfigChange(change('auto', 'lc'))
    cluster.settle()
    expect(configurationOf(leader)).toBe('voters=(a b) learners=(c)')
    leader.raw.proposeConfigChange(change('auto', 'vc'))
    cluster.settle()
    expect(configurationOf(cluster.get('c'))).toBe('voters=(a b c)')
  })

  it('[RFT32] a joint configuration decides by majorities of both halves', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    for (const name of 'de') cluster.add(name)
    leader.raw.proposeConfigChange(change('explicit', 'vd', 've', 'rb', 'rc'))
    cluster.settle()
    expect(configurationOf(leader)).toBe('voters=(a d e)&&(a b c)')
    for (const [i, half] of ['de', 'bc'].entries()) {
      cluster.isolate(half)
      leader.propose('x')
      cluster.tick(HEARTBEAT_TICKS)
      expect(leader.applied.length).toBe(i)
      cluster.isolate('ce')
      cluster.tick(HEARTBEAT_TICKS)
      expect(leader.applied.length).toBe(i + 1)
    }
  })

  it('[RFT32] elections in a joint configuration need both halves', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    for (const name of 'de') cluster.add(name)
    leader.raw.proposeConfigChange(change('explicit', 'vd', 've', 'rb', 'rc'))
    cluster.settle()
    cluster.isolate('de')
    cluster.get('b').raw.campaign({ transfer: true })
    cluster.settle()
    expect(cluster.get('b').isLeader).toBe(false)
    cluster.isolate('a')
    cluster.get('b').raw.campaign({ transfer: true })
    cluster.settle()
    expect(cluster.get('b').isLeader).toBe(true)
  })

  it('[RFT33] several changes at once are made jointly, and the leader leaves the joint configuration itself', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    cluster.add('d')
    leader.raw.proposeConfigChange(change('auto', 'vd', 'rc'))
    cluster.settle()
    expect(leader.configurations.map(describeConfiguration)).toEqual([
      'voters=(a b d)&&(a b c) autoleave',
      'voters=(a b d)',
    ])
    expect(configurationOf(cluster.get('d'))).toBe('voters=(a b d)')
  })

  it('[RFT33] one change, asked for as implicit, goes through a joint configuration, too', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    leader.raw.proposeConfigChange(change('implicit', 'rc'))
    cluster.settle()
    expect(leader.configurations.map(describeConfiguration)).toEqual([
      'voters=(a b)&&(a b c) autoleave',
      'voters=(a b)',
    ])
  })

  it('[RFT33] a new leader finishes what the old one began', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    leader.raw.proposeConfigChange(change('implicit', 'lc'))
    cluster.lost = (message) => message.type === 'append' && message.commit > 2 // nobody else hears of the commit
    cluster.settle()
    cluster.isolate('a')
    cluster.elect('b')
    expect(configurationOf(cluster.get('b'))).toBe('voters=(a b)&&(a b c) learners_next=(c) autoleave')
    cluster.heal()
    cluster.tick(HEARTBEAT_TICKS)
    expect(cluster.all.map(configurationOf)).toEqual(Array(3).fill('voters=(a b) learners=(c)'))
  })

  it('[RFT33] an explicit joint configuration stays until it is left, by an empty change', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    leader.raw.proposeConfigChange(change('explicit', 'lc'))
    cluster.tick(2 * ELECTION_TICKS)
    expect(configurationOf(leader)).toBe('voters=(a b)&&(a b c) learners_next=(c)')
    leader.raw.proposeConfigChange(leaveJoint)
    cluster.settle()
    expect(configurationOf(leader)).toBe('voters=(a b) learners=(c)')
  })

  it('[RFT34] only one change may be unapplied at a time', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    leader.raw.proposeConfigChange(change('auto', 'ld'))
    expect(leader.raw.proposeConfigChange(change('auto', 'le'))).toEqual({ kind: 'dropped', reason: 'config-pending' })
    cluster.settle()
    expect(leader.raw.proposeConfigChange(change('auto', 'le'))).toMatchObject({ kind: 'appended' })
  })

  it('[RFT34] a new leader takes no change before it has applied all it found', () => {
    const cluster = new Cluster('abc')
    cluster.elect('a').propose('maybe a change')
    cluster.lost = (message) => message.type === 'append-response'
    cluster.settle()
    const leader = cluster.elect('b')
    expect(leader.raw.proposeConfigChange(change('auto', 'ld'))).toMatchObject({ reason: 'config-pending' })
  })

  it('[RFT34] a change that makes no valid configuration is refused with the reason', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    const refusal = (...args: Parameters<typeof change>) => leader.raw.proposeConfigChange(change(...args))
    expect(refusal('explicit', 'ra', 'rb', 'rc')).toEqual({ kind: 'dropped', reason: 'config-invalid' })
    expect(refusal('auto', 'wa', 'wb', 'wc')).toEqual({ kind: 'dropped', reason: 'config-invalid' })
    expect(refusal('auto', `v${'x'.repeat(256)}`)).toEqual({ kind: 'dropped', reason: 'config-invalid' })
    expect(leader.raw.proposeConfigChange(leaveJoint)).toEqual({ kind: 'dropped', reason: 'config-not-joint' })
    leader.raw.proposeConfigChange(change('explicit', 'lc'))
    cluster.settle()
    expect(refusal('auto', 'ld')).toEqual({ kind: 'dropped', reason: 'config-joint' })
  })

  it('[RFT34] a committed change that no leader should have taken is skipped', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    const nonsense = { term: 2, index: 3, type: 'config', data: bytes('nonsense') } as const
    expect(leader.raw.applyConfigChange(nonsense)).toEqual(leader.status.configuration)
    expect(leader.raw.applyConfigChange({ ...nonsense, data: NO_BYTES })).toEqual(leader.status.configuration)
    expect(leader.status.ignored).toMatchObject({ 'config-invalid': 2 })
  })

  it('[RFT35] a leader that is removed commits its removal and hands over, without waiting for any timeout', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    leader.raw.proposeConfigChange(change('auto', 'ra'))
    cluster.settle()
    expect(configurationOf(leader)).toBe('voters=(b c)')
    expect(cluster.leaders).toContain('b')
    cluster.tick(HEARTBEAT_TICKS)
    expect(cluster.leaders).toEqual(['b'])
    cluster.tick(ELECTION_TICKS)
    expect(leader.transfers).toEqual([{ to: 'b', outcome: 'lost' }]) // nobody tells a stranger who leads
  })

  it('[RFT35] it leads on until somebody can take over, but takes no proposals', () => {
    const cluster = new Cluster('abc', { checkQuorum: false })
    const leader = cluster.elect('a')
    leader.raw.proposeConfigChange(change('auto', 'ra'))
    cluster.lost = (message) => message.type === 'timeout-now' || message.to === 'c'
    cluster.tick(3 * ELECTION_TICKS)
    expect(cluster.leaders).toEqual(['a'])
    expect(leader.propose('x')).toEqual({ kind: 'dropped', reason: 'removed' })
    cluster.heal()
    cluster.tick(2 * ELECTION_TICKS)
    expect(cluster.leaders.length).toBe(1)
    expect(cluster.leaders).not.toContain('a')
  })

  it('[RFT35] told not to hand over, it leads on but takes no proposals', () => {
    const cluster = new Cluster('abc', { stepDownOnRemoval: false })
    const leader = cluster.elect('a')
    leader.raw.proposeConfigChange(change('auto', 'ra'))
    cluster.settle()
    expect(leader.isLeader).toBe(true)
    expect(leader.propose('x')).toEqual({ kind: 'dropped', reason: 'removed' })
  })

  it('[RFT35] a smaller configuration may commit more at once', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    cluster.lost = (message) => message.to === 'c'
    leader.raw.proposeConfigChange(change('auto', 'rb'))
    cluster.settle()
    expect(configurationOf(leader)).toBe('voters=(a c)')
    leader.propose('x')
    leader.raw.readIndex(1)
    cluster.settle()
    expect(leader.applied).toEqual([])
    cluster.heal()
    cluster.tick(HEARTBEAT_TICKS)
    expect(leader.applied).toEqual(['x'])
    const before = leader.status.lastIndex
    cluster.lost = (message) => message.to === 'c' && message.type === 'append' && message.prevIndex > before
    leader.raw.proposeConfigChange(change('auto', 'rc'))
    leader.propose('y')
    cluster.settle()
    expect(leader.applied).toEqual(['x', 'y'])
    expect(configurationOf(leader)).toBe('voters=(a)')
  })

  it('[RFT35] a removed replica can disturb nobody', () => {
    const cluster = new Cluster('abcd')
    const leader = cluster.elect('a')
    cluster.isolate('d')
    leader.raw.proposeConfigChange(change('auto', 'rd'))
    cluster.settle()
    cluster.heal()
    cluster.tick(10 * ELECTION_TICKS)
    expect(leader.status).toMatchObject({ role: 'leader', term: 2 })
    expect(cluster.get('d').isLeader).toBe(false)
  })

  it('[RFT36] who is added later learns the configuration by a snapshot', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    leader.propose('x')
    leader.raw.proposeConfigChange(change('auto', 'vd'))
    const newcomer = cluster.add('d')
    cluster.settle()
    expect(configurationOf(newcomer)).toBe('voters=(a b c d)')
    expect(newcomer.applied).toEqual(['x'])
    leader.propose('y')
    cluster.settle()
    expect(newcomer.applied).toEqual(['x', 'y'])
  })
})

describe('changes that not everybody knows to be committed', () => {
  it('[RFT39] who is removed with a log that is longer tells the others what is committed', () => {
    const cluster = new Cluster('ab', { checkQuorum: false })
    const leader = cluster.elect('a')
    leader.raw.proposeConfigChange(change('auto', 'ra'))
    const tellsOfCommit = (message: Message) => message.type === 'append' && message.commit > 2
    cluster.lost = (message) => tellsOfCommit(message) || message.type === 'timeout-now'
    cluster.step()
    leader.propose('lost with the leader')
    cluster.settle()
    expect(configurationOf(leader)).toBe('voters=(b)')
    expect(configurationOf(cluster.get('b'))).toBe('voters=(a b)')
    leader.restart()
    cluster.heal()
    cluster.tick(3 * ELECTION_TICKS)
    expect(cluster.leaders).toEqual(['b'])
    expect(configurationOf(cluster.get('b'))).toBe('voters=(b)')
  })

  it('[RFT39] so does a candidate', () => {
    const initial = foundingState(ids('abc'))
    const entries = [{ term: 1, index: 2, type: 'normal', data: bytes('x') } as const]
    const voter = new Replica(id('a'), { ...initial, entries }, {})
    const request = {
      type: 'pre-vote',
      from: id('b'),
      to: id('a'),
      lastIndex: 2,
      lastTerm: 1,
      transfer: false,
    } as const
    voter.raw.step({ ...request, term: 2, commit: 2, commitTerm: 9 })
    expect(voter.status.commit).toBe(1)
    voter.raw.step({ ...request, term: 2, commit: 2, commitTerm: 1 })
    expect(voter.status.commit).toBe(2)
  })
})

describe('witnesses', () => {
  function withWitness() {
    const cluster = new Cluster('ab')
    const leader = cluster.elect('a')
    const witness = cluster.add('w')
    leader.propose('before')
    leader.raw.proposeConfigChange(change('auto', 'ww'))
    cluster.settle()
    return { cluster, leader, witness }
  }

  it('[RFT37] a witness acknowledges entries and gets none of their data', () => {
    const { cluster, leader, witness } = withWitness()
    expect(configurationOf(witness)).toBe('voters=(a b w) witnesses=(w)')
    cluster.isolate('b')
    leader.propose('secret')
    leader.raw.proposeConfigChange(change('auto', 'lx'))
    cluster.settle()
    expect(leader.applied).toEqual(['before', 'secret'])
    expect(witness.applied).toEqual([])
    expect(witness.entries.map((each) => [each.type, each.data.length > 0])).toContainEqual(['config', true])
    expect(configurationOf(witness)).toBe('voters=(a b w) learners=(x) witnesses=(w)')
    expect(JSON.stringify(cluster.delivered('snapshot').map((each) => [...each.snapshot.data]))).toBe('[[]]')
  })

  it('[RFT37] a witness votes, but only for logs as long as its own, and never leads', () => {
    const { cluster, leader, witness } = withWitness()
    cluster.isolate('b')
    leader.propose('x')
    cluster.settle()
    cluster.isolate('a')
    cluster.get('b').raw.campaign({ transfer: true })
    cluster.settle()
    expect(cluster.get('b').isLeader).toBe(false) // it lacks x, which a and the witness had
    cluster.isolate('b')
    leader.raw.campaign({ transfer: true })
    cluster.settle()
    expect(leader.isLeader).toBe(true)
    cluster.tick(5 * ELECTION_TICKS, 'w')
    expect(witness.status.role).toBe('follower')
    expect(witness.raw.campaign()).toBe('not-promotable')
    expect(leader.raw.transferLeader(id('w'))).toBe('witness')
  })

  it('[RFT37] a witness can become nothing else but removed; a voter can become a witness', () => {
    const { cluster, leader } = withWitness()
    for (const word of ['vw', 'lw']) {
      expect(leader.raw.proposeConfigChange(change('auto', word))).toMatchObject({ reason: 'config-invalid' })
      expect(leader.raw.proposeConfigChange(change('explicit', 'rw', word))).toMatchObject({ reason: 'config-invalid' })
    }
    leader.raw.proposeConfigChange(change('auto', 'rw'))
    cluster.settle()
    expect(configurationOf(leader)).toBe('voters=(a b)')
    leader.raw.proposeConfigChange(change('implicit', 'wb'))
    cluster.settle()
    expect(configurationOf(leader)).toBe('voters=(a b) witnesses=(b)')
  })

  it('[RFT37] a leader that becomes a witness hands over', () => {
    const cluster = new Cluster('abc')
    const leader = cluster.elect('a')
    leader.raw.proposeConfigChange(change('auto', 'wa'))
    cluster.settle()
    expect(cluster.leaders).toEqual(['b'])
  })

  it('[RFT37] a witness gets no entry before it is durable at the leader, who would lose votes with it', () => {
    const { cluster, leader, witness } = withWitness()
    leader.propose('x')
    const ready = leader.raw.ready()
    const [toVoter, toWitness] = ['b', 'w'].map((to) => ready.messages.filter((each) => each.to === to))
    expect(toVoter).toMatchObject([{ type: 'append', entries: [{ index: 5 }] }])
    expect(toWitness).toMatchObject([{ type: 'append', entries: [] }])
    leader.restart()
    cluster.isolate('b')
    cluster.settle()
    leader.raw.campaign({ transfer: true })
    cluster.settle()
    expect(leader.isLeader).toBe(true)
    leader.propose('y')
    cluster.settle()
    expect(witness.status.lastIndex).toBe(leader.status.lastIndex)
  })

  it('[RFT38] who loses the right to lead in the middle of an election gives up', () => {
    const replica = new Replica(id('a'), foundingState(ids('abc')), {})
    replica.raw.campaign()
    replica.raw.applyConfigChange({ term: 1, index: 2, type: 'config', data: new Uint8Array([0, 1, 3, 1, 97]) })
    expect(replica.status).toMatchObject({ role: 'follower', configuration: { voters: ['b', 'c'] } })
  })
})
