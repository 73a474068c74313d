import { describe, expect, it } from 'vitest'
import { type PeerId, parsePeerId } from '../../src/base/ids.js'
import type { Value } from '../../src/codec/value.js'
import { lock } from '../../src/machines/index.js'
import { machineTools } from '../../src/machines/machine-tools.js'
import { contextAt } from './context.js'

const ANN = parsePeerId('AAAAAAAAAAAAAAAAAAAAAA') as PeerId
const BOB = parsePeerId('AAAAAAAAAAAAAAAAAAAAAQ') as PeerId

function start() {
  const machine = lock.create(machineTools)
  const now = { timestampMs: 0 }
  const by = (from: PeerId) => (name: string, payload: Value) => {
    const result = machine.apply({ name, payload }, { ...contextAt(1), ...now, from })
    if (result.ok) return result.output
    return result.rejected === undefined ? 'failed' : { rejected: result.rejected }
  }
  const holder = (name: Value) => machine.query({ name: 'holder', payload: name }, { ...now, version: 1 })
  const left = (peer: PeerId) => machine.memberLeft?.(peer, { ...contextAt(1), ...now })
  return { machine, now, ann: by(ANN), bob: by(BOB), holder, left }
}

describe('lock', () => {
  it('[MAC34] is given to one peer at a time', () => {
    const { ann, bob, holder } = start()
    expect(holder('door')).toBe(null)
    expect(ann('acquire', { name: 'door', ttlMs: 100 })).toEqual({ ok: true, token: 1 })
    expect(bob('acquire', { name: 'door', ttlMs: 100 })).toEqual({ ok: false, holder: ANN })
    expect(ann('acquire', { name: 'door', ttlMs: 100 })).toEqual({ ok: false, holder: ANN })
    expect(holder('door')).toEqual({ holder: ANN, token: 1, leaseEnd: 100 })
    expect(bob('acquire', { name: 'gate', ttlMs: 100 })).toEqual({ ok: true, token: 2 })
  })

  it('[MAC34] is released by its token only, and once', () => {
    const { ann, bob, holder } = start()
    ann('acquire', { name: 'door', ttlMs: 100 })
    expect(bob('release', { name: 'door', token: 2 })).toBe(false)
    expect(ann('release', { name: 'gate', token: 1 })).toBe(false)
    expect(holder('door')).toMatchObject({ holder: ANN })
    expect(ann('release', { name: 'door', token: 1 })).toBe(true)
    expect(ann('release', { name: 'door', token: 1 })).toBe(false)
    expect(holder('door')).toBe(null)
  })

  it('[MAC35] tokens rise with every grant of whatever lock, also after locks were freed', () => {
    const { ann, bob, now, left } = start()
    const tokens: unknown[] = []
    for (let i = 0; i < 12; i++) {
      const who = i % 2 === 0 ? ann : bob
      tokens.push((who('acquire', { name: `lock ${i % 3}`, ttlMs: 10 }) as { token: unknown }).token)
      if (i % 3 === 0) who('release', { name: 'lock 0', token: i + 1 })
      if (i % 3 === 1) now.timestampMs += 10
      if (i % 3 === 2) left(i % 2 === 0 ? ANN : BOB)
    }
    expect(tokens).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  })

  it('[MAC36] is free when its lease is over in log time; its old token is worth nothing then', () => {
    const { ann, bob, now, holder } = start()
    ann('acquire', { name: 'door', ttlMs: 100 })
    now.timestampMs = 99
    expect(bob('acquire', { name: 'door', ttlMs: 100 })).toEqual({ ok: false, holder: ANN })
    now.timestampMs = 100
    expect(holder('door')).toBe(null)
    expect(ann('renew', { name: 'door', token: 1, ttlMs: 100 })).toBe(false)
    expect(bob('acquire', { name: 'door', ttlMs: 100 })).toEqual({ ok: true, token: 2 })
    expect(ann('release', { name: 'door', token: 1 })).toBe(false)
    expect(ann('renew', { name: 'door', token: 1, ttlMs: 100 })).toBe(false)
    expect(holder('door')).toEqual({ holder: BOB, token: 2, leaseEnd: 200 })
  })

  it('[MAC36] is kept by renewing it', () => {
    const { ann, now, holder } = start()
    ann('acquire', { name: 'door', ttlMs: 100 })
    now.timestampMs = 90
    expect(ann('renew', { name: 'door', token: 1, ttlMs: 50 })).toBe(true)
    now.timestampMs = 139
    expect(holder('door')).toEqual({ holder: ANN, token: 1, leaseEnd: 140 })
    expect(ann('renew', { name: 'door', token: 2, ttlMs: 50 })).toBe(false)
  })

  it('[MAC37] is freed when its holder leaves the group', () => {
    const { ann, bob, holder, left } = start()
    ann('acquire', { name: 'a', ttlMs: 100 })
    bob('acquire', { name: 'b', ttlMs: 100 })
    ann('acquire', { name: 'c', ttlMs: 100 })
    left(ANN)
    expect(['a', 'b', 'c'].map(holder)).toEqual([null, { holder: BOB, token: 2, leaseEnd: 100 }, null])
    expect(ann('renew', { name: 'a', token: 1, ttlMs: 100 })).toBe(false)
  })

  it('[MAC34] refuses names and leases that are none, and no payload breaks it', () => {
    const { ann, machine, holder } = start()
    const before = machine.state
    expect(ann('acquire', { name: 1, ttlMs: 1 })).toEqual({ rejected: 'The name of a lock must be a string.' })
    expect(ann('acquire', { name: 'a' })).toEqual({ rejected: 'ttlMs must be a number of milliseconds above 0.' })
    for (const name of ['acquire', 'renew', 'release']) expect(ann(name, undefined)).toBe('failed')
    expect(machine.state).toBe(before)
    expect(() => holder(1)).toThrow(expect.objectContaining({ code: 'E_REJECTED' }))
  })
})
