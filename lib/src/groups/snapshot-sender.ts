import type { PeerId } from '../base/ids.js'
import { type Runtime, setPeriodicTimer, type Timer } from '../base/runtime.js'
import type { SendResult } from '../mesh/port.js'
import { Pace } from './pace.js'
import { OutgoingTransfer, type SnapshotRequest } from './snapshot-outgoing.js'
import {
  encodeTransferMessage,
  newTransferId,
  type ReceiverMessage,
  type SenderMessage,
  type TransferReason,
  transferKey,
} from './snapshot-protocol.js'
import { TransferCounts } from './transfer-counts.js'

export interface SnapshotSenderOptions {
  readonly runtime: Runtime
  readonly limits?: Partial<SnapshotSenderLimits> | undefined
  send(to: PeerId, bytes: Uint8Array): SendResult
}

export interface SnapshotSenderLimits {
  /** Transfers at a time; others wait in line. Default 4. */
  readonly concurrent: number
  /** The most bytes under way to one peer, by all transfers together. Default 1 MiB. */
  readonly windowBytes: number
  /** After so long without an answer the offer is repeated. Whole seconds, default 5 s. */
  readonly stallMs: number
  /** After so long without an answer the transfer has failed. Whole seconds, default 60 s. */
  readonly giveUpMs: number
}

export const DEFAULT_SNAPSHOT_SENDER_LIMITS: SnapshotSenderLimits = {
  concurrent: 4,
  windowBytes: 1024 * 1024,
  stallMs: 5_000,
  giveUpMs: 60_000,
}

/** Plain data for `status()`. */
export interface OutgoingStatus {
  readonly group: number
  readonly to: PeerId
  readonly acknowledgedBytes: number
  readonly waiting: boolean
}

/** The clock of silences, in periods that this process was awake for. */
const TICK_MS = 1_000

/**
 * Sends the snapshots of all groups of a peer, at most one per group and receiver. Other work keeps its latency: sending
 * takes part of the thread's time only, and what is under way to a peer is bounded, so that a slow disk over there is not
 * flooded. How fast chunks go over the network is the link's affair: its lane holds only a few. After a break a transfer
 * goes on with what the receiver lacks.
 */
export class SnapshotSender {
  readonly counts = new TransferCounts()
  readonly #options: SnapshotSenderOptions
  readonly #limits: SnapshotSenderLimits
  /** In the order of the line. */
  readonly #transfers = new Map<string, OutgoingTransfer>()
  /** Those whose turn it is. */
  readonly #active = new Set<OutgoingTransfer>()
  /** Peers to whom the port was full and has not drained. */
  readonly #full = new Set<PeerId>()
  readonly #pace: Pace
  #clock: Timer | undefined

  constructor(options: SnapshotSenderOptions) {
    this.#options = options
    this.#limits = { ...DEFAULT_SNAPSHOT_SENDER_LIMITS, ...options.limits }
    this.#pace = new Pace(options.runtime, () => this.#evaluate())
  }

  /** A transfer to the same group of the same peer fails with `replaced`; what it brought there is not sent again. */
  start(request: SnapshotRequest): void {
    const key = transferKey(request.to, request.group)
    const older = this.#transfers.get(key)
    const transfer: OutgoingTransfer = new OutgoingTransfer(newTransferId(this.#options.runtime), request, {
      ready: () => this.#pump(request.to),
      failed: () => this.#cancel(transfer, 'source'),
    })
    this.#transfers.set(key, transfer) // in the older one's place in line
    if (older !== undefined) this.#finish(older, 'replaced')
    this.#evaluate()
  }

  /** Gives up the transfers of a group without a word to who started them. */
  stop(group: number): void {
    for (const transfer of this.#transfers.values()) {
      if (transfer.request.group === group) this.#abandon(transfer)
    }
    this.#evaluate()
  }

