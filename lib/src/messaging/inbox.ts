import { LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import type { Logger } from '../base/logger.js'
import { DecodeError } from '../codec/decode.js'
import type { Value } from '../codec/value.js'
import type { SendResult } from '../mesh/port.js'
import { AnswerQueue } from './answer-queue.js'
import { describeFailure } from './failure.js'
import { InboundContext } from './inbound-context.js'
import { encodeAnswer, encodeFailure, encodeRefusal, type Refusal } from './protocol.js'
import type { AnyHandler } from './types.js'

export interface InboundLimits {
  /** Handlers that run at once for one peer: above, calls are refused with E_BUSY and casts dropped. Default 1,024. */
  readonly inboundCalls: number
  /** Bytes of the messages of one peer whose handlers run, encoded: above, the same. Default 64 MiB. */
  readonly inboundBytes: number
  /** The longest message or answer, encoded; a longer one is not sent, and dropped where it comes in. Default 16 MiB. */
  readonly messageBytes: number
  /** Answers to one peer that wait for its link: above, E_BUSY is answered instead. Default 16 MiB. */
  readonly waitingAnswerBytes: number
}

/** What every inbox works with. */
export interface InboxServices<Legion> {
  readonly legion: Legion
  readonly logger: Logger
  readonly limits: InboundLimits
  /** Counted up by the inboxes. */
  readonly metrics: { refused: number; failures: number }
  send(to: PeerId, frame: Uint8Array): SendResult
  isLinked(peer: PeerId): boolean
}

interface Run<Legion> {
  /** Of the call; undefined: of a cast. */
  readonly id: number | undefined
  readonly name: string
  readonly context: InboundContext<Legion>
  readonly handler: AnyHandler<Legion>
  readonly payload: Value
  /** Of the message, encoded. */
  readonly bytes: number
}

/**
 * Runs handlers for the messages of one peer. A handler can do no harm here: whatever it throws or returns goes back
 * as an answer or a failure, or into the log.
 *
 * Invariant: a call whose handler runs is in `#calls`, unless nobody waits for it any more.
 */
export class Inbox<Legion> {
  readonly #peer: PeerId
  readonly #services: InboxServices<Legion>
  readonly #running = new Set<InboundContext<Legion>>()
  /** By the caller's ids; of the current link only. */
  readonly #calls = new Map<number, InboundContext<Legion>>()
  readonly #answers: AnswerQueue
  #runningBytes = 0

  constructor(peer: PeerId, services: InboxServices<Legion>) {
    this.#peer = peer
    this.#services = services
    this.#answers = new AnswerQueue(services.limits.waitingAnswerBytes)
  }

  get runningCount(): number {
    return this.#running.size
  }

  cast(name: string, handler: AnyHandler<Legion>, payload: Value, bytes: number): void {
    if (this.#isFull(bytes)) {
      this.#services.metrics.refused++
      return
    }
    const context = new InboundContext(this.#peer, this.#services.legion)
    this.#run({ id: undefined, name, context, handler, payload, bytes })
  }

  /** @throws DecodeError if a call with that id waits already */
  call(id: number, name: string, handler: AnyHandler<Legion>, payload: Value, bytes: number): void {
    if (this.#calls.has(id)) throw new DecodeError(`call ${id} came twice`)
    if (this.#isFull(bytes)) {
      this.#services.metrics.refused++
      this.refuse(id, 'E_BUSY')
      return
    }
    const context = new InboundContext(this.#peer, this.#services.legion)
    this.#run({ id, name, context, handler, payload, bytes })
  }

  /** Best effort: a refusal that the link does not take is lost, and the caller waits for its timeout. */
  refuse(id: number, reason: Refusal): void {
    this.#services.send(this.#peer, encodeRefusal(id, reason))
  }

  cancel(id: number): void {
    const context = this.#calls.get(id)
    this.#calls.delete(id)
    context?.abort(new LegionError('E_ABORTED', 'The caller does not wait any more.'))
  }

  drain(): void {
    this.#answers.flush((frame) => this.#services.send(this.#peer, frame) !== 'full')
  }

  /** The link is gone: nobody waits for answers. Handlers of casts run on. */
  unlink(): void {
    const gone = new LegionError('E_NO_PEER', 'The caller is gone.')
    for (const context of this.#calls.values()) context.abort(gone)
    this.#calls.clear()
    this.#answers.clear()
  }

  close(): void {
    const closed = new LegionError('E_CLOSED', 'This peer closes.')
    for (const context of this.#running) context.abort(closed)
    this.unlink()
  }

  /** A single message is not held up by its size alone. */
  #isFull(bytes: number): boolean {
    const { inboundCalls, inboundBytes } = this.#services.limits
    const isTooMuch = this.#running.size > 0 && this.#runningBytes + bytes > inboundBytes
    return isTooMuch || this.#running.size + this.#answers.length >= inboundCalls
  }

  /** The handler has ended when this returns, or later if it returned a promise: only then it is kept as running. */
  #run(run: Run<Legion>): void {
    const result = attempt(run)
    if ('error' in result) this.#failed(run, result.error)
    else if (!result.isPromise) this.#finished(run, result.value)
    else this.#await(run, result.value)
  }

  #await(run: Run<Legion>, result: unknown): void {
    this.#running.add(run.context)
    this.#runningBytes += run.bytes
    if (run.id !== undefined) this.#calls.set(run.id, run.context)
    Promise.resolve(result)
      .finally(() => this.#ended(run))
      .then(this.#finished.bind(this, run), this.#failed.bind(this, run))
  }

  #finished(run: Run<Legion>, result: unknown): void {
    if (isAwaited(run)) this.#answer(run.id, this.#encodeResult(run.id, result))
  }

  #failed(run: Run<Legion>, error: unknown): void {
    this.#services.metrics.failures++
    if (run.id === undefined) this.#services.logger.error(`The handler of the cast ${run.name} failed.`, error)
    else this.#services.logger.debug(`The handler of the call ${run.name} failed.`, error)
    if (isAwaited(run)) this.#answer(run.id, encodeFailure(run.id, describeFailure(error)))
  }

  #ended({ id, context, bytes }: Run<Legion>): void {
    this.#running.delete(context)
    this.#runningBytes -= bytes
    if (id !== undefined && this.#calls.get(id) === context) this.#calls.delete(id)
  }

  #answer(id: number, frame: Uint8Array): void {
    if (this.#answers.length > 0 || this.#services.send(this.#peer, frame) === 'full') {
      this.#answers.push(frame, () => encodeFailure(id, TOO_MANY_ANSWERS))
    }
  }

  #encodeResult(id: number, result: unknown): Uint8Array {
    try {
      const frame = encodeAnswer(id, result)
      requireSize(frame, this.#services.limits.messageBytes, 'answer')
      return frame
    } catch (error) {
      return encodeFailure(id, describeFailure(error))
    }
  }
}

const TOO_MANY_ANSWERS = describeFailure(
  new LegionError('E_BUSY', 'The handler ran, but too many answers wait for the link. Ask for less at once.'),
)

/** @throws LegionError E_TOO_LARGE */
export function requireSize(frame: Uint8Array, limitBytes: number, what: string): void {
  if (frame.length <= limitBytes) return
  throw new LegionError('E_TOO_LARGE', `The ${what} has ${frame.length} bytes; the limit is ${limitBytes}.`, {
    outcome: 'not-applied',
  })
}

function isAwaited<Legion>(run: Run<Legion>): run is Run<Legion> & { readonly id: number } {
  return run.id !== undefined && !run.context.isAborted
}

type Attempt = { readonly value: unknown; readonly isPromise: boolean } | { readonly error: unknown }

function attempt<Legion>({ handler, payload, context }: Run<Legion>): Attempt {
  try {
    const value = handler(payload, context)
    return { value, isPromise: isPromiseLike(value) }
  } catch (error) {
    return { error }
  }
}

function isPromiseLike(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
