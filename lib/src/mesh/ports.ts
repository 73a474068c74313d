import { invariant } from '../base/errors.js'
import type { ClusterId, PeerId } from '../base/ids.js'
import type { Logger } from '../base/logger.js'
import { DecodeError } from '../codec/decode.js'
import type { Lane } from '../transport/lanes.js'
import { mayCarry } from './admission.js'
import type { LinkedPeer } from './linked-peer.js'
import type { PeerStatus } from './peer-info.js'
import { PORT_LANES, PORTS, type Port, type PortHandlers, type PortName, type SendResult } from './port.js'
import { sendOver } from './relay.js'
import type { Topology } from './topology.js'

const NAMES = new Map(Object.entries(PORTS).map(([name, number]) => [number as number, name as PortName]))

export interface PortsOptions {
  readonly links: ReadonlyMap<PeerId, LinkedPeer>
  readonly topology: Topology
  readonly logger: Logger
  clusterId(): ClusterId | undefined
}

/** What passes between the modules above and the links: who may send what to whom, and what a handler's throw means. */
export class Ports {
  readonly #options: PortsOptions
  readonly #handlers = new Map<PortName, PortHandlers>()

  constructor(options: PortsOptions) {
    this.#options = options
  }

  open(name: PortName, handlers: PortHandlers): Port {
    invariant(!this.#handlers.has(name), () => `the port ${name} is open already`)
    this.#handlers.set(name, handlers)
    return {
      send: (to, payload) => this.#send(name, to, payload),
      broadcast: (payload) => this.#options.topology.broadcast(PORT_LANES[name], PORTS[name], payload),
      queuedBytes: (to) => this.#options.links.get(to)?.link.queuedBytes(PORT_LANES[name]) ?? 0,
    }
  }

  /**
   * Hands a message to its module. What neither side may send just now is dropped: the sender could not know yet.
   * @returns what is wrong with the message, if something is
   */
  deliver(from: LinkedPeer, lane: Lane, port: number, payload: Uint8Array): string | undefined {
    const name = NAMES.get(port)
    if (name === undefined || PORT_LANES[name] !== lane) return `no port ${port} on the lane ${lane}`
    if (!this.#mayCarry(name, from)) return undefined
    return this.#guard(name, () => this.#handlers.get(name)?.message(from.info.id, payload))
  }

  /** The same for what came over other peers: whatever is wrong with it, the link that it came over is not at fault. */
  deliverFrom(from: PeerId, lane: Lane, port: number, payload: Uint8Array): void {
    const { topology, logger } = this.#options
    const name = NAMES.get(port)
    const peer = topology.peers.get(from)
    if (name === undefined || PORT_LANES[name] !== lane || peer === undefined || !this.#mayCarry(name, peer)) return
    const problem = this.#guard(name, () => this.#handlers.get(name)?.message(from, payload))
    if (problem !== undefined) logger.warn(`dropped a relayed message of ${from}, malformed: ${problem}`)
  }

  /** The lane of a peer takes messages again. */
  drained(lane: Lane, peer: PeerId): void {
    for (const [name, handlers] of this.#handlers) {
      if (PORT_LANES[name] === lane) this.#guard(name, () => handlers.drain?.(peer))
    }
  }

  #send(name: PortName, to: PeerId, payload: Uint8Array): SendResult {
    const { links, topology } = this.#options
    const peer = topology.peers.get(to)
    if (peer === undefined || !this.#mayCarry(name, peer)) return 'no-link'
    const linked = links.get(to)
    if (linked !== undefined) return sendOver(linked, PORT_LANES[name], PORTS[name], payload)
    return topology.relay(to, PORT_LANES[name], PORTS[name], payload)
  }

  #mayCarry(name: PortName, peer: PeerStatus): boolean {
    return mayCarry(name, this.#options.clusterId(), peer.clusterId)
  }

  #guard(name: PortName, work: () => void): string | undefined {
    try {
      work()
    } catch (error) {
      if (error instanceof DecodeError) return error.message
      this.#options.logger.error(`internal error in the handler of the port ${name}`, error)
    }
    return undefined
  }
}
