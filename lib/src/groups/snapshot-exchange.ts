import type { PeerId } from '../base/ids.js'
import type { Runtime } from '../base/runtime.js'
import type { SendResult } from '../mesh/port.js'
import type { ByteTransform } from './snapshot-compression.js'
import { decodeTransferMessage } from './snapshot-protocol.js'
import { SnapshotReceiver, type SnapshotReceiverEvents, type SnapshotReceiverLimits } from './snapshot-receiver.js'
import { SnapshotSender, type SnapshotSenderLimits } from './snapshot-sender.js'
import type { TransferCounts } from './transfer-counts.js'

export interface SnapshotExchangeOptions {
  readonly runtime: Runtime
  readonly events: SnapshotReceiverEvents
  /** The inverse of the senders' `deflate`; without it compressed snapshots are refused. */
  readonly inflate?: ByteTransform | undefined
  readonly limits?:
    | { readonly sender?: Partial<SnapshotSenderLimits>; readonly receiver?: Partial<SnapshotReceiverLimits> }
    | undefined
  /** The port `snapshots`. */
  send(to: PeerId, bytes: Uint8Array): SendResult
}

/** Of one direction. */
export interface TransferMetrics {
  /** On their way now, or waiting in line. */
  readonly open: number
  readonly completed: number
  readonly failures: TransferCounts['failures']
}

/** Both ends of all snapshot transfers of a peer, on one port. */
export class SnapshotExchange {
  readonly sender: SnapshotSender
  readonly receiver: SnapshotReceiver

  constructor({ limits, ...options }: SnapshotExchangeOptions) {
    this.sender = new SnapshotSender({ ...options, limits: limits?.sender })
    this.receiver = new SnapshotReceiver({ ...options, limits: limits?.receiver })
  }

  /** Whatever the port brings. @throws DecodeError */
  message(from: PeerId, bytes: Uint8Array): void {
    const message = decodeTransferMessage(bytes)
    switch (message.kind) {
      case 'offer':
      case 'chunk':
      case 'end':
      case 'cancel':
        this.receiver.message(from, message)
        break
      default:
        this.sender.message(from, message)
    }
  }

  metrics(): { readonly sent: TransferMetrics; readonly received: TransferMetrics } {
    return { sent: metricsOf(this.sender), received: metricsOf(this.receiver) }
  }

  drain(peer: PeerId): void {
    this.sender.drain(peer)
  }

  peerBack(peer: PeerId): void {
    this.sender.peerBack(peer)
  }

  peerLost(peer: PeerId): void {
    this.sender.peerLost(peer)
    this.receiver.peerLost(peer)
  }

  /** Gives up all transfers of a group, of either direction, without a word to who started them. */
  stop(group: number): void {
    this.sender.stop(group)
    this.receiver.stop(group)
  }

  close(): void {
    this.sender.close()
    this.receiver.close()
  }
}

function metricsOf({ size, counts }: { readonly size: number; readonly counts: TransferCounts }): TransferMetrics {
  return { open: size, completed: counts.completed, failures: counts.failures }
}
