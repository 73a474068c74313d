import { Inflights } from './inflights.js'
import type { Index, ProgressStatus, ReplicationState, VoterId } from './types.js'

export interface ProgressLimits {
  readonly maxInflightMessages: number
  readonly maxInflightBytes: number
}

/**
 * What a leader knows of one member's log and how it sends to it.
 *
 * - `probe`: the member's log is not known; one append at a time, until one is accepted.
 * - `replicate`: appends are sent ahead of their acknowledgements, as many as the window holds.
 * - `snapshot`: the entries it needs are gone; nothing is sent until it has the snapshot.
 *
 * Invariant: match < next, and in `replicate` all in flight lies in (match, next).
 */
export class Progress {
  readonly id: VoterId
  readonly inflights: Inflights
  learner = false
  witness = false
  state: ReplicationState = 'probe'
  match: Index = 0
  next: Index
  /** The highest commit index sent, as far as it can have been of use. */
  sentCommit: Index = 0
  /** The last entry that the member itself proposed. */
  proposed: Index = 0
  /** The first of those that it may not know to be committed. */
  #proposedFrom: Index = 0
  /** The last entry that it acknowledged before it was committed. */
  helped: Index = 0
  pendingSnapshot: Index = 0
  recentActive: boolean
  /** It has acknowledged something since the last heartbeat was due. */
  hasAnswered = false
  /** Who has adopted the member's vote. There is no replica of this id any more: nothing is sent to it. */
  speaker: VoterId | undefined
  /** An append is on the way that has to be answered before the next, or the window is full. */
  flowPaused = false

  constructor(id: VoterId, next: Index, recentActive: boolean, limits: ProgressLimits) {
    this.id = id
    this.next = next
    this.recentActive = recentActive
    this.inflights = new Inflights(limits.maxInflightMessages, limits.maxInflightBytes)
  }

  get paused(): boolean {
    return this.flowPaused || this.state === 'snapshot'
  }

  /** There is a process behind the id that keeps the data. */
  get makesCopy(): boolean {
    return !this.witness && this.speaker === undefined
  }

  /** Of several members the one with the most should get what is new first. */
  get merit(): Index {
    return Math.max(this.proposed, this.helped)
  }

  /** Forgets everything but the role, as a new leader has to. */
  reset(next: Index): void {
    this.#enter('probe')
    this.match = 0
    this.next = next
    this.sentCommit = 0
    this.proposed = 0
    this.helped = 0
    this.recentActive = false
  }

  becomeProbe(): void {
    // After a snapshot it is likely that the member has it, even if its acknowledgement was lost.
    const likely = this.state === 'snapshot' ? Math.max(this.match, this.pendingSnapshot) : this.match
    this.#enter('probe')
    this.next = likely + 1
    this.sentCommit = Math.min(this.sentCommit, this.next - 1)
  }

  becomeReplicate(): void {
    this.#enter('replicate')
    this.next = this.match + 1
    this.sentCommit = Math.min(this.sentCommit, this.match)
  }

  becomeSnapshot(index: Index): void {
    this.#enter('snapshot')
    this.pendingSnapshot = index
    this.next = index + 1
    this.sentCommit = index
  }

  #enter(state: ReplicationState): void {
    this.state = state
    this.flowPaused = false
    this.pendingSnapshot = 0
    this.inflights.clear()
  }

  /** An append with so many entries, starting at `next`, was sent. */
  sentEntries(count: number, sizeBytes: number): void {
    if (this.state === 'replicate') {
      if (count > 0) {
        this.next += count
        this.inflights.add(this.next - 1, sizeBytes)
      }
      // If the window is full, this message is the probe whose answer opens it again.
      this.flowPaused = this.inflights.full
    } else if (count > 0) {
      this.flowPaused = true
    }
  }

  hasProposed(first: Index, last: Index): void {
    if (this.proposed <= this.sentCommit) this.#proposedFrom = first
    this.proposed = last
  }

  /** It has proposed something that is committed by now, as it does not know. */
  waitsFor(commit: Index): boolean {
    return this.proposed > this.sentCommit && this.#proposedFrom <= commit
  }

  /** Sending this commit index now would let the member commit more than what was sent before did. */
  canUseCommit(commit: Index): boolean {
    return commit > this.sentCommit && this.sentCommit < this.next - 1
  }

  /** @returns true if it is news that the member has everything up to `index` */
  acknowledge(index: Index): boolean {
    if (index <= this.match) return false
    this.match = index
    this.next = Math.max(this.next, index + 1)
    this.flowPaused = false
    return true
  }

  /**
   * The member has no matching entry at `rejected`, and at most one at `hint`.
   * @returns false if the rejection is outdated
   */
  reject(rejected: Index, hint: Index): boolean {
    if (this.state === 'replicate') {
      if (rejected <= this.match) return false
      this.next = this.match + 1
    } else {
      if (this.next - 1 !== rejected) return false
      this.next = Math.max(Math.min(rejected, hint + 1), this.match + 1)
      this.flowPaused = false
    }
    this.sentCommit = Math.min(this.sentCommit, this.next - 1)
    return true
  }

  status(): ProgressStatus {
    return {
      state: this.state,
      match: this.match,
      next: this.next,
      learner: this.learner,
      witness: this.witness,
      speaker: this.speaker,
      paused: this.paused,
      pendingSnapshot: this.pendingSnapshot,
      recentActive: this.recentActive,
      inflightMessages: this.inflights.count,
      inflightFull: this.inflights.full,
    }
  }
}
