import type { PeerId } from '../../src/base/ids.js'
import { QueuedPipe } from '../../src/mesh/queued-pipe.js'
import { type AttemptId, decodeSignal, encodeSignal, type Signal } from '../../src/mesh/signals.js'
import type { Lane } from '../../src/transport/lanes.js'
import { Link } from '../../src/transport/link.js'
import type { SimulatedMeshes } from './simulated-meshes.js'

/** A peer of the room that answers dials like any other, but says on its links whatever a test wants. */
export class RawPeer {
  readonly id: PeerId
  /** Attempts of others that it took part in. */
  readonly attempts: AttemptId[] = []
  readonly links: Link[] = []
  readonly signals: Signal[] = []
  readonly received: { lane: Lane; port: number; payload: Uint8Array }[] = []
  readonly #world: SimulatedMeshes
  readonly #rendezvous
  readonly #pipes = new Map<string, QueuedPipe>()

  /** @param greet called for every link that opens, before anything is received */
  constructor(world: SimulatedMeshes, id: PeerId, greet: (link: Link) => void) {
    this.id = id
    this.#world = world
    this.#rendezvous = world.network.rendezvous(id)
    const nothing = () => {}
    this.#rendezvous.join(
      { id, durable: false, clusterId: undefined },
      {
        joined: nothing,
        peerJoined: nothing,
        peerLeft: nothing,
        founded: nothing,
        status: nothing,
        signal: (from, payload) => this.#signalled(from, payload, greet),
      },
    )
  }

  signal(to: PeerId, payload: Uint8Array): void {
    this.#rendezvous.send(to, payload)
  }

  leave(): Promise<void> {
    return this.#rendezvous.leave()
  }

  #signalled(from: PeerId, payload: Uint8Array, greet: (link: Link) => void): void {
    const signal = decodeSignal(payload)
    this.signals.push(signal)
    if (signal.kind !== 'offer') return
    const key = JSON.stringify(signal.attempt)
    if (!this.#pipes.has(key)) this.#answer(from, signal.attempt, greet)
    this.#pipes.get(key)?.deliver(signal.payload)
  }

  #answer(from: PeerId, attempt: AttemptId, greet: (link: Link) => void): void {
    const pipe = new QueuedPipe((answer) =>
      this.signal(from, encodeSignal({ kind: 'answer', attempt, payload: answer })),
    )
    this.attempts.push(attempt)
    this.#pipes.set(JSON.stringify(attempt), pipe)
    const channel = this.#world.network.connector(this.id).connect(from, false, pipe, { iceServers: [] })
    channel.on('open', () => {
      const link = new Link(channel, { runtime: this.#world.clock.fork(99) })
      this.links.push(link)
      link.on('message', (lane, port, message) => this.received.push({ lane, port, payload: message.slice() }))
      greet(link)
    })
  }
}

/** Ids above those of all peers that `SimulatedMeshes` makes, so that a mesh dials it. */
export const LAST_ID = `${'z'.repeat(21)}w` as PeerId
/** Below all: a mesh waits for its dials. */
export const FIRST_ID = `${'-'.repeat(21)}A` as PeerId
