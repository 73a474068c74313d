import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createSignalingServer, type SignalingServer, type SignalingServerOptions } from 'legion-signaling'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { ClusterId, PeerId } from '../../lib/src/base/ids.js'
import { newClusterId, newPeerId } from '../../lib/src/base/ids.js'
import { silentLogger } from '../../lib/src/base/logger.js'
import { systemRuntime } from '../../lib/src/base/system-runtime.js'
import { createRendezvous } from '../../lib/src/signaling/create-rendezvous.js'
import type { Rendezvous, RendezvousEvents, RendezvousStatus } from '../../lib/src/signaling/rendezvous.js'
import { openRoomId } from '../../lib/src/signaling/sealing.js'
import { PEER_KEY_BYTES, tokenFor } from '../../lib/src/signaling/token.js'
import { adaptWebSocket } from '../../lib/src/signaling/web-socket.js'
import { SimulatedClock } from '../../lib/src/testing/simulated-runtime.js'

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
  readonly durable?: boolean
  readonly id?: PeerId
  readonly key?: Uint8Array
}

/** A peer with the real client, over real sockets, that keeps what it is told. */
class TestPeer {
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

const newKey = () => runtime.randomBytes(PEER_KEY_BYTES)

const CHILD = `
  import { WebSocket } from 'ws'
  const [url, hello] = process.argv.slice(1)
  const socket = new WebSocket(url)
  socket.on('open', () => socket.send(hello))
  socket.on('message', (data) => console.log(String(data)))
`

/** A process that has joined the room of `TestPeer`s. */
async function joinedProcess(url: string, id: PeerId, key: Uint8Array): Promise<ChildProcess> {
  const room = openRoomId('theatre')
  const hello = { type: 'hello', version: 1, room, peer: id, token: tokenFor(key, url, room), durable: true }
  const args = ['--input-type=module', '-e', CHILD, url, JSON.stringify(hello)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  cleanups.push(async () => void child.kill('SIGKILL'))
  const [said] = await once(child.stdout, 'data')
  expect(String(said)).toContain('welcome')
  return child
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

  it.each([
    ['SIGKILL', 'was killed'],
    ['SIGSTOP', 'hangs, so that its socket is still open at the server'],
  ] as const)('[SGC21] let a process come back at once after %s: one that %s', async (signal, _what) => {
    const { url = '' } = await serve()
    const [id, key, other] = [newPeerId(runtime), newKey(), new TestPeer([url])]
    const child = await joinedProcess(url, id, key)
    await eventually(() => other.peers.has(id)).toBe(true)
    child.kill(signal)
    if (signal === 'SIGKILL') await eventually(() => other.peers.has(id)).toBe(false)
    const back = new TestPeer([url], { id, key })
    await eventually(() => back.status).toBe('joined')
    expect(back.problems).toEqual([])
    expect(other.say(back, 'welcome back')).toBe(true)
    await eventually(() => back.signals).toEqual(['welcome back'])
  })

  it('[SGC21] keep a PeerId from others until it is free', async () => {
    const clock = new SimulatedClock()
    const { url = '' } = await serve(0, { clock: clock.fork(1) })
    const [id, key, witness] = [newPeerId(runtime), newKey(), new TestPeer([url])]
    const child = await joinedProcess(url, id, key)
    const thief = new TestPeer([url], { id })
    const refusal = `the signaling server ${url} keeps the id of this peer for another connection`
    await eventually(() => String(thief.problem)).toContain(refusal)
    child.kill('SIGKILL')
    await eventually(() => witness.peers.has(id)).toBe(false)
    await clock.run(119_000)
    const { attempts } = thief
    await eventually(() => thief.attempts).toBeGreaterThan(attempts + 1)
    expect(thief.problem).toContain(refusal)
    await clock.run(1_000)
    await eventually(() => thief.status).toBe('joined')
  })

  it('[SGC22] a durable peer that comes first after all were gone finds its cluster again', async () => {
    const { url } = await serve()
    const [id, key, clusterId] = [newPeerId(runtime), newKey(), newClusterId(runtime)]
    const before = new TestPeer([url], { id, key, durable: true })
    before.rendezvous.found(clusterId)
    await eventually(() => before.cluster).toBe(clusterId)
    await before.rendezvous.leave()
    const stranger = new TestPeer([url])
    stranger.rendezvous.found(newClusterId(runtime))
    await eventually(() => stranger.cluster).toBe(clusterId)
    const back = new TestPeer([url], { id, key, clusterId, durable: true })
    back.rendezvous.found(clusterId)
    await eventually(() => back.founded).toEqual([clusterId])
  })

  it('[SGC22] its claim wins over who wants to found meanwhile, after the server was restarted too', async () => {
    const { url } = await serve(0, { warmupMs: 60_000 })
    const stranger = new TestPeer([url])
    stranger.rendezvous.found(newClusterId(runtime))
    await eventually(() => stranger.status).toBe('joined')
    const clusterId = newClusterId(runtime)
    const back = new TestPeer([url], { clusterId, durable: true })
    back.rendezvous.found(clusterId)
    await eventually(() => [back.founded, stranger.founded]).toEqual([[clusterId], [clusterId]])
  })

  it('[SGC9] tell a peer that nobody listens', async () => {
    const server = await serve()
    const { url } = server
    await server.close()
    const peer = new TestPeer([url])
    await eventually(() => peer.problem).toMatch(/cannot reach .*: is the signaling server running\? \(.*ECONNREFUSED/)
  })
})
