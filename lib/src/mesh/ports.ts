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

/** One of the ports that there are. */
interface KnownPort {
  readonly name: PortName
  readonly number: number
  readonly lane: Lane
  /** Once its module is there. */
  handlers: PortHandlers | undefined
}

export interface PortsOptions {
  readonly links: ReadonlyMap<PeerId, LinkedPeer>
  readonly topology: Topology
  readonly logger: Logger
  clusterId(): ClusterId | undefined
}

/** What passes between the modules above and the links: who may send what to whom, and what a handler's throw means. */
export class Ports {
  readonly #options: PortsOptions
  readonly #known = new Map<number, KnownPort>()

  constructor(options: PortsOptions) {
    this.#options = options
    for (const name of Object.keys(PORTS) as PortName[]) {
      this.#known.set(PORTS[name], { name, number: PORTS[name], lane: PORT_LANES[name], handlers: undefined })
    }
  }

  open(name: PortName, handlers: PortHandlers): Port {
    const port = this.#known.get(PORTS[name])
    invariant(port !== undefined && port.handlers === undefined, () => `the port ${name} is open already`)
    port.handlers = handlers
    return {
      send: (to, payload) => this.#send(port, to, payload),
      broadcast: (payload) => this.#options.topology.broadcast(port.lane, port.number, payload),
      queuedBytes: (to) => this.#options.links.get(to)?.link.queuedBytes(port.lane) ?? 0,
    }
  }

  /**
   * Hands a message to its module. What neither side may send just now is dropped: the sender could not know yet.
   * @returns what is wrong with the message, if something is
   */
  deliver(from: LinkedPeer, lane: Lane, number: number, payload: Uint8Array): string | undefined {
    const port = this.#known.get(number)
    if (port?.lane !== lane) return `no port ${number} on the lane ${lane}`
    if (!this.#mayCarry(port, from)) return undefined
    return this.#guard(port, () => port.handlers?.message(from.info.id, payload))
  }

  /** The same for what came over other peers: whatever is wrong with it, the link that it came over is not at fault. */
  deliverFrom(from: PeerId, lane: Lane, number: number, payload: Uint8Array): void {
    const { topology, logger } = this.#options
    const port = this.#known.get(number)
    const peer = topology.peers.get(from)
    if (port?.lane !== lane || peer === undefined || !this.#mayCarry(port, peer)) return
    const problem = this.#guard(port, () => port.handlers?.message(from, payload))
    if (problem !== undefined) logger.warn(`dropped a relayed message of ${from}, malformed: ${problem}`)
  }

  /** The lane of a peer takes messages again. */
  drained(lane: Lane, peer: PeerId): void {
    for (const port of this.#known.values()) {
      if (port.lane === lane) this.#guard(port, () => port.handlers?.drain?.(peer))
    }
  }

  #send(port: KnownPort, to: PeerId, payload: Uint8Array): SendResult {
    const { links, topology } = this.#options
    const peer = topology.peers.get(to)
    if (peer === undefined || !this.#mayCarry(port, peer)) return 'no-link'
    const linked = links.get(to)
    if (linked !== undefined) return sendOver(linked, port.lane, port.number, payload)
    return topology.relay(to, port.lane, port.number, payload)
  }

  #mayCarry({ name }: KnownPort, peer: PeerStatus): boolean {
    return mayCarry(name, this.#options.clusterId(), peer.clusterId)
  }

  #guard({ name }: KnownPort, work: () => void): string | undefined {
    try {
      work()
    } catch (error) {
      if (error instanceof DecodeError) return error.message
      this.#options.logger.error(`internal error in the handler of the port ${name}`, error)
    }
    return undefined
  }
}
