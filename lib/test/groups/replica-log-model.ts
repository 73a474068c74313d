import { toBase64Url } from '../../src/base/bytes.js'
import type { PeerId } from '../../src/base/ids.js'
import { hashBytes } from '../../src/codec/hash.js'
import { ReplicaLog, type StoredReplica } from '../../src/groups/replica-log.js'
import { voterIdOf } from '../../src/groups/voter-id.js'
import {
  type Configuration,
  type Entry,
  emptyState,
  foundingState,
  type HardState,
  type InitialState,
  type SnapshotMeta,
} from '../../src/raft/index.js'
import { StoreWriter } from '../../src/storage/store-writer.js'
import type { Disk } from './replica-log-disk.js'

export const PREFIX = 'g/main/'
export const voter = (n: number) => voterIdOf(toBase64Url(new Uint8Array(16).fill(n)) as PeerId, n)

/** What a log shall hold, kept the simplest way. */
export interface Model {
  readonly incarnation: number
  readonly attributes: Uint8Array
  readonly hardState: HardState
  readonly base: { readonly index: number; readonly term: number }
  readonly state: SnapshotMeta
  readonly entries: readonly Entry[]
  readonly chunks: readonly Uint8Array[] | undefined
}

/** One thing to do; numbers are taken modulo what is possible. */
export type Step =
  | { readonly do: 'append'; readonly back: number; readonly count: number; readonly newTerm: boolean }
  | { readonly do: 'commit'; readonly forward: number; readonly withEntry: boolean }
  | { readonly do: 'vote'; readonly for: number }
  | { readonly do: 'snapshot'; readonly back: number; readonly sizes: readonly number[] }
  | { readonly do: 'install'; readonly ahead: number; readonly sizes: readonly number[]; readonly entries: number }
  | { readonly do: 'compact'; readonly back: number }
  | { readonly do: 'abort'; readonly sizes: readonly number[] }
  | { readonly do: 'create'; readonly founding: boolean }

export const lastIndex = ({ base, entries }: Model) => base.index + entries.length

function termAt({ base, entries }: Model, index: number): number {
  return index === base.index ? base.term : (entries[index - base.index - 1] as Entry).term
}

/** Entries tell where they are from, so that no two are alike. */
export function entriesFrom(first: number, count: number, term: number): Entry[] {
  return Array.from({ length: count }, (_, i) => ({
    term,
    index: first + i,
    type: (first + i) % 5 === 0 ? ('config' as const) : ('normal' as const),
    data: new Uint8Array([first + i, term, count]),
  }))
}

function configurationAt(index: number): Configuration {
  if (index === 0) return emptyState.snapshot.configuration
  return { ...foundingState([voter(1), voter((index % 5) + 2)]).snapshot.configuration, autoLeave: index % 2 === 0 }
}

const chunksOf = (sizes: readonly number[], mark: number) => sizes.map((size, i) => new Uint8Array(size).fill(mark + i))

export function createdModel(incarnation: number, initial: InitialState): Model {
  const { index, term } = initial.snapshot
  return {
    incarnation,
    attributes: new Uint8Array([incarnation]),
    hardState: initial.hardState,
    base: { index, term },
    state: initial.snapshot,
    entries: initial.entries,
    chunks: undefined,
  }
}

/** What the model becomes, and the call that makes the log follow. */
export function plan(model: Model, step: Step): { next: Model; run(log: ReplicaLog): Promise<void> } {
  switch (step.do) {
    case 'append':
      return planAppend(model, step)
    case 'commit':
      return planCommit(model, step)
    case 'vote':
      return planVote(model, step)
    case 'snapshot':
      return planSnapshot(model, step)
    case 'install':
      return planInstall(model, step)
    case 'compact':
      return planCompact(model, step)
    case 'abort':
      return planAbort(model, step)
    case 'create': {
      const initial = step.founding ? foundingState([voter(1)]) : emptyState
      const next = createdModel(model.incarnation + 1, initial)
      return { next, run: (log) => log.create(next.incarnation, next.attributes, initial) }
    }
  }
}

type StepOf<Kind extends Step['do']> = Extract<Step, { do: Kind }>
type Plan = ReturnType<typeof plan>

function planAppend(model: Model, { back, count, newTerm }: StepOf<'append'>): Plan {
  const last = lastIndex(model)
  const replaced = newTerm ? back % (last - Math.max(model.hardState.commit, model.base.index) + 1) : 0
  const term = Math.max(1, model.hardState.term + (newTerm ? 1 : 0))
  const first = last - replaced + 1
  const entries = entriesFrom(first, count, term)
  const hardState = { ...model.hardState, term, vote: newTerm ? undefined : model.hardState.vote }
  const changed = term === model.hardState.term ? undefined : hardState
  const kept = count === 0 ? model.entries : model.entries.slice(0, first - model.base.index - 1)
  return {
    next: { ...model, hardState, entries: [...kept, ...entries] },
    run: (log) => log.append(changed, entries, 'synced'),
  }
}

