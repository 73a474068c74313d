import type { Index, VoterId } from './types.js'

/** A read that waits at the leader. */
export interface PendingRead {
  readonly from: VoterId
  readonly ticket: number
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

/**
 * A leader's reads that wait for proof that it still leads: a quorum that answers a heartbeat sent after the read came
 * (Raft dissertation, 6.4). All reads between two batches of messages share one round of heartbeats.
 */
export class ReadRounds {
  /** Came before the leader committed an entry of its term. */
  readonly #early: PendingRead[] = []
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

  /** The read has to wait for the first commit of the leader's term. */
  postpone(read: PendingRead): void {
    this.#early.push(read)
    this.#count++
  }

  /** The postponed reads, which are not pending any more. */
  takePostponed(): PendingRead[] {
    this.#count -= this.#early.length
    return this.#early.splice(0)
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
    const reads = [...this.takePostponed(), ...this.#rounds.flatMap((round) => round.reads)]
    this.#rounds.length = 0
    this.#open = undefined
    this.#count = 0
    return reads
  }
}
