import { Emitter, type Unsubscribe } from '../base/emitter.js'
import type { PeerId } from '../base/ids.js'
import type { RandomStream } from '../base/random.js'
import type { Timer } from '../base/runtime.js'
import type { Channel, ChannelEvents, ChannelState } from '../transport/channel.js'
import type { MessagePool } from './message-pool.js'
import type { SimulatedClock } from './simulated-runtime.js'

/** How well the simulated network works; may be changed while it runs. Ranges are [least, most], drawn evenly. */
export interface Conditions {
  /** One way, per message. */
  readonly latencyMs: Range
  /** From the answer to a dial until its channel is open. */
  readonly dialMs: Range
  /** Probability that a dial fails silently: neither end opens, or only one does. */
  readonly dialFailure: number
  /** Probability that the signaling server loses a signal. */
  readonly signalLoss: number
  /** A message arrives twice, as no real channel would have it. */
  readonly isDoubling: boolean
  /** Of each direction of each channel. */
  readonly bytesPerSecond: number
  /** How long a channel stays open though its other end is gone or unreachable, as WebRTC's do. */
  readonly lostAfterMs: number
}

export type Range = readonly [least: number, most: number]

/** What a simulated channel needs of the network that it is part of. */
export interface Medium {
  readonly clock: SimulatedClock
  readonly random: RandomStream
  readonly conditions: Conditions
  readonly underWay: MessagePool
  isBlocked(from: PeerId, to: PeerId): boolean
  /** Feeds the run's hash. */
  record(what: string, bytes?: Uint8Array): void
}

export const SIMULATED_STACK = 'simulated'

const MAX_MESSAGE_BYTES = 64 * 1024
const DRAIN_BYTES = 16 * 1024
/** What still leaves when a channel closes: a goodbye fits, a queue does not. */
const CLOSE_FLUSH_BYTES = 4 * 1024

/** One end of a connection. Its bytes travel through the `SimulatedConnection` that joins it with the other end. */
export class SimulatedChannel implements Channel {
  readonly maxMessageBytes = MAX_MESSAGE_BYTES
  readonly stack = SIMULATED_STACK
  readonly self: PeerId
  readonly peer: PeerId
  readonly #events = new Emitter<ChannelEvents>()
  readonly #early: Uint8Array[] = []
  #state: ChannelState = 'connecting'
  #crashed = false
  #connection: SimulatedConnection | undefined

  constructor(self: PeerId, peer: PeerId) {
    this.self = self
    this.peer = peer
  }

  get state(): ChannelState {
    return this.#state
  }

  get bufferedBytes(): number {
    return this.#connection?.bufferedBytes(this) ?? 0
  }

  /** True once offer and answer brought it together with another end. */
  get isJoined(): boolean {
    return this.#connection !== undefined
  }

  /** True once it takes part in nothing any more. */
  get gone(): boolean {
    return this.#crashed || this.#state === 'closed'
  }

  send(message: Uint8Array): void {
    if (this.gone || this.#state !== 'open') return
    if (message.length === 0 || message.length > MAX_MESSAGE_BYTES) {
      this.close(`a message of ${message.length} bytes`)
    } else {
      this.#connection?.send(this, message)
    }
  }

  close(reason = 'closed here'): void {
    if (this.gone) return
    this.#state = 'closed'
    this.#connection?.ended(this)
    this.#events.emit('close', reason)
    this.#events.clear()
  }

  on<K extends keyof ChannelEvents>(event: K, listener: ChannelEvents[K]): Unsubscribe {
    return this.#events.on(event, listener)
  }

  /** For the network: this end's process is gone; the other end learns nothing. */
  crash(): void {
    this.#crashed = true
    this.#events.clear()
    this.#connection?.refresh()
  }

  /** For the connection. */
  joined(connection: SimulatedConnection): void {
    this.#connection = connection
  }

  /** For the connection. */
  opened(): void {
    if (this.gone || this.#state !== 'connecting') return
    this.#state = 'open'
    this.#events.emit('open')
    for (const message of this.#early.splice(0)) this.arrived(message)
  }

  /** For the connection. */
  arrived(message: Uint8Array): void {
    if (this.#state === 'connecting') this.#early.push(message)
    else this.#events.emit('message', message)
  }

  /** For the connection. */
  drained(): void {
    this.#events.emit('drain')
  }
}

/** The two ends of a dial that met, and what is between them. */
export class SimulatedConnection {
  readonly ends: readonly [SimulatedChannel, SimulatedChannel]
  readonly #medium: Medium
  readonly #pipes: ReadonlyMap<SimulatedChannel, Pipe>
  readonly #opening = new Set<SimulatedChannel>()
  #lost: Timer | undefined

  constructor(medium: Medium, offerer: SimulatedChannel, answerer: SimulatedChannel) {
    this.#medium = medium
    this.ends = [offerer, answerer]
    this.#pipes = new Map([
      [offerer, new Pipe(medium, offerer, answerer)],
      [answerer, new Pipe(medium, answerer, offerer)],
    ])
    for (const end of this.ends) end.joined(this)
    this.refresh()
  }

  /** True once both ends are gone. */
  get isFinished(): boolean {
    return this.ends.every((end) => end.gone)
  }

  bufferedBytes(end: SimulatedChannel): number {
    return this.#pipe(end).bufferedBytes
  }

  /** Opens an end, as soon as bytes get through. */
  open(end: SimulatedChannel): void {
    this.#opening.add(end)
    this.refresh()
  }

  send(from: SimulatedChannel, message: Uint8Array): void {
    this.#pipe(from).send(message)
  }

  /** One end closed: the other one learns it if bytes get through, or else by the silence. */
  ended(end: SimulatedChannel): void {
    this.#pipe(end).finish()
    this.refresh()
  }

  /** Looks again at what is blocked and who is gone. */
  refresh(): void {
    if (!this.#isBroken()) {
      this.#lost?.cancel()
      this.#lost = undefined
      this.#openEnds()
      for (const pipe of this.#pipes.values()) pipe.resume()
    } else {
      this.#lost ??= this.#medium.clock.setTimer(this.#medium.conditions.lostAfterMs, () => this.cut('connection lost'))
    }
  }

  /** Both ends close, now. */
  cut(reason: string): void {
    for (const end of this.ends) end.close(reason)
  }

  #openEnds(): void {
    for (const end of this.#opening) {
      this.#opening.delete(end)
      this.#medium.record(`open ${end.self} ${end.peer}`)
      end.opened()
    }
  }

  #isBroken(): boolean {
    const [a, b] = this.ends
    const isBlocked = this.#medium.isBlocked(a.self, b.self) || this.#medium.isBlocked(b.self, a.self)
    return isBlocked || a.gone || b.gone
  }

  #pipe(from: SimulatedChannel): Pipe {
    return this.#pipes.get(from) as Pipe // both ends are in the map from the start
  }
}

