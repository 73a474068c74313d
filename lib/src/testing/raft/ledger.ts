import { decodeConfigChange } from '../../raft/config-change.js'
import type { Configuration, Entry, Index, Snapshot, Term } from '../../raft/types.js'

/**
 * The state machine of simulated replicas: a running hash of everything applied, so that equal states mean equal
 * histories.
 */
export interface Ledger {
  readonly index: Index
  readonly term: Term
  readonly hash: number
}

const PRIME = 0x01000193
const HEADER_BYTES = 4

/** A witness applies entries without data, so its ledgers are its own. */
export function applyEntry(ledger: Ledger, entry: Entry): Ledger {
  let hash = Math.imul(ledger.hash ^ entry.index, PRIME)
  hash = Math.imul(hash ^ entry.term, PRIME)
  hash = Math.imul(hash ^ numberIn(entry.data), PRIME)
  return { index: entry.index, term: entry.term, hash }
}

export function snapshotOf({ index, term, hash }: Ledger, configuration: Configuration): Snapshot {
  return { index, term, configuration, data: word(hash) }
}

export function ledgerOf({ index, term, data }: Snapshot): Ledger {
  return { index, term, hash: numberIn(data) }
}

/** A payload that carries the number of its proposal and is `sizeBytes` long, at least four. */
export function payload(proposal: number, sizeBytes: number): Uint8Array {
  const data = new Uint8Array(Math.max(HEADER_BYTES, sizeBytes))
  new DataView(data.buffer).setInt32(0, proposal)
  return data
}

/** The number of the proposal that an entry is; 0 for the core's own. */
export function proposalNumber({ type, data }: Pick<Entry, 'type' | 'data'>): number {
  return numberIn(type === 'normal' ? data : (decodeConfigChange(data)?.context ?? data))
}

/** What the first four bytes say; 0 for less. */
export function numberIn(data: Uint8Array): number {
  if (data.length < HEADER_BYTES) return 0
  return ((data[0] as number) << 24) | ((data[1] as number) << 16) | ((data[2] as number) << 8) | (data[3] as number)
}

function word(value: number): Uint8Array {
  return payload(value, HEADER_BYTES)
}
