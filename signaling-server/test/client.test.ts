import { createSignalingServer, type SignalingServer, type SignalingServerOptions } from 'legion-signaling'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { ClusterId, PeerId } from '../../lib/src/base/ids.js'
import { newClusterId, newPeerId } from '../../lib/src/base/ids.js'
import { silentLogger } from '../../lib/src/base/logger.js'
import { systemRuntime } from '../../lib/src/base/system-runtime.js'
import { createRendezvous } from '../../lib/src/signaling/create-rendezvous.js'
import type { Rendezvous, RendezvousEvents, RendezvousStatus } from '../../lib/src/signaling/rendezvous.js'
import { adaptWebSocket } from '../../lib/src/signaling/web-socket.js'

const runtime = systemRuntime()
const cleanups: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function serve(port = 0, options: SignalingServerOptions = {}): Promise<SignalingServer> {
  const server = createSignalingServer({ warmupMs: 0, ...options })
  await server.listen(port, '127.0.0.1')
  cleanups.push(() => server.close())
  return server
}

interface PeerParts {
  readonly secret?: string
  readonly clusterId?: ClusterId
}

/** A peer with the real client, over real sockets, that keeps what it is told. */
class TestPeer {
  readonly id = newPeerId(runtime)
  readonly rendezvous: Rendezvous
  readonly peers = new Set<PeerId>()
  readonly signals: string[] = []
  cluster: ClusterId | undefined
  problem: string | undefined

  constructor(urls: readonly (string | undefined)[], { secret, clusterId }: PeerParts = {}) {
    this.rendezvous = createRendezvous({
      cluster: 'theatre',
      secret,
      urls: urls.map(String),
      runtime,
      openSocket: (url, events) => adaptWebSocket(new WebSocket(url), events),
      logger: silentLogger,
    })
    cleanups.push(() => this.rendezvous.leave())
    this.rendezvous.join({ id: this.id, durable: false, clusterId }, this.#events())
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
      },
      status: (_status, problem) => {
        this.problem = problem
      },
    }
  }
}

/** Real sockets and key derivation on a busy machine take their time; nothing here depends on how long. */
const eventually = <T>(value: () => T) => expect.poll(value, { timeout: 15_000, interval: 10 })

async function meet(...peers: TestPeer[]): Promise<void> {
  for (const one of peers) {
    const others = peers.filter((other) => other !== one).map((other) => other.id)
    await eventually(() => [...one.peers].sort()).toEqual(others.sort())
  }
}

describe('the client and the server', { timeout: 60_000 }, () => {
  it.each([undefined, 'open sesame'])('[SGC19] let two peers meet and talk (secret: %s)', async (secret) => {
    const { url } = await serve()
    const parts = secret === undefined ? {} : { secret }
    const [a, b] = [new TestPeer([url], parts), new TestPeer([url], parts)]
    await meet(a, b)
    for (let i = 0; i < 50; i++) expect(a.say(b, `signal ${i}`)).toBe(true)
    await eventually(() => b.signals).toEqual(Array.from({ length: 50 }, (_, i) => `signal ${i}`))
    await a.rendezvous.leave()
    await eventually(() => [...b.peers]).toEqual([])
  })

  it('[SGC19] keep peers with another secret, or none, apart', async () => {
    const { url } = await serve()
    const [a, b] = [new TestPeer([url], { secret: 'one' }), new TestPeer([url], { secret: 'one' })]
    const strangers = [new TestPeer([url]), new TestPeer([url], { secret: 'two' })]
    await meet(a, b)
    for (const stranger of strangers) {
      await eventually(() => stranger.status).toBe('joined')
      expect([...stranger.peers]).toEqual([])
    }
  })

  it('[SGC19] agree on one founder', async () => {
    const { url } = await serve()
    const peers = [new TestPeer([url]), new TestPeer([url]), new TestPeer([url])]
    for (const peer of peers) peer.rendezvous.found(newClusterId(runtime))
    await eventually(() => peers.every((peer) => peer.cluster !== undefined)).toBe(true)
    expect(new Set(peers.map((peer) => peer.cluster)).size).toBe(1)
  })

  it('[SGC19] meet again after the server was restarted, in the same cluster', async () => {
    const first = await serve()
    const { url, port } = first
    const [a, b] = [new TestPeer([url]), new TestPeer([url])]
    await meet(a, b)
    const clusterId = newClusterId(runtime)
    a.rendezvous.found(clusterId)
    await eventually(() => a.cluster).toBe(clusterId)
    await first.close()
    await eventually(() => a.problem).toMatch(/lost the connection|cannot reach/)
    await serve(port, { warmupMs: 60_000 })
    await eventually(() => [a.status, b.status]).toEqual(['joined', 'joined'])
    await meet(a, b)
    const newcomer = new TestPeer([url])
    await eventually(() => newcomer.cluster).toBe(clusterId)
  })

  it('[SGC19] meet over whichever server is left', async () => {
    const [one, two] = [await serve(), await serve()]
    const [a, b] = [new TestPeer([one.url, two.url]), new TestPeer([one.url, two.url])]
    await meet(a, b)
    await one.close()
    const late = new TestPeer([one.url, two.url])
    await meet(a, b, late)
    expect(late.say(a, 'hello')).toBe(true)
    await eventually(() => a.signals).toEqual(['hello'])
  })

  it('[SGC9] tell a peer that nobody listens', async () => {
    const server = await serve()
    const { url } = server
    await server.close()
    const peer = new TestPeer([url])
    await eventually(() => peer.problem).toMatch(/cannot reach .*: is the signaling server running\? \(.*ECONNREFUSED/)
  })
})
