import { LegionError } from '../base/errors.js'
import type { MachineDefinition } from '../machines/machine.js'
import { foundingState, type InitialState, type Term, type VoterId } from '../raft/index.js'
import { decodeMark, encodeMark } from './durable-mark.js'
import type { ReplicaLog, SnapshotReader, StoredReplica, Successor } from './replica-log.js'
import type { Position } from './replica-log-format.js'
import { ReplicatedState } from './replicated-state.js'

// How a replica begins: what of it is stored, and what is made of that.

/** What a founder starts from is in no entry of the log: its first snapshot has it. */
export async function storeFounding(
  log: ReplicaLog,
  incarnation: number,
  attributes: Uint8Array,
  state: ReplicatedState,
  initial: InitialState,
): Promise<void> {
  const { durableMachine } = state
  const pieces = durableMachine === undefined ? state.snapshot() : []
  const head = state.head()
  await log.create(incarnation, attributes, initial)
  await durableMachine?.flush(encodeMark({ ...initial.snapshot, head }))
  const writer = log.beginSnapshot()
  for await (const piece of pieces) await writer.add(piece)
  await writer.commit(initial.snapshot)
}

/** A new epoch takes the place of the log: both, or nothing. */
export async function storeEpoch(
  log: ReplicaLog,
  successor: Successor,
  state: ReplicatedState,
  initial: InitialState,
): Promise<void> {
  const { durableMachine } = state
  const pieces = durableMachine === undefined ? state.snapshot() : []
  await durableMachine?.flush(encodeMark({ ...initial.snapshot, head: state.head() }))
  const writer = log.beginSnapshot()
  for await (const piece of pieces) await writer.add(piece)
  await writer.install(initial.snapshot, initial.hardState, [], successor)
}

/** What the only voter of a new epoch starts from. */
export function recoveredState(voter: VoterId, base: Position, term: Term): InitialState {
  const { configuration } = foundingState([voter]).snapshot
  return {
    hardState: { term, vote: undefined, commit: base.index },
    snapshot: { ...base, configuration },
    entries: [],
  }
}

export interface OpenedState {
  readonly state: ReplicatedState
  /** What a durable machine has stored with its state. */
  readonly mark: Uint8Array | undefined
}

export async function openState(definition: MachineDefinition): Promise<OpenedState> {
  const state = new ReplicatedState(definition)
  return { state, mark: await state.durableMachine?.open() }
}

/** The state at the stored snapshot. @returns what the Raft core starts from */
export async function restore(state: ReplicatedState, log: ReplicaLog, stored: StoredReplica): Promise<InitialState> {
  await restoreFrom(log.openSnapshot(), state)
  return stored.initial
}

/**
 * A durable machine may be ahead of the last checkpoint. If it is ahead of the log, or contradicts it, a crash came
 * between the two halves of installing a received snapshot: the second one is made up for.
 * @throws LegionError E_STORAGE if the machine is behind
 */
export async function resume(
  state: ReplicatedState,
  bytes: Uint8Array | undefined,
  log: ReplicaLog,
  { initial }: StoredReplica,
): Promise<InitialState> {
  const { hardState, snapshot, entries } = initial
  const mark = bytes === undefined ? undefined : decodeMark(bytes)
  if (mark === undefined || mark.index < snapshot.index) {
    throw new LegionError('E_STORAGE', 'The log is there, but the machine has lost its state.')
  }
  state.resume(mark.head)
  const commit = Math.max(hardState.commit, mark.index)
  const term = mark.index === snapshot.index ? snapshot.term : entries[mark.index - snapshot.index - 1]?.term
  if (term === mark.term) return { hardState: { ...hardState, commit }, snapshot, entries, applied: mark }
  const later = mark.term > hardState.term ? { term: mark.term, vote: undefined } : {}
  const installed = { ...hardState, ...later, commit }
  await log.beginSnapshot().install(mark, installed)
  return { hardState: installed, snapshot: mark, entries: [] }
}

async function restoreFrom(reader: SnapshotReader | undefined, state: ReplicatedState): Promise<void> {
  if (reader === undefined) return
  try {
    await state.restore(reader.chunks(), (head) => head)
  } finally {
    reader.close()
  }
}
