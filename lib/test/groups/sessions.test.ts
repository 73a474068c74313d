import { describe, expect, it } from 'vitest'
import type { PeerId } from '../../src/base/ids.js'
import { type ReplicatedResult, SessionTable } from '../../src/groups/sessions.js'

const peer = 'peer' as PeerId
const result: ReplicatedResult = { ok: true, output: 1 }
const nobody = () => false

function tableWith(limits = { sessions: 3, window: 10 }) {
  const table = new SessionTable(limits)
  const session = table.register('nonce', peer, 5, nobody)
  return { table, session }
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

  it('[SES6] evicts the longest unused session first, never one of a member', () => {
    const { table } = tableWith()
    const member = 'member' as PeerId
    table.register('old member', member, 6, nobody)
    table.register('third', peer, 7, nobody)
    table.check(5, 1, 1, 8) // the first is used again
    table.register('fourth', peer, 9, (other) => other === member)
    expect([...table.all.keys()]).toEqual([5, 6, 9])
    table.register('fifth', peer, 10, () => true)
    expect(table.all.size).toBe(4)
  })

  it('[SES3] survives a client that claims an absurd lowest sequence', () => {
    const { table, session } = tableWith()
    table.record(session, 4, result)
    expect(table.check(5, 2 ** 52, 2 ** 52, 7)).toMatchObject({ kind: 'apply' })
    expect(session.lowest).toBe(2 ** 52)
    expect(session.results.size).toBe(0)
  })
})
