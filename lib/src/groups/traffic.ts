import type { PeerId } from '../base/ids.js'
import type { SendResult } from '../mesh/port.js'
import type { Message, VoterId } from '../raft/index.js'
import { isAcceptable } from './admission.js'
import type { EpochId } from './epoch.js'
import type { Replica } from './replica.js'
import type { Outlet } from './replica-host-types.js'
import { peerOf } from './voter-id.js'

export type SnapshotMessage = Message & { readonly type: 'snapshot' }

export interface TrafficOptions {
  readonly out: Outlet
  /** The most bytes of a command that somebody else proposes. */
  readonly commandBytes: number
  replica(): Replica | undefined
  epoch(): EpochId
}

/** The messages of Raft between one replica and the others, and what is known of those that got lost. */
export class Traffic {
  readonly #options: TrafficOptions
  readonly #unreachable = new Set<VoterId>()
  readonly #undelivered = new Set<VoterId>()
  /** The last acknowledgement that was sent. */
  #acknowledged: (Message & { readonly type: 'append-response' }) | undefined

  constructor(options: TrafficOptions) {
    this.#options = options
  }

  /** To be called when the replica is about to run. */
  step(message: Message): void {
    this.#hear(message)?.step(message)
  }

  stepSnapshot(message: SnapshotMessage, pieces: readonly Uint8Array[]): void {
    this.#hear(message)?.stepSnapshot(message, pieces)
    this.#options.out.schedule()
  }

  snapshotSent(to: VoterId, delivered: boolean): void {
    this.#options.replica()?.snapshotSent(to, delivered)
    this.#options.out.schedule()
  }

  send(message: Message): void {
    const { out, epoch, replica } = this.#options
    if (message.type !== 'snapshot') {
      out.send(message, epoch(), this.#isRepetition(message))
      return
    }
    const source = replica()?.fetchSnapshot(message.snapshot, message.to)
    if (source === undefined) this.#undelivered.add(message.to)
    else out.sendSnapshot(message, epoch(), source)
  }

  unsent(message: Message, result: SendResult): void {
    // A follower whose lane to the leader is full has not lost its leader; what was dropped is proposed again.
    if (result === 'full' && !this.#options.replica()?.isLeader) return
    this.lost(message.to)
    this.#options.out.schedule()
  }

  /** Messages to this member get lost. */
  lost(id: VoterId): void {
    this.#unreachable.add(id)
  }

  /** On the leader: those to this peer do. */
  peerLost(replica: Replica, peer: PeerId): void {
    replica.wake()
    for (const id of replica.state.roster.members.keys()) if (peerOf(id) === peer) this.lost(id)
  }

  /** Tells the replica, between two runs of it. */
  reportUnreachable(replica: Replica): void {
    if (this.#unreachable.size + this.#undelivered.size === 0) return
    for (const id of this.#unreachable) replica.reportUnreachable(id)
    for (const id of this.#undelivered) replica.snapshotSent(id, false)
    this.#unreachable.clear()
    this.#undelivered.clear()
  }

  /** Who is acknowledged the same once more learns nothing: it is the answer to news of a commit, as a rule. */
  #isRepetition(message: Message): boolean {
    if (message.type !== 'append-response' || message.rejected !== undefined) return false
    const last = this.#acknowledged
    this.#acknowledged = message
    return last?.index === message.index && last.term === message.term && last.to === message.to
  }

  /** @returns the replica, if the message is fit to be looked at */
  #hear(message: Message): Replica | undefined {
    const replica = this.#options.replica()
    return replica && isAcceptable(message, replica, this.#options.commandBytes) ? replica : undefined
  }
}
