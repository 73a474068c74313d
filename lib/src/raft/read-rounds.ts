import type { Index, VoterId } from './types.js'

/** A read that waits at the leader. */
export interface PendingRead {
  readonly from: VoterId
  readonly ticket: number
}

interface EarlyRead {
  readonly read: PendingRead
  readonly from: Index
}

/** Reads that are answered together. */
interface Round {
  readonly id: number
  /** The commit index when the last of its reads came. */
  index: Index
  readonly reads: PendingRead[]
  readonly acknowledged: Set<VoterId>
}

export interface AnsweredReads {
  readonly index: Index
  readonly reads: readonly PendingRead[]
}

const MAX_PENDING_READS = 10_000
const NO_READS: readonly PendingRead[] = []

/**
 * A leader's reads that wait for proof that it still leads: a quorum that answers a heartbeat sent after the read came
 * (Raft dissertation, 6.4). All reads between two batches of messages share one round of heartbeats.
 */
export class ReadRounds {
  /** Came before the leader had committed what it has to; those that wait for more come later. */
  readonly #early: EarlyRead[] = []
  /** Oldest first. */
  readonly #rounds: Round[] = []
  /** The last round, as long as its heartbeats have not left: reads may still join. */
  #open: Round | undefined
  #nextId = 1
  #count = 0

  get full(): boolean {
    return this.#count >= MAX_PENDING_READS
  }

  get empty(): boolean {
    return this.#count === 0
  }

  /** The round that heartbeats should carry: answers to it count for all before. 0 if none waits. */
  get latest(): number {
    return this.#rounds[this.#rounds.length - 1]?.id ?? 0
  }

  /** The read has to wait until `from` is committed. */
  postpone(read: PendingRead, from: Index): void {
    this.#early.push({ read, from })
    this.#count++
  }

  /** The postponed reads that waited for no more than `committed`; they are not pending any more. */
  takePostponed(committed: Index): readonly PendingRead[] {
    if (this.#early.length === 0) return NO_READS
    const waiting = this.#early.findIndex(({ from }) => from > committed)
    const taken = this.#early.splice(0, waiting < 0 ? this.#early.length : waiting)
    this.#count -= taken.length
    return taken.map(({ read }) => read)
  }

  /** @returns true if heartbeats with `latest` have to be sent for it */
  add(read: PendingRead, committed: Index): boolean {
    this.#count++
    if (this.#open !== undefined) {
      this.#open.index = committed
      this.#open.reads.push(read)
      return false
    }
    this.#open = { id: this.#nextId++, index: committed, reads: [read], acknowledged: new Set() }
    this.#rounds.push(this.#open)
    return true
  }

  /** The heartbeats leave now. */
  seal(): void {
    this.#open = undefined
  }

  /** `from` has answered the heartbeat of round `id`, and with it, later as that was, all rounds before. */
  acknowledge(from: VoterId, id: number): void {
    for (const round of this.#rounds) {
      if (round.id > id) return
      round.acknowledged.add(from)
    }
  }

  /** The rounds that are acknowledged by a quorum, oldest first; they are not pending any more. */
  takeAnswered(isQuorum: (ids: ReadonlySet<VoterId>) => boolean): AnsweredReads[] {
    const answered: AnsweredReads[] = []
    for (let first = this.#rounds[0]; first !== undefined && isQuorum(first.acknowledged); first = this.#rounds[0]) {
      answered.push(first)
      this.#count -= first.reads.length
      this.#rounds.shift()
      if (this.#open === first) this.#open = undefined
    }
    return answered
  }

  /** All reads, which are not pending any more: nobody will answer them. */
  takeAll(): PendingRead[] {
    const reads = [...this.takePostponed(Number.POSITIVE_INFINITY), ...this.#rounds.flatMap((round) => round.reads)]
    this.#rounds.length = 0
    this.#open = undefined
    this.#count = 0
    return reads
  }
}
