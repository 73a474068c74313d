import type { PeerId } from '../base/ids.js'
import { type Runtime, setPeriodicTimer, type Timer } from '../base/runtime.js'
import type { SendResult } from '../mesh/port.js'
import { type ByteTransform, InflatingSink } from './snapshot-compression.js'
import { type IncomingLimits, IncomingTransfer } from './snapshot-incoming.js'
import {
  encodeTransferMessage,
  type Offer,
  type ReceiverMessage,
  type SenderMessage,
  type TransferReason,
  transferKey,
} from './snapshot-protocol.js'
import type { SnapshotSink } from './snapshot-sink.js'
import { TransferCounts } from './transfer-counts.js'

export interface SnapshotReceiverOptions {
  readonly runtime: Runtime
  readonly events: SnapshotReceiverEvents
  /** The inverse of the senders' `deflate`; without it compressed snapshots are refused. */
  readonly inflate?: ByteTransform | undefined
  readonly limits?: Partial<SnapshotReceiverLimits> | undefined
  send(to: PeerId, bytes: Uint8Array): SendResult
}

export interface SnapshotReceiverEvents {
  /** @returns where its chunks go, inflated; undefined to refuse it */
  offered(offer: SnapshotOffer): SnapshotSink | undefined
  /** The sink has finished. */
  complete(offer: SnapshotOffer): void
}

export interface SnapshotOffer {
  readonly from: PeerId
  readonly group: number
  readonly snapshotId: string
  readonly raftMessage: Uint8Array
}

export interface SnapshotReceiverLimits extends IncomingLimits {
  /** Snapshots received at a time; more are refused. Default 16. */
  readonly concurrent: number
  /** A part to which nothing comes for so long is given up, whether the sender is linked or not. Default 60 s. */
  readonly idleMs: number
}

const MIB = 1024 * 1024

/** `pendingBytes` is twice a sender's window: after a break it is filled again. */
export const DEFAULT_SNAPSHOT_RECEIVER_LIMITS: SnapshotReceiverLimits = {
  snapshotBytes: 1024 * MIB,
  pendingBytes: 2 * MIB,
  concurrent: 16,
  idleMs: 60_000,
}

/** The clock of silences, in periods that this process was awake for. */
const TICK_MS = 1_000
/** So many complete transfers are remembered, whose sender may not know yet. */
const REMEMBERED = 256

/**
 * Receives the snapshots of all groups of a peer, at most one per group and sender. Acknowledges only what the sink has
 * taken, so that a slow sink slows the sender. A part outlives its link: the same snapshot goes on where it broke off.
 */
export class SnapshotReceiver {
  readonly counts = new TransferCounts()
  readonly #options: SnapshotReceiverOptions
  readonly #limits: SnapshotReceiverLimits
  readonly #transfers = new Map<string, IncomingTransfer>()
  /** The last complete transfer from each sender and group, the oldest first. */
  readonly #complete = new Map<string, string>()
  #clock: Timer | undefined

  constructor(options: SnapshotReceiverOptions) {
    this.#options = options
    this.#limits = { ...DEFAULT_SNAPSHOT_RECEIVER_LIMITS, ...options.limits }
  }

  /** Snapshots on their way to here. */
  get size(): number {
    return this.#transfers.size
  }

  /** A message of a sender. */
  message(from: PeerId, message: SenderMessage): void {
    if (message.kind === 'offer') this.#offered(from, message)
    else this.#continued(from, message)
    this.#evaluate()
  }

  /** Parts from there are kept for `idleMs`, unless others need their place. */
  peerLost(peer: PeerId): void {
    for (const transfer of this.#transfers.values()) {
      if (transfer.from === peer) transfer.lost()
    }
  }

  /** Gives up what comes for a group. */
  stop(group: number): void {
    for (const transfer of this.#transfers.values()) {
      if (transfer.offer.group === group) this.#refuse(transfer, 'stopped')
    }
    this.#evaluate()
  }

  /** As `stop` of all groups. */
  close(): void {
    for (const transfer of this.#transfers.values()) this.#refuse(transfer, 'stopped')
    this.#evaluate()
  }

  #offered(from: PeerId, offer: Offer): void {
    const key = transferKey(from, offer.group)
    const known = this.#transfers.get(key)
    if (known?.continues(offer)) {
      known.resume(offer)
      this.#accept(known)
    } else if (this.#complete.get(key) === offer.transfer) {
      this.#send(from, { kind: 'complete', transfer: offer.transfer })
    } else {
      if (known !== undefined) this.#drop(known, 'replaced')
      this.#begin(from, offer)
    }
  }

