import { toBase64Url } from '../../src/base/bytes.js'
import { Emitter, type Unsubscribe } from '../../src/base/emitter.js'
import type { PeerId } from '../../src/base/ids.js'
import { pick, type RandomStream } from '../../src/base/random.js'
import { DecodeError } from '../../src/codec/decode.js'
import type { Network, NetworkEvents, PeerLeftReason } from '../../src/mesh/network.js'
import type { PeerInfo, PeerStatus } from '../../src/mesh/peer-info.js'
import type { Port, PortHandlers, PortName, SendResult } from '../../src/mesh/port.js'
import { drainMicrotasks } from '../../src/testing/simulated-runtime.js'

interface Packet {
  readonly from: PeerId
  readonly to: PeerId
  readonly port: PortName
  readonly payload: Uint8Array
}

/** A deterministic PeerId: the same number, the same id. */
export function peerIdOf(n: number): PeerId {
  return toBase64Url(Uint8Array.from({ length: 16 }, () => n)) as PeerId
}

const SOMEBODY = peerIdOf(255)

/**
 * Peers in one process, linked by queues that the test delivers: `step` one packet, `settle` until nothing moves. In
 * order per direction of a link, at most once. A handler that throws a DecodeError costs the sender its link, as in
 * the real mesh.
 */
export class MemoryNetworks {
  readonly peers = new Map<PeerId, MemoryNetwork>()
  /** Every packet accepted so far, for counting. */
  readonly sent: Packet[] = []
  /** What handlers threw for hostile bytes. */
  readonly violations: DecodeError[] = []
  readonly #queues = new Map<string, Packet[]>()
  readonly #full = new Set<string>()
  readonly #held = new Set<string>()
  /** All are part of a larger mesh: they know of somebody whom none of them is linked with, and who says nothing. */
  isPartOfMore = false
  /** What ports say is queued, on every link. */
  queuedBytes = 0

  add(n: number): MemoryNetwork {
    const network = new MemoryNetwork(this, peerIdOf(n))
    this.peers.set(network.self.id, network)
    return network
  }

  /** Adds `count` peers, all linked with each other. */
  addMesh(count: number): MemoryNetwork[] {
    const networks = Array.from({ length: count }, (_, i) => this.add(i + 1))
    for (const a of networks) for (const b of networks) if (a.self.id < b.self.id) this.connect(a, b)
    return networks
  }

  connect(a: MemoryNetwork, b: MemoryNetwork): void {
    if (a.links.has(b.self.id)) return
    a.joined(b)
    b.joined(a)
  }

