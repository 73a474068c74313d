import type { Grant } from './authorizer.js'
import type { Clock } from './clock.js'
import type { IceServer } from './protocol.js'
import { DEFAULT_TURN_TTL_SECONDS, type TurnOptions, turnCredentials } from './turn.js'

export interface IceOptions {
  /** For everyone. */
  readonly iceServers: readonly IceServer[]
  readonly turn: TurnOptions | undefined
  readonly clock: Clock
}

/** The ICE servers of each client. */
export class Ice {
  readonly #options: IceOptions

  constructor(options: IceOptions) {
    this.#options = options
  }

  serversFor({ name, iceServers = [] }: Grant): readonly IceServer[] {
    const { turn, clock } = this.#options
    const relays = turn === undefined ? [] : [turnCredentials(turn, name, clock.wallClockMs())]
    return [...this.#options.iceServers, ...iceServers, ...relays]
  }

  /** How long what `serversFor` gives may be used before it is renewed; undefined: for ever. */
  get renewalMs(): number | undefined {
    const { turn } = this.#options
    return turn && ((turn.ttlSeconds ?? DEFAULT_TURN_TTL_SECONDS) * 1000) / 2
  }
}
