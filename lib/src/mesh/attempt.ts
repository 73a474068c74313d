import type { Unsubscribe } from '../base/emitter.js'
import type { PeerId } from '../base/ids.js'
import type { Logger } from '../base/logger.js'
import type { Runtime, Timer } from '../base/runtime.js'
import type { Channel, Connector, IceServer } from '../transport/channel.js'
import { Link, type LinkLimits } from '../transport/link.js'
import type { Authorize } from './authorization.js'
import { Greeting, type Refusal } from './greeting.js'
import type { Identity } from './handshake.js'
import { QueuedPipe } from './queued-pipe.js'
import type { AttemptId } from './signals.js'

export interface AttemptOptions {
  readonly peer: PeerId
  readonly id: AttemptId
  readonly isOfferer: boolean
  readonly runtime: Runtime
  readonly connector: Connector
  readonly linkLimits: Partial<LinkLimits>
  readonly timeoutMs: number
  readonly logger: Logger
  /** Asked about the peer before the link counts. */
  readonly authorize: Authorize | undefined
  /** What this peer says first on the link. */
  hello(): Uint8Array
  /** Sends a signal of the connector to the same attempt at the other peer. */
  send(payload: Uint8Array): void
  /** The link is open, the other side is who it should be, and both sides want it. */
  succeeded(link: Link, identity: Identity): void
  /** @param refusal the other side is sound, but one of the two does not talk to the other */
  failed(problem: string, refusal: Refusal | undefined): void
}

export type AttemptPhase = 'waiting' | 'dialing' | 'linked' | 'failed'

/**
 * One try to link with a peer: a channel, the handshake on it, and a deadline for both. Ends with exactly one of
 * `succeeded` and `failed`, or with `cancel`. After success it goes on carrying the channel's signals.
 */
export class Attempt {
  readonly id: AttemptId
  readonly isOfferer: boolean
  readonly startedMs: number
  readonly #options: AttemptOptions
  readonly #pipe: QueuedPipe
  readonly #deadline: Timer
  readonly #subscriptions: Unsubscribe[] = []
  #phase: AttemptPhase = 'waiting'
  #channel: Channel | undefined
  #greeting: Greeting | undefined
  #lackedRelay = false

  /** The deadline runs from here, `begin` may come later. */
  constructor(options: AttemptOptions) {
    this.id = options.id
    this.isOfferer = options.isOfferer
    this.startedMs = options.runtime.nowMs()
    this.#options = options
    this.#pipe = new QueuedPipe((payload) => {
      if (this.#phase !== 'failed') options.send(payload)
    })
    this.#deadline = options.runtime.setTimer(options.timeoutMs, () =>
      this.#fail(this.#greeting?.missing ?? 'no connection in time'),
    )
  }

  get phase(): AttemptPhase {
    return this.#phase
  }

  /** It failed for want of a path: both sides told their addresses, none of them a relay's, and had time to try them. */
  get lackedRelay(): boolean {
    return this.#lackedRelay
  }

  begin(iceServers: readonly IceServer[]): void {
    const { connector, peer, isOfferer } = this.#options
    this.#phase = 'dialing'
    const channel = connector.connect(peer, isOfferer, this.#pipe, { iceServers })
    this.#channel = channel
    this.#subscriptions.push(
      channel.on('open', () => this.#greet(channel)),
      channel.on('close', (reason) => this.#fail(reason)),
    )
    if (channel.state === 'closed') this.#fail('the connector gave up at once')
  }

  /** A signal for the connector arrived. */
  receive(payload: Uint8Array): void {
    this.#pipe.deliver(payload)
  }

  /** Fails now. */
  giveUp(problem: string): void {
    this.#fail(problem)
  }

  /** Ends it without a word. */
  cancel(reason: string): void {
    if (this.#isOver()) return
    this.#end('failed')
    this.#channel?.close(reason)
  }

  #greet(channel: Channel): void {
    const link = new Link(channel, { runtime: this.#options.runtime, limits: this.#options.linkLimits })
    const greeting = new Greeting(link, {
      ...this.#options,
      succeeded: (identity) => {
        this.#end('linked')
        this.#options.succeeded(link, identity)
      },
      failed: (problem, refusal, sayWhy) => this.#fail(problem, refusal, sayWhy),
    })
    this.#greeting = greeting
    this.#subscriptions.push(
      link.on('message', (lane, port, payload) => greeting.receive(lane, port, payload)),
      () => greeting.stop(),
    )
  }

  #fail(problem: string, refusal?: Refusal, sayWhy?: () => void): void {
    if (this.#isOver()) return
    this.#lackedRelay = this.#isWithoutPath()
    this.#end('failed')
    sayWhy?.()
    this.#channel?.close(problem)
    this.#options.failed(problem, refusal)
  }

  #isWithoutPath(): boolean {
    const { runtime, timeoutMs } = this.#options
    const hadTime = runtime.nowMs() - this.startedMs >= timeoutMs / 2
    return hadTime && this.#greeting === undefined && this.#channel?.lacksRelay === true
  }

  #isOver(): boolean {
    return this.#phase === 'linked' || this.#phase === 'failed'
  }

  #end(phase: 'linked' | 'failed'): void {
    this.#phase = phase
    this.#deadline.cancel()
    for (const unsubscribe of this.#subscriptions.splice(0)) unsubscribe()
  }
}
