import type { Unsubscribe } from '../base/emitter.js'
import { LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import { type Logger, silentLogger } from '../base/logger.js'
import type { Runtime } from '../base/runtime.js'
import type { Value } from '../codec/value.js'
import type { Network } from '../mesh/network.js'
import type { Port, SendResult } from '../mesh/port.js'
import { remoteError } from './failure.js'
import { InboundCalls } from './inbound-calls.js'
import { type InboundLimits, requireSize } from './inbox.js'
import { abortedError, OutboundCalls } from './outbound-calls.js'
import { decodeFrame, encodeCall, encodeCancel, encodeCast, type Frame, type Refusal } from './protocol.js'
import type { BroadcallOptions, BroadcastOptions, CallOptions, Handlers, Messages, Settled } from './types.js'

export interface MessagingOptions<Legion> {
  readonly network: Network
  readonly runtime: Runtime
  readonly handlers?: Handlers<Legion> | undefined
  /** What handlers get as `legion`. */
  readonly context: Legion
  readonly logger?: Logger | undefined
  readonly limits?: Partial<MessagingLimits> | undefined
}

export interface MessagingLimits extends InboundLimits {
  /** Own calls that wait for an answer: above, a call fails with E_BUSY. Default 100,000. */
  readonly pendingCalls: number
}

const MIB = 1024 * 1024

export const DEFAULT_MESSAGING_LIMITS: MessagingLimits = {
  inboundCalls: 1_024,
  inboundBytes: 64 * MIB,
  messageBytes: 16 * MIB,
  waitingAnswerBytes: 16 * MIB,
  pendingCalls: 100_000,
}

/** Numbers since the start, but for the last two. */
export interface MessagingMetrics {
  readonly sent: number
  readonly received: number
  /** Casts and calls that named no handler here. */
  readonly unknownHandlers: number
  /** Messages not handled because of a limit: too long, or too much of their sender's was being handled already. */
  readonly refused: number
  /** Handlers that threw or rejected. */
  readonly failures: number
  /** Answers nobody waited for any more. */
  readonly lateAnswers: number
  readonly pendingCalls: number
  readonly runningHandlers: number
}

/**
 * Messages between peers, each to a handler by name. A message to this peer itself takes the same way, through the
 * codec, and is handled after the current work.
 *
 * Messages from one peer to another arrive in the order sent, each at most once. Payloads and answers are plain values.
 * Errors of a call (and, as far as known at once, of a cast):
 *
 * - before anything is sent, outcome `not-applied`: E_NOT_PLAIN, E_TOO_LARGE, E_NO_PEER (no link to that peer), E_BUSY
 *   (the queue to that peer or `pendingCalls` is full), E_ABORTED, E_CLOSED, E_INVALID;
 * - refused there, outcome `not-applied`: E_NO_HANDLER, E_BUSY;
 * - outcome `unknown`: E_REMOTE (the handler threw, or its answer can't be sent; `details` has its code and message),
 *   E_TIMEOUT, E_ABORTED, E_NO_PEER (the link broke), E_CLOSED.
 */
export class Messaging<Legion = unknown> {
  readonly #network: Network
  readonly #port: Port
  readonly #limits: MessagingLimits
  readonly #inbound: InboundCalls<Legion>
  readonly #outbound: OutboundCalls
  readonly #unsubscribe: Unsubscribe
  readonly #counts = { sent: 0, received: 0, refused: 0, failures: 0, lateAnswers: 0 }
  #nextId = 0
  #isClosed = false

  constructor(options: MessagingOptions<Legion>) {
    this.#network = options.network
    this.#limits = { ...DEFAULT_MESSAGING_LIMITS, ...options.limits }
    this.#outbound = new OutboundCalls(options.runtime, ({ peer, id }) => this.#send(peer, encodeCancel(id)))
    this.#inbound = new InboundCalls(options.handlers ?? {}, {
      legion: options.context,
      logger: options.logger ?? silentLogger,
      limits: this.#limits,
      metrics: this.#counts,
      send: (to, frame) => this.#send(to, frame),
      isLinked: (peer) => peer === options.network.self.id || options.network.peers.has(peer),
    })
    this.#port = options.network.openPort('messages', {
      message: (from, payload) => this.#receive(from, payload),
      drain: (peer) => this.#inbound.drain(peer),
    })
    this.#unsubscribe = options.network.on('peerLeft', (peer) => this.#peerLeft(peer))
  }

  /**
   * Sends without waiting for anything: what the handler returns is dropped, what it throws is logged there.
   * @throws LegionError if it certainly was not sent
   */
  cast(peer: PeerId, name: string, payload?: unknown): void {
    this.#requireOpen()
    this.#post(peer, name, this.#checked(encodeCast(name, payload)))
  }

  /** What the handler at `peer` answers. */
  call(peer: PeerId, name: string, payload?: unknown, options: CallOptions = {}): Promise<Value> {
    return new Promise((resolve, reject) => {
      this.#requireOpen()
      requireTimeout(options.timeoutMs)
      const id = this.#nextId++
      const frame = this.#checked(encodeCall(id, name, payload))
      this.#start({ peer, id, name, resolve, reject }, frame, options)
    })
  }

  /**
   * Casts to every other peer. One with a full queue before it may be left out.
   * @throws LegionError E_NOT_PLAIN, E_TOO_LARGE, E_CLOSED
   */
  broadcast(name: string, payload?: unknown, options: BroadcastOptions = {}): void {
    this.#requireOpen()
    const frame = this.#checked(encodeCast(name, payload))
    if (options.includeSelf === true) this.#send(this.#network.self.id, frame)
    this.#port.broadcast(frame)
    this.#counts.sent++
  }

  /**
   * Calls every other peer and waits until each has answered or failed; `timeoutMs` and `signal` end the waiting for
   * those that did neither. Rejects only for what is wrong with the call itself: E_NOT_PLAIN, E_TOO_LARGE, E_INVALID,
   * E_CLOSED.
   */
  async broadcall(
    name: string,
    payload?: unknown,
    options: BroadcallOptions = {},
  ): Promise<Map<PeerId, Settled<Value>>> {
    this.#requireOpen()
    requireTimeout(options.timeoutMs)
    const id = this.#nextId++
    const frame = this.#checked(encodeCall(id, name, payload))
    const settling = this.#everyone(options).map(async (peer): Promise<[PeerId, Settled<Value>]> => {
      const answer = new Promise<Value>((resolve, reject) => {
        this.#start({ peer, id, name, resolve, reject }, frame, options)
      })
      return [peer, await settled(answer)]
    })
    return new Map(await Promise.all(settling))
  }

  /** The same object, typed for peers whose handlers are `H`. What they really have, only they know. */
  typed<H>(): Messages<H> {
    return this as unknown as Messages<H>
  }

  metrics(): MessagingMetrics {
    return {
      ...this.#counts,
      unknownHandlers: this.#inbound.unknownHandlerCount,
      pendingCalls: this.#outbound.size,
      runningHandlers: this.#inbound.runningCount,
    }
  }

  /** Own calls that wait fail with E_CLOSED, handlers that run are aborted by their signal. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#unsubscribe()
    this.#outbound.rejectAll(({ name }) => closedError(`Closed while ${name} was waiting for its answer.`, 'unknown'))
    this.#inbound.close()
  }

  #start(call: Parameters<OutboundCalls['add']>[0], frame: Uint8Array, options: CallOptions): void {
    if (options.signal?.aborted) throw abortedError(call.name, options.signal, 'not-applied')
    if (this.#outbound.size >= this.#limits.pendingCalls) throw busyError('Too many calls wait for an answer')
    this.#post(call.peer, call.name, frame)
    this.#outbound.add(call, options)
  }

  #post(to: PeerId, name: string, frame: Uint8Array): void {
    const result = this.#send(to, frame)
    if (result === 'no-link') throw noPeerError(`There is no link to ${to}: ${name} was not sent.`, 'not-applied')
    if (result === 'full') throw busyError(`The queue to ${to} is full`)
    if (result === 'too-large') {
      throw new LegionError('E_TOO_LARGE', `A link carries no message of ${frame.length} bytes.`, {
        outcome: 'not-applied',
      })
    }
  }

  #send(to: PeerId, frame: Uint8Array): SendResult {
    if (to === this.#network.self.id) {
      queueMicrotask(() => this.#receive(to, frame))
      return 'queued'
    }
    const result = this.#port.send(to, frame)
    if (result === 'queued') this.#counts.sent++
    return result
  }

  #checked(frame: Uint8Array): Uint8Array {
    requireSize(frame, this.#limits.messageBytes, 'message')
    return frame
  }

  #everyone(options: BroadcastOptions): PeerId[] {
    const others = [...this.#network.peers.keys()]
    return options.includeSelf === true ? [this.#network.self.id, ...others] : others
  }

  #receive(from: PeerId, bytes: Uint8Array): void {
    if (this.#isClosed) return
    this.#counts.received++
    if (bytes.length > this.#limits.messageBytes) this.#counts.refused++
    else this.#handle(from, decodeFrame(bytes), bytes.length)
  }

  #handle(from: PeerId, frame: Frame, bytes: number): void {
    if (frame.kind === 'cast') this.#inbound.cast(from, frame.name, frame.payload, bytes)
    else if (frame.kind === 'call') this.#inbound.call(from, frame.id, frame.name, frame.payload, bytes)
    else if (frame.kind === 'cancel') this.#inbound.cancel(from, frame.id)
    else this.#settle(from, frame)
  }

  #settle(from: PeerId, frame: Extract<Frame, { kind: 'answer' | 'refusal' | 'failure' }>): void {
    const call = this.#outbound.take(from, frame.id)
    if (call === undefined) this.#counts.lateAnswers++
    else if (frame.kind === 'answer') call.resolve(frame.value)
    else if (frame.kind === 'failure') call.reject(remoteError(call.name, frame.failure))
    else call.reject(refusedError(call.name, frame.reason))
  }

  #peerLeft(peer: PeerId): void {
    this.#outbound.rejectAll(({ name }) => noPeerError(`The link broke while ${name} was waiting.`, 'unknown'), peer)
    this.#inbound.peerLeft(peer)
  }

  #requireOpen(): void {
    if (this.#isClosed) throw closedError('Closed: messages can not be sent any more.', 'not-applied')
  }
}

async function settled<T>(answer: Promise<T>): Promise<Settled<T>> {
  try {
    return { ok: true, value: await answer }
  } catch (error) {
    if (!LegionError.is(error)) throw error
    return { ok: false, error }
  }
}

function requireTimeout(timeoutMs: number | undefined): void {
  if (timeoutMs === undefined || timeoutMs > 0) return
  throw new LegionError('E_INVALID', `timeoutMs must be above 0, not ${timeoutMs}.`, { outcome: 'not-applied' })
}

function refusedError(name: string, reason: Refusal): LegionError {
  return reason === 'E_NO_HANDLER'
    ? new LegionError('E_NO_HANDLER', `The peer has no handler for ${name}.`, { outcome: 'not-applied' })
    : busyError('The peer runs too many handlers for this one already')
}

function busyError(problem: string): LegionError {
  return new LegionError('E_BUSY', `${problem}. Send less at once, or try again later.`, { outcome: 'not-applied' })
}

function noPeerError(message: string, outcome: 'not-applied' | 'unknown'): LegionError {
  return new LegionError('E_NO_PEER', message, { outcome })
}

function closedError(message: string, outcome: 'not-applied' | 'unknown'): LegionError {
  return new LegionError('E_CLOSED', message, { outcome })
}
