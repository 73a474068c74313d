import type { PeerId } from '../base/ids.js'
import { pick, type RandomStream } from '../base/random.js'
import type { Channel, Connector, SignalPipe } from '../transport/channel.js'
import { EventHash } from './event-hash.js'
import { MessagePool } from './message-pool.js'
import {
  type Conditions,
  drawFrom,
  type Medium,
  SIMULATED_STACK,
  SimulatedChannel,
  SimulatedConnection,
} from './simulated-channel.js'
import { SimulatedRendezvous, SimulatedSignalingServer } from './simulated-rendezvous.js'
import type { SimulatedClock } from './simulated-runtime.js'

export interface SimulatedNetworkOptions {
  readonly clock: SimulatedClock
  readonly random: RandomStream
  readonly conditions?: Partial<Conditions> | undefined
}

const FAIR_CONDITIONS: Conditions = {
  latencyMs: [1, 20],
  dialMs: [20, 300],
  dialFailure: 0,
  signalLoss: 0,
  isDoubling: false,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  lostAfterMs: 15_000,
}

/** What a connector does before its first signal: gather candidates. */
const GATHER_MS = [1, 5] as const

const LEAST_PRUNED = 64

/**
 * All of the world between peers, on simulated time: channels, dials, the signaling server, and everything that goes
 * wrong with them. The same seed and the same peers give the same run, which `hash` proves.
 *
 * A peer's process is what called `connector` and `rendezvous` for its id since its last `crash`; calling them again
 * afterwards is its restart.
 */
export class SimulatedNetwork {
  readonly server: SimulatedSignalingServer
  readonly #hash = new EventHash()
  readonly #blocked = new Set<string>()
  readonly #processes = new Map<PeerId, Process>()
  readonly #connections = new Set<SimulatedConnection>()
  readonly #dialing = new Map<number, SimulatedChannel>()
  readonly #medium: Medium & { conditions: Conditions }
  #lastTicket = 0
  /** With so many connections it is time to look for finished ones. */
  #pruneAt = LEAST_PRUNED

  constructor({ clock, random, conditions }: SimulatedNetworkOptions) {
    this.#medium = {
      clock,
      random,
      conditions: { ...FAIR_CONDITIONS, ...conditions },
      underWay: new MessagePool(),
      isBlocked: (from, to) => this.#blocked.size > 0 && this.#blocked.has(direction(from, to)),
      record: (what, bytes) => this.record(what, bytes),
    }
    this.server = new SimulatedSignalingServer(this.#medium)
  }

  /** Of all deliveries and events so far. */
  get hash(): number {
    return this.#hash.value
  }

  get conditions(): Conditions {
    return this.#medium.conditions
  }

  /** Adds an event of the caller to the hash. */
  record(what: string, bytes?: Uint8Array): void {
    this.#hash.add(this.#medium.clock.nowMs, what, bytes)
  }

  /** Changes the conditions named, from now on. */
  setConditions(conditions: Partial<Conditions>): void {
    this.#medium.conditions = { ...this.#medium.conditions, ...conditions }
  }

  connector(self: PeerId): Connector {
    const process = this.#process(self)
    return {
      stack: SIMULATED_STACK,
      connect: (peer, isOfferer, signal) => this.#connect(process, peer, isOfferer, signal),
    }
  }

