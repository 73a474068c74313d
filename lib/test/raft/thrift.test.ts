import { describe, expect, it } from 'vitest'
import { Cluster, change, HEARTBEAT_TICKS, id, type Replica, type TestOptions } from './cluster.js'
import { MAX_BYTES } from './goodbyes.js'

/** A leader `a`, which has committed `first` and tells nobody before it is released. */
function busy(voters: string, options: TestOptions = {}): Cluster {
  const cluster = new Cluster(voters, { holdCommits: true, ...options })
  const leader = cluster.elect('a')
  leader.raw.releaseCommit(leader.status.commit)
  cluster.settle()
  propose(leader, cluster, 'first')
  return cluster
}

function propose(replica: Replica, cluster: Cluster, ...payloads: string[]): void {
  replica.propose(...payloads)
  cluster.settle()
}

/** Whose logs end with what the leader's ends with. */
function upToDate(cluster: Cluster): string {
  const last = cluster.get('a').status.lastIndex
  return cluster.all.flatMap((each) => (each.status.lastIndex === last ? [each.id] : [])).join('')
}

function release(cluster: Cluster): void {
  const { raw } = cluster.get('a')
  raw.releaseCommit(raw.heldCommit ?? 0)
  cluster.settle()
}

describe('thrifty replication', () => {
  it('[RFT285] sends to all what comes after a rest', () => {
    expect(upToDate(busy('abc'))).toBe('abc')
  })

  it('[RFT285] sends to as many as can commit what comes while commit indexes are held', () => {
    const cluster = busy('abcde')
    propose(cluster.get('a'), cluster, 'x')
    propose(cluster.get('a'), cluster, 'y')
    expect(upToDate(cluster)).toBe('abc')
    expect(cluster.get('a').applied).toEqual(['first', 'x', 'y'])
  })

  it('[RFT285] sends all that was kept in one append that says it is committed', () => {
    const cluster = busy('abc')
    for (const each of ['x', 'y', 'z']) propose(cluster.get('a'), cluster, each)
    expect(upToDate(cluster)).toBe('ab')
    const before = cluster.log.length
    release(cluster)
    const toC = cluster.log.slice(before).filter(({ to, type }) => to === 'c' && type === 'append')
    expect(toC).toHaveLength(1)
    expect(cluster.get('c').applied).toEqual(['first', 'x', 'y', 'z'])
  })

  it('[RFT285] or along with the answer to the next heartbeat', () => {
    const cluster = busy('abc')
    propose(cluster.get('a'), cluster, 'x')
    cluster.tick(HEARTBEAT_TICKS)
    expect(upToDate(cluster)).toBe('abc')
  })

  it('[RFT285] sends to so many as have to keep it', () => {
    const cluster = busy('abcde', { copies: 4 })
    propose(cluster.get('a'), cluster, 'x')
    expect(upToDate(cluster)).toBe('abcd')
    expect(cluster.get('a').applied).toEqual(['first', 'x'])
  })

  it('[RFT285] does not wait for learners, and does not count on them', () => {
    const cluster = busy('abc')
    cluster.add('l')
    cluster.get('a').raw.proposeConfigChange(change('auto', 'll'))
    cluster.settle()
    propose(cluster.get('a'), cluster, 'x')
    propose(cluster.get('a'), cluster, 'y')
    expect(upToDate(cluster)).toBe('ab')
  })

  it('[RFT286] sends first to who proposed it', () => {
    const cluster = busy('abc')
    propose(cluster.get('c'), cluster, 'x')
    expect(upToDate(cluster)).toBe('ac')
    expect(cluster.get('c').applied).toEqual(['first', 'x'])
    propose(cluster.get('b'), cluster, 'y')
    expect(upToDate(cluster)).toBe('ab')
  })

  it('[RFT286] then to who was the quickest to acknowledge', () => {
    const cluster = busy('abc')
    cluster.isolate('b')
    propose(cluster.get('a'), cluster, 'x')
    release(cluster)
    cluster.heal()
    propose(cluster.get('a'), cluster, 'y')
    expect(upToDate(cluster)).toBe('ac')
  })

  it('[RFT287] keeps no more than 32 entries from anybody', () => {
    const cluster = busy('abc')
    for (let i = 0; i < 32; i++) propose(cluster.get('a'), cluster, `${i}`)
    expect(upToDate(cluster)).toBe('ab')
    propose(cluster.get('a'), cluster, 'more')
    expect(upToDate(cluster)).toBe('abc')
  })

  it('[RFT287] keeps nothing from anybody while the configuration changes or is joint', () => {
    const cluster = busy('abc')
    propose(cluster.get('a'), cluster, 'x')
    cluster.get('a').raw.proposeConfigChange(change('explicit', 'vd'))
    cluster.settle()
    expect(upToDate(cluster)).toBe('abc')
    propose(cluster.get('a'), cluster, 'y')
    propose(cluster.get('a'), cluster, 'z')
    expect(upToDate(cluster)).toBe('abc')
  })

  it('[RFT287] nor while there is a witness', () => {
    const cluster = busy('abc')
    cluster.add('w')
    cluster.get('a').raw.proposeConfigChange(change('auto', 'ww'))
    cluster.settle()
    propose(cluster.get('a'), cluster, 'x')
    propose(cluster.get('a'), cluster, 'y')
    expect(upToDate(cluster)).toBe('abcw')
  })

  it('[RFT287] nor by a leader that has no vote', () => {
    const cluster = busy('abc', { stepDownOnRemoval: false })
    cluster.get('a').raw.proposeConfigChange(change('auto', 'la'))
    cluster.settle()
    propose(cluster.get('a'), cluster, 'x')
    propose(cluster.get('a'), cluster, 'y')
    expect(upToDate(cluster)).toBe('abc')
  })

  it('[RFT287] nor from whom leadership is handed over to', () => {
    const cluster = busy('abc')
    propose(cluster.get('a'), cluster, 'x')
    cluster.get('a').raw.transferLeader(id('c'))
    cluster.settle()
    expect(cluster.leaders).toEqual(['c'])
  })

  it('[RFT287] nor is anything kept from those that are left when one is known to be unreachable', () => {
    const cluster = busy('abc')
    cluster.isolate('b')
    cluster.get('a').raw.reportUnreachable(id('b'))
    propose(cluster.get('a'), cluster, 'x')
    expect(cluster.get('a').applied).toEqual(['first', 'x'])
  })

  it.each<[string, (cluster: Cluster) => void]>([
    ['it is released', release],
    ['the next heartbeat is answered', (cluster) => cluster.tick(HEARTBEAT_TICKS)],
  ])('[RFT288] is made up for by the others when %s, if who was chosen is silent', (_, made) => {
    const cluster = busy('abc')
    cluster.isolate('b')
    propose(cluster.get('a'), cluster, 'x')
    expect(cluster.get('a').applied).toEqual(['first'])
    made(cluster)
    expect(cluster.get('a').applied).toEqual(['first', 'x'])
  })

  it('[RFT289] leaves last words that bring what any heir lacks, if that is little', () => {
    const cluster = busy('abc')
    propose(cluster.get('a'), cluster, 'x')
    const { entries, goodbye } = cluster.get('a').raw.goodbye(() => true, MAX_BYTES)
    expect(goodbye.heirs).toEqual(['b', 'c'])
    if (entries !== undefined) cluster.get('c').raw.step({ ...entries, to: id('c') })
    cluster.settle()
    expect(cluster.get('c').applied).toEqual(['first', 'x'])
    const other = busy('abc')
    propose(other.get('a'), other, 'a payload that takes more than half')
    expect(other.get('a').raw.goodbye(() => true, 40).entries?.entries).toEqual([])
  })
})
