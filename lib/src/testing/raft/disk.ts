import { emptyState } from '../../raft/options.js'
import type { Entry, HardState, Index, InitialState, Snapshot, Term } from '../../raft/types.js'

/** The state machine at an applied entry. */
export type Checkpoint = Snapshot

/** What is written in one go: all of it becomes durable, or nothing. */
export interface Batch {
  readonly hardState?: HardState | undefined
  /** Replaces everything. */
  readonly snapshot?: Snapshot | undefined
  /** Replace what is stored from the first one's index on. */
  readonly entries?: readonly Entry[] | undefined
  readonly checkpoint?: Checkpoint | undefined
  /** The log is kept from after this position. Not after the checkpoint. */
  readonly base?: { readonly index: Index; readonly term: Term } | undefined
}

/** A disk that forgets in a crash what was not synced. Writes become durable in their order. */
export class SimulatedDisk {
  #hardState: HardState
  #base: { readonly index: Index; readonly term: Term }
  #checkpoint: Checkpoint
  #entries: Entry[] = []
  #pending: Batch[] = []

  constructor(hardState: HardState, founding: Snapshot) {
    this.#hardState = hardState
    this.#base = founding
    this.#checkpoint = founding
  }

  /** Durable, as everything that follows. */
  get hardState(): HardState {
    return this.#hardState
  }

  get checkpoint(): Checkpoint {
    return this.#checkpoint
  }

  get lastIndex(): Index {
    return this.#base.index + this.#entries.length
  }

  get lastTerm(): Term {
    return this.term(this.lastIndex) ?? 0
  }

  /** Undefined before the base and after the end. */
  term(index: Index): Term | undefined {
    return index === this.#base.index ? this.#base.term : this.#entries[index - this.#base.index - 1]?.term
  }

  /** True if the entry is there, or was before it was compacted into a checkpoint. */
  holds(index: Index, term: Term): boolean {
    return index < this.#base.index || this.term(index) === term
  }

  /** The same as it will be when everything written is durable. */
  writtenTerm(index: Index): Term | undefined {
    for (let i = this.#pending.length - 1; i >= 0; i--) {
      const { snapshot, entries } = this.#pending[i] as Batch
      const first = entries?.[0]?.index ?? Number.POSITIVE_INFINITY
      if (index >= first) return entries?.[index - first]?.term
      if (snapshot !== undefined) return index === snapshot.index ? snapshot.term : undefined
    }
    return this.term(index)
  }

  write(batch: Batch): void {
    this.#pending.push(batch)
  }

  sync(): void {
    for (const batch of this.#pending) this.#store(batch)
    this.#pending = []
  }

  /** @param kept so many of the writes since the last sync reached the disk nevertheless */
  crash(kept: number): void {
    for (const batch of this.#pending.slice(0, kept)) this.#store(batch)
    this.#pending = []
  }

  /** What a replica starts from. */
  load(): InitialState {
    const { index, configuration } = this.#checkpoint
    return {
      hardState: this.#hardState,
      snapshot: {
        ...this.#base,
        configuration: this.#base.index === 0 ? emptyState.snapshot.configuration : configuration,
      },
      entries: this.#entries,
      applied: index === 0 ? undefined : { index, configuration },
    }
  }

  #store({ hardState, snapshot, entries, checkpoint, base }: Batch): void {
    if (snapshot !== undefined) this.#replace(snapshot)
    const first = entries?.[0]
    if (entries !== undefined && first !== undefined) {
      this.#entries.length = first.index - this.#base.index - 1
      for (const entry of entries) this.#entries.push(entry)
    }
    if (hardState !== undefined) this.#hardState = hardState
    if (checkpoint !== undefined) this.#checkpoint = checkpoint
    if (base !== undefined) this.#compact(base)
  }

  #replace(snapshot: Snapshot): void {
    this.#base = snapshot
    this.#checkpoint = snapshot
    this.#entries = []
  }

  #compact(base: { readonly index: Index; readonly term: Term }): void {
    if (base.index <= this.#base.index) return
    this.#entries = this.#entries.slice(base.index - this.#base.index)
    this.#base = base
  }
}
