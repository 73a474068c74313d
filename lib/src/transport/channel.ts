import type { Unsubscribe } from '../base/emitter.js'
import type { PeerId } from '../base/ids.js'

/**
 * Ordered, reliable, message-preserving bytes to one peer. The library's only way to another peer: WebRTC data
 * channels in the world, queues in memory for tests and the simulator.
 *
 * Life: `connecting` → `open` → `closed`, or straight to `closed`. After `close` no event fires any more.
 */
export interface Channel {
  readonly state: ChannelState
  /** The largest message `send` takes, in bytes; known once open. */
  readonly maxMessageBytes: number
  /** Bytes accepted by `send` that have not left yet. No proof of delivery. */
  readonly bufferedBytes: number
  /** What carries the bytes, e.g. `chromium`, `roamhq`, `node-datachannel`, `memory`; pairs of stacks differ. */
  readonly stack: string
  /**
   * Sends one message. Never throws, and fires nothing: a channel that is not open drops it, one that breaks closes
   * soon after.
   * @param message 1 to `maxMessageBytes` bytes; not copied, must not change afterwards
   */
  send(message: Uint8Array): void
  /**
   * Looks for another path to the other side while it stays open; what is on its way is kept. The other side takes part.
   * @returns false if the implementations at the two ends can't do that together
   */
  restart?(): boolean
  /**
   * While it connects: both sides have told their addresses, and none of them is a relay's. If nothing comes of it, only
   * a relay can help.
   */
  readonly lacksRelay?: boolean
  /** Closes at once, on both sides as fast as the carrier allows. Idempotent; fires `close` here too. */
  close(reason?: string): void
  on<K extends keyof ChannelEvents>(event: K, listener: ChannelEvents[K]): Unsubscribe
}

export type ChannelState = 'connecting' | 'open' | 'closed'

export interface ChannelEvents {
  open(): void
  message(message: Uint8Array): void
  /** `bufferedBytes` fell to where more may be sent (see the carrier); may come more often than needed. */
  drain(): void
  /** Exactly once per channel. */
  close(reason: string): void
}

/** Makes channels. One per platform. */
export interface Connector {
  /**
   * Starts connecting; never throws, a failure closes the channel.
   * @param offerer true on exactly one of the two sides
   * @param signal carries this attempt's signals; the mesh routes them to the same attempt at the other peer
   */
  connect(peer: PeerId, offerer: boolean, signal: SignalPipe, options: ConnectOptions): Channel
  readonly stack: string
}

export interface ConnectOptions {
  readonly iceServers: readonly IceServer[]
}

/** The same shape as the platform's RTCIceServer, without needing its types. */
export interface IceServer {
  readonly urls: string | string[]
  readonly username?: string | undefined
  readonly credential?: string | undefined
}

/** Both ends of a small unreliable pipe through which two connectors exchange what they need to meet. */
export interface SignalPipe {
  send(payload: Uint8Array): void
  /** Set by the connector, once; payloads that came before are delivered at once, in order. */
  receive(listener: (payload: Uint8Array) => void): void
}