  /** Packets under way are lost, in both directions. */
  disconnect(a: MemoryNetwork, b: MemoryNetwork, reason: PeerLeftReason = 'lost'): void {
    if (!a.links.has(b.self.id)) return
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      this.#queues.delete(key(from.self.id, to.self.id))
      this.#full.delete(key(from.self.id, to.self.id))
      this.#held.delete(key(from.self.id, to.self.id))
      from.left(to, reason)
    }
  }

  /** Breaks every link of a peer. */
  isolate(network: MemoryNetwork, reason: PeerLeftReason = 'lost'): void {
    for (const other of [...network.links.keys()]) this.disconnect(network, this.get(other), reason)
  }

  /** Loses what is under way from `a` to `b` although the link stays: worse than any real link. */
  lose(a: MemoryNetwork, b: MemoryNetwork): void {
    this.#queues.delete(key(a.self.id, b.self.id))
  }

  /** While held, a direction of a link accepts but does not deliver. */
  hold(a: MemoryNetwork, b: MemoryNetwork, isHeld: boolean): void {
    if (isHeld) this.#held.add(key(a.self.id, b.self.id))
    else this.#held.delete(key(a.self.id, b.self.id))
  }

  /** From now on sends from `a` to `b` are refused as `full`; ending it drains. */
  setFull(a: MemoryNetwork, b: MemoryNetwork, isFull: boolean): void {
    const link = key(a.self.id, b.self.id)
    if (isFull) this.#full.add(link)
    else if (this.#full.delete(link)) a.drained(b)
  }

  send(packet: Packet): SendResult {
    const sender = this.get(packet.from)
    if (!sender.links.has(packet.to)) return 'no-link'
    const link = key(packet.from, packet.to)
    if (this.#full.has(link)) return 'full'
    const queue = this.#queues.get(link) ?? []
    queue.push(packet)
    this.#queues.set(link, queue)
    this.sent.push(packet)
    return 'queued'
  }

  /** Delivers one packet: of the link that has waited longest, or of one that `random` picks. False if none waits. */
  step(random?: RandomStream | undefined): boolean {
    const waiting = [...this.#queues].filter(([link, queue]) => queue.length > 0 && !this.#held.has(link))
    if (waiting.length === 0) return false
    const [link, queue] = (random === undefined ? waiting[0] : pick(random, waiting)) as [string, Packet[]]
    const packet = queue.shift() as Packet
    // To the end of the order of links, so that none starves.
    this.#queues.delete(link)
    if (queue.length > 0) this.#queues.set(link, queue)
    this.#deliver(packet)
    return true
  }

  /** Delivers until nothing is under way; microtasks run between packets. */
  async settle(random?: RandomStream | undefined): Promise<void> {
    do await drainMicrotasks()
    while (this.step(random))
  }

  get(id: PeerId): MemoryNetwork {
    const network = this.peers.get(id)
    if (network === undefined) throw new Error(`no peer ${id}`)
    return network
  }

  #deliver(packet: Packet): void {
    const receiver = this.get(packet.to)
    try {
      receiver.receive(packet)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.violations.push(error)
      this.disconnect(receiver, this.get(packet.from))
    }
  }
}

export class MemoryNetwork implements Network {
  readonly self: PeerInfo
  readonly links = new Map<PeerId, PeerStatus>()
  readonly #owner: MemoryNetworks
  readonly #ports = new Map<PortName, PortHandlers>()
  readonly #events = new Emitter<NetworkEvents>()

  constructor(owner: MemoryNetworks, id: PeerId) {
    this.#owner = owner
    this.self = {
      id,
      bootNonce: '',
      name: id,
      kind: 'node',
      host: id,
      canVote: true,
      durable: false,
      stack: 'memory',
    }
  }

  openPort(name: PortName, handlers: PortHandlers): Port {
    if (this.#ports.has(name)) throw new Error(`port ${name} is open`)
    this.#ports.set(name, handlers)
    const from = this.self.id
    const send = (to: PeerId, payload: Uint8Array) => this.#owner.send({ from, to, port: name, payload })
    const broadcast = (payload: Uint8Array) => {
      for (const to of this.links.keys()) send(to, payload)
    }
    return { send, broadcast, queuedBytes: () => this.#owner.queuedBytes }
  }

  get peers(): ReadonlyMap<PeerId, PeerStatus> {
    return this.#owner.isPartOfMore ? new Map([...this.links, [SOMEBODY, statusOf(this.self)]]) : this.links
  }

  prefer(): void {}

  on<K extends keyof NetworkEvents>(event: K, listener: NetworkEvents[K]): Unsubscribe {
    return this.#events.on(event, listener)
  }

  joined(other: MemoryNetwork): void {
    const status = statusOf(other.self)
    this.links.set(other.self.id, status)
    this.#events.emit('peerJoined', status)
    this.#events.emit('linked', status)
  }

  left(other: MemoryNetwork, reason: PeerLeftReason): void {
    this.links.delete(other.self.id)
    this.#events.emit('unlinked', other.self.id, reason)
    this.#events.emit('peerLeft', other.self.id, reason)
  }

  receive(packet: Packet): void {
    this.#ports.get(packet.port)?.message(packet.from, packet.payload)
  }

  drained(other: MemoryNetwork): void {
    for (const handlers of this.#ports.values()) handlers.drain?.(other.self.id)
  }
}

function statusOf(info: PeerInfo): PeerStatus {
  return { info, clusterId: undefined, rttMs: undefined, via: undefined }
}

function key(from: PeerId, to: PeerId): string {
  return `${from}>${to}`
}
