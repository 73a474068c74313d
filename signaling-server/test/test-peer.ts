import { createSignalingServer, type SignalingServer, type SignalingServerOptions } from 'legion-signaling'
import { afterEach, expect } from 'vitest'
import { WebSocket } from 'ws'
import type { ClusterId, PeerId } from '../../lib/src/base/ids.js'
import { newPeerId } from '../../lib/src/base/ids.js'
import { silentLogger } from '../../lib/src/base/logger.js'
import { systemRuntime } from '../../lib/src/base/system-runtime.js'
import { createRendezvous } from '../../lib/src/signaling/create-rendezvous.js'
import type { Rendezvous, RendezvousEvents, RendezvousStatus } from '../../lib/src/signaling/rendezvous.js'
import { PEER_KEY_BYTES } from '../../lib/src/signaling/token.js'
import { adaptWebSocket } from '../../lib/src/signaling/web-socket.js'

export const runtime = systemRuntime()
export const cleanups: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

export async function serve(port = 0, options: SignalingServerOptions = {}): Promise<SignalingServer> {
  const server = createSignalingServer({ warmupMs: 0, ...options })
  await server.listen(port, '127.0.0.1')
  cleanups.push(() => server.close())
  return server
}

export interface PeerParts {
  readonly secret?: string
  readonly clusterId?: ClusterId
  readonly durable?: boolean
  readonly id?: PeerId
  readonly key?: Uint8Array
}

/** A peer with the real client, over real sockets, that keeps what it is told. */
export class TestPeer {
  readonly id: PeerId
  readonly rendezvous: Rendezvous
  readonly peers = new Set<PeerId>()
  readonly signals: string[] = []
  cluster: ClusterId | undefined
  readonly founded: ClusterId[] = []
  readonly problems: string[] = []
  attempts = 0

  constructor(urls: readonly (string | undefined)[], parts: PeerParts = {}) {
    this.id = parts.id ?? newPeerId(runtime)
    this.rendezvous = createRendezvous({
      cluster: 'theatre',
      secret: parts.secret,
      urls: urls.map(String),
      key: parts.key ?? newKey(),
      runtime,
      openSocket: (url, events) => {
        this.attempts++
        return adaptWebSocket(new WebSocket(url), events)
      },
      logger: silentLogger,
    })
    cleanups.push(() => this.rendezvous.leave())
    const self = { id: this.id, durable: parts.durable ?? false, clusterId: parts.clusterId }
    this.rendezvous.join(self, this.#events())
  }

  get problem(): string | undefined {
    return this.problems.at(-1)
  }

  get status(): RendezvousStatus {
    return this.rendezvous.status
  }

  say(to: TestPeer, text: string): boolean {
    return this.rendezvous.send(to.id, new TextEncoder().encode(text))
  }

  #events(): RendezvousEvents {
    return {
      joined: (view) => {
        this.peers.clear()
        for (const peer of view.peers) this.peers.add(peer)
        this.cluster = view.clusterId
      },
      peerJoined: (peer) => this.peers.add(peer),
      peerLeft: (peer) => this.peers.delete(peer),
      signal: (_from, payload) => this.signals.push(new TextDecoder().decode(payload)),
      founded: (clusterId) => {
        this.cluster = clusterId
        this.founded.push(clusterId)
      },
      status: (_status, problem) => {
        if (problem !== undefined) this.problems.push(problem)
      },
    }
  }
}

export const newKey = () => runtime.randomBytes(PEER_KEY_BYTES)

/** Real sockets and key derivation on a busy machine take their time; nothing here depends on how long. */
export function eventually<T>(value: () => T): ReturnType<typeof expect.poll<T>> {
  return expect.poll(value, { timeout: 15_000, interval: 10 })
}

export async function meet(...peers: TestPeer[]): Promise<void> {
  for (const one of peers) {
    const others = peers.filter((other) => other !== one).map((other) => other.id)
    await eventually(() => [...one.peers].sort()).toEqual(others.sort())
  }
}
