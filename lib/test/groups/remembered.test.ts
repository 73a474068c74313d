import { describe, expect, it } from 'vitest'
import { newPeerId } from '../../src/base/ids.js'
import { isAcceptable } from '../../src/groups/admission.js'
import { encodeCall, encodeCommand, encodeCreateGroup, encodeDissolve } from '../../src/groups/entry.js'
import { GROUPS_MAX, GroupRegistry } from '../../src/groups/group-registry.js'
import { Membership } from '../../src/groups/membership.js'
import type { Replica } from '../../src/groups/replica.js'
import { decodeHead, encodeHead, type SnapshotHead } from '../../src/groups/snapshot.js'
import { voterIdOf } from '../../src/groups/voter-id.js'
import { defineMachine, Rejected } from '../../src/machines/index.js'
import type { Message } from '../../src/raft/index.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'
import { createSimulation } from '../../src/testing/simulation.js'

// What others can make a cluster or a peer remember is bounded, and what is remembered can be read again.

const runtime = new SimulatedClock().fork(160)
const founder = voterIdOf(newPeerId(runtime), 1)

const EMPTY: SnapshotHead = {
  machineName: 'kv',
  machineVersion: 1,
  seed: 1,
  appliedIndex: 1,
  surplus: 3,
  timestampMs: 1,
  roster: { members: [], retired: [], ejected: [], pinned: [], changedAt: 0 },
  sessions: [],
  groups: [],
  isEmpty: true,
  dissolvedInto: undefined,
  epochs: [],
}

const group = (number: number) => ({ number, name: `group ${number}`, machineName: 'kv', replicas: 0, founder })

describe('what is remembered', () => {
  it('[GRP160] a cluster has no more groups than a snapshot can hold', { timeout: 60_000 }, () => {
    const registry = GroupRegistry.restore(Array.from({ length: GROUPS_MAX + 10 }, (_, i) => group(i)))
    expect(registry.all.size).toBe(GROUPS_MAX)
    expect(registry.isFull).toBe(true)
    const head = { ...EMPTY, groups: [...registry.all.values()] }
    expect(decodeHead(encodeHead(head)).groups).toHaveLength(GROUPS_MAX)
    expect(encodeCreateGroup({ ...group(1), name: 'x' }).length).toBeLessThan(64)
  })

  it('[SES29] refuses a snapshot whose session has results far apart', () => {
    const session = { id: 1, nonce: 'n', peer: newPeerId(runtime), lowest: 5, lastIndex: 1, replaced: undefined }
    const withResult = (sequence: number) =>
      encodeHead({ ...EMPTY, sessions: [{ ...session, results: new Map([[sequence, 'dropped'] as const]) }] })
    expect(decodeHead(withResult(5 + 32_767)).sessions[0]?.results.size).toBe(1)
    for (const sequence of [4, 5 + 65_536, 2 ** 40])
      expect(() => decodeHead(withResult(sequence))).toThrow(/lowest is 5/)
  })

  it('[GRP161] a reason or details of any length that a command gives can be read from a snapshot again', async () => {
    const machine = defineMachine({
      name: 'talkative',
      version: 1,
      initial: () => ({}),
      commands: {
        refuse(_, text: string): void {
          throw new Rejected(text, { text })
        },
      },
    })
    const simulation = createSimulation({ seed: 161 })
    const [first] = await simulation.peers(1, { machine })
    const long = 'é'.repeat(100_000)
    const refused = first?.legion.applyConsistent('refuse', long)
    await expect(simulation.until(refused ?? Promise.resolve())).rejects.toMatchObject({ code: 'E_REJECTED' })
    const second = simulation.open({ machine })
    await simulation.settle(() => second.legion.status().isReady, 10_000)
  })

  it('[GRP163] a leader takes from others what a peer may propose, up to the length of a command', () => {
    const [leader, other] = [founder, voterIdOf(newPeerId(runtime), 1)]
    const replica = { id: leader, state: { roster: { isRetired: () => false } } } as unknown as Replica
    const command = (length: number) =>
      encodeCommand({ session: 1, sequence: 1, lowest: 1, timestampMs: 1 }, encodeCall('set', 'x'.repeat(length)))
    const isTaken = (type: 'normal' | 'config', data: Uint8Array) => {
      const message: Message = {
        type: 'propose',
        from: other,
        to: leader,
        term: 0,
        ticket: 1,
        entries: [{ type, data }],
      }
      return isAcceptable(message, replica, 1_000)
    }
    expect(isTaken('normal', command(900))).toBe(true)
    expect(isTaken('normal', command(2_000))).toBe(false)
    expect(isTaken('normal', encodeDissolve(newPeerId(runtime) as never))).toBe(false)
    expect(isTaken('normal', new Uint8Array())).toBe(false)
    expect(isTaken('config', command(1))).toBe(false)
  })

  it('[GRP162] a peer that never leads does not remember all who ever came by', () => {
    const membership = new Membership({ isBanned: () => false, heardAtMs: () => 0 })
    const member = { name: '', kind: 'browser', host: '', durable: false, canVote: true, machineVersion: 1 } as const
    const clusterId = newPeerId(runtime) as never
    for (let i = 0; i < 10_000; i++) {
      const peer = newPeerId(runtime)
      const id = voterIdOf(peer, 1)
      membership.joined(peer)
      const said = { machineName: 'kv', visible: true, isWorn: i % 5 === 0, epoch: 1, history: [] }
      const announce = { clusterId, member: { ...member, id }, ...said }
      membership.announced(peer, { kind: 'announce', ...announce }, i)
      if (i % 2 === 0) membership.leaving(peer)
      membership.lost(peer, i % 3 === 0 ? 'goodbye' : 'lost', i * 1_000)
    }
    expect(membership.rememberedCount).toBeLessThanOrEqual(4 * 4_096 + 60)
    expect(membership.announces.size).toBe(0)
  })
})
