import { concatBytes, toBase64Url } from '../../src/base/bytes.js'
import type { PeerId } from '../../src/base/ids.js'
import { randomInt, seededRandom } from '../../src/base/random.js'
import { SnapshotExchange, type SnapshotExchangeOptions } from '../../src/groups/snapshot-exchange.js'
import { decodeTransferMessage, type TransferMessage } from '../../src/groups/snapshot-protocol.js'
import type { SnapshotOffer } from '../../src/groups/snapshot-receiver.js'
import type { SnapshotSink } from '../../src/groups/snapshot-sink.js'
import { type SnapshotSource, spoolSnapshot } from '../../src/groups/snapshot-source.js'
import type { SendResult } from '../../src/mesh/port.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'

export function peerId(n: number): PeerId {
  return toBase64Url(new Uint8Array(16).fill(n)) as PeerId
}

export const ALICE = peerId(1)
export const BOB = peerId(2)
export const CAROL = peerId(3)

export function randomBytes(count: number, seed = 1): Uint8Array {
  const random = seededRandom(seed)
  return Uint8Array.from({ length: count }, () => randomInt(random, 256))
}

/** A source of `state`, cut into uneven pieces. */
export function sourceOf(state: Uint8Array, id = 'snapshot', pieceBytes = 10_000): SnapshotSource {
  function* pieces() {
    for (let at = 0; at < state.length; at += pieceBytes) yield state.subarray(at, at + pieceBytes)
  }
  return spoolSnapshot(pieces(), { id })
}

/** Takes everything, at once or after `delayMs`, and remembers what happened. */
export class RecordingSink implements SnapshotSink {
  readonly offer: SnapshotOffer
  readonly #wait: () => Promise<void> | void
  readonly chunks: Uint8Array[] = []
  finished = 0
  aborted = 0
  /** Calls that the contract forbids. */
  readonly misuses: string[] = []
  #busy = false

  constructor(offer: SnapshotOffer, wait: () => Promise<void> | void = () => {}) {
    this.offer = offer
    this.#wait = wait
  }

  get bytes(): Uint8Array {
    return concatBytes(this.chunks)
  }

  add(chunk: Uint8Array): Promise<void> | void {
    return this.#work('add', () => this.chunks.push(chunk))
  }

  finish(): Promise<void> | void {
    return this.#work('finish', () => this.finished++)
  }

  abort(): void {
    if (this.finished + this.aborted > 0) this.misuses.push('abort after the end')
    this.aborted++
  }

  #work(name: string, done: () => void): Promise<void> | void {
    if (this.#busy || this.finished + this.aborted > 0) this.misuses.push(name)
    this.#busy = true
    const end = () => {
      this.#busy = false
      if (this.aborted === 0) done()
    }
    const waiting = this.#wait()
    return waiting === undefined ? end() : waiting.then(end)
  }
}

export interface PeerOptions {
  readonly limits?: SnapshotExchangeOptions['limits']
  readonly inflate?: SnapshotExchangeOptions['inflate']
  sinkFor?(offer: SnapshotOffer): SnapshotSink | undefined
}

export class SnapshotPeer {
  readonly id: PeerId
  readonly exchange: SnapshotExchange
  readonly sinks: RecordingSink[] = []
  readonly complete: SnapshotOffer[] = []

  constructor(world: SnapshotWorld, id: PeerId, options: PeerOptions) {
    this.id = id
    this.exchange = new SnapshotExchange({
      runtime: world.clock.fork(id.charCodeAt(0)),
      limits: options.limits,
      inflate: options.inflate,
      send: (to, bytes) => world.send(id, to, bytes),
      events: {
        offered: (offer) => (options.sinkFor === undefined ? this.#record(offer) : options.sinkFor(offer)),
        complete: (offer) => this.complete.push(offer),
      },
    })
  }

  /** Starts a transfer; what becomes of it. */
  start(to: PeerId, source: SnapshotSource, group = 1): Outcome {
    const outcome: Outcome = { progress: [], ended: [] }
    this.exchange.sender.start({
      group,
      to,
      raftMessage: Uint8Array.of(7, group),
      source,
      events: {
        progress: (bytes) => outcome.progress.push(bytes),
        done: () => outcome.ended.push('done'),
        failed: (reason) => outcome.ended.push(reason),
      },
    })
    return outcome
  }

  #record(offer: SnapshotOffer): RecordingSink {
    const sink = new RecordingSink(offer)
    this.sinks.push(sink)
    return sink
  }
}

export interface Outcome {
  readonly progress: number[]
  /** At most one. */
  readonly ended: string[]
}