function planCommit(model: Model, { forward, withEntry }: StepOf<'commit'>): Plan {
  const { hardState } = model
  const entries = withEntry ? entriesFrom(lastIndex(model) + 1, 1, Math.max(1, hardState.term)) : []
  const commit = hardState.commit + (forward % (lastIndex(model) + entries.length - hardState.commit + 1))
  const next = { ...hardState, term: Math.max(hardState.term, entries.length), commit }
  return {
    next: { ...model, hardState: next, entries: [...model.entries, ...entries] },
    run: (log) => log.append(next, entries, 'buffered'),
  }
}

function planVote(model: Model, step: StepOf<'vote'>): Plan {
  const hardState = { ...model.hardState, term: model.hardState.term + 1, vote: voter((step.for % 5) + 1) }
  return { next: { ...model, hardState }, run: (log) => log.append(hardState, [], 'synced') }
}

function planSnapshot(model: Model, { back, sizes }: StepOf<'snapshot'>): Plan {
  const { hardState, state } = model
  const index = hardState.commit - (back % (hardState.commit - state.index + 1))
  const meta = { index, term: termAt(model, index), configuration: configurationAt(index) }
  const chunks = chunksOf(sizes, index)
  return {
    next: { ...model, state: meta, chunks },
    async run(log) {
      const writer = log.beginSnapshot()
      await Promise.all([...chunks.map((chunk) => writer.add(chunk)), writer.commit(meta)])
    },
  }
}

function planInstall(model: Model, { ahead, sizes, entries: count }: StepOf<'install'>): Plan {
  const index = model.hardState.commit + 1 + ahead
  const term = model.hardState.term + 1
  const meta = { index, term, configuration: configurationAt(index) }
  const chunks = chunksOf(sizes, index)
  const hardState = { term, vote: undefined, commit: index }
  const entries = entriesFrom(index + 1, count, term)
  return {
    next: { ...model, hardState, base: { index, term }, state: meta, entries, chunks },
    async run(log) {
      const writer = log.beginSnapshot()
      await Promise.all([...chunks.map((chunk) => writer.add(chunk)), writer.install(meta, hardState, entries)])
    },
  }
}

function planCompact(model: Model, { back }: StepOf<'compact'>): Plan {
  const { base, state } = model
  const index = state.index - (back % (state.index - base.index + 1))
  const entries = model.entries.slice(index - base.index)
  const next = { ...model, base: { index, term: termAt(model, index) }, entries }
  return { next, run: (log) => log.compact(index) }
}

function planAbort(model: Model, { sizes }: StepOf<'abort'>): Plan {
  return {
    next: model,
    async run(log) {
      const writer = log.beginSnapshot()
      const added = sizes.map((size) => writer.add(new Uint8Array(size)))
      writer.abort()
      await Promise.all(added)
    },
  }
}

/** Nothing is joined: every write is a point to crash at. */
export function load(disk: Disk) {
  return ReplicaLog.load(disk, new StoreWriter(disk, 1), PREFIX)
}

/** Loads it, and reads everything. */
export async function stored(disk: Disk) {
  const loaded = await load(disk)
  return { log: loaded.log, seen: await seenIn(loaded.log, loaded.stored) }
}

/** Everything that a restart sees, in the form of `expected`. */
export async function seenIn(log: ReplicaLog, found: StoredReplica | undefined) {
  const reader = log.openSnapshot()
  const chunks: Uint8Array[] = []
  for await (const chunk of reader?.chunks() ?? []) chunks.push(new Uint8Array(chunk))
  reader?.close()
  return found && { ...found, chunks: reader && chunks }
}

/** What a restart shall see of the model. */
export function expected(model: Model | undefined) {
  if (model === undefined) return undefined
  const { base, state, chunks, hardState } = model
  const { configuration } = state
  return {
    incarnation: model.incarnation,
    attributes: model.attributes,
    initial: {
      hardState: { ...hardState, commit: Math.max(hardState.commit, state.index) },
      snapshot: { ...base, configuration },
      entries: model.entries,
      applied: base.index < state.index ? { index: state.index, configuration } : undefined,
    },
    snapshot: chunks && {
      ...state,
      totalBytes: chunks.reduce((total, chunk) => total + chunk.length, 0),
      checksums: chunks.map(hashBytes),
    },
    chunks,
  }
}
