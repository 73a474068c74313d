import { invariant } from '../base/errors.js'
import type { Entry, Index, InitialState, Snapshot, Term } from './types.js'

/** What an entry counts towards byte limits besides its payload: term, index, type and length on the wire. */
const ENTRY_OVERHEAD_BYTES = 16
const NO_ENTRIES: readonly Entry[] = []

/**
 * The log since the last compaction, in memory. What of it is durable is the owner's to know: `takeUnpersisted` hands
 * out, once, what has to be written.
 *
 * Invariant: base <= applied <= committed <= last, except that base is ahead of applied while a snapshot is installed.
 */
export class Log {
  /** `#entries[i].index === #baseIndex + 1 + i`. */
  #entries: Entry[]
  /** The position that the first entry follows: where the log was compacted, or a snapshot. */
  #baseIndex: Index
  #baseTerm: Term
  #committed: Index
  #applied: Index
  /** The last entry that was handed out to be persisted. */
  #handedOut: Index
  /** Received from the leader, not installed by the owner yet. */
  #pendingSnapshot: Snapshot | undefined
  #snapshotHandedOut = false

  constructor(initial: InitialState) {
    this.#entries = [...initial.entries]
    this.#baseIndex = initial.snapshot.index
    this.#baseTerm = initial.snapshot.term
    this.#applied = initial.applied?.index ?? this.#baseIndex
    this.#committed = Math.max(initial.hardState.commit, this.#applied)
    this.#handedOut = this.lastIndex
    this.#entries.forEach((entry, i) => {
      invariant(
        entry.index === this.#baseIndex + 1 + i,
        () => `entry ${entry.term}/${entry.index} stored as number ${i} after ${this.#baseTerm}/${this.#baseIndex}`,
      )
    })
    invariant(
      this.#baseIndex <= this.#applied && this.#committed <= this.lastIndex,
      () => `stored log: base ${this.#baseIndex}, applied ${this.#applied}, ${this.#describeEnd()}`,
    )
  }

  get firstIndex(): Index {
    return this.#baseIndex + 1
  }

  get lastIndex(): Index {
    return this.#baseIndex + this.#entries.length
  }

  get lastTerm(): Term {
    return this.#entries[this.#entries.length - 1]?.term ?? this.#baseTerm
  }

  get committed(): Index {
    return this.#committed
  }

  get applied(): Index {
    return this.#applied
  }

  /** A snapshot was received and is not installed yet. */
  get installing(): boolean {
    return this.#pendingSnapshot !== undefined
  }

  /** Undefined if the position was compacted away or is beyond the end. */
  term(index: Index): Term | undefined {
    if (index === this.#baseIndex) return this.#baseTerm
    return this.#entries[index - this.#baseIndex - 1]?.term
  }

  matches(index: Index, term: Term): boolean {
    return this.term(index) === term
  }

  /** A log that ends there has everything that this one has, as far as anyone can know. Raft paper, 5.4.1. */
  isUpToDate(lastIndex: Index, lastTerm: Term): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex)
  }

  /**
   * The entries from `from` to `to`, both included, as far as they are there.
   * @param maxBytes cuts the list, though never to nothing
   */
  slice(from: Index, to: Index, maxBytes = Number.POSITIVE_INFINITY): Entry[] {
    const start = from - this.#baseIndex - 1
    const end = Math.max(start, Math.min(to - this.#baseIndex, this.#entries.length))
    let sizeBytes = 0
    for (let i = start; i < end; i++) {
      sizeBytes += (this.#entries[i] as Entry).data.length + ENTRY_OVERHEAD_BYTES
      if (sizeBytes > maxBytes && i > start) return this.#entries.slice(start, i)
    }
    return this.#entries.slice(start, end)
  }

  /** A leader's own entries. */
  append(entry: Entry): void {
    invariant(
      entry.index === this.lastIndex + 1 && entry.term >= this.lastTerm,
      () => `appending ${entry.term}/${entry.index} to a log that ends at ${this.lastTerm}/${this.lastIndex}`,
    )
    this.#entries.push(entry)
  }

  /**
   * A leader's entries, given to a follower: what contradicts them is replaced, what agrees with them stays.
   * @returns false if the position that they follow is not in the log
   */
  accept(prevIndex: Index, prevTerm: Term, entries: readonly Entry[]): boolean {
    if (!this.matches(prevIndex, prevTerm)) return false
    let known = 0
    while (known < entries.length && this.matches(prevIndex + 1 + known, (entries[known] as Entry).term)) known++
    if (known === entries.length) return true
    const from = prevIndex + 1 + known
    invariant(from > this.#committed, () => `replacing ${from} and what follows, ${this.#describeEnd()}`)
    if (from <= this.lastIndex) this.#truncateFrom(from)
    for (let i = known; i < entries.length; i++) this.#entries.push(entries[i] as Entry)
    return true
  }

  /** True if one of `entries` differs from what is committed. */
  contradictsCommitted(entries: readonly Entry[]): boolean {
    return entries.some(({ index, term }) => index <= this.#committed && (this.term(index) ?? term) !== term)
  }

  #truncateFrom(index: Index): void {
    this.#entries.length = index - this.#baseIndex - 1
    this.#handedOut = Math.min(this.#handedOut, index - 1)
  }

  /**
   * The last position up to `index` with a term of at most `term`: where a log with these coordinates may still agree
   * with this one. Skips whole terms of a divergent log at a time. Its term is 0 if it is not known.
   */
  lastAtOrBelow(index: Index, term: Term): { readonly index: Index; readonly term: Term } {
    for (let i = index; i > 0; i--) {
      const own = this.term(i)
      if (own === undefined) return { index: i, term: 0 }
      if (own <= term) return { index: i, term: own }
    }
    return { index: 0, term: 0 }
  }

  /** @returns false if nothing new is committed */
  commitTo(index: Index): boolean {
    if (index <= this.#committed) return false
    invariant(index <= this.lastIndex, () => `committing ${index}, ${this.#describeEnd()}`)
    this.#committed = index
    return true
  }

  appliedTo(index: Index): void {
    invariant(
      this.#applied <= index && index <= this.#committed,
      () => `applied ${index}, before it ${this.#applied}, ${this.#describeEnd()}`,
    )
    this.#applied = index
  }

  /** Replaces everything by the state at a snapshot. */
  restore(snapshot: Snapshot): void {
    invariant(snapshot.index > this.#committed, () => `snapshot at ${snapshot.index}, ${this.#describeEnd()}`)
    this.#entries = []
    this.#baseIndex = snapshot.index
    this.#baseTerm = snapshot.term
    this.#committed = snapshot.index
    this.#handedOut = snapshot.index
    this.#pendingSnapshot = snapshot
    this.#snapshotHandedOut = false
  }

  /** Forgets the entries up to `index`, which have to be applied. */
  compact(index: Index): void {
    invariant(index <= this.#applied, () => `compacting to ${index}, applied ${this.#applied}`)
    const term = this.term(index)
    if (term === undefined) return // compacted further already
    this.#entries = this.#entries.slice(index - this.#baseIndex)
    this.#baseIndex = index
    this.#baseTerm = term
  }

  get hasUnpersisted(): boolean {
    return this.#handedOut < this.lastIndex || (this.#pendingSnapshot !== undefined && !this.#snapshotHandedOut)
  }

  takeSnapshot(): Snapshot | undefined {
    if (this.#snapshotHandedOut) return undefined
    this.#snapshotHandedOut = true
    return this.#pendingSnapshot
  }

  takeUnpersisted(): readonly Entry[] {
    if (this.#handedOut === this.lastIndex) return NO_ENTRIES
    const entries = this.slice(this.#handedOut + 1, this.lastIndex)
    this.#handedOut = this.lastIndex
    return entries
  }

  /** `snapshot` is the state now. */
  installed(snapshot: Snapshot): void {
    if (this.#pendingSnapshot === snapshot) this.#pendingSnapshot = undefined
    if (snapshot.index > this.#applied) this.#applied = snapshot.index
  }

  get hasUnapplied(): boolean {
    return this.#applied < this.#committed && !this.installing
  }

  /** The next committed entries to apply. None while a snapshot has to be installed first. */
  nextCommitted(maxBytes: number): readonly Entry[] {
    return this.hasUnapplied ? this.slice(this.#applied + 1, this.#committed, maxBytes) : NO_ENTRIES
  }

  #describeEnd(): string {
    return `committed ${this.#committed}, last ${this.lastTerm}/${this.lastIndex}`
  }
}
