import type { Entry, HardState, Index, Term } from '../raft/index.js'
import type { Head, LogRecord, Position } from './replica-log-format.js'

/**
 * What the records of a log say together, without the entries themselves: where it ends, the terms in it, which
 * records are not needed any more, and whether a further record fits.
 */
export class LogIndex {
  #base: Position
  #lastIndex: Index
  /** Of the last record; undefined while there is none. */
  #hardState: HardState | undefined
  #nextSequence: number
  /** Oldest first, without holes in the sequence. */
  #records: RecordSummary[] = []
  /** The entries as runs of equal terms: where each begins. Oldest first. */
  #runs: Position[] = []

  constructor({ base, firstSequence }: Head) {
    this.#base = base
    this.#lastIndex = base.index
    this.#nextSequence = firstSequence
  }

  get lastIndex(): Index {
    return this.#lastIndex
  }

  get hardState(): HardState | undefined {
    return this.#hardState
  }

  /** Of the oldest record. */
  get firstSequence(): number {
    return this.#records[0]?.sequence ?? this.#nextSequence
  }

  /** All sequence numbers are below. */
  get nextSequence(): number {
    return this.#nextSequence
  }

  /** Of all records. */
  get sequences(): number[] {
    return this.#records.map(({ sequence }) => sequence)
  }

  /** Undefined before the base and beyond the end. */
  term(index: Index): Term | undefined {
    if (index === this.#base.index) return this.#base.term
    if (index < this.#base.index || index > this.#lastIndex) return undefined
    return this.#runs.findLast((run) => run.index <= index)?.term
  }

  /** Why `record` can't be the next one; undefined if it can. */
  problem({ hardState, entries }: LogRecord): string | undefined {
    const { term, commit } = this.#hardState ?? { term: 0, commit: 0 }
    const last = entries[entries.length - 1]
    const end = last === undefined ? this.#lastIndex : Math.max(last.index, this.#base.index)
    if (hardState.term < term) return `term ${hardState.term} after term ${term}`
    if (hardState.commit < commit) return `commit ${hardState.commit} after commit ${commit}`
    if (hardState.commit > end) return `commit ${hardState.commit} in a log that ends at ${end}`
    if (last !== undefined && last.term > hardState.term) return `an entry of term ${last.term} in ${hardState.term}`
    return this.#problemOfEntries(entries, commit)
  }

  #problemOfEntries(entries: readonly Entry[], commit: Index): string | undefined {
    const first = entries[0]?.index ?? this.#lastIndex + 1
    if (first > this.#lastIndex + 1) return `entry ${first} after entry ${this.#lastIndex}`
    if (first <= commit) return `another entry ${first}, which is committed`
    let term = this.term(first - 1) ?? 0
    for (const [i, entry] of entries.entries()) {
      if (entry.index !== first + i) return `entry ${entry.index} as number ${i} from ${first} on`
      if (entry.term < term) return `entry ${entry.index} of term ${entry.term} after term ${term}`
      term = entry.term
    }
    return undefined
  }

  /**
   * Takes the next record, which has no `problem`.
   * @returns the sequence number to store it with. A record without entries is replaced by the next one: that has the
   *   hard state too.
   */
  add({ hardState, entries }: LogRecord): number {
    const newest = this.#records.at(-1)
    if (newest?.lastIndex === 0) this.#records.pop()
    const sequence = newest?.lastIndex === 0 ? newest.sequence : this.#nextSequence++
    this.#supersede(entries[0]?.index ?? Number.POSITIVE_INFINITY)
    this.#records.push({ sequence, lastIndex: entries.at(-1)?.index ?? 0 })
    this.#hardState = hardState
    this.#place(entries)
    return sequence
  }

  /** What older records say from `first` on does not count any more: it may contradict a later base. */
  #supersede(first: Index): void {
    for (let i = this.#records.length - 1; i >= 0; i--) {
      const record = this.#records[i] as RecordSummary
      if (record.lastIndex !== 0 && record.lastIndex < first) return
      this.#records[i] = { ...record, lastIndex: Math.min(record.lastIndex, first - 1) }
    }
  }

  #place(entries: readonly Entry[]): void {
    const first = entries[0]?.index
    if (first === undefined) return
    while ((this.#runs.at(-1)?.index ?? 0) >= first) this.#runs.pop()
    for (const { index, term } of entries) {
      if (this.#runs.at(-1)?.term !== term) this.#runs.push({ index, term })
    }
    this.#lastIndex = Math.max(entries[entries.length - 1]?.index ?? 0, this.#base.index)
  }

  /**
   * Entries up to `base` do not count any more.
   * @returns the sequence numbers of the oldest records that are not needed for what follows; never the newest, which
   *   has the hard state
   */
  compact(base: Position): number[] {
    const needed = this.#records.findIndex(({ lastIndex }) => lastIndex > base.index)
    const dropped = this.#records.splice(0, Math.min(needed < 0 ? Infinity : needed, this.#records.length - 1))
    const run = this.#runs.findLastIndex(({ index }) => index <= base.index + 1)
    this.#runs.splice(0, run)
    this.#base = base
    return dropped.map(({ sequence }) => sequence)
  }
}

interface RecordSummary {
  readonly sequence: number
  /** The last entry in it that no later record replaced; 0 without entries. */
  readonly lastIndex: Index
}
