import { Emitter, type Unsubscribe } from '../base/emitter.js'
import type { PeerId } from '../base/ids.js'
import type { Runtime } from '../base/runtime.js'
import type { Channel, ChannelEvents, ChannelState, Connector, SignalPipe } from './channel.js'

export interface MemoryOptions {
  /** Delivers by itself, `delayMs` later. Without it nothing moves before `flush`. */
  readonly runtime?: Runtime | undefined
  /** Milliseconds on the way; default 0. */
  readonly delayMs?: number | undefined
  /** Default 64 KiB. */
  readonly maxMessageBytes?: number | undefined
}

export interface MemoryChannelPair {
  readonly a: Channel
  readonly b: Channel
  /** Delivers all that is under way, also what is sent meanwhile; how many messages and closes that were. */
  flush(): number
}

const DEFAULT_MAX_MESSAGE_BYTES = 64 * 1024
/** `drain` fires when no more than this is under way. */
const LOW_WATER_BYTES = 32 * 1024

/** Two ends of one open channel, for tests: no loss, no reordering, no faults. */
export function memoryChannelPair(options: MemoryOptions = {}): MemoryChannelPair {
  const carrier = new Carrier(options)
  const a = new MemoryChannel(carrier)
  const b = new MemoryChannel(carrier)
  a.open(b)
  b.open(a)
  return { a, b, flush: () => carrier.flush() }
}

/**
 * A world in which memory connectors reach each other. Like real ones they meet only if their signal pipes work, by an
 * offer and an answer.
 */
export class MemoryHub {
  readonly #carrier: Carrier
  readonly #offers = new Map<number, MemoryChannel>()
  #nextOffer = 1

  constructor(options: MemoryOptions = {}) {
    this.#carrier = new Carrier(options)
  }

  connector(): Connector {
    return { stack: 'memory', connect: (_peer: PeerId, offerer, signal) => this.#connect(offerer, signal) }
  }

  /** As `MemoryChannelPair.flush`. */
  flush(): number {
    return this.#carrier.flush()
  }

  #connect(offerer: boolean, signal: SignalPipe): Channel {
    const channel = new MemoryChannel(this.#carrier)
    if (offerer) this.#offer(channel, signal)
    else signal.receive((payload) => this.#answer(channel, payload))
    return channel
  }

  #offer(channel: MemoryChannel, signal: SignalPipe): void {
    const offer = this.#nextOffer++
    this.#offers.set(offer, channel)
    channel.on('close', () => this.#offers.delete(offer))
    signal.receive(() => {})
    signal.send(new TextEncoder().encode(String(offer)))
  }

  #answer(answerer: MemoryChannel, payload: Uint8Array): void {
    const offer = Number(new TextDecoder().decode(payload))
    const offerer = this.#offers.get(offer)
    if (offerer === undefined || answerer.state !== 'connecting') return
    this.#offers.delete(offer)
    this.#carrier.carry(() => {
      answerer.open(offerer)
      offerer.open(answerer)
    })
  }
}

/** Moves deliveries, in order: when told to, or after a delay. */
class Carrier {
  readonly maxMessageBytes: number
  readonly #runtime: Runtime | undefined
  readonly #delayMs: number
  #waiting: (() => void)[] = []

  constructor(options: MemoryOptions) {
    this.maxMessageBytes = options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES
    this.#runtime = options.runtime
    this.#delayMs = options.delayMs ?? 0
  }

  carry(deliver: () => void): void {
    if (this.#runtime === undefined) this.#waiting.push(deliver)
    else this.#runtime.setTimer(this.#delayMs, deliver)
  }

  flush(): number {
    let count = 0
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      for (const deliver of batch) deliver()
      count += batch.length
    }
    return count
  }
}

class MemoryChannel implements Channel {
  readonly stack = 'memory'
  readonly #carrier: Carrier
  readonly #events = new Emitter<ChannelEvents>()
  #other: MemoryChannel | undefined
  #state: ChannelState = 'connecting'
  #bufferedBytes = 0

  constructor(carrier: Carrier) {
    this.#carrier = carrier
  }

  get state(): ChannelState {
    return this.#state
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  get maxMessageBytes(): number {
    return this.#carrier.maxMessageBytes
  }

  open(other: MemoryChannel): void {
    if (this.#state !== 'connecting') return
    this.#other = other
    this.#state = 'open'
    this.#events.emit('open')
  }

  send(message: Uint8Array): void {
    if (this.#state !== 'open') return
    this.#bufferedBytes += message.length
    this.#carrier.carry(() => {
      this.#bufferedBytes -= message.length
      this.#other?.receive(message)
      if (this.#state === 'open' && this.#bufferedBytes <= LOW_WATER_BYTES) this.#events.emit('drain')
    })
  }

  receive(message: Uint8Array): void {
    if (this.#state === 'open') this.#events.emit('message', message)
  }

  close(reason = 'closed'): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    const other = this.#other
    if (other !== undefined) this.#carrier.carry(() => other.close('closed by the other side'))
    this.#events.emit('close', reason)
    this.#events.clear()
  }

  on<K extends keyof ChannelEvents>(event: K, listener: ChannelEvents[K]): Unsubscribe {
    return this.#events.on(event, listener)
  }
}
