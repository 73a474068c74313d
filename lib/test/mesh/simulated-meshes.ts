import { expect } from 'vitest'
import { type ClusterId, newPeerId, type PeerId } from '../../src/base/ids.js'
import type { Logger } from '../../src/base/logger.js'
import { seededRandom } from '../../src/base/random.js'
import { Mesh, type MeshOptions } from '../../src/mesh/mesh.js'
import type { PeerInfo } from '../../src/mesh/peer-info.js'
import type { Port, PortName } from '../../src/mesh/port.js'
import type { Conditions } from '../../src/testing/simulated-channel.js'
import { SimulatedNetwork } from '../../src/testing/simulated-network.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'

export type PeerOptions = Pick<MeshOptions, 'limits' | 'timing' | 'credential' | 'authorize'> & {
  id?: PeerId
  clusterId?: ClusterId
  createConnector?: MeshOptions['createConnector']
}

/** One simulated peer: a mesh with every event and message written down, in order. */
export interface MeshPeer {
  readonly id: PeerId
  readonly mesh: Mesh
  readonly events: string[]
  readonly ports: Partial<Record<PortName, Port>>
  readonly logged: string[]
  /** `from: text` of every message to an open port, in order. */
  readonly messages: string[]
  open(name: PortName, onMessage?: (from: PeerId, payload: Uint8Array) => void): Port
}

/** A simulated world of meshes. */
export class SimulatedMeshes {
  readonly clock = new SimulatedClock()
  readonly network: SimulatedNetwork
  readonly peers: MeshPeer[] = []
  readonly #seed: number
  #boots = 0

  constructor(seed = 1, conditions: Partial<Conditions> = {}) {
    this.#seed = seed
    this.network = new SimulatedNetwork({ clock: this.clock, random: seededRandom(seed), conditions })
  }

  /** `count` started peers, ordered by id: the first one dials all others. */
  start(count: number, options: PeerOptions = {}): MeshPeer[] {
    const ids = Array.from({ length: count }, (_, i) => newPeerId(this.clock.fork(this.#seed, 7, i)))
    return ids.sort().map((id) => this.startPeer({ ...options, id }))
  }

  startPeer(options: PeerOptions = {}): MeshPeer {
    const peer = this.addPeer(options)
    peer.mesh.start()
    return peer
  }

  /** A peer whose mesh is not started yet. */
  addPeer(options: PeerOptions = {}): MeshPeer {
    const boot = ++this.#boots
    const runtime = this.clock.fork(this.#seed, boot)
    const id = options.id ?? newPeerId(runtime)
    const logged: string[] = []
    const mesh = new Mesh({
      ...options,
      self: info(id, `boot-${boot}`),
      runtime,
      createRendezvous: (self) => this.network.rendezvous(self),
      createConnector: options.createConnector ?? ((self) => this.network.connector(self)),
      logger: recordingLogger(logged),
    })
    const peer = recordedPeer(id, mesh, logged)
    this.peers.push(peer)
    if (options.clusterId !== undefined) mesh.setClusterId(options.clusterId)
    return peer
  }

  /** The process ends without a word. */
  crash(peer: MeshPeer): void {
    this.network.crash(peer.id)
    this.peers.splice(this.peers.indexOf(peer), 1)
  }

  /** Every peer says goodbye, so that no timer stays. */
  async finish(): Promise<void> {
    for (const peer of this.peers) await peer.mesh.close()
  }

  run(durationMs: number): Promise<void> {
    return this.clock.run(durationMs)
  }

  /** Runs until `condition` holds. @returns how long that took; `limitMs` if it never did */
  async until(condition: () => boolean, limitMs: number): Promise<number> {
    const startMs = this.clock.nowMs
    while (!condition() && this.clock.nowMs < startMs + limitMs) await this.run(20)
    return this.clock.nowMs - startMs
  }

  /** Whether every peer is linked with every other one, and with nobody else. */
  isComplete(): boolean {
    return this.peers.every(({ mesh }) => mesh.peers.size === this.peers.length - 1)
  }
}

export function info(id: PeerId, bootNonce: string): PeerInfo {
  return {
    id,
    bootNonce,
    name: 'someone',
    kind: 'node',
    host: 'here',
    canVote: true,
    durable: false,
    stack: 'simulated',
  }
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export function text(payload: Uint8Array): string {
  return new TextDecoder().decode(payload)
}

export function clusterId(letter: string): ClusterId {
  return `${letter.repeat(21)}A` as ClusterId
}

/** joined, messages, left, and again, for each other peer. */
export function expectOrder({ events }: MeshPeer): void {
  const linked = new Set<string>()
  for (const event of events) {
    const [what, peer = ''] = event.split(' ')
    if (what === 'joined') expect(linked.has(peer)).toBe(false)
    else expect(linked.has(peer), event).toBe(true)
    if (what === 'joined') linked.add(peer)
    if (what === 'left') linked.delete(peer)
  }
}

function recordedPeer(id: PeerId, mesh: Mesh, logged: string[]): MeshPeer {
  const peer: MeshPeer = {
    id,
    mesh,
    events: [],
    messages: [],
    logged,
    ports: {},
    open(name, onMessage) {
      const port = mesh.openPort(name, {
        message(from, payload) {
          peer.events.push(`message ${from}`)
          peer.messages.push(`${from}: ${text(payload)}`)
          onMessage?.(from, payload)
        },
        drain: (from) => peer.events.push(`drain ${from}`),
      })
      peer.ports[name] = port
      return port
    },
  }
  mesh.on('peerJoined', (status) => peer.events.push(`joined ${status.info.id}`))
  mesh.on('peerLeft', (other, reason) => peer.events.push(`left ${other} ${reason}`))
  mesh.on('peerCluster', (status) => peer.events.push(`cluster ${status.info.id} ${status.clusterId}`))
  mesh.on('founded', (founded) => peer.events.push(`founded ${founded}`))
  mesh.on('incompatible', (other, problem) => peer.events.push(`incompatible ${other} ${problem}`))
  mesh.on('unauthorized', (other, problem) => peer.events.push(`unauthorized ${other} ${problem}`))
  mesh.on('goodbye', (other, payload) => peer.events.push(`goodbye ${other} ${text(payload)}`))
  return peer
}

function recordingLogger(logged: string[]): Logger {
  const log =
    (level: string) =>
    (message: string, ...details: unknown[]) => {
      logged.push([level, message, ...details.map(String)].join(' '))
    }
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }
}
