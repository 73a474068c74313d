import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReplicaLog } from '../../src/groups/replica-log.js'
import { emptyState, foundingState, RawNode } from '../../src/raft/index.js'
import { StoreWriter } from '../../src/storage/store-writer.js'
import { Disk } from './replica-log-disk.js'
import {
  createdModel,
  entriesFrom,
  expected,
  load,
  type Model,
  PREFIX,
  plan,
  type Step,
  stored,
  voter,
} from './replica-log-model.js'

const number = fc.nat(50)
const sizes = fc.array(fc.nat(20), { maxLength: 4 })
const step: fc.Arbitrary<Step | 'restart'> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      back: number,
      count: fc.nat(6),
      newTerm: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('commit' as const), forward: number, withEntry: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('snapshot' as const), back: fc.nat(3), sizes }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('compact' as const), back: fc.nat(5) }) },
  fc.record({ do: fc.constant('vote' as const), for: number }),
  fc.record({ do: fc.constant('install' as const), ahead: fc.nat(10), sizes, entries: fc.nat(2) }),
  fc.record({ do: fc.constant('abort' as const), sizes }),
  fc.record({ do: fc.constant('create' as const), founding: fc.boolean() }),
  fc.constant('restart' as const),
)

const founding = foundingState([voter(1)])

async function founded(disk = new Disk()) {
  const { log, stored } = await load(disk)
  expect(stored).toBeUndefined()
  const model = createdModel(1, founding)
  await log.create(1, model.attributes, founding)
  return { disk, log, model }
}

/** Does one step after the other. */
async function follow(log: ReplicaLog, start: Model, steps: readonly Step[]): Promise<Model> {
  let model = start
  for (const next of steps) {
    const planned = plan(model, next)
    await planned.run(log)
    model = planned.next
  }
  return model
}