export interface PipeOptions {
  /** Per direction. */
  readonly bytesPerMs: number
  readonly delayMs: number
  /** What may wait to be sent; above that the port is full. */
  readonly queueBytes: number
}

export interface Sent {
  readonly from: PeerId
  readonly to: PeerId
  readonly message: TransferMessage
  readonly atMs: number
}

/** One direction between two peers. */
interface Pipe {
  freeAtMs: number
  wasFull: boolean
}

/** Peers whose links have a bandwidth and a delay, and break when they are told to. */
export class SnapshotWorld {
  readonly clock = new SimulatedClock()
  readonly #options: PipeOptions
  readonly #peers = new Map<PeerId, SnapshotPeer>()
  readonly #pipes = new Map<string, Pipe>()
  readonly #down = new Set<string>()
  #links = 0
  readonly sent: Sent[] = []
  /** Changes or drops what is sent. */
  tamper: (sent: Sent, bytes: Uint8Array) => Uint8Array | undefined = (_, bytes) => bytes

  constructor(options: Partial<PipeOptions> = {}) {
    this.#options = { bytesPerMs: 10_000, delayMs: 5, queueBytes: 4 * 1024 * 1024, ...options }
  }

  peer(id: PeerId, options: PeerOptions = {}): SnapshotPeer {
    const peer = new SnapshotPeer(this, id, options)
    this.#peers.set(id, peer)
    return peer
  }

  /** All messages of a kind. */
  sentOf<K extends TransferMessage['kind']>(kind: K): (Sent & { message: Extract<TransferMessage, { kind: K }> })[] {
    return this.sent.filter(({ message }) => message.kind === kind) as never
  }

  /** The link breaks, and what is on its way is lost. */
  cut(a: PeerId, b: PeerId): void {
    this.#down.add(linkOf(a, b))
    this.#links++
    this.#pipes.clear()
    this.#peers.get(a)?.exchange.peerLost(b)
    this.#peers.get(b)?.exchange.peerLost(a)
  }

  mend(a: PeerId, b: PeerId): void {
    this.#down.delete(linkOf(a, b))
    this.#peers.get(a)?.exchange.peerBack(b)
    this.#peers.get(b)?.exchange.peerBack(a)
  }

  /** The peer is gone, with all its memory. */
  kill(id: PeerId): void {
    for (const other of this.#peers.keys()) if (other !== id) this.cut(id, other)
    this.#peers.delete(id)
  }

  /** Until it is true, at most for `limitMs`. */
  async until(condition: () => boolean, limitMs = 120_000): Promise<void> {
    for (const endMs = this.clock.nowMs + limitMs; !condition(); ) {
      if (this.clock.nowMs >= endMs) throw new Error(`not within ${limitMs} ms`)
      await this.clock.run(1)
    }
  }

  send(from: PeerId, to: PeerId, bytes: Uint8Array): SendResult {
    if (this.#down.has(linkOf(from, to)) || !this.#peers.has(to)) return 'no-link'
    const pipe = this.#pipe(from, to)
    const nowMs = this.clock.nowMs
    const queuedMs = Math.max(0, pipe.freeAtMs - nowMs)
    if (queuedMs * this.#options.bytesPerMs > this.#options.queueBytes) {
      pipe.wasFull = true
      return 'full'
    }
    const sent: Sent = { from, to, message: decodeTransferMessage(bytes), atMs: nowMs }
    this.sent.push(sent)
    pipe.freeAtMs = nowMs + queuedMs + bytes.length / this.#options.bytesPerMs
    const payload = this.tamper(sent, bytes)
    this.#onLink(pipe.freeAtMs, () => this.#drained(pipe, from, to))
    if (payload !== undefined)
      this.#onLink(pipe.freeAtMs + this.#options.delayMs, () => this.#deliver(from, to, payload))
    return 'queued'
  }

  #deliver(from: PeerId, to: PeerId, bytes: Uint8Array): void {
    this.#peers.get(to)?.exchange.message(from, bytes)
  }

  #drained(pipe: Pipe, from: PeerId, to: PeerId): void {
    if (!pipe.wasFull) return
    pipe.wasFull = false
    this.#peers.get(from)?.exchange.drain(to)
  }

  #onLink(atMs: number, fn: () => void): void {
    const link = this.#links
    this.clock.setTimer(atMs - this.clock.nowMs, () => {
      if (link === this.#links) fn()
    })
  }

  #pipe(from: PeerId, to: PeerId): Pipe {
    const key = `${from} ${to}`
    const pipe = this.#pipes.get(key) ?? { freeAtMs: 0, wasFull: false }
    this.#pipes.set(key, pipe)
    return pipe
  }
}

function linkOf(a: PeerId, b: PeerId): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}
