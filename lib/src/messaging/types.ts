import type { LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import type { PayloadArgs, PayloadOf } from '../base/payload-args.js'

/** What a handler learns besides the payload. */
export interface HandlerContext<Legion = unknown> {
  /** The peer that sent the message. */
  readonly from: PeerId
  /** The object this peer is driven with: handlers may call, apply and broadcast. */
  readonly legion: Legion
  /** Aborted once nobody waits for the answer: the caller gave up or is gone, or this peer closes. */
  readonly signal: AbortSignal
}

/**
 * The constraint on handlers; take them as `handlers: H & Handlers<Legion>`, so that contexts and results infer. The
 * payload's type is a claim of the program: it is `unknown` unless annotated. What a handler returns, at once or by a
 * promise, is the answer and must be plain.
 */
export type Handlers<Legion = unknown> = Readonly<Record<string, AnyHandler<Legion>>>

/** A method signature: its parameters may be narrower than declared here (bivariance). */
export type AnyHandler<Legion = unknown> = {
  handle(payload: unknown, context: HandlerContext<Legion>): Result | PromiseLike<Result>
}['handle']

/** Anything, but written so that literals in a handler's result keep their types. */
// biome-ignore lint/suspicious/noConfusingVoidType: a cast's handler may be a function that returns void.
type Result = string | number | bigint | boolean | null | undefined | void | object | { readonly [key: string]: Result }

export interface CallOptions {
  /** Milliseconds; `Infinity` waits as long as the peer is there. Default 10,000. */
  readonly timeoutMs?: number | undefined
  /** Gives up waiting; what the peer does then, only its handler knows. Default: none. */
  readonly signal?: AbortSignal | undefined
}

export interface BroadcastOptions {
  /** This peer is asked too. Default false. */
  readonly includeSelf?: boolean | undefined
}

export interface BroadcallOptions extends CallOptions, BroadcastOptions {}

/** How one peer answered a broadcall. */
export type Settled<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: LegionError }

/** Cast, call, broadcast and broadcall to peers whose handlers are `H`; see `Messaging` for what they do. */
export interface Messages<H> {
  cast<K extends MessageName<H>>(peer: PeerId, name: K, ...args: PayloadArgs<MessagePayload<H[K]>>): void
  call<K extends MessageName<H>>(
    peer: PeerId,
    name: K,
    ...args: PayloadArgs<MessagePayload<H[K]>, CallOptions>
  ): Promise<MessageAnswer<H[K]>>
  broadcast<K extends MessageName<H>>(name: K, ...args: PayloadArgs<MessagePayload<H[K]>, BroadcastOptions>): void
  broadcall<K extends MessageName<H>>(
    name: K,
    ...args: PayloadArgs<MessagePayload<H[K]>, BroadcallOptions>
  ): Promise<Map<PeerId, Settled<MessageAnswer<H[K]>>>>
}

export type MessageName<H> = keyof H & string
export type MessagePayload<Handler> = Handler extends (...args: infer Args) => unknown ? PayloadOf<Args> : never
export type MessageAnswer<Handler> = Handler extends (...args: never) => infer Answer ? Awaited<Answer> : never