  /** As `stop` of all groups. */
  close(): void {
    for (const transfer of this.#transfers.values()) this.#abandon(transfer)
    this.#evaluate()
  }

  /** A message of a receiver. */
  message(from: PeerId, message: ReceiverMessage): void {
    const transfer = this.#activeTransfer(from, message.transfer)
    if (transfer === undefined) return
    if (message.kind === 'accept') transfer.accepted(message.next)
    else if (message.kind === 'ack') this.#acknowledged(transfer, message.next)
    else this.#finish(transfer, message.kind === 'complete' ? 'done' : message.reason)
  }

  /** The port takes messages to `peer` again. */
  drain(peer: PeerId): void {
    this.#full.delete(peer)
    this.#evaluate()
  }

  peerBack(peer: PeerId): void {
    for (const transfer of this.#transfers.values()) {
      if (transfer.request.to === peer) transfer.back()
    }
    this.#evaluate()
  }

  peerLost(peer: PeerId): void {
    this.#full.delete(peer)
    for (const transfer of this.#transfers.values()) {
      if (transfer.request.to !== peer) continue
      transfer.lost()
      this.#active.delete(transfer)
    }
    this.#evaluate()
  }

  /** Snapshots on their way from here, or waiting in line. */
  get size(): number {
    return this.#transfers.size
  }

  status(): OutgoingStatus[] {
    return [...this.#transfers.values()].map((transfer) => ({
      group: transfer.request.group,
      to: transfer.request.to,
      acknowledgedBytes: transfer.acknowledgedBytes,
      waiting: !this.#active.has(transfer),
    }))
  }

  /** Offers whose turn has come are made, room that became free is used, the clock runs while there are transfers. */
  #evaluate(): void {
    for (const transfer of this.#transfers.values()) {
      if (this.#active.size >= this.#limits.concurrent) break
      if (transfer.phase === 'waiting') this.#offer(transfer)
    }
    for (const { request } of [...this.#active]) this.#pump(request.to)
    if (this.#transfers.size > 0) {
      this.#clock ??= setPeriodicTimer(this.#options.runtime, TICK_MS, () => this.#tick())
    } else {
      this.#clock?.cancel()
      this.#clock = undefined
    }
  }

  #offer(transfer: OutgoingTransfer): void {
    if (this.#carry(transfer, transfer.offer())) this.#active.add(transfer)
  }

  /** Sends what the window to `peer` has room for, in turn for all transfers there, until it is time for a rest. */
  #pump(peer: PeerId): void {
    while (!this.#pace.isResting) {
      const transfer = leastInFlight(this.#activeTo(peer).filter(({ isReady }) => isReady))
      if (transfer === undefined || !this.#hasRoom(transfer)) return
      if (!this.#pace.work(() => this.#carry(transfer, transfer.nextMessage()))) return
    }
  }

  /** One chunk of each may always be under way: no transfer waits for the sink of another. */
  #hasRoom(transfer: OutgoingTransfer): boolean {
    const { to, source } = transfer.request
    if (this.#full.has(to)) return false
    return transfer.inFlightBytes === 0 || this.#inFlightBytes(to) + source.chunkBytes <= this.#limits.windowBytes
  }

  #acknowledged(transfer: OutgoingTransfer, next: number): void {
    if (!transfer.acknowledged(next)) return
    transfer.request.events.progress(transfer.acknowledgedBytes)
    this.#pump(transfer.request.to)
  }

  /** @returns true if it was sent; if not, what that means for the transfer is done */
  #carry(transfer: OutgoingTransfer, message: SenderMessage): boolean {
    const { to } = transfer.request
    const result = this.#options.send(to, encodeTransferMessage(message))
    if (result === 'queued') transfer.sent(message)
    else if (result === 'full') this.#full.add(to)
    else if (result === 'no-link') this.peerLost(to)
    else this.#finish(transfer, 'too-large')
    return result === 'queued'
  }

  #cancel(transfer: OutgoingTransfer, reason: TransferReason): void {
    this.#tell(transfer, reason)
    this.#finish(transfer, reason)
  }

  #abandon(transfer: OutgoingTransfer): void {
    this.#tell(transfer, 'stopped')
    this.#forget(transfer)
  }

  #finish(transfer: OutgoingTransfer, outcome: 'done' | TransferReason): void {
    if (!this.#forget(transfer)) return
    const { events } = transfer.request
    this.counts.ended(outcome)
    if (outcome === 'done') events.done()
    else events.failed(outcome)
    this.#evaluate()
  }

  /** @returns false if that was done already */
  #forget(transfer: OutgoingTransfer): boolean {
    const { to, group } = transfer.request
    const key = transferKey(to, group)
    if (this.#transfers.get(key) === transfer) this.#transfers.delete(key)
    this.#active.delete(transfer)
    return transfer.close()
  }

  /** If the receiver does not hear it, its own patience ends. */
  #tell(transfer: OutgoingTransfer, reason: TransferReason): void {
    if (!this.#active.has(transfer)) return
    const cancel: SenderMessage = { kind: 'cancel', transfer: transfer.id, reason }
    this.#options.send(transfer.request.to, encodeTransferMessage(cancel))
  }

  #tick(): void {
    const [stallTicks, giveUpTicks] = [this.#limits.stallMs / TICK_MS, this.#limits.giveUpMs / TICK_MS]
    for (const transfer of this.#transfers.values()) {
      const quietTicks = transfer.tick()
      if (quietTicks >= giveUpTicks) this.#cancel(transfer, 'silent')
      else if (quietTicks > 0 && quietTicks % stallTicks === 0) this.#tryAgain(transfer)
    }
    this.#evaluate()
  }

  #tryAgain(transfer: OutgoingTransfer): void {
    if (this.#active.has(transfer)) this.#offer(transfer)
    else transfer.back()
  }

  #activeTransfer(to: PeerId, id: string): OutgoingTransfer | undefined {
    return this.#activeTo(to).find((transfer) => transfer.id === id)
  }

  #activeTo(peer: PeerId): OutgoingTransfer[] {
    return [...this.#active].filter((transfer) => transfer.request.to === peer)
  }

  #inFlightBytes(peer: PeerId): number {
    return this.#activeTo(peer).reduce((total, transfer) => total + transfer.inFlightBytes, 0)
  }
}

function leastInFlight(transfers: readonly OutgoingTransfer[]): OutgoingTransfer | undefined {
  const [first, ...others] = transfers
  return first && others.reduce((least, other) => (other.inFlightBytes < least.inFlightBytes ? other : least), first)
}