describe('ReplicaLog', () => {
  it('[RLG10] gives back what was stored, whatever the order of appends, snapshots, compactions and restarts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        let { disk, log, model } = await founded()
        for (const next of steps) {
          if (next === 'restart') {
            const restarted = await stored(disk)
            expect(restarted.seen).toEqual(expected(model))
            log = restarted.log
          } else {
            model = await follow(log, model, [next])
          }
        }
        expect((await stored(disk)).seen).toEqual(expected(model))
      }),
      { seed: 4, numRuns: 150 },
    )
  })

  it('[RLG10] knows the terms of entries that were replaced', async () => {
    const { disk, log } = await founded()
    await log.append({ term: 2, vote: undefined, commit: 1 }, entriesFrom(2, 3, 1), 'synced')
    await log.append(undefined, entriesFrom(5, 2, 2), 'synced')
    await log.append({ term: 2, vote: undefined, commit: 4 }, entriesFrom(3, 2, 2), 'synced')
    await log.beginSnapshot().commit({ ...founding.snapshot, index: 4, term: 2 })
    await log.compact(3)
    expect((await load(disk)).stored?.initial).toMatchObject({
      snapshot: { index: 3, term: 2 },
      entries: entriesFrom(3, 2, 2).slice(1),
    })
  })

  it('[RLG11] gives the Raft core a state that it starts from', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { disk, log, model } = await founded()
        const last = await follow(
          log,
          model,
          steps.filter((next) => next !== 'restart'),
        )
        const { seen } = await stored(disk)
        const core = new RawNode({ id: voter(1), random: () => 0, initial: seen?.initial, snapshot: () => undefined })
        const { commit, applied, lastIndex, term, vote } = core.status()
        expect({ term, vote }).toEqual({ term: last.hardState.term, vote: last.hardState.vote })
        expect([applied, commit, lastIndex]).toEqual([
          last.state.index,
          Math.max(last.hardState.commit, last.state.index),
          last.base.index + last.entries.length,
        ])
      }),
      { seed: 5, numRuns: 100 },
    )
  })

  it('[RLG12] leaves nothing on disk that is not needed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { disk, log, model } = await founded()
        const last = await follow(
          log,
          model,
          steps.filter((next) => next !== 'restart'),
        )
        expect(disk.keys(`${PREFIX}chunk/`)).toHaveLength(last.chunks?.length ?? 0)
        expect(disk.keys(`${PREFIX}trash/`)).toEqual([])
        await log.destroy()
        expect(disk.keys()).toEqual([])
      }),
      { seed: 6, numRuns: 100 },
    )
  })

  it('[RLG12] compaction deletes the records that are not needed, but never the newest', async () => {
    const { disk, log } = await founded()
    for (let i = 2; i <= 11; i++) await log.append(undefined, entriesFrom(i, 1, 1), 'synced')
    const records = () => disk.keys(`${PREFIX}log/`).length
    const snapshot = log.beginSnapshot()
    await log.append({ term: 1, vote: undefined, commit: 11 }, entriesFrom(12, 1, 1), 'synced')
    await snapshot.commit({ ...founding.snapshot, index: 11 })
    const before = records()
    await log.compact(6)
    expect(before - records()).toBe(5)
    await log.append({ term: 1, vote: undefined, commit: 12 }, [], 'synced')
    await log.compact(11)
    expect(records()).toBe(2)
    await log.compact(7) // further already
    expect((await load(disk)).stored?.initial.entries).toEqual(entriesFrom(12, 1, 1))
  })

  it('[RLG12] compaction deletes records whose entries were all replaced, which may contradict where the log begins', async () => {
    const { disk, log } = await founded()
    await log.append(undefined, entriesFrom(2, 2, 1), 'synced')
    await log.append(undefined, entriesFrom(4, 3, 1), 'synced')
    await log.append({ term: 2, vote: undefined, commit: 3 }, entriesFrom(3, 1, 2), 'synced')
    await log.beginSnapshot().commit({ ...founding.snapshot, index: 3, term: 2 })
    await log.compact(3)
    expect((await load(disk)).stored?.initial).toMatchObject({ snapshot: { index: 3, term: 2 }, entries: [] })
    await log.append(undefined, entriesFrom(4, 1, 2), 'synced')
    expect((await load(disk)).stored?.initial.entries).toEqual(entriesFrom(4, 1, 2))
  })

  it('[RLG12] a record without entries takes the place of another such record', async () => {
    const { disk, log } = await founded()
    await log.append(undefined, entriesFrom(2, 3, 1), 'synced')
    for (let term = 2; term < 20; term++) await log.append({ term, vote: voter(2), commit: 1 }, [], 'synced')
    expect(disk.keys(`${PREFIX}log/`)).toHaveLength(2)
    expect((await load(disk)).stored?.initial).toEqual({
      ...founding,
      hardState: { term: 19, vote: voter(2), commit: 1 },
      entries: entriesFrom(2, 3, 1),
      applied: undefined,
    })
  })

  it('[RLG13] a new incarnation starts from nothing, and so does a destroyed log', async () => {
    const { disk, log, model } = await founded()
    await follow(log, model, [
      { do: 'append', back: 0, count: 5, newTerm: false },
      { do: 'commit', forward: 4, withEntry: false },
      { do: 'snapshot', back: 1, sizes: [3, 4] },
    ])
    await log.create(2, new Uint8Array([9]), emptyState)
    expect((await stored(disk)).seen).toMatchObject({ incarnation: 2, initial: emptyState, snapshot: undefined })
    expect(disk.keys(`${PREFIX}chunk/`)).toEqual([])
    await log.destroy()
    expect((await load(disk)).stored).toBeUndefined()
    await log.create(3, new Uint8Array(0), founding)
    expect((await load(disk)).stored?.incarnation).toBe(3)
  })

  it('[RLG14] logs below different prefixes do not touch each other, and their writes are joined', async () => {
    const disk = new Disk()
    const writer = new StoreWriter(disk)
    const groups = ['g/a/', 'g/b/', 'g/ab/']
    const logs = await Promise.all(groups.map(async (prefix) => (await ReplicaLog.load(disk, writer, prefix)).log))
    await Promise.all(logs.map((log, i) => log.create(i + 1, new Uint8Array(0), founding)))
    await Promise.all(logs.map((log, i) => log.append(undefined, entriesFrom(2, i + 1, 1), 'synced')))
    expect(disk.written).toHaveLength(2)
    await logs[0]?.destroy()
    const found = await Promise.all(groups.map(async (prefix) => (await ReplicaLog.load(disk, writer, prefix)).stored))
    expect(found.map((stored) => stored?.initial.entries.length)).toEqual([undefined, 2, 3])
  })

  it('[RLG15] refuses, as a bug, what would make no log', async () => {
    const { log } = await founded()
    await log.append({ term: 2, vote: undefined, commit: 1 }, entriesFrom(2, 2, 2), 'synced')
    const append = (term: number, commit: number, first: number) => () =>
      log.append({ term, vote: undefined, commit }, entriesFrom(first, 1, term), 'synced')
    expect(append(2, 1, 5)).toThrow('entry 5 after entry 3')
    expect(append(2, 1, 1)).toThrow('another entry 1, which is committed')
    expect(append(1, 1, 4)).toThrow('term 1 after term 2')
    expect(append(2, 5, 4)).toThrow('commit 5 in a log that ends at 4')
    expect(() => log.compact(3)).toThrow('compacting to 3, the snapshot is at 1')
    await expect(log.beginSnapshot().commit({ ...founding.snapshot, index: 3 })).rejects.toThrow('the log has term 2')
  })
})
