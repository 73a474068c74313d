import type { Configuration, Entry, Index, Snapshot, Term, VoterId } from '../../raft/types.js'
import { applyEntry, type Ledger, ledgerOf, numberIn, proposalNumber } from './ledger.js'
import { quorumsIntersect } from './quorums.js'
import { rule } from './violation.js'

/** What was committed at an index, once and for all. */
export interface Canonical {
  readonly entry: Entry
  /** The term of the leader that committed it. */
  readonly committedIn: Term
  /** The state after it. */
  readonly ledger: Ledger
}

/**
 * The one history: what was committed, in order, with the states and configurations that follow from it. Whoever
 * commits first decides; everyone else has to agree.
 */
export class Canon {
  /** `#entries[i].entry.index === #base + 1 + i` */
  readonly #entries: Canonical[] = []
  readonly #base: Index
  readonly #founding: Ledger
  readonly #configurations = new Map<Index, Configuration>()
  readonly #refused = new Set<number>()
  readonly #proposals = new Map<number, Index>()
  #latest: { readonly index: Index; readonly configuration: Configuration }

  constructor(founding: Snapshot) {
    this.#base = founding.index
    this.#founding = ledgerOf(founding)
    this.#latest = founding
    this.#configurations.set(founding.index, founding.configuration)
  }

  get lastIndex(): Index {
    return this.#base + this.#entries.length
  }

  /** The configuration that was applied at the highest index so far. */
  get latestConfiguration(): { readonly index: Index; readonly configuration: Configuration } {
    return this.#latest
  }

  get(index: Index): Canonical | undefined {
    return this.#entries[index - this.#base - 1]
  }

  isCommitted(proposal: number): boolean {
    return this.#proposals.has(proposal)
  }

  /** The next entry. */
  extend(entry: Entry, committedIn: Term): void {
    const before = this.#entries[this.#entries.length - 1]?.ledger ?? this.#founding
    this.#entries.push({ entry, committedIn, ledger: applyEntry(before, entry) })
    const proposal = proposalNumber(entry)
    rule(!this.#refused.has(proposal), () => `proposal ${proposal} was refused and is committed at ${entry.index}`)
    if (proposal !== 0) this.#proposals.set(proposal, entry.index)
  }

  /** @param withoutData `entry` is a witness's */
  compare(who: VoterId, entry: Entry, withoutData: boolean): void {
    const known = this.get(entry.index)?.entry
    if (known === undefined) return
    const { term, index, type, data } = known
    rule(
      entry.term === term && entry.type === type && (withoutData || equalData(entry.data, data)),
      () => `${who} has ${describe(entry)} committed, where ${describe(known)} is: term ${term}, index ${index}`,
    )
  }

  /** `who` has the state of this snapshot. */
  compareSnapshot(who: VoterId, { index, term, data, configuration }: Snapshot, withoutData: boolean): void {
    if (index <= this.#base) return
    const known = this.get(index)
    rule(known !== undefined, () => `${who} has a snapshot at ${index}; committed is only ${this.lastIndex}`)
    rule(term === known.entry.term, () => `${who} has a snapshot at ${term}/${index}, which is ${known.entry.term}`)
    rule(withoutData || numberIn(data) === known.ledger.hash, () => `${who} has another state at ${index}`)
    const expected = this.configurationAt(index)
    rule(
      JSON.stringify(configuration) === JSON.stringify(expected),
      () => `snapshot at ${index} with ${JSON.stringify(configuration)} instead of ${JSON.stringify(expected)}`,
    )
  }

  compareLedger(who: VoterId, { index, hash }: Ledger): void {
    const known = this.get(index)?.ledger.hash
    rule(known === undefined || known === hash, () => `${who} has another state at ${index}`)
  }

  /** In effect after the entry at `index`, as far as anyone has applied it. */
  configurationAt(index: Index): Configuration {
    for (let i = index; i > this.#base; i--) {
      const found = this.#configurations.get(i)
      if (found !== undefined) return found
    }
    return this.#configurations.get(this.#base) as Configuration
  }

  /** `who` applied the change at `index`. */
  configured(who: VoterId, index: Index, configuration: Configuration): void {
    const known = this.#configurations.get(index)
    if (known === undefined) {
      const before = this.configurationAt(index - 1)
      rule(
        quorumsIntersect(before, configuration),
        () => `quorums need not meet: ${JSON.stringify(before)} and, from ${index}, ${JSON.stringify(configuration)}`,
      )
      this.#configurations.set(index, configuration)
    } else if (known !== configuration) {
      rule(
        JSON.stringify(known) === JSON.stringify(configuration),
        () => `${who} has ${JSON.stringify(configuration)} at ${index} instead of ${JSON.stringify(known)}`,
      )
    }
    if (index > this.#latest.index) this.#latest = { index, configuration }
  }

  /** It was said that the proposal has no effect. */
  refuse(proposal: number): void {
    const index = this.#proposals.get(proposal)
    rule(index === undefined, () => `proposal ${proposal} is committed at ${index} and was refused`)
    this.#refused.add(proposal)
  }
}

function equalData(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || (a.length === b.length && a.every((byte, i) => byte === b[i]))
}

function describe(entry: Entry): string {
  const { term, index, type, data } = entry
  return `${type} ${term}/${index} of ${data.length} bytes with proposal ${proposalNumber(entry)}`
}
