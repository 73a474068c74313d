import type { ClusterId, PeerId } from '../base/ids.js'
import type { Append, Entry, InitialState, VoterId } from '../raft/index.js'
import type { Store } from '../storage/storage.js'
import { StoreWriter } from '../storage/store-writer.js'
import { type Gift, readGift } from './gift.js'
import { decodeAttributes } from './replica-attributes.js'
import { ReplicaLog } from './replica-log.js'
import { incarnationOf, voterIdOf } from './voter-id.js'

/** What the store of a peer that ended says about its replica of a group. */
export interface Orphan {
  readonly id: VoterId
  /** As its goodbye would have been, but for heirs: those that it was given to already. */
  readonly gift: Gift
  /** Undefined once somebody who adopted it has removed it. */
  readonly log: { readonly initial: InitialState; remove(): Promise<void> } | undefined
}

/**
 * Undefined if there is nothing in the store that could have voted.
 * @param owner whose store it is
 * @throws LegionError E_STORAGE, DecodeError if it is damaged
 */
export async function readOrphan(
  store: Store,
  owner: PeerId,
  group: number,
  clusterId: ClusterId,
): Promise<Orphan | undefined> {
  const given = await readGift(store, group, owner)
  const { log, stored } = await ReplicaLog.load(store, new StoreWriter(store), logPrefix(group))
  const isNewer = stored !== undefined && stored.incarnation > incarnationOf(given?.from ?? NOBODY)
  if (!isNewer) return given && { id: given.from, gift: given, log: stored && logOf(log, stored.initial) }
  const isOurs = decodeAttributes(stored.attributes).clusterId === clusterId
  const id = voterIdOf(owner, stored.incarnation)
  return isOurs ? { id, gift: giftOf(id, stored.initial), log: logOf(log, stored.initial) } : undefined
}

/** Where a peer's store has its replica of the group. */
export function logPrefix(group: number): string {
  return `g/${group}/`
}

/** How far the store's replica of the group is: term and index of its last entry, zeros if there is none. */
export async function lastPosition(store: Store, owner: PeerId | undefined, group: number): Promise<readonly number[]> {
  const { stored } = await ReplicaLog.load(store, new StoreWriter(store), logPrefix(group))
  const given = owner && (await readGift(store, group, owner))
  if (stored === undefined || stored.incarnation <= incarnationOf(given?.from ?? NOBODY)) return [0, 0]
  const { term, index } = endOf(stored.initial)
  return [term, index]
}

/**
 * What the leader of the last entry's term would send to a replica that has everything up to `commit`. Undefined if
 * there is nothing, or the log begins later.
 */
export function missingEntries({ id, log }: Orphan, commit: number): Omit<Append, 'to'> | undefined {
  if (log === undefined) return undefined
  const { hardState, snapshot, entries } = log.initial
  const previous = commit === snapshot.index ? snapshot : entries[commit - snapshot.index - 1]
  const missing = entries.slice(commit - snapshot.index)
  const last = missing.at(-1)
  if (previous === undefined || last === undefined || commit < snapshot.index) return undefined
  return {
    type: 'append',
    from: id,
    term: last.term,
    prevIndex: commit,
    prevTerm: previous.term,
    entries: missing,
    commit: Math.min(hardState.commit, last.index),
  }
}

const NOBODY = '.0' as VoterId

function logOf(log: ReplicaLog, initial: InitialState): Orphan['log'] {
  return { initial, remove: () => log.destroy() }
}

/** All that it ever acknowledged is in its log, and it voted in no later term than the one that is stored. */
function giftOf(id: VoterId, initial: InitialState): Gift {
  const { term, hosted = [] } = initial.hardState
  const ids = [id, ...hosted.map((vote) => vote.id)]
  const { index, term: lastTerm } = endOf(initial)
  return {
    type: 'goodbye',
    from: id,
    to: id,
    term: Math.max(term, 1),
    ids,
    floor: { index, term: lastTerm },
    heirs: [],
  }
}

function endOf({ snapshot, entries }: InitialState): Pick<Entry, 'index' | 'term'> {
  return entries.at(-1) ?? snapshot
}