/** One direction: a queue that leaves with the bandwidth, then a flight that keeps the order. */
class Pipe {
  readonly #medium: Medium
  readonly #from: SimulatedChannel
  readonly #to: SimulatedChannel
  readonly #queue: Uint8Array[] = []
  #departure: Timer | undefined
  #lastArrivalMs = 0
  bufferedBytes = 0

  constructor(medium: Medium, from: SimulatedChannel, to: SimulatedChannel) {
    this.#medium = medium
    this.#from = from
    this.#to = to
  }

  send(message: Uint8Array): void {
    this.#queue.push(message)
    this.bufferedBytes += message.length
    this.resume()
  }

  /** Goes on if it can: a blocked direction holds everything back. */
  resume(): void {
    const wasFull = this.bufferedBytes > DRAIN_BYTES
    while (this.#departure === undefined && !this.#isBlocked()) {
      const next = this.#queue[0]
      if (next === undefined) break
      const durationMs = (next.length * 1000) / this.#medium.conditions.bytesPerSecond
      if (durationMs === 0) this.#depart()
      else this.#departure = this.#medium.clock.setTimer(durationMs, () => this.#departLate())
    }
    if (wasFull && this.bufferedBytes <= DRAIN_BYTES) this.#from.drained()
  }

  /** The sender closed: a last small part of the queue leaves, and the news of the close. */
  finish(): void {
    this.#departure?.cancel()
    if (this.#isBlocked()) return
    for (let left = CLOSE_FLUSH_BYTES; (this.#queue[0]?.length ?? Number.POSITIVE_INFINITY) <= left; ) {
      left -= this.#queue[0]?.length ?? 0
      this.#depart()
    }
    this.#fly(() => {
      this.#medium.record(`close ${this.#from.self} ${this.#to.self}`)
      this.#to.close('closed by the other side')
    })
  }

  #departLate(): void {
    this.#departure = undefined
    if (this.#from.gone || this.#isBlocked()) return // it stays queued
    const wasFull = this.bufferedBytes > DRAIN_BYTES
    this.#depart()
    if (wasFull && this.bufferedBytes <= DRAIN_BYTES) this.#from.drained()
    this.resume()
  }

  #depart(): void {
    const message = this.#queue.shift()
    if (message === undefined) return
    this.bufferedBytes -= message.length
    this.#deliver(message)
    if (this.#medium.conditions.isDoubling) this.#deliver(message)
  }

  #deliver(message: Uint8Array): void {
    const take = this.#medium.underWay.hold(message)
    this.#fly(() => {
      const arrived = take()
      this.#medium.record(`message ${this.#from.self} ${this.#to.self}`, arrived)
      this.#to.arrived(arrived)
    })
  }

  #fly(arrive: () => void): void {
    const { clock, random, conditions } = this.#medium
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, clock.nowMs + drawFrom(random, conditions.latencyMs))
    clock.setTimer(this.#lastArrivalMs - clock.nowMs, () => {
      if (!this.#to.gone) arrive()
    })
  }

  #isBlocked(): boolean {
    return this.#medium.isBlocked(this.#from.self, this.#to.self)
  }
}

export function drawFrom(random: RandomStream, [least, most]: Range): number {
  return least + random() * (most - least)
}
