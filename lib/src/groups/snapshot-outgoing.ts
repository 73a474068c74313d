import type { PeerId } from '../base/ids.js'
import { crc32c } from '../codec/checksum.js'
import type { SenderMessage, TransferReason } from './snapshot-protocol.js'
import type { SnapshotSource } from './snapshot-source.js'

export interface SnapshotRequest {
  readonly group: number
  readonly to: PeerId
  /** For the receiver's replica, when it has all of the snapshot. Up to 1 MiB. */
  readonly raftMessage: Uint8Array
  /** Whoever asked releases it, not before the transfer's end. */
  readonly source: SnapshotSource
  readonly events: SnapshotTransferEvents
}

/** One of `done` and `failed` is called, once, last; neither after `stop` or `close`. */
export interface SnapshotTransferEvents {
  /** @param acknowledgedBytes so many are where the receiver wants them, those of an earlier transfer included */
  progress(acknowledgedBytes: number): void
  done(): void
  failed(reason: TransferReason): void
}

/**
 * `waiting`: in line; `away`: for the peer; `offered`: for its answer; `sending` chunks; `ended`: waits for the
 * receiver to have stored them.
 */
export type OutgoingPhase = 'waiting' | 'away' | 'offered' | 'sending' | 'ended' | 'closed'

interface InFlight {
  readonly sequence: number
  readonly bytes: number
}

export interface OutgoingEvents {
  /** There is a message to be sent. */
  ready(): void
  failed(): void
}

/** One snapshot on its way to one peer: knows what is to be sent next, but sends nothing. */
export class OutgoingTransfer {
  readonly id: string
  readonly request: SnapshotRequest
  readonly #events: OutgoingEvents
  #phase: OutgoingPhase = 'waiting'
  /** The chunk to be sent next. */
  #next = 0
  /** That chunk, once it is read. */
  #chunk: Uint8Array | undefined
  /** How many there are, once that is known. */
  #count: number | undefined
  #inFlight: InFlight[] = []
  #acknowledgedBytes = 0
  /** Periods in which nothing was heard of the receiver, waiting in line not counted. */
  #quietTicks = 0

  constructor(id: string, request: SnapshotRequest, events: OutgoingEvents) {
    this.id = id
    this.request = request
    this.#events = events
  }

  get phase(): OutgoingPhase {
    return this.#phase
  }

  get inFlightBytes(): number {
    return this.#inFlight.reduce((total, { bytes }) => total + bytes, 0)
  }

  get acknowledgedBytes(): number {
    return this.#acknowledgedBytes
  }

  /** True if `nextMessage` has something. */
  get isReady(): boolean {
    return this.#phase === 'sending' && (this.#chunk !== undefined || this.#next === this.#count)
  }

  offer(): SenderMessage {
    const { group, raftMessage, source } = this.request
    const { id: snapshotId, compressed } = source
    return { kind: 'offer', transfer: this.id, group, snapshotId, compressed, raftMessage }
  }

  /** The next chunk, or the end. Only if `isReady`. */
  nextMessage(): SenderMessage {
    const [bytes, sequence] = [this.#chunk, this.#next]
    if (bytes === undefined) {
      return { kind: 'end', transfer: this.id, count: sequence, checksum: this.request.source.checksum }
    }
    return { kind: 'chunk', transfer: this.id, sequence, checksum: crc32c(bytes), bytes }
  }

  sent(message: SenderMessage): void {
    if (message.kind === 'offer') this.#phase = 'offered'
    if (message.kind === 'end') this.#phase = 'ended'
    if (message.kind !== 'chunk') return
    this.#inFlight.push({ sequence: message.sequence, bytes: message.bytes.length })
    this.#goTo(this.#next + 1)
  }

  /** The receiver has the chunks before `next`, perhaps from an earlier transfer. */
  accepted(next: number): void {
    if (this.#phase !== 'offered') return
    this.#phase = 'sending'
    this.#quietTicks = 0
    this.#inFlight = []
    this.#acknowledgedBytes = next * this.request.source.chunkBytes
    this.#goTo(next)
  }

  /** @returns false if that is no news */
  acknowledged(next: number): boolean {
    const covered = this.#inFlight.filter(({ sequence }) => sequence < next)
    if (covered.length === 0) return false
    this.#inFlight = this.#inFlight.slice(covered.length)
    this.#quietTicks = 0
    this.#acknowledgedBytes += covered.reduce((total, chunk) => total + chunk.bytes, 0)
    return true
  }

  /** The link is gone, and what was under way with it. */
  lost(): void {
    this.#phase = 'away'
    this.#inFlight = []
  }

  back(): void {
    if (this.#phase === 'away') this.#phase = 'waiting'
  }

  /** One more period is over. @returns how many were quiet by now */
  tick(): number {
    if (this.#phase !== 'waiting') this.#quietTicks++
    return this.#quietTicks
  }

  /** @returns false if it was closed */
  close(): boolean {
    if (this.#phase === 'closed') return false
    this.#phase = 'closed'
    this.#chunk = undefined
    this.#inFlight = []
    return true
  }

  #goTo(next: number): void {
    this.#next = next
    this.#chunk = undefined
    readChunk(this.request.source, next).then(
      (chunk) => this.#wasRead(next, chunk),
      () => this.#events.failed(),
    )
  }

  #wasRead(sequence: number, chunk: Uint8Array | undefined): void {
    if (sequence !== this.#next || this.#phase === 'closed') return
    if (chunk === undefined) this.#count = sequence
    this.#chunk = chunk
    this.#events.ready()
  }
}

/** @throws if there is not even a chunk before the `n`th: a receiver can not have it */
async function readChunk(source: SnapshotSource, n: number): Promise<Uint8Array | undefined> {
  const chunk = await source.chunk(n)
  if (chunk === undefined && n > 0 && (await source.chunk(n - 1)) === undefined) {
    throw new RangeError(`a chunk ${n - 1} of a shorter snapshot`)
  }
  return chunk
}
