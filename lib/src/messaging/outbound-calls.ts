import { LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import type { Runtime, Timer } from '../base/runtime.js'
import type { Value } from '../codec/value.js'
import type { CallOptions } from './types.js'

/** A call that waits for its answer. */
export interface OutboundCall {
  readonly peer: PeerId
  readonly id: number
  readonly name: string
  readonly resolve: (value: Value) => void
  readonly reject: (error: LegionError) => void
}

interface Pending {
  readonly call: OutboundCall
  readonly deadlineMs: number
  /** Removes the listener on the caller's signal. */
  readonly forget: (() => void) | undefined
}

export const DEFAULT_TIMEOUT_MS = 10_000
/** Expired calls are collected at most this often, so that a sweep over all calls stays cheap. */
const SWEEP_SPACING_MS = 10
/** Timers of platforms overflow above 2^31 ms. */
const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * The calls of this peer that wait for an answer. One timer for all of them: with equal timeouts it is set once per
 * timeout, not once per call.
 */
export class OutboundCalls {
  readonly #runtime: Runtime
  /** Called for a call that its caller gave up, after it was rejected. */
  readonly #onGivenUp: (call: OutboundCall) => void
  readonly #pending = new Map<PeerId, Map<number, Pending>>()
  #size = 0
  #sweepAtMs = Number.POSITIVE_INFINITY
  #sweepTimer: Timer | undefined

  constructor(runtime: Runtime, onGivenUp: (call: OutboundCall) => void) {
    this.#runtime = runtime
    this.#onGivenUp = onGivenUp
  }

  get size(): number {
    return this.#size
  }

  /** @param options valid; its signal is not aborted yet */
  add(call: OutboundCall, options: CallOptions): void {
    const deadlineMs = this.#runtime.nowMs() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS)
    const forget = options.signal && this.#listen(options.signal, call)
    let calls = this.#pending.get(call.peer)
    if (calls === undefined) {
      calls = new Map()
      this.#pending.set(call.peer, calls)
    }
    calls.set(call.id, { call, deadlineMs, forget })
    this.#size++
    this.#sweepNoLaterThan(deadlineMs)
  }

  /** Takes a call out to be settled; undefined if it was settled before. */
  take(peer: PeerId, id: number): OutboundCall | undefined {
    const calls = this.#pending.get(peer)
    const pending = calls?.get(id)
    if (calls === undefined || pending === undefined) return undefined
    calls.delete(id)
    this.#size--
    pending.forget?.()
    return pending.call
  }

  /** Rejects every call to `peer`, or every call. */
  rejectAll(toError: (call: OutboundCall) => LegionError, peer?: PeerId | undefined): void {
    for (const { call } of this.#all(peer)) this.take(call.peer, call.id)?.reject(toError(call))
    if (peer === undefined) this.#pending.clear()
    else this.#pending.delete(peer)
    if (this.#size === 0) this.#stopSweeping()
  }

  #all(peer?: PeerId | undefined): Pending[] {
    const maps = peer === undefined ? [...this.#pending.values()] : [this.#pending.get(peer)]
    return maps.flatMap((calls) => (calls === undefined ? [] : [...calls.values()]))
  }

  #listen(signal: AbortSignal, call: OutboundCall): () => void {
    const onAbort = () => this.#giveUp(call, abortedError(call.name, signal, 'unknown'))
    signal.addEventListener('abort', onAbort, { once: true })
    return () => signal.removeEventListener('abort', onAbort)
  }

  #giveUp(call: OutboundCall, error: LegionError): void {
    if (this.take(call.peer, call.id) === undefined) return
    call.reject(error)
    this.#onGivenUp(call)
  }

  #sweepNoLaterThan(atMs: number): void {
    if (atMs >= this.#sweepAtMs) return
    this.#stopSweeping()
    const delayMs = Math.min(atMs - this.#runtime.nowMs(), MAX_TIMER_MS)
    this.#sweepAtMs = atMs
    this.#sweepTimer = this.#runtime.setTimer(delayMs, () => this.#sweep())
  }

  #sweep(): void {
    this.#stopSweeping()
    const nowMs = this.#runtime.nowMs()
    let nextMs = Number.POSITIVE_INFINITY
    for (const { call, deadlineMs } of this.#all()) {
      if (deadlineMs <= nowMs) this.#giveUp(call, timeoutError(call.name))
      else nextMs = Math.min(nextMs, deadlineMs)
    }
    this.#sweepNoLaterThan(Math.max(nextMs, nowMs + SWEEP_SPACING_MS))
  }

  #stopSweeping(): void {
    this.#sweepTimer?.cancel()
    this.#sweepTimer = undefined
    this.#sweepAtMs = Number.POSITIVE_INFINITY
  }
}

export function abortedError(name: string, signal: AbortSignal, outcome: 'not-applied' | 'unknown'): LegionError {
  return new LegionError('E_ABORTED', `The call of ${name} was aborted by its signal.`, {
    outcome,
    cause: signal.reason,
  })
}

function timeoutError(name: string): LegionError {
  return new LegionError('E_TIMEOUT', `No answer to ${name} in time. The peer may have handled it, or still may.`, {
    outcome: 'unknown',
  })
}
