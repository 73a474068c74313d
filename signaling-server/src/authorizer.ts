import type { IncomingHttpHeaders } from 'node:http'
import type { Clock } from './clock.js'
import { type Log, messageOf } from './log.js'
import type { IceServer } from './protocol.js'

/** Who asks to enter which room. */
export interface AuthorizationRequest {
  /** The client's network address. */
  readonly address: string
  /** Of the web page; undefined for programs. Browsers can't lie here, programs can. */
  readonly origin: string | undefined
  /** Path and query of the WebSocket request. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  /** A hash of the cluster's name and secret. */
  readonly room: string
  readonly peer: string
  /** What the client presents in its hello. */
  readonly credential: string | undefined
}

export type Verdict = Grant | { readonly refused: string }

export interface Grant {
  /** Who it is, for logs and for the TURN server. */
  readonly name?: string | undefined
  /** For this peer alone, beside those that all get. */
  readonly iceServers?: readonly IceServer[] | undefined
}

/** Decides about each hello. To throw, to reject and to take too long is to refuse. */
export type Authorize = (request: AuthorizationRequest) => Verdict | Promise<Verdict>

export interface AuthorizerOptions {
  readonly authorize: Authorize
  readonly deadlineMs: number
  readonly clock: Clock
  readonly log: Log
}

/** Asks the hook; whatever it does, there is one answer in time. */
export class Authorizer {
  readonly #options: AuthorizerOptions

  constructor(options: AuthorizerOptions) {
    this.#options = options
  }

  /** Undefined if it may not enter. Never rejects. */
  async grantOf(request: AuthorizationRequest): Promise<Grant | undefined> {
    const { address, room, peer } = request
    try {
      const verdict = await this.#inTime(request)
      if (!('refused' in verdict)) return verdict
      this.#options.log('info', 'unauthorized', { address, room, peer, reason: verdict.refused })
    } catch (error) {
      this.#options.log('error', 'authorize-failed', { address, room, peer, reason: messageOf(error) })
    }
    return undefined
  }

  #inTime(request: AuthorizationRequest): Promise<Verdict> {
    const { authorize, clock, deadlineMs } = this.#options
    return new Promise((resolve, reject) => {
      const timer = clock.setTimer(deadlineMs, () => reject(new Error(`no answer within ${deadlineMs} ms`)))
      Promise.resolve(request)
        .then(authorize)
        .then(resolve, reject)
        .finally(() => timer.cancel())
    })
  }
}
