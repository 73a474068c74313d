import { Emitter, type Unsubscribe } from '../base/emitter.js'
import { LegionError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import { soon } from '../base/soon.js'
import type { Channel } from './channel.js'
import { Flow, RECEIPT_BYTES } from './flow.js'
import {
  encodeFrames,
  FRAME_KIND,
  type Frame,
  frameBytes,
  framesBytes,
  HEADER_BYTES,
  MAX_MESSAGE_BYTES,
  readFrame,
  wordFrame,
} from './frames.js'
import { LANES, type Lane } from './lanes.js'
import { Liveness } from './liveness.js'
import { Reassembly } from './reassembly.js'
import { SendQueues } from './send-queues.js'

export interface LinkOptions {
  readonly runtime: Runtime
  readonly limits?: Partial<LinkLimits> | undefined
}

export interface LinkLimits {
  /** The longest payload, sent or received, in bytes. Default 64 MiB. */
  readonly messageBytes: number
  /**
   * How much may wait in each lane, in bytes; every payload counts 64 bytes more than it has. Default: 8 MiB for
   * `control` and `consensus`, 4 MiB for `calls` and `documents`, 64 KiB for `bulk`.
   */
  readonly queueBytes: Readonly<Record<Lane, number>>
  /** A link that received nothing for so many milliseconds asks for a sign of life. Default 2,000. */
  readonly idleMs: number
  /** A link that received nothing for so many milliseconds is dead. Default 6,000. */
  readonly silentMs: number
}

const MIB = 1024 * 1024

export const DEFAULT_LINK_LIMITS: LinkLimits = {
  messageBytes: 64 * MIB,
  queueBytes: { control: 8 * MIB, consensus: 8 * MIB, calls: 4 * MIB, documents: 4 * MIB, bulk: 64 * 1024 },
  idleMs: 2_000,
  silentMs: 6_000,
}

/** The longest goodbye that browsers still deliver while a page is going away (measured). */
export const MAX_GOODBYE_BYTES = 4096

/** Why a link closed from which nothing was heard any more. */
export const SILENT = 'silent'

export interface LinkEvents {
  /** @param payload may be a view of a larger buffer; the link does not use it again */
  message(lane: Lane, port: number, payload: Uint8Array): void
  /** The lane takes payloads again after `send` said false. */
  drain(lane: Lane): void
  /** `isDoubted` has changed. */
  doubt(): void
  /** Exactly once, last. */
  close(reason: string): void
}

/** Plain data for `status()` and metrics. */
export interface LinkStatus {
  readonly stack: string
  readonly rttMs: number | undefined
  readonly sent: LinkTraffic
  readonly received: LinkTraffic
  /** Bytes handed to the channel that have not left. */
  readonly bufferedBytes: number
  /** Bytes sent of which the other side has not yet told that it received them. */
  readonly inFlightBytes: number
  /** What `inFlightBytes` is held to, except for control and consensus. */
  readonly windowBytes: number
  readonly queuedBytes: Readonly<Record<Lane, number>>
}

export interface LinkTraffic {
  readonly bytes: number
  readonly messages: number
  readonly frames: number
}

/** The size of a batch: small enough that an urgent frame never waits long behind one; larger ones are no faster. */
const BATCH_BYTES = 16 * 1024
/** What may wait in the channel below, where nothing can overtake any more. */
const WINDOW_BYTES = 64 * 1024

/**
 * Payloads of any size over one Channel, in lanes: urgent lanes overtake, each lane stays in order. See `frames.ts` for
 * the format. Whatever the other side sends, a Link never throws: nonsense closes it with a reason that says so.
 */
export class Link {
  readonly channel: Channel
  readonly #limits: LinkLimits
  readonly #queues: SendQueues
  readonly #flow: Flow
  readonly #reassemblies: readonly Reassembly[]
  readonly #liveness: Liveness
  readonly #events = new Emitter<LinkEvents>()
  readonly #sent = { bytes: 0, messages: 0, frames: 0 }
  readonly #received = { bytes: 0, messages: 0, frames: 0 }
  /** Ping and pong to be sent ahead of all lanes: at most one of each, the latest. */
  #ping: Frame | undefined
  #pong: Frame | undefined
  /** How much of what was received the other side was told of. */
  #receiptBytes = 0
  #flushIsDue = false
  /** No less than the channel's `bufferedBytes`. */
  #bufferedAtMostBytes = 0
  #isDoubted = false

  /** @param channel must be open; messages that came before are lost, so call this in its `open` event at the latest */
  constructor(channel: Channel, options: LinkOptions) {
    this.channel = channel
    this.#limits = { ...DEFAULT_LINK_LIMITS, ...options.limits }
    const messageBytes = Math.min(BATCH_BYTES, this.#channelLimitBytes())
    this.#queues = new SendQueues(this.#limits.queueBytes, messageBytes)
    this.#flow = new Flow({ runtime: options.runtime, messageBytes })
    this.#reassemblies = LANES.map(() => new Reassembly(this.#limits.messageBytes))
    this.#liveness = new Liveness(options.runtime, this.#limits, {
      ping: (sequence) => {
        this.#ping = wordFrame('ping', sequence)
        this.#flushSoon()
      },
      suspect: () => {
        this.#doubt(true)
        return this.channel.restart?.() ?? false
      },
      silent: () => this.close(SILENT),
    })
    channel.on('message', (message) => this.#receive(message))
    channel.on('drain', () => this.#flush())
    channel.on('close', (reason) => this.#closed(reason))
  }

  /** Smoothed; undefined until the first answer to a ping. */
  get rttMs(): number | undefined {
    return this.#liveness.rttMs
  }

  /** It was asked for a sign of life, and has given none for most of its time: perhaps nothing gets through any more. */
  get isDoubted(): boolean {
    return this.#isDoubted
  }

  /**
   * @param port 0 to 255
   * @param payload not copied before it is sent: must not change afterwards
   * @returns false if the lane's queue is full or the link is closed: nothing was queued
   * @throws LegionError E_TOO_LARGE for a payload above `limits.messageBytes`
   */
  send(lane: Lane, port: number, payload: Uint8Array): boolean {
    requireSize(payload, this.#limits.messageBytes)
    if (this.channel.state !== 'open') return false
    if (!this.#queues.queue(lane).push(port, payload)) return false
    this.#flushSoon()
    return true
  }

  /** What waits in the lane; what the channel below has already is not in it. */
  queuedBytes(lane: Lane): number {
    return this.#queues.queue(lane).queuedBytes
  }

  /** Asks for a sign of life; the link closes with `silent` if nothing at all arrives within `deadlineMs`. */
  probe(deadlineMs: number): void {
    if (this.channel.state === 'open') this.#liveness.probe(deadlineMs)
  }

  /**
   * Sends one last message on the control lane, ahead of everything queued, which is dropped; then closes. All of it
   * before it returns.
   * @param payload up to MAX_GOODBYE_BYTES
   * @throws LegionError E_TOO_LARGE for a longer one
   */
  goodbye(port: number, payload: Uint8Array): void {
    requireSize(payload, Math.min(MAX_GOODBYE_BYTES, this.#channelLimitBytes() - HEADER_BYTES))
    if (this.channel.state !== 'open') return
    this.#transmit([{ kind: FRAME_KIND.whole, lane: LANES.indexOf('control'), port, word: 0, bytes: payload }])
    this.close('goodbye')
  }

  close(reason: string): void {
    this.channel.close(reason)
  }

  status(): LinkStatus {
    const queuedBytes = Object.fromEntries(LANES.map((lane) => [lane, this.queuedBytes(lane)])) as Record<Lane, number>
    return {
      stack: this.channel.stack,
      rttMs: this.rttMs,
      sent: { ...this.#sent },
      received: { ...this.#received },
      bufferedBytes: this.channel.bufferedBytes,
      inFlightBytes: this.#flow.inFlightBytes,
      windowBytes: Math.round(this.#flow.windowBytes),
      queuedBytes,
    }
  }

  on<K extends keyof LinkEvents>(event: K, listener: LinkEvents[K]): Unsubscribe {
    return this.#events.on(event, listener)
  }

  #channelLimitBytes(): number {
    return Math.min(this.channel.maxMessageBytes, MAX_MESSAGE_BYTES)
  }

  /** One flush for all sends of the current task. */
  #flushSoon(): void {
    if (this.#flushIsDue) return
    this.#flushIsDue = true
    soon(this.#flushNow)
  }

  readonly #flushNow = () => {
    this.#flushIsDue = false
    this.#flush()
  }

  #flush(): void {
    while (this.channel.state === 'open' && this.#channelHasRoom()) {
      const batch = this.#nextBatch()
      if (batch.length === 0) break
      this.#transmit(batch)
    }
    for (const lane of this.#queues.takeDrained()) this.#events.emit('drain', lane)
  }

  /** Asks the channel only when it may be full: in Node every answer is a call out of JavaScript. */
  #channelHasRoom(): boolean {
    if (this.#bufferedAtMostBytes >= WINDOW_BYTES) this.#bufferedAtMostBytes = this.channel.bufferedBytes
    return this.#bufferedAtMostBytes < WINDOW_BYTES
  }

  #nextBatch(): Frame[] {
    const batch: Frame[] = []
    if (this.#receiptIsDue()) batch.push(this.#takeReceipt())
    if (this.#ping !== undefined) batch.push(this.#ping)
    if (this.#pong !== undefined) batch.push(this.#pong)
    this.#ping = undefined
    this.#pong = undefined
    this.#queues.fill(batch, framesBytes(batch), !this.#flow.hasRoom)
    return batch
  }

  #receiptIsDue(): boolean {
    return this.#received.bytes - this.#receiptBytes >= RECEIPT_BYTES
  }

  #takeReceipt(): Frame {
    this.#receiptBytes = this.#received.bytes
    return wordFrame('receipt', this.#receiptBytes >>> 0)
  }

  #transmit(batch: readonly Frame[]): void {
    const message = encodeFrames(batch)
    count(this.#sent, message.length, batch.length)
    this.#flow.sent(message.length)
    this.#bufferedAtMostBytes += message.length
    this.channel.send(message)
  }

  #receive(message: Uint8Array): void {
    this.#liveness.heard()
    if (this.#isDoubted) this.#doubt(false)
    let frames = 0
    for (let at = 0; at < message.length; frames++) {
      const frame = readFrame(message, at, LANES.length)
      if (frame === undefined) this.close(`malformed: no frame at byte ${at} of ${message.length}`)
      else this.#handle(frame)
      if (frame === undefined || this.channel.state !== 'open') return
      at += frameBytes(frame)
    }
    count(this.#received, message.length, frames)
    if (this.#receiptIsDue()) this.#flushSoon()
  }

  #handle(frame: Frame): void {
    if (frame.kind === FRAME_KIND.ping) {
      this.#pong = wordFrame('pong', frame.word)
      this.#flushSoon()
    } else if (frame.kind === FRAME_KIND.pong) {
      this.#liveness.pong(frame.word)
    } else if (frame.kind === FRAME_KIND.receipt) {
      this.#flow.received(frame.word)
      this.#flushSoon()
    } else {
      this.#handlePayload(frame)
    }
  }

  #handlePayload(frame: Frame): void {
    const result = this.#reassemblies[frame.lane]?.take(frame)
    if (result === undefined) return
    if (result instanceof Uint8Array) this.#events.emit('message', LANES[frame.lane] as Lane, frame.port, result)
    else this.close(`malformed: ${result.problem}`)
  }

  #doubt(isDoubted: boolean): void {
    if (this.#isDoubted === isDoubted) return
    this.#isDoubted = isDoubted
    this.#events.emit('doubt')
  }

  #closed(reason: string): void {
    this.#liveness.stop()
    this.#queues.clear()
    this.#events.emit('close', reason)
    this.#events.clear()
  }
}

function requireSize(payload: Uint8Array, limitBytes: number): void {
  if (payload.length <= limitBytes) return
  throw new LegionError(
    'E_TOO_LARGE',
    `A message of ${payload.length} bytes is above the limit of ${limitBytes} bytes.`,
  )
}

function count(traffic: { bytes: number; messages: number; frames: number }, bytes: number, frames: number): void {
  traffic.bytes += bytes
  traffic.messages += 1
  traffic.frames += frames
}