  #begin(from: PeerId, offer: Offer): void {
    const sink = this.#makeRoom() ? this.#sinkFor(from, offer) : 'busy'
    if (typeof sink === 'string') {
      this.counts.ended(sink)
      this.#send(from, { kind: 'refuse', transfer: offer.transfer, reason: sink })
      return
    }
    const transfer: IncomingTransfer = new IncomingTransfer(from, offer, sink, this.#limits, {
      taken: (next) => this.#acknowledge(transfer, next),
      complete: () => this.#completed(transfer),
      failed: (reason) => this.#refuse(transfer, reason),
    })
    this.#transfers.set(transferKey(from, offer.group), transfer)
    this.#accept(transfer)
  }

  /** A part whose sender is gone yields to a snapshot whose sender is here. */
  #makeRoom(): boolean {
    if (this.#transfers.size < this.#limits.concurrent) return true
    const away = [...this.#transfers.values()].find(({ isAway }) => isAway)
    if (away !== undefined) this.#drop(away, 'busy')
    return away !== undefined
  }

  #sinkFor(from: PeerId, offer: Offer): SnapshotSink | 'refused' {
    const { inflate, events } = this.#options
    if (offer.compressed && inflate === undefined) return 'refused'
    const sink = events.offered(offerOf(from, offer))
    if (sink === undefined) return 'refused'
    const isPlain = !offer.compressed || inflate === undefined
    return isPlain ? sink : new InflatingSink(sink, inflate, this.#limits.snapshotBytes)
  }

  #continued(from: PeerId, message: Exclude<SenderMessage, Offer>): void {
    const transfer = [...this.#transfers.values()].find((other) => other.from === from && isOf(other, message.transfer))
    if (message.kind === 'chunk') transfer?.chunk(message)
    else if (message.kind === 'end') transfer?.end(message)
    else if (transfer !== undefined) this.#drop(transfer, message.reason)
  }

  #accept({ from, offer, next }: IncomingTransfer): void {
    this.#send(from, { kind: 'accept', transfer: offer.transfer, next })
  }

  #acknowledge({ from, offer }: IncomingTransfer, next: number): void {
    this.#send(from, { kind: 'ack', transfer: offer.transfer, next })
  }

  #completed({ from, offer }: IncomingTransfer): void {
    const key = transferKey(from, offer.group)
    this.#transfers.delete(key)
    this.#remember(key, offer.transfer)
    this.counts.ended('done')
    this.#send(from, { kind: 'complete', transfer: offer.transfer })
    this.#options.events.complete(offerOf(from, offer))
    this.#evaluate()
  }

  #remember(key: string, transfer: string): void {
    this.#complete.delete(key)
    this.#complete.set(key, transfer)
    const [oldest] = this.#complete.keys()
    if (oldest !== undefined && this.#complete.size > REMEMBERED) this.#complete.delete(oldest)
  }

  #refuse(transfer: IncomingTransfer, reason: TransferReason): void {
    this.#drop(transfer, reason)
    this.#send(transfer.from, { kind: 'refuse', transfer: transfer.offer.transfer, reason })
  }

  #drop(transfer: IncomingTransfer, reason: TransferReason): void {
    this.counts.ended(reason)
    this.#transfers.delete(transferKey(transfer.from, transfer.offer.group))
    transfer.close()
  }

  /** What can not be sent is not missed: a sender that hears nothing offers again. */
  #send(to: PeerId, message: ReceiverMessage): void {
    this.#options.send(to, encodeTransferMessage(message))
  }

  #tick(): void {
    for (const transfer of this.#transfers.values()) {
      if (transfer.tick() >= this.#limits.idleMs / TICK_MS) this.#refuse(transfer, 'silent')
    }
    this.#evaluate()
  }

  /** The clock runs while there are transfers. */
  #evaluate(): void {
    if (this.#transfers.size > 0) {
      this.#clock ??= setPeriodicTimer(this.#options.runtime, TICK_MS, () => this.#tick())
    } else {
      this.#clock?.cancel()
      this.#clock = undefined
    }
  }
}

function isOf(transfer: IncomingTransfer, id: string): boolean {
  return transfer.offer.transfer === id
}

function offerOf(from: PeerId, { group, snapshotId, raftMessage }: Offer): SnapshotOffer {
  return { from, group, snapshotId, raftMessage }
}
