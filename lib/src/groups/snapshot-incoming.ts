import type { PeerId } from '../base/ids.js'
import { crc32c } from '../codec/checksum.js'
import type { Chunk, Offer, TransferReason } from './snapshot-protocol.js'
import type { SnapshotSink } from './snapshot-sink.js'

export interface IncomingLimits {
  /** All chunks of one snapshot together. */
  readonly snapshotBytes: number
  /** Chunks that the sink has not taken yet. */
  readonly pendingBytes: number
}

export interface IncomingEvents {
  /** The sink has the chunks before `next`. */
  taken(next: number): void
  complete(): void
  failed(reason: TransferReason): void
}

interface End {
  readonly count: number
  readonly checksum: number
}

/** One snapshot on its way here: checks it and feeds the sink, one chunk at a time. */
export class IncomingTransfer {
  readonly from: PeerId
  readonly #limits: IncomingLimits
  readonly #sink: SnapshotSink
  readonly #events: IncomingEvents
  #offer: Offer
  /** Periods in which nothing came. */
  #idleTicks = 0
  #isAway = false
  /** The chunk that comes next: received so far. */
  #next = 0
  #bytes = 0
  #checksum = 0
  /** Given to the sink so far. */
  #taken = 0
  #pending: Uint8Array[] = []
  #isAll = false
  /** The sink is at work. */
  #busy = false
  #closed = false

  constructor(from: PeerId, offer: Offer, sink: SnapshotSink, limits: IncomingLimits, events: IncomingEvents) {
    this.from = from
    this.#offer = offer
    this.#sink = sink
    this.#limits = limits
    this.#events = events
  }

  /** The latest of them. */
  get offer(): Offer {
    return this.#offer
  }

  /** The first chunk that is not here. */
  get next(): number {
    return this.#next
  }

  /** The link to the sender is gone. */
  get isAway(): boolean {
    return this.#isAway
  }

  /** True if the chunks that are here are the first ones of what is offered. */
  continues(offer: Offer): boolean {
    return this.#offer.snapshotId === offer.snapshotId && this.#offer.compressed === offer.compressed
  }

  resume(offer: Offer): void {
    this.#offer = offer
    if (this.#isAway) this.#idleTicks = 0 // repeated offers alone keep nothing alive
    this.#isAway = false
  }

  lost(): void {
    this.#isAway = true
  }

  /** Chunks that are here already, and those after a gap, are ignored: the sender will know. */
  chunk({ sequence, checksum, bytes }: Chunk): void {
    if (sequence !== this.#next || this.#isAll) return
    this.#idleTicks = 0
    const problem = this.#problemOf(bytes, checksum)
    if (problem === undefined) this.#receive(bytes)
    else this.#fail(problem)
  }

  end(end: End): void {
    if (end.count > this.#next) return // some were dropped on the way
    if (end.count === this.#next && end.checksum === this.#checksum) {
      this.#isAll = true
      this.#evaluate()
    } else {
      this.#fail('damaged')
    }
  }

  /** One more period is over. @returns how many brought nothing by now; a sink at work is not the sender's fault */
  tick(): number {
    if (!this.#busy) this.#idleTicks++
    return this.#idleTicks
  }

  /** The sink hears `abort`, unless it has all. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#pending = []
    this.#sink.abort()
  }

  #receive(bytes: Uint8Array): void {
    this.#next++
    this.#bytes += bytes.length
    this.#checksum = crc32c(bytes, this.#checksum)
    this.#pending.push(bytes)
    this.#evaluate()
  }

  #problemOf(bytes: Uint8Array, checksum: number): TransferReason | undefined {
    if (bytes.length === 0 || crc32c(bytes) !== checksum) return 'damaged'
    if (this.#bytes + bytes.length > this.#limits.snapshotBytes) return 'too-large'
    const pendingBytes = this.#pending.reduce((total, pending) => total + pending.length, bytes.length)
    return pendingBytes > this.#limits.pendingBytes ? 'overrun' : undefined
  }

  /** The next chunk to the sink, or all of them were the snapshot. */
  #evaluate(): void {
    if (this.#closed || this.#busy) return
    const chunk = this.#pending.shift()
    if (chunk !== undefined) {
      this.#work(
        () => this.#sink.add(chunk),
        () => this.#events.taken(++this.#taken),
      )
    } else if (this.#isAll) {
      this.#work(
        () => this.#sink.finish(),
        () => this.#finished(),
      )
    }
  }

  #finished(): void {
    this.#closed = true
    this.#events.complete()
  }

  /** A sink that needs no time gets the next chunk within the same task. */
  #work(work: () => Promise<void> | void, done: () => void): void {
    this.#busy = true
    const settle = (next: () => void) => {
      this.#busy = false
      if (this.#closed) return
      next()
      this.#evaluate()
    }
    const failed = () => settle(() => this.#fail('sink'))
    let result: Promise<void> | void
    try {
      result = work()
    } catch {
      failed()
      return
    }
    if (result === undefined) settle(done)
    else result.then(() => settle(done), failed)
  }

  #fail(reason: TransferReason): void {
    this.close()
    this.#events.failed(reason)
  }
}
