import type { ClusterId, PeerId } from '../base/ids.js'
import type { Announce, RosterMessage } from './announce.js'
import { type Epoch, type EpochId, firstEpoch, judgeEpoch } from './epoch.js'
import type { Replica } from './replica.js'

export interface EpochsOptions {
  readonly clusterId: ClusterId
  replica(): Replica | undefined
  tell(peer: PeerId, message: RosterMessage): void
  announceTo(peer: PeerId): void
  /** The replica begins anew in this epoch. */
  join(): void
  /** The peer's epoch and this one can't become one. */
  split(peer: PeerId, epoch: EpochId): void
}

/** In which epoch the replica of this peer is, and what becomes of it when it meets another one. */
export class Epochs {
  readonly #options: EpochsOptions
  readonly #first: EpochId
  current: EpochId
  /** An epoch that this replica would join if it had no leader. */
  #awaiting: { readonly peer: PeerId; readonly announce: Announce } | undefined

  constructor(options: EpochsOptions) {
    this.#options = options
    this.#first = firstEpoch(options.clusterId)
    this.current = this.#first
  }

  /** What to tell others of how this epoch came to be; nothing before this replica has a state of it. */
  get history(): readonly Epoch[] {
    const epochs = this.#options.replica()?.state.epochs ?? []
    return epochs.at(-1)?.id === this.current ? epochs : []
  }

  met(peer: PeerId, announce: Announce): void {
    if (this.#isPast(announce.epoch)) {
      this.#options.announceTo(peer) // it decides
      return
    }
    const replica = this.#options.replica()
    if (replica === undefined || announce.history.at(-1)?.id !== announce.epoch) return
    switch (judgeEpoch(this.current, replica.lastContent, this.#first, announce.history)) {
      case 'join':
        this.#joinOrWait(peer, announce, replica)
        break
      case 'split':
        this.#options.tell(peer, { kind: 'parted', epoch: this.current })
        this.#options.split(peer, announce.epoch)
    }
  }

  /** The leader that kept this replica in its epoch may be gone. */
  tick(): void {
    const awaiting = this.#awaiting
    if (awaiting !== undefined) this.met(awaiting.peer, awaiting.announce)
  }

  #isPast(epoch: EpochId): boolean {
    const { history } = this
    return this.current !== this.#first && (epoch === this.#first || history.some(({ id }) => id === epoch))
  }

  /** Who follows a leader stays with it: its quorum was not lost. */
  #joinOrWait(peer: PeerId, announce: Announce, { id, soft }: Replica): void {
    this.#awaiting = soft.lead === undefined || soft.lead === id ? undefined : { peer, announce }
    if (this.#awaiting !== undefined) return
    this.current = announce.epoch
    this.#options.join()
  }
}
