import { describe, expect, it } from 'vitest'
import { type Cluster, HEARTBEAT_TICKS, id, type Replica } from './cluster.js'
import { led, voteRequest } from './goodbyes.js'

/** Its disk has forgotten all after `index`, though it had said that it was durable. */
function lose(replica: Replica, index: number): void {
  replica.entries = replica.entries.filter((entry) => entry.index <= index)
  replica.hardState = { ...replica.hardState, commit: Math.min(replica.hardState.commit, index) }
  replica.restart()
}

/** `b` has acknowledged everything, up to index 4. */
function acknowledged(voters: string, unreachable: string): Cluster {
  const cluster = led(voters)
  cluster.isolate(unreachable)
  cluster.get('a').propose('x')
  cluster.settle()
  expect(cluster.get('b').status.lastIndex).toBe(4)
  return cluster
}

describe('a replica whose disk lost data', () => {
  it.each([
    ['that is committed', 'abc', 4],
    ['that is not committed yet', 'abcde', 3],
  ])('[RFT300] hears from its leader that it acknowledged something %s, and ends', (_, voters, commit) => {
    const cluster = acknowledged(voters, voters.slice(2))
    expect(cluster.get('a').status.commit).toBe(commit)
    const replica = cluster.get('b')
    lose(replica, 3)
    cluster.tick(HEARTBEAT_TICKS)
    expect(replica.raw.hasLostData).toBe(true)
    expect(replica.status).toMatchObject({ lastIndex: 3, ignored: { 'beyond-log': 1 } })
    expect(replica.raw.step(voteRequest('c', 'b', 9, { lastIndex: 9, lastTerm: 9 }))).toBe('unexpected')
    replica.raw.tick()
    expect(replica.raw.hasReady()).toBe(false)
  })

  it('[RFT301] goes on if it had not acknowledged that in the term of its leader', () => {
    const cluster = led('abc')
    cluster.isolate('b')
    cluster.get('a').propose('x')
    cluster.settle()
    cluster.heal()
    const replica = cluster.get('b')
    replica.restart()
    cluster.tick(HEARTBEAT_TICKS)
    expect(replica.status).toMatchObject({ lastIndex: 4, commit: 4 })
    lose(replica, 3)
    cluster.elect('c')
    cluster.settle()
    cluster.tick(HEARTBEAT_TICKS)
    expect(replica.raw.hasLostData).toBe(false)
    expect(replica.applied).toEqual(cluster.get('c').applied)
    expect(cluster.get('c').raw.status().progress.get(id('b'))).toMatchObject({ match: replica.status.lastIndex })
  })
})
