import { describe, expect, it } from 'vitest'
import type { PeerId } from '../../src/base/ids.js'
import { type ReplicatedResult, type Session, type SessionLimits, SessionTable } from '../../src/groups/sessions.js'

const peer = 'peer' as PeerId
const result: ReplicatedResult = { ok: true, output: 1 }
const nobody = () => false

const LIMITS: SessionLimits = { sessions: 3, window: 10, largeBytes: 100, largeBytesKept: 1000 }

function tableWith(limits: Partial<SessionLimits> = {}) {
  const table = new SessionTable({ ...LIMITS, ...limits })
  const session = registered(table, 'nonce', 5)
  return { table, session }
}

function registered(table: SessionTable, nonce: string, index: number, from = peer): Session {
  const session = table.register(nonce, from, index, nobody)
  if (session === undefined) throw new Error(`no room for ${nonce}`)
  return session
}

/** What a snapshot carries of a table. */
function contents(table: SessionTable) {
  return [...table.all.values()].map(({ id, nonce, lowest, lastIndex, results, replaced }) => {
    return { id, nonce, lowest, lastIndex, results: [...results], replaced }
  })
}

describe('SessionTable', () => {
  it('[SES1] numbers a session by the index of its registration, and registers a nonce once', () => {
    const { table, session } = tableWith()
    expect(session.id).toBe(5)
    expect(table.register('nonce', peer, 9, nobody)).toBe(session)
    expect(table.all.size).toBe(1)
  })

  it('[SES2] applies a command once and answers a copy with the first result', () => {
    const { table, session } = tableWith()
    expect(table.check(5, 1, 1, 6)).toEqual({ kind: 'apply', session })
    table.record(session, 1, result)
    expect(table.check(5, 1, 1, 7)).toEqual({ kind: 'cached', session, result })
  })

  it('[SES3] never applies what its client has settled', () => {
    const { table, session } = tableWith()
    table.record(session, 1, result)
    expect(table.check(5, 2, 2, 7)).toMatchObject({ kind: 'apply' })
    expect(session.results.has(1)).toBe(false)
    expect(table.check(5, 1, 1, 8)).toEqual({ kind: 'settled' })
  })

  it('[SES4] keeps the results of commands that settle out of order', () => {
    const { table, session } = tableWith()
    table.record(session, 3, result)
    expect(table.check(5, 4, 1, 7)).toMatchObject({ kind: 'apply' })
    expect(table.check(5, 3, 1, 8)).toMatchObject({ kind: 'cached' })
  })

  it('[SES5] refuses an unknown session and a sequence outside of the window', () => {
    const { table } = tableWith()
    expect(table.check(99, 1, 1, 6)).toEqual({ kind: 'expired' })
    expect(table.check(5, 11, 1, 6)).toEqual({ kind: 'expired' })
    expect(table.check(5, 11, 2, 6)).toMatchObject({ kind: 'apply' })
  })

  it('[SES6] evicts the longest unused session first, never the newest one of a member', () => {
    const { table } = tableWith()
    const member = 'member' as PeerId
    const isMember = (other: PeerId) => other === member
    registered(table, 'of the member', 6, member)
    registered(table, 'third', 7)
    table.check(5, 1, 1, 8) // the first is used again
    table.register('fourth', peer, 9, isMember)
    expect([...table.all.keys()]).toEqual([5, 6, 9])
    table.register('newer of the member', member, 10, isMember)
    expect([...table.all.keys()]).toEqual([6, 9, 10])
    table.register('of a second member', peer, 11, () => true) // both are, now: only 6 is not the newest
    expect([...table.all.keys()]).toEqual([9, 10, 11])
  })

  it('[SES6] stays within its size: among the only sessions of members there is no room for another one', () => {
    const table = new SessionTable(LIMITS)
    for (const index of [1, 2, 3]) registered(table, `nonce ${index}`, index, `peer ${index}` as PeerId)
    expect(table.register('fourth', 'peer 4' as PeerId, 4, () => true)).toBeUndefined()
    expect([...table.all.keys()]).toEqual([1, 2, 3])
    expect(table.register('again', 'peer 2' as PeerId, 5, () => true, { id: 2, nonce: 'nonce 2' })?.id).toBe(5)
  })

  it('[SES7] ends the session that a new one replaces, and keeps what was applied of it', () => {
    const { table, session } = tableWith()
    for (const sequence of [1, 2, 4]) table.record(session, sequence, result)
    table.check(5, 5, 2, 6)
    const next = table.register('next', peer, 8, nobody, { id: 5, nonce: 'nonce' })
    expect(next?.replaced).toEqual({ id: 5, lowest: 2, applied: [2, 4] })
    expect(table.check(5, 3, 2, 9)).toEqual({ kind: 'expired' })
    expect(table.register('next', peer, 10, nobody, { id: 5, nonce: 'nonce' })).toBe(next)
    expect(next?.replaced).toBeDefined()
    table.check(8, 1, 1, 11)
    expect(next?.replaced).toBeUndefined()
  })

  it('[SES7] replaces neither the session of another peer nor a later one of the same nonce', () => {
    const { table } = tableWith()
    expect(table.register('thief', 'thief' as PeerId, 6, nobody, { id: 5, nonce: 'nonce' })?.replaced).toBeUndefined()
    expect(table.register('late', peer, 7, nobody, { id: 4, nonce: 'nonce' })?.replaced).toBeUndefined()
    expect([...table.all.keys()]).toEqual([5, 6, 7])
  })

  it('[SES8] merges the lowest unsettled sequence by maximum, since a retried entry carries an old one', () => {
    const { table, session } = tableWith()
    table.check(5, 4, 4, 6)
    expect(table.check(5, 3, 1, 7)).toEqual({ kind: 'settled' })
    expect(table.check(5, 5, 2, 8)).toMatchObject({ kind: 'apply' })
    expect(session.lowest).toBe(4)
  })

  it('[SES9] keeps the newest large outputs, and of the older ones that they were applied', () => {
    const { table, session } = tableWith()
    const large = (fill: number): ReplicatedResult => ({ ok: true, output: new Uint8Array(400).fill(fill) })
    table.record(session, 1, large(1))
    table.record(session, 2, result)
    table.record(session, 3, large(3))
    table.record(session, 4, { ok: false, rejected: 'x'.repeat(400), details: undefined })
    expect(table.check(5, 1, 1, 6)).toEqual({ kind: 'cached', session, result: 'dropped' })
    expect(table.check(5, 2, 1, 6)).toEqual({ kind: 'cached', session, result })
    expect(table.check(5, 3, 1, 6)).toEqual({ kind: 'cached', session, result: large(3) })
    table.check(5, 5, 5, 7) // settles them all, which makes room
    for (const sequence of [5, 6]) table.record(session, sequence, large(sequence))
    expect([...session.results.values()]).toEqual([large(5), large(6)])
    table.record(session, 7, { ok: true, output: 'x'.repeat(2000) })
    expect([...session.results.values()]).toEqual(['dropped', 'dropped', 'dropped'])
  })

  it('[SES9] goes on in the same way after a snapshot', () => {
    const { table, session } = tableWith()
    const large: ReplicatedResult = { ok: true, output: ['x'.repeat(200), { key: 'y'.repeat(200) }] }
    for (const sequence of [1, 2]) table.record(session, sequence, large)
    const restored = new SessionTable(LIMITS)
    for (const record of table.all.values()) restored.restore(record)
    for (const each of [table, restored]) {
      each.check(5, 3, 1, 6)
      each.record(each.byNonce('nonce') as Session, 3, large)
    }
    expect(contents(restored)).toEqual(contents(table))
    expect(contents(table)[0]?.results.map(([, stored]) => stored === 'dropped')).toEqual([true, false, false])
  })

  it('[SES3] survives a client that claims an absurd lowest sequence', () => {
    const { table, session } = tableWith()
    table.record(session, 4, result)
    expect(table.check(5, 2 ** 52, 2 ** 52, 7)).toMatchObject({ kind: 'apply' })
    expect(session.lowest).toBe(2 ** 52)
    expect(session.results.size).toBe(0)
  })
})
