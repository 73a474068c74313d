import { describe, expect, it } from 'vitest'
import type { LegionError } from '../../src/base/errors.js'
import { decodeEntry, decodeOwner } from '../../src/groups/entry.js'
import type { ProposeOptions } from '../../src/groups/proposals.js'
import { Reads } from '../../src/groups/reads.js'
import { SESSION_LIMITS } from '../../src/groups/sessions.js'
import { ClientModel, type ClientOptions, GroupModel, microtasks, TestRuntime } from './session-model.js'

async function setUp(options: Partial<ClientOptions> = {}) {
  const group = options.group ?? new GroupModel()
  const runtime = new TestRuntime()
  const client = await ClientModel.start({ group, runtime, ...options })
  return { group, runtime, client, proposals: client.proposals }
}

/** With its session registered. */
async function setUpRegistered(options: Partial<ClientOptions> = {}) {
  const all = await setUp(options)
  await all.client.runAll()
  return all
}

function closed(outcome: LegionError['outcome']): LegionError {
  return Object.assign(new Error('closed'), { outcome }) as unknown as LegionError
}

describe('Proposals', () => {
  it('[SES12] registers the session first and alone, then gives out commands together', async () => {
    const { group, client } = await setUp()
    const outcomes = ['a', 'b', 'c'].map((payload) => client.propose(payload))
    const [registration, ...rest] = client.take()
    expect(rest).toEqual([])
    expect(registration?.entries.map((data) => decodeEntry(data).kind)).toEqual(['register'])
    for (const entry of registration?.entries ?? []) group.append(entry)
    client.apply()
    const batches = client.take()
    expect(batches).toHaveLength(1)
    const entries = batches[0]?.entries.map((data) => decodeEntry(data))
    const commands = [1, 2, 3].map((sequence) => ({ session: 1, sequence, lowest: 1 }))
    expect(entries).toMatchObject([{ kind: 'commands', commands }])
    for (const entry of batches[0]?.entries ?? []) group.append(entry)
    client.apply()
    await microtasks()
    expect(outcomes).toEqual([{ output: 2 }, { output: 3 }, { output: 4 }])
  })

  it('[SES12] gives commands of many bytes out in several batches, and one larger than a batch', async () => {
    const limits = { commandBytes: 1024 * 1024, proposalBytes: 16 * 1024 * 1024 }
    const { client } = await setUpRegistered({ limits })
    for (const size of [100_000, 100_000, 100_000, 400_000, 10]) client.propose(new Uint8Array(size))
    expect(client.take().map(({ entries }) => entries.length)).toEqual([3, 1, 1])
  })

  it('[SES12] takes the first registration that is applied, not a later one of its copy', async () => {
    const { group, client } = await setUp()
    const [registration] = client.take()
    for (const entry of registration?.entries ?? []) group.append(entry)
    client.apply()
    const outcome = client.propose('a')
    client.proposals.applied({ kind: 'register', nonce: registration?.registers ?? '', session: undefined }, 9)
    await client.runAll()
    expect(outcome).toEqual({ output: 2 })
  })

  it('[SES13] gives out again at once what was refused, or may be lost with a leader', async () => {
    const { client, proposals } = await setUpRegistered()
    client.propose('a')
    const [batch] = client.take()
    expect(proposals.hasUnsent).toBe(false)
    if (batch !== undefined) proposals.returned(batch)
    client.propose('b')
    const [again] = client.take()
    const sequences = again?.entries.map((data) => decodeOwner(data))
    expect(sequences).toEqual([{ kind: 'session', session: 1, sequences: [1, 2] }])
    proposals.resend()
    expect(client.take()[0]?.entries).toEqual(again?.entries)
    proposals.resend()
    proposals.resend()
    expect(client.take()[0]?.entries).toEqual(again?.entries)
  })

  it('[SES13] gives out in another cluster what this one refused', async () => {
    const { client, proposals } = await setUpRegistered()
    const outcome = client.propose('a')
    const [batch] = client.take()
    if (batch !== undefined) proposals.returned(batch)
    proposals.startOver()
    await client.runAll()
    expect(outcome).toEqual({ output: 3 })
  })

  it('[SES13] gives out again what nobody answers after 3 s, doubling up to 30 s', async () => {
    const { client, runtime, proposals } = await setUp()
    const sentAtMs: number[] = []
    for (let second = 0; second <= 120; second++) {
      runtime.now = second * 1000
      proposals.expire(true)
      if (client.take().length > 0) sentAtMs.push(second)
    }
    expect(sentAtMs).toEqual([0, 3, 9, 21, 45, 75, 105])
    const { client: registered, ...other } = await setUpRegistered()
    registered.propose('a', { timeoutMs: 200_000 })
    const commandSentAtMs: number[] = []
    for (let second = 0; second <= 120; second++) {
      other.runtime.now = second * 1000
      other.proposals.expire(true)
      if (registered.take().length > 0) commandSentAtMs.push(second)
    }
    expect(commandSentAtMs).toEqual([0, 3, 9, 21, 45, 75, 105])
  })

  it('[SES14] says not-applied only of what was never sent, or refused each time', async () => {
    const { client, proposals } = await setUpRegistered()
    const sent = client.propose('sent')
    const refused = client.propose('refused')
    const [batch] = client.take()
    if (batch !== undefined) proposals.returned({ ...batch, proposals: batch.proposals.slice(1) })
    const unsent = client.propose('unsent')
    proposals.failAll(closed)
    await microtasks()
    expect([sent, refused, unsent].map(({ error }) => error?.outcome)).toEqual([
      'unknown',
      'not-applied',
      'not-applied',
    ])
    expect([proposals.inFlight, proposals.bytesInFlight, proposals.hasUnsent]).toEqual([0, 0, false])
  })

  it('[SES14] times out with what is known of the outcome and of the group', async () => {
    const { client, runtime, proposals } = await setUpRegistered()
    const sent = client.propose('sent', { timeoutMs: 500 })
    client.take()
    const unsent = client.propose('unsent', { timeoutMs: 500 })
    const late = client.propose('late')
    runtime.now = 500
    proposals.expire(true)
    await microtasks()
    expect(sent.error).toMatchObject({ code: 'E_TIMEOUT', outcome: 'unknown' })
    expect(unsent.error).toMatchObject({ code: 'E_TIMEOUT', outcome: 'not-applied' })
    expect(late).toEqual({})
    runtime.now = 10_000
    proposals.expire(false)
    await microtasks()
    expect(late.error).toMatchObject({ code: 'E_NO_QUORUM', outcome: 'not-applied' })
  })

  it('[SES15] fails what it sent of a session that the group forgot; the rest goes on in a new one', async () => {
    const group = new GroupModel({ ...SESSION_LIMITS, sessions: 2 })
    const { client } = await setUpRegistered({ group })
    const sent = ['a', 'b'].map((payload) => client.propose(payload))
    const [batch] = client.take()
    const unsent = client.propose('unsent')
    const oneShot = client.propose('one-shot', { once: false })
    for (let i = 0; i < 2; i++) group.registerStranger()
    for (const entry of batch?.entries ?? []) group.append(entry)
    client.apply()
    await microtasks()
    for (const { error } of sent) expect(error).toMatchObject({ code: 'E_SESSION_EXPIRED', outcome: 'unknown' })
    const entries = client.take().flatMap((next) => next.entries)
    expect(decodeEntry(entries[0] as Uint8Array)).toMatchObject({ replaces: { id: 1 } })
    for (const entry of entries) group.append(entry)
    await client.runAll()
    expect([unsent.output, oneShot.output].sort()).toEqual([7, 8])
    expect(['a', 'b', 'unsent'].map((payload) => group.runsOf(payload))).toEqual([0, 0, 1])
  })

  it('[SES15] learns from a snapshot that its session is registered, what was applied, and that it is gone', async () => {
    const group = new GroupModel({ ...SESSION_LIMITS, sessions: 2 })
    const { client } = await setUp({ group })
    const append = () => {
      for (const batch of client.take()) for (const entry of batch.entries) group.append(entry)
    }
    append()
    client.restore()
    const applied = client.propose('a')
    append()
    client.restore()
    await microtasks()
    expect(applied).toEqual({ output: 2 })
    const lost = client.propose('b')
    client.take()
    for (let i = 0; i < 2; i++) group.registerStranger()
    client.restore()
    await microtasks()
    expect(lost.error).toMatchObject({ code: 'E_SESSION_EXPIRED', outcome: 'unknown' })
  })

  it('[SES6] says E_BUSY if the group has no room for its session', async () => {
    const { client, proposals } = await setUp()
    const [registration] = client.take()
    const outcome = client.propose('a')
    proposals.applied({ kind: 'register', nonce: registration?.registers ?? '', session: undefined }, 1)
    await microtasks()
    expect(outcome.error).toMatchObject({ code: 'E_BUSY', outcome: 'not-applied' })
  })

  it('[SES9] says that a command was applied whose output is not kept', async () => {
    const { client, proposals } = await setUpRegistered()
    const outcome = client.propose('a')
    client.take()
    proposals.applied({ kind: 'commands', commands: [{ session: 1, sequence: 1 }], results: ['dropped'] }, 2)
    await microtasks()
    expect(outcome.error).toMatchObject({ code: 'E_SESSION_EXPIRED', message: expect.stringContaining('was applied') })
  })

  it('[SES16] sends a command with once: false without a session, and never again', async () => {
    const { group, client, runtime, proposals } = await setUp()
    client.take() // the registration gets lost
    const applied = client.propose('applied', { once: false })
    const [batch] = client.take()
    expect(batch?.entries.map((data) => decodeEntry(data))).toMatchObject([{ kind: 'one-shot', payload: 'applied' }])
    for (const entry of batch?.entries ?? []) group.append(entry)
    client.apply()
    const lost = client.propose('lost', { once: false })
    expect(client.take()).toHaveLength(1)
    const refused = client.propose('refused', { once: false })
    for (const sent of client.take()) proposals.returned(sent)
    proposals.resend()
    runtime.now = 9000
    proposals.expire(true)
    expect(client.take().flatMap((sent) => sent.proposals)).toEqual([])
    runtime.now = 10_000
    proposals.expire(true)
    await microtasks()
    expect(applied).toEqual({ output: 1 })
    expect(refused.error).toMatchObject({ code: 'E_DROPPED', outcome: 'not-applied' })
    expect(lost.error).toMatchObject({ code: 'E_TIMEOUT', outcome: 'unknown' })
  })

  it('[SES17] refuses what is too large or too much before memory grows', async () => {
    const limits = { proposals: 3, proposalBytes: 1000, commandBytes: 800 }
    const { client, proposals } = await setUpRegistered({ limits })
    expect(client.propose(new Uint8Array(801)).error).toMatchObject({ code: 'E_TOO_LARGE', outcome: 'not-applied' })
    client.propose(new Uint8Array(700))
    expect(client.propose(new Uint8Array(700)).error).toMatchObject({ code: 'E_BUSY', outcome: 'not-applied' })
    for (let i = 0; i < 2; i++) client.propose('small')
    expect(client.propose('small').error).toMatchObject({ code: 'E_BUSY', outcome: 'not-applied' })
    await client.runAll()
    expect([proposals.inFlight, proposals.bytesInFlight]).toEqual([0, 0])
    expect(client.propose(new Uint8Array(700))).toEqual({})
  })

  it('[SES17] lets a command pass that is alone, however small the limit of bytes is', async () => {
    const { client } = await setUpRegistered({ limits: { proposalBytes: 10 } })
    const alone = client.propose(new Uint8Array(100))
    expect(client.propose('more').error).toMatchObject({ code: 'E_BUSY' })
    await client.runAll()
    expect(alone.output).toBe(2)
  })

  it('[SES17] never leaves the window of its session behind one command that hangs', async () => {
    const { client, proposals } = await setUpRegistered()
    client.propose('hangs')
    client.take()
    const applied = (sequence: number) => {
      const results = [{ ok: true, output: undefined }] as const
      proposals.applied({ kind: 'commands', commands: [{ session: 1, sequence }], results }, sequence)
    }
    for (let sequence = 2; sequence <= SESSION_LIMITS.window; sequence++) {
      client.propose('passes')
      proposals.takeBatch()
      applied(sequence)
    }
    expect(client.propose('too far').error).toMatchObject({ code: 'E_BUSY', outcome: 'not-applied' })
    applied(1)
    expect(client.propose('fits')).toEqual({})
  })

  it('[SES17] refuses a timeout that is not a number above 0, of commands and of reads', async () => {
    const { client, runtime } = await setUp()
    const reads = new Reads({ runtime, limit: 10, changed: () => {} })
    for (const timeoutMs of [0, -1, Number.NaN, '5' as never]) {
      expect(client.propose('a', { timeoutMs }).error).toMatchObject({ code: 'E_INVALID', outcome: 'not-applied' })
      expect(() => reads.wait({ timeoutMs })).toThrow(expect.objectContaining({ code: 'E_INVALID' }))
    }
    expect(client.propose('a', { timeoutMs: Number.POSITIVE_INFINITY })).toEqual({})
  })

  it('[SES18] calls onCommitted once, before it settles, and survives one that throws or aborts', async () => {
    const { group, client, proposals } = await setUpRegistered()
    const indexes: number[] = []
    const abort = new AbortController()
    const early = client.propose('a', { onCommitted: (index) => indexes.push(index) })
    const optionsOf: ProposeOptions[] = [
      { onCommitted: (index) => indexes.push(index), once: false },
      { onCommitted: () => abort.abort(), signal: abort.signal },
      {
        onCommitted: () => {
          throw new Error('mine')
        },
      },
    ]
    const others = optionsOf.map((options, i) => client.propose(i, options))
    expect(proposals.watchesCommits).toBe(true)
    for (const batch of client.take()) for (const entry of batch.entries) group.append(entry)
    proposals.committed(2, Uint8Array.of(1)) // nobody can read it
    client.apply()
    await microtasks()
    expect(indexes).toEqual([2, 3])
    expect(early.output).toBe(2)
    expect(others.map(({ output, error }) => output ?? error?.code)).toEqual([5, 'E_ABORTED', 4])
    expect([proposals.watchesCommits, proposals.bytesInFlight]).toEqual([false, 0])
  })

  it('[SES18] tells of the commitment before the command is applied', async () => {
    const { client, proposals } = await setUpRegistered()
    const indexes: number[] = []
    client.propose('a', { onCommitted: (index) => indexes.push(index) })
    const [batch] = client.take()
    for (let copy = 2; copy < 4; copy++) proposals.committed(copy, batch?.entries[0] as Uint8Array)
    expect([indexes, proposals.inFlight]).toEqual([[2], 1])
  })

  it('[SES19] gives up when the signal aborts, before and after it was sent', async () => {
    const { client, proposals } = await setUpRegistered()
    const abort = new AbortController()
    const { signal } = abort
    const sent = client.propose('sent', { signal })
    client.take()
    const unsent = client.propose('unsent', { signal })
    abort.abort('enough')
    await microtasks()
    expect(sent.error).toMatchObject({ code: 'E_ABORTED', outcome: 'unknown', cause: 'enough' })
    expect(unsent.error).toMatchObject({ code: 'E_ABORTED', outcome: 'not-applied' })
    expect(client.propose('late', { signal }).error).toMatchObject({ code: 'E_ABORTED', outcome: 'not-applied' })
    expect([proposals.inFlight, proposals.hasUnsent]).toEqual([0, false])
  })
})
