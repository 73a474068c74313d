import { describe, expect, it } from 'vitest'
import type { ClusterId, PeerId } from '../../src/base/ids.js'
import { newClusterId, newPeerId } from '../../src/base/ids.js'
import { nextIncarnation, readGift, writeGift } from '../../src/groups/gift.js'
import { lastPosition, logPrefix, missingEntries, type Orphan, readOrphan } from '../../src/groups/orphan.js'
import { encodeAttributes } from '../../src/groups/replica-attributes.js'
import { ReplicaLog } from '../../src/groups/replica-log.js'
import { voterIdOf } from '../../src/groups/voter-id.js'
import { type Entry, foundingState, type HardState, type VoterId } from '../../src/raft/index.js'
import { StoreWriter } from '../../src/storage/store-writer.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'
import { Disk } from './replica-log-disk.js'

const runtime = new SimulatedClock().fork(1)
const [OWNER, HEIR, OTHER] = [newPeerId(runtime), newPeerId(runtime), newPeerId(runtime)] as [PeerId, PeerId, PeerId]
const [CLUSTER, ANOTHER] = [newClusterId(runtime), newClusterId(runtime)] as [ClusterId, ClusterId]
const owner = (incarnation: number) => voterIdOf(OWNER, incarnation)
const [heir, other] = [voterIdOf(HEIR, 1), voterIdOf(OTHER, 1)]

/** Voted in term 7; the last two entries, of terms 5 and 6, are not committed as far as it knew. */
const HARD_STATE: HardState = { term: 7, vote: heir, commit: 2, hosted: [{ id: other, fence: 4 }] }
const entry = (index: number, term: number): Entry => ({ type: 'normal', index, term, data: Uint8Array.of(index) })
const ENTRIES = [entry(2, 4), entry(3, 5), entry(4, 6)]

/** A store in which its owner left a replica of that incarnation. */
async function storeOf(incarnation: number, disk = new Disk()): Promise<Disk> {
  const { log } = await ReplicaLog.load(disk, new StoreWriter(disk), logPrefix(0))
  const attributes = encodeAttributes({ clusterId: CLUSTER, isFounder: true, epoch: 1, formerly: [] })
  await log.create(incarnation, attributes, foundingState([owner(incarnation), heir, other]))
  await log.append(HARD_STATE, ENTRIES, 'synced')
  return disk
}

async function orphanIn(disk: Disk, clusterId = CLUSTER): Promise<Orphan | undefined> {
  return readOrphan(disk, OWNER, 0, clusterId)
}

async function give(disk: Disk, incarnation: number, heirs: readonly VoterId[]): Promise<void> {
  const { gift } = (await orphanIn(disk)) as Orphan
  await writeGift(disk, 0, { ...gift, from: owner(incarnation), heirs })
}

describe('the store of a peer that ended', () => {
  it('[GRP136] tells all that it spoke for, the latest term it may have voted in, and all it may have acknowledged', async () => {
    const orphan = await orphanIn(await storeOf(3))
    expect(orphan?.id).toBe(owner(3))
    expect(orphan?.gift).toEqual({
      type: 'goodbye',
      from: owner(3),
      to: owner(3),
      term: 7,
      ids: [owner(3), other],
      floor: { index: 4, term: 6 },
      heirs: [],
    })
  })

  it('[GRP136] tells nothing of a replica of another cluster', async () => {
    expect(await orphanIn(await storeOf(1), ANOTHER)).toBeUndefined()
    expect(await orphanIn(new Disk())).toBeUndefined()
  })

  it('[GRP137] brings what is missing after any commit, as its leader would have sent it', async () => {
    const orphan = (await orphanIn(await storeOf(1))) as Orphan
    for (const commit of [1, 2, 3]) {
      expect(missingEntries(orphan, commit)).toEqual({
        type: 'append',
        from: owner(1),
        term: 6,
        prevIndex: commit,
        prevTerm: [0, 0, 4, 5][commit] || foundingState([heir]).snapshot.term,
        entries: ENTRIES.slice(commit - 1),
        commit: 2,
      })
    }
    for (const commit of [0, 4, 5]) expect(missingEntries(orphan, commit)).toBeUndefined()
  })

  it('[GRP138] keeps the gift, durably, and with it to whom it was given', async () => {
    const disk = await storeOf(1)
    await give(disk, 1, [heir])
    expect(disk.written.at(-1)?.durability).toBe('synced')
    const orphan = (await orphanIn(disk)) as Orphan
    expect(orphan.gift.heirs).toEqual([heir])
    await orphan.log?.remove()
    expect(await orphanIn(disk)).toEqual({ ...orphan, log: undefined })
    expect((await readGift(disk, 0, OWNER))?.from).toBe(owner(1))
    expect(await nextIncarnation(disk, 0, OWNER)).toBe(2)
  })

  it('[GRP138] begins anew with the next incarnation, which nobody was given yet', async () => {
    const disk = await storeOf(1)
    await give(disk, 1, [heir])
    expect(await lastPosition(disk, OWNER, 0)).toEqual([0, 0])
    await storeOf(2, disk)
    expect(await lastPosition(disk, OWNER, 0)).toEqual([6, 4])
    expect(await orphanIn(disk)).toMatchObject({ id: owner(2), gift: { from: owner(2), heirs: [] } })
    await give(disk, 2, [heir])
    expect(await nextIncarnation(disk, 0, OWNER)).toBe(3)
  })
})
