import type { Entry, HardState, SnapshotMeta } from '../raft/index.js'
import type { Store } from '../storage/storage.js'
import { type ChunkSet, decodeHead, decodeMeta, decodeRecord, type Head, type LogKeys } from './replica-log-format.js'
import { LogIndex } from './replica-log-index.js'

/** Everything that is stored but the data of the snapshot. */
export interface Loaded {
  readonly incarnation: number
  readonly attributes: Uint8Array
  readonly head: Head
  readonly index: LogIndex
  readonly hardState: HardState
  /** After `head.base`. */
  readonly entries: readonly Entry[]
}

/** A log without records. */
export function newLog(state: SnapshotMeta, firstSequence: number, chunks?: ChunkSet): { head: Head; index: LogIndex } {
  const head: Head = { firstSequence, base: { index: state.index, term: state.term }, state, chunks }
  return { head, index: new LogIndex(head) }
}

/**
 * Reads and checks all records; undefined if there are none.
 * @throws LegionError E_STORAGE if anything is missing or contradicts another
 */
export async function loadLog(store: Store, keys: LogKeys): Promise<Loaded | undefined> {
  const [metaBytes, headBytes] = [await store.get(keys.meta), await store.get(keys.head)]
  if (metaBytes === undefined && headBytes === undefined) return await expectNoRecords(store, keys)
  if (metaBytes === undefined) throw keys.damaged(`${keys.meta} is missing`)
  const meta = keys.decoded(keys.meta, metaBytes, decodeMeta)
  if (headBytes === undefined) throw keys.damaged(`${keys.head} is missing`)
  const head = keys.decoded(keys.head, headBytes, decodeHead)
  const { index, entries } = await replay(store, keys, head)
  return { ...meta, head, index, entries, hardState: checkedEnd(keys, head, index) }
}

async function expectNoRecords(store: Store, keys: LogKeys): Promise<undefined> {
  for await (const { key } of store.scan(keys.records)) throw keys.damaged(`${key} without ${keys.meta}`)
}

async function replay(store: Store, keys: LogKeys, head: Head): Promise<{ index: LogIndex; entries: Entry[] }> {
  const index = new LogIndex(head)
  const entries: Entry[] = []
  for await (const { key, value } of store.scan(keys.records)) {
    const record = keys.decoded(key, value, decodeRecord)
    const problem = index.problem(record)
    if (problem !== undefined) throw keys.damaged(`${key} brings ${problem}`)
    const expected = keys.record(index.add(record))
    if (key !== expected) throw keys.damaged(`${key} where ${expected} belongs`)
    replaceSuffix(entries, head.base.index, record.entries)
  }
  return { index, entries }
}

/** @param stored those after `base`; `added` replaces those from its first one's index on */
function replaceSuffix(stored: Entry[], base: number, added: readonly Entry[]): void {
  const first = added[0]?.index
  if (first === undefined) return
  stored.length = Math.max(0, first - base - 1)
  for (const entry of added) if (entry.index > base) stored.push(entry)
}

function checkedEnd(keys: LogKeys, { base, state }: Head, index: LogIndex): HardState {
  const { hardState } = index
  if (hardState === undefined) throw keys.damaged('the log has no records')
  if (base.index > state.index) throw keys.damaged(`the log begins at ${base.index}, after the state at ${state.index}`)
  if (index.term(state.index) !== state.term) {
    throw keys.damaged(`the log has no entry ${state.term}/${state.index}, where its state is`)
  }
  return hardState
}
