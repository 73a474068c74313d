import { DecodeError } from '../codec/decode.js'
import { decodeConfigChange, type Entry, type MemberChange } from '../raft/index.js'
import { decodeEntry, type GroupEntry } from './entry.js'

/** An entry of a group's log, for people and tools. */
export interface LogEntry {
  readonly index: number
  readonly term: number
  readonly what: LogEntryContent
}

export type LogEntryContent =
  /** With which a leader starts its term. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'configuration'; readonly changes: readonly MemberChange[] }
  | GroupEntry
  /** Nobody can read it; all replicas skip it. */
  | { readonly kind: 'unreadable'; readonly problem: string }

export function describeEntry({ index, term, type, data }: Entry): LogEntry {
  if (type === 'config') return { index, term, what: describeChange(data) }
  return { index, term, what: data.length === 0 ? { kind: 'empty' } : describeData(data) }
}

function describeChange(data: Uint8Array): LogEntryContent {
  return { kind: 'configuration', changes: decodeConfigChange(data)?.changes ?? [] }
}

function describeData(data: Uint8Array): LogEntryContent {
  try {
    return decodeEntry(data)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return { kind: 'unreadable', problem: error.message }
  }
}
