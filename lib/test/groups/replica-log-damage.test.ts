import { describe, expect, it } from 'vitest'
import { decodeMeta, encodeHead, encodeRecord, LogKeys } from '../../src/groups/replica-log-format.js'
import { type Configuration, foundingState, type HardState } from '../../src/raft/index.js'
import { Disk } from './replica-log-disk.js'
import { entriesFrom, load, PREFIX, stored, voter } from './replica-log-model.js'

const keys = new LogKeys(PREFIX)
const founding = foundingState([voter(1)])
const damaged = { code: 'E_STORAGE', message: expect.stringContaining('is damaged: ') }

/** Records 1 to 5 with entries 2 to 6, and a snapshot of three chunks at 5. */
async function written(): Promise<Disk> {
  const disk = new Disk()
  const { log } = await load(disk)
  await log.create(1, new Uint8Array([1, 2, 3]), founding)
  for (let index = 2; index <= 6; index++) {
    await log.append({ term: 1, vote: voter(1), commit: index - 1 }, entriesFrom(index, 1, 1), 'synced')
  }
  const snapshot = log.beginSnapshot()
  for (const size of [5, 6, 7]) await snapshot.add(new Uint8Array(size).fill(size))
  await snapshot.commit({ ...founding.snapshot, index: 5 })
  return disk
}

/** A copy of the disk with other bytes at a key. */
function tampered(disk: Disk, key: string, value: Uint8Array | undefined): Disk {
  const copy = disk.after(disk.written.length)
  copy.tamper(key, value)
  return copy
}

async function valueAt(disk: Disk, key: string): Promise<Uint8Array> {
  return (await disk.get(key)) as Uint8Array
}

describe('ReplicaLog on a damaged store', () => {
  it('[RLG30] refuses records that are cut off, longer than they should be or empty', async () => {
    const disk = await written()
    for (const key of disk.keys().filter((name) => !name.includes('/chunk/'))) {
      const value = await valueAt(disk, key)
      for (let length = 0; length < value.length; length++) {
        await expect(load(tampered(disk, key, value.slice(0, length))), key).rejects.toMatchObject(damaged)
      }
      const longer = new Uint8Array([...value, 0])
      await expect(load(tampered(disk, key, longer)), key).rejects.toMatchObject(damaged)
    }
  })

  it('[RLG30] refuses a log with a record missing in the middle or at the beginning, or without any', async () => {
    const disk = await written()
    const records = disk.keys(keys.records)
    expect(records).toHaveLength(5)
    for (const key of records.slice(0, -1)) {
      await expect(load(tampered(disk, key, undefined)), key).rejects.toMatchObject(damaged)
    }
    const empty = disk.after(disk.written.length)
    for (const key of records) empty.tamper(key, undefined)
    await expect(load(empty)).rejects.toMatchObject(damaged)
    await expect(load(tampered(disk, keys.meta, undefined))).rejects.toMatchObject(damaged)
    await expect(load(tampered(disk, keys.head, undefined))).rejects.toMatchObject(damaged)
    const recordsOnly = tampered(disk, keys.meta, undefined)
    recordsOnly.tamper(keys.head, undefined)
    await expect(load(recordsOnly)).rejects.toMatchObject(damaged)
  })

  const state = { term: 1, vote: undefined, commit: 5 }
  it.each<[string, HardState, number, number]>([
    ['entry 8 after entry 6', state, 8, 1],
    ['another entry 5, which is committed', state, 5, 1],
    ['commit 9 in a log that ends at 7', { ...state, commit: 9 }, 7, 1],
    ['commit 4 after commit 5', { ...state, commit: 4 }, 7, 1],
    ['term 0 after term 1', { ...state, term: 0 }, 7, 0],
    ['an entry of term 2 in 1', state, 7, 2],
    ['entry 7 of term 0 after term 1', state, 7, 0],
  ])('[RLG31] refuses a record that brings %s', async (problem, hardState, first, term) => {
    const disk = await written()
    disk.tamper(keys.record(6), encodeRecord({ hardState, entries: entriesFrom(first, 1, term) }))
    await expect(load(disk)).rejects.toMatchObject({ code: 'E_STORAGE', message: expect.stringContaining(problem) })
  })

  it('[RLG31] refuses a log that begins after its state, or does not have the entry of its state', async () => {
    const disk = await written()
    const configuration: Configuration = founding.snapshot.configuration
    const head = { firstSequence: 1, base: { index: 1, term: 1 }, chunks: undefined }
    for (const position of [
      { index: 7, term: 1 },
      { index: 5, term: 2 },
    ]) {
      const wrong = encodeHead({ ...head, state: { ...position, configuration } })
      await expect(load(tampered(disk, keys.head, wrong))).rejects.toMatchObject(damaged)
    }
    const beyond = encodeHead({ ...head, base: { index: 6, term: 1 }, state: { index: 5, term: 1, configuration } })
    await expect(load(tampered(disk, keys.head, beyond))).rejects.toMatchObject(damaged)
  })

  it('[RLG32] a chunk of the snapshot that is missing or changed is found when it is read', async () => {
    const disk = await written()
    const [, second] = disk.keys(`${PREFIX}chunk/`)
    for (const value of [undefined, new Uint8Array(0), new Uint8Array(6).fill(7), new Uint8Array(7).fill(6)]) {
      await expect(stored(tampered(disk, second as string, value))).rejects.toMatchObject(damaged)
    }
    expect((await stored(disk)).seen?.chunks).toHaveLength(3)
  })

  it('[RLG33] refuses another format and says what to do', async () => {
    const disk = await written()
    const meta = await valueAt(disk, keys.meta)
    expect(decodeMeta(meta)).toEqual({ incarnation: 1, attributes: new Uint8Array([1, 2, 3]) })
    await expect(load(tampered(disk, keys.meta, new Uint8Array([2, 77, 78])))).rejects.toMatchObject({
      code: 'E_STORAGE',
      message:
        'The stored log of this replica has format 2, and this version of legion-mesh reads format 1. ' +
        'Open it with the version that wrote it, or remove the store to join again as a new member.',
    })
  })
})
