import { Emitter, type Unsubscribe } from '../../src/base/emitter.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'
import type { Channel, ChannelEvents, ChannelState } from '../../src/transport/channel.js'
import { Link } from '../../src/transport/link.js'

export interface PathOptions {
  /** Per direction. */
  readonly bytesPerMs: number
  /** One way. */
  readonly delayMs: number
  /** What a channel takes in before `bufferedBytes` shows any of it, as WebRTC stacks do. */
  readonly hiddenBytes: number
}

/** Two links over a path with a bandwidth, where what waits is not seen. */
export class Path {
  readonly clock = new SimulatedClock()
  readonly a: Link
  readonly b: Link
  readonly #aToB: Pipe

  constructor(options: PathOptions) {
    this.#aToB = new Pipe(this.clock, options)
    const bToA = new Pipe(this.clock, options)
    const channels = [new PathChannel(this.#aToB), new PathChannel(bToA)] as const
    this.#aToB.deliver = (message) => channels[1].arrived(message)
    bToA.deliver = (message) => channels[0].arrived(message)
    this.a = new Link(channels[0], { runtime: this.clock.fork(1) })
    this.b = new Link(channels[1], { runtime: this.clock.fork(2) })
  }

  /** Bytes of somebody else wait on the way from a to b. */
  crowd(bytes: number): void {
    this.#aToB.occupy(bytes)
  }
}

/** One direction: first in, first out, without a limit. */
class Pipe {
  readonly #clock: SimulatedClock
  readonly #options: PathOptions
  #freeAtMs = 0
  deliver: (message: Uint8Array) => void = () => {}

  constructor(clock: SimulatedClock, options: PathOptions) {
    this.#clock = clock
    this.#options = options
  }

  get shownBytes(): number {
    const waitingBytes = (this.#freeAtMs - this.#clock.nowMs) * this.#options.bytesPerMs
    return Math.max(0, Math.round(waitingBytes) - this.#options.hiddenBytes)
  }

  occupy(bytes: number): number {
    this.#freeAtMs = Math.max(this.#freeAtMs, this.#clock.nowMs) + bytes / this.#options.bytesPerMs
    return this.#freeAtMs - this.#clock.nowMs
  }

  /** @param left called when the message is on its way */
  carry(message: Uint8Array, left: () => void): void {
    const leavesInMs = this.occupy(message.length)
    this.#clock.setTimer(leavesInMs, left)
    this.#clock.setTimer(leavesInMs + this.#options.delayMs, () => this.deliver(message))
  }
}

class PathChannel implements Channel {
  readonly stack = 'path'
  readonly maxMessageBytes = 64 * 1024
  readonly #out: Pipe
  readonly #events = new Emitter<ChannelEvents>()
  #state: ChannelState = 'open'

  constructor(out: Pipe) {
    this.#out = out
  }

  get state(): ChannelState {
    return this.#state
  }

  get bufferedBytes(): number {
    return this.#out.shownBytes
  }

  send(message: Uint8Array): void {
    this.#out.carry(message, () => this.#events.emit('drain'))
  }

  arrived(message: Uint8Array): void {
    this.#events.emit('message', message)
  }

  close(reason = 'closed'): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#events.emit('close', reason)
    this.#events.clear()
  }

  on<K extends keyof ChannelEvents>(event: K, listener: ChannelEvents[K]): Unsubscribe {
    return this.#events.on(event, listener)
  }
}
