import { describe, expect, it } from 'vitest'
import { defer } from '../../src/base/deferred.js'
import type { ReplicaLog, SnapshotReader } from '../../src/groups/replica-log.js'
import { foundingState } from '../../src/raft/index.js'
import { Disk } from './replica-log-disk.js'
import { entriesFrom, load, PREFIX, voter } from './replica-log-model.js'

const founding = foundingState([voter(1)])
const at = (index: number) => ({ ...founding.snapshot, index })

/** A log with entries 2 to 9, all committed. */
async function filled() {
  const disk = new Disk()
  const { log } = await load(disk)
  await log.create(1, new Uint8Array(0), founding)
  await log.append({ term: 1, vote: undefined, commit: 9 }, entriesFrom(2, 8, 1), 'synced')
  return { disk, log, chunkKeys: () => disk.keys(`${PREFIX}chunk/`) }
}

async function makeSnapshot(log: ReplicaLog, index: number, chunks: readonly number[]): Promise<void> {
  const writer = log.beginSnapshot()
  for (const chunk of chunks) await writer.add(new Uint8Array([chunk]))
  await writer.commit(at(index))
}

async function read(reader: SnapshotReader | undefined, from?: number): Promise<number[]> {
  const chunks: number[] = []
  for await (const chunk of reader?.chunks(from) ?? []) chunks.push(...chunk)
  return chunks
}

describe('snapshots in a ReplicaLog', () => {
  it('[RLG40] can be read from any chunk on, more than once', async () => {
    const { log } = await filled()
    expect(log.openSnapshot()).toBeUndefined()
    await makeSnapshot(log, 4, [1, 2, 3])
    const reader = log.openSnapshot()
    expect(reader?.snapshot).toMatchObject({ index: 4, term: 1, totalBytes: 3 })
    expect([await read(reader), await read(reader, 1), await read(reader, 3)]).toEqual([[1, 2, 3], [2, 3], []])
  })

  it('[RLG41] stay readable while a reader is open, and are deleted then', async () => {
    const { log, chunkKeys, disk } = await filled()
    await makeSnapshot(log, 4, [1, 2, 3])
    const [first, second] = [log.openSnapshot(), log.openSnapshot()]
    await makeSnapshot(log, 6, [4, 5])
    expect(await read(log.openSnapshot())).toEqual([4, 5])
    first?.close()
    first?.close()
    expect(await read(second)).toEqual([1, 2, 3])
    expect(chunkKeys()).toHaveLength(5)
    second?.close()
    await log.append({ term: 1, vote: undefined, commit: 9 }, [], 'synced') // after the deletion
    expect(chunkKeys()).toHaveLength(2)
    expect(disk.keys(`${PREFIX}trash/`)).toEqual([])
    await expect(read(second)).rejects.toMatchObject({ code: 'E_CLOSED' })
  })

  it('[RLG41] a reader of a destroyed log goes on; the next load deletes what it kept', async () => {
    const { log, chunkKeys, disk } = await filled()
    await makeSnapshot(log, 4, [1, 2, 3])
    const reader = log.openSnapshot()
    await log.destroy()
    expect(log.openSnapshot()).toBeUndefined()
    expect(await read(reader)).toEqual([1, 2, 3])
    expect(chunkKeys()).toHaveLength(3)
    expect((await load(disk)).stored).toBeUndefined()
    expect(disk.keys()).toEqual([])
  })

  it('[RLG42] the former one is current until the new one is written', async () => {
    const { log, disk } = await filled()
    await makeSnapshot(log, 4, [1])
    const writer = log.beginSnapshot()
    await writer.add(new Uint8Array([2]))
    const gate = defer()
    disk.gate = gate.promise
    const committed = writer.commit(at(5))
    const compacted = log.compact(5)
    expect(log.openSnapshot()?.snapshot.index).toBe(4)
    gate.resolve()
    await Promise.all([committed, compacted])
    expect(log.openSnapshot()?.snapshot.index).toBe(5)
    expect((await load(disk)).stored?.initial.snapshot.index).toBe(5)
  })

  it('[RLG43] one that was made here is dropped if a received one is further', async () => {
    const { log, chunkKeys } = await filled()
    const own = log.beginSnapshot()
    await own.add(new Uint8Array([1]))
    const received = log.beginSnapshot()
    await received.add(new Uint8Array([2]))
    await received.install(at(20), { term: 1, vote: undefined, commit: 20 })
    await own.commit(at(9))
    await log.append({ term: 1, vote: undefined, commit: 20 }, [], 'synced')
    expect(log.openSnapshot()?.snapshot.index).toBe(20)
    expect(chunkKeys()).toHaveLength(1)
  })

  it('[RLG44] an installed one replaces the log, and keeps the vote if the Ready brought no hard state', async () => {
    const { log, disk } = await filled()
    await log.append({ term: 3, vote: voter(2), commit: 9 }, [], 'synced')
    const writer = log.beginSnapshot()
    await writer.install(at(30), undefined)
    await log.append(undefined, entriesFrom(31, 2, 3), 'synced')
    const { stored } = await load(disk)
    expect(stored?.initial).toEqual({
      hardState: { term: 3, vote: voter(2), commit: 30 },
      snapshot: at(30),
      entries: entriesFrom(31, 2, 3),
      applied: undefined,
    })
    expect(stored?.snapshot).toMatchObject({ totalBytes: 0, checksums: [] })
  })

  it('[RLG45] one under way is aborted when the log is created anew or destroyed', async () => {
    const { log, disk } = await filled()
    const writer = log.beginSnapshot()
    await writer.add(new Uint8Array([1]))
    await log.create(2, new Uint8Array(0), founding)
    await expect(writer.add(new Uint8Array([2]))).rejects.toMatchObject({ code: 'E_ABORTED' })
    await expect(writer.commit(at(1))).rejects.toMatchObject({ code: 'E_ABORTED' })
    const another = log.beginSnapshot()
    await another.add(new Uint8Array([1]))
    await log.destroy()
    await expect(another.install(at(50), undefined)).rejects.toMatchObject({ code: 'E_ABORTED' })
    another.abort()
    expect(disk.keys()).toEqual([])
  })
})