  rendezvous(self: PeerId): SimulatedRendezvous {
    const rendezvous = new SimulatedRendezvous(this.#medium, this.server)
    this.#process(self).rendezvous.push(rendezvous)
    return rendezvous
  }

  /** Channels of a peer that are neither open nor closed. */
  dialsInProgress(peer: PeerId): number {
    return [...this.#dialing.values()].filter(({ self, state }) => self === peer && state === 'connecting').length
  }

  /** Holds everything back that travels directly from one of `from` to one of `to`, until `heal`. */
  block(from: Iterable<PeerId>, to: Iterable<PeerId>): void {
    const targets = [...to]
    for (const source of from) for (const target of targets) this.#blocked.add(direction(source, target))
    this.#refresh()
  }

  /** No bytes between different sides, both ways, until `heal`. The signaling server reaches all (see `unplug`). */
  partition(...sides: readonly (readonly PeerId[])[]): void {
    for (const side of sides) for (const other of sides) if (side !== other) this.block(side, other)
  }

  /** Ends every block and partition. What was held back goes on, in order. */
  heal(): void {
    this.#blocked.clear()
    this.#refresh()
  }

  /** Breaks the connections between two peers; both notice at once. */
  cut(a: PeerId, b: PeerId): void {
    for (const connection of this.#connections) if (connects(connection, a, b)) connection.cut('cut')
  }

  /** Ends a peer's process without a word: the others see silence, then closed channels. */
  crash(peer: PeerId): void {
    const process = this.#processes.get(peer)
    if (process === undefined) return
    this.record(`crash ${peer}`)
    this.#processes.delete(peer)
    process.crash()
    for (const [ticket, channel] of this.#dialing) if (channel.gone) this.#dialing.delete(ticket)
  }

  #process(peer: PeerId): Process {
    let process = this.#processes.get(peer)
    if (process === undefined) {
      process = new Process(peer)
      this.#processes.set(peer, process)
    }
    return process
  }

  #connect(process: Process, peer: PeerId, isOfferer: boolean, signal: SignalPipe): Channel {
    const channel = process.openChannel(peer)
    const ticket = ++this.#lastTicket
    this.#dialing.set(ticket, channel)
    for (const event of ['open', 'close'] as const) channel.on(event, () => this.#dialing.delete(ticket))
    signal.receive((payload) => {
      const other = this.#dialing.get(readTicket(payload))
      if (other === undefined || other.peer !== channel.self || other.self !== channel.peer || channel.gone) return
      if (isOfferer) this.#meet(channel, other)
      else signal.send(writeTicket(ticket))
    })
    if (isOfferer) this.#afterGathering(channel, () => signal.send(writeTicket(ticket)))
    return channel
  }

  #afterGathering(channel: SimulatedChannel, send: () => void): void {
    const { clock, random } = this.#medium
    clock.setTimer(drawFrom(random, GATHER_MS), () => {
      if (!channel.gone) send()
    })
  }

  /** Offer and answer have been exchanged: decides what becomes of the dial. */
  #meet(offerer: SimulatedChannel, answerer: SimulatedChannel): void {
    if (offerer.isJoined || answerer.isJoined) return
    const { clock, random, conditions } = this.#medium
    if (this.#connections.size >= this.#pruneAt) this.#prune()
    const connection = new SimulatedConnection(this.#medium, offerer, answerer)
    this.#connections.add(connection)
    const willOpen = random() < conditions.dialFailure ? pick(random, [[], [offerer], [answerer]]) : [offerer, answerer]
    for (const end of willOpen) clock.setTimer(drawFrom(random, conditions.dialMs), () => connection.open(end))
  }

  #refresh(): void {
    this.#prune()
    for (const connection of this.#connections) connection.refresh()
  }

  #prune(): void {
    for (const connection of this.#connections) if (connection.isFinished) this.#connections.delete(connection)
    this.#pruneAt = 2 * this.#connections.size + LEAST_PRUNED
  }
}

/** One run of a peer. */
class Process {
  readonly rendezvous: SimulatedRendezvous[] = []
  readonly #self: PeerId
  readonly #channels = new Set<SimulatedChannel>()
  #crashed = false

  constructor(self: PeerId) {
    this.#self = self
  }

  openChannel(peer: PeerId): SimulatedChannel {
    const channel = new SimulatedChannel(this.#self, peer)
    if (this.#crashed) channel.crash()
    else this.#channels.add(channel)
    channel.on('close', () => this.#channels.delete(channel))
    return channel
  }

  crash(): void {
    this.#crashed = true
    for (const channel of this.#channels) channel.crash()
    for (const rendezvous of this.rendezvous) rendezvous.crash()
  }
}

function connects({ ends: [a, b] }: SimulatedConnection, x: PeerId, y: PeerId): boolean {
  return (a.self === x && b.self === y) || (a.self === y && b.self === x)
}

function direction(from: PeerId, to: PeerId): string {
  return `${from}>${to}`
}

function writeTicket(ticket: number): Uint8Array {
  return new TextEncoder().encode(String(ticket))
}

/** NaN, which names no ticket, for anything but what `writeTicket` wrote. */
function readTicket(payload: Uint8Array): number {
  return Number(new TextDecoder().decode(payload))
}
