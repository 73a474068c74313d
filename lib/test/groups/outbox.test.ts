import { describe, expect, it } from 'vitest'
import { viewOf } from '../../src/codec/byte-pool.js'
import { encodeCall } from '../../src/groups/entry.js'
import { Outbox, sortOut } from '../../src/groups/outbox.js'
import { SESSION_LIMITS } from '../../src/groups/sessions.js'
import { ClientModel, GroupModel, microtasks, TestRuntime, TestStore } from './session-model.js'

const persist = true

/** A peer whose starts share a disk; each start draws other nonces. */
function setUp(group = new GroupModel()) {
  const store = new TestStore()
  let starts = 0
  const start = () => ClientModel.start({ group, store, runtime: new TestRuntime(++starts) }, group.lastIndex)
  return { group, store, start }
}

describe('Outbox', () => {
  it('[SES20] sends a persistent command once it is durable with its number; others do not wait', async () => {
    const { group, store, start } = setUp()
    const client = await start()
    await client.runAll()
    store.isFast = false
    const persistent = client.propose('persistent', { persist })
    const ordinary = client.propose('ordinary')
    await client.runAll()
    expect([persistent, ordinary]).toEqual([{}, { output: 2 }])
    store.flush()
    await microtasks()
    await client.runAll()
    expect(persistent).toEqual({ output: 3 })
    expect(group.runsOf('persistent')).toBe(1)
    store.flush()
    expect(store.keys).toEqual([])
  })

  it('[SES20] keeps a command that was never sent, and proposes it at the next start', async () => {
    const { group, store, start } = setUp()
    const offline = await start()
    offline.propose('first', { persist })
    offline.propose('second', { persist })
    store.crash()
    const client = await start()
    await client.runAll()
    expect([group.runsOf('first'), group.runsOf('second'), client.lost]).toEqual([1, 1, []])
    store.flush()
    expect(store.keys).toEqual([])
  })

  it('[SES21] proposes after a restart what the replaced session has not applied, and nothing else', async () => {
    const { group, store, start } = setUp()
    const old = await start()
    await old.runAll()
    const entries: Uint8Array[] = []
    for (const payload of ['applied', 'lost', 'delayed']) {
      old.propose(payload, { persist })
      await microtasks()
      entries.push(...old.take().flatMap((batch) => batch.entries))
    }
    group.append(entries[0] as Uint8Array)
    store.crash() // before the old peer heard of it
    const client = await start()
    await client.runAll()
    group.append(entries[2] as Uint8Array) // a copy in flight comes late
    await client.runAll()
    expect(['applied', 'lost', 'delayed'].map((payload) => group.runsOf(payload))).toEqual([1, 1, 1])
    expect([client.lost, client.proposals.inFlight]).toEqual([[], 0])
    store.flush()
    expect(store.keys).toEqual([])
  })

  it('[SES21] does so however often the restart itself is cut short', async () => {
    const { group, store, start } = setUp()
    const old = await start()
    await old.runAll()
    for (const payload of ['applied', 'open']) old.propose(payload, { persist })
    await microtasks()
    group.append(old.take()[0]?.entries[0] as Uint8Array)
    store.crash()
    store.isFast = false
    for (let durableWrites = 0; durableWrites < 6; durableWrites++) {
      const cut = await start()
      for (let write = 0; write < durableWrites; write++) {
        await cut.runAll()
        store.flush(1)
        await cut.runAll()
      }
      await cut.runAll()
      store.crash()
    }
    store.isFast = true
    const client = await start()
    await client.runAll()
    expect([group.runsOf('applied'), group.runsOf('open'), client.lost]).toEqual([1, 1, []])
  })

  it('[SES21] sends nothing in the new session before it is durable what became of the old one', async () => {
    const { group, store, start } = setUp()
    const old = await start()
    await old.runAll()
    old.propose('open', { persist })
    await microtasks()
    old.take()
    store.crash()
    store.isFast = false
    const client = await start()
    const ordinary = client.propose('ordinary')
    await client.runAll()
    expect(group.lastIndex).toBe(1) // not even registered: the new nonce is not durable
    store.flush()
    await client.runAll()
    expect([group.lastIndex, ordinary]).toEqual([2, {}])
    store.flush()
    await client.runAll()
    expect(ordinary).toEqual({ output: 3 })
    expect(group.runsOf('open')).toBe(0)
    store.flush()
    await client.runAll()
    expect(group.runsOf('open')).toBe(1)
  })

  it('[SES22] reports what nobody can tell the outcome of, and does not propose it again', async () => {
    const group = new GroupModel({ ...SESSION_LIMITS, sessions: 2 })
    const { store, start } = setUp(group)
    const old = await start()
    await old.runAll()
    old.propose('lost', { persist })
    await microtasks()
    old.take()
    store.crash()
    for (let i = 0; i < 2; i++) group.registerStranger()
    const client = await start()
    await client.runAll()
    expect(client.lost).toEqual([{ name: 'add', payload: 'lost', timestampMs: 1_700_000_000_000 }])
    expect(group.runsOf('lost')).toBe(0)
    expect(store.keys).toEqual([])
  })

  it('[SES22] judges a record only by what is known of its own session', () => {
    const record = (id: number, session: number, sequence: number) => {
      return {
        id,
        call: viewOf(encodeCall('add', id)),
        timestampMs: 1,
        sentAs: { session: { id: session, nonce: 'n' }, sequence },
      }
    }
    const records = [record(1, 4, 9), record(2, 5, 2), record(3, 5, 3), record(4, 5, 4)]
    const [foreign, settled, applied, open] = records
    const replaced = { id: 5, lowest: 3, applied: [3] }
    expect(sortOut(records, replaced)).toEqual({ settled: [settled, applied], open: [open], lost: [foreign] })
    expect(sortOut(records, undefined)).toEqual({ settled: [], open: [], lost: records })
  })

  it('[SES22] is not misled by a late copy that registers the forgotten nonce anew', async () => {
    const group = new GroupModel({ ...SESSION_LIMITS, sessions: 2 })
    const { store, start } = setUp(group)
    const old = await start()
    const [registration] = old.take()
    group.append(registration?.entries[0] as Uint8Array)
    await old.runAll()
    old.propose('applied', { persist })
    await microtasks()
    group.append(old.take()[0]?.entries[0] as Uint8Array)
    store.crash()
    for (let i = 0; i < 2; i++) group.registerStranger()
    group.append(registration?.entries[0] as Uint8Array)
    const client = await start()
    await client.runAll()
    expect([group.runsOf('applied'), client.lost.length]).toEqual([1, 1])
  })

  it('[SES23] says unknown of a persistent command that fails, since a later start may propose it', async () => {
    const { group, store, start } = setUp()
    const client = await start()
    const closing = client.propose('closing', { persist })
    const abort = new AbortController()
    const aborted = client.propose('aborted', { persist, signal: abort.signal })
    abort.abort()
    client.proposals.failAll((outcome) => Object.assign(new Error('closed'), { outcome }) as never)
    await microtasks()
    expect([closing.error?.outcome, aborted.error?.outcome]).toEqual(['unknown', 'unknown'])
    store.flush()
    const next = await start()
    await next.runAll()
    expect([group.runsOf('closing'), group.runsOf('aborted')]).toEqual([1, 0])
  })

  it('[SES23] a command of an earlier start that fails rejects no promise, for nobody waits', async () => {
    const { group, store, start } = setUp()
    const offline = await start()
    offline.propose('left behind', { persist })
    store.crash()
    const client = await start()
    expect(client.proposals.inFlight).toBe(1)
    const unhandled: unknown[] = []
    const note = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', note)
    client.proposals.failAll((outcome) => Object.assign(new Error('closed'), { outcome }) as never)
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', note)
    expect([unhandled, group.runsOf('left behind')]).toEqual([[], 0])
  })

  it('[SES23] needs durable storage and the session, and has limits', async () => {
    const group = new GroupModel()
    const without = await ClientModel.start({ group })
    expect(without.propose('a', { persist }).error).toMatchObject({ code: 'E_UNSUPPORTED', outcome: 'not-applied' })
    const store = new TestStore()
    const outboxLimits = { records: 3, bytes: 100 }
    const client = await ClientModel.start({ group, store, outboxLimits })
    expect(client.propose('a', { persist, once: false }).error).toMatchObject({ code: 'E_INVALID' })
    client.propose(new Uint8Array(60), { persist })
    expect(client.propose(new Uint8Array(60), { persist }).error).toMatchObject({ code: 'E_BUSY' })
    for (let i = 0; i < 2; i++) client.propose('small', { persist })
    expect(client.propose('small', { persist }).error).toMatchObject({ code: 'E_BUSY', outcome: 'not-applied' })
    await client.runAll()
    expect(client.propose('small', { persist })).toEqual({})
  })

  it('[SES24] fails loudly when its disk does, and sends nothing that is not on it', async () => {
    const { group, store, start } = setUp()
    const client = await start()
    await client.runAll()
    store.failure = new Error('no space')
    const outcome = client.propose('a', { persist })
    await client.runAll()
    expect(outcome.error).toMatchObject({ code: 'E_STORAGE', outcome: 'unknown', cause: store.failure })
    expect(client.propose('b').error).toMatchObject({ code: 'E_STORAGE', outcome: 'not-applied' })
    expect(group.lastIndex).toBe(1)
  })

  it('[SES24] refuses damaged records', async () => {
    const record = new TestStore()
    record.set('outbox/0000000000000001', Uint8Array.of(1, 2, 3))
    const store = new TestStore()
    const outbox = await Outbox.load({ store, writer: store, prefix: 'outbox/' })
    await outbox.put({ id: 1, call: viewOf(encodeCall('add', 1)).subarray(1), timestampMs: 1, sentAs: undefined })
    for (const damaged of [record, store]) {
      const loading = Outbox.load({ store: damaged, writer: damaged, prefix: 'outbox/' })
      await expect(loading).rejects.toMatchObject({ code: 'E_STORAGE' })
    }
  })
})
