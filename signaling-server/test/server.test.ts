import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSignalingServer, type SignalingServer, type SignalingServerOptions } from 'legion-signaling'
import { afterEach, describe, expect, it } from 'vitest'
import type { ClientOptions } from 'ws'
import { SimulatedClock } from '../../lib/src/testing/simulated-runtime.js'
import { helloOf, idOf } from './fake-client.js'
import { RawClient } from './raw-client.js'

const running: SignalingServer[] = []

async function start(options: SignalingServerOptions = {}): Promise<SignalingServer> {
  const server = createSignalingServer(options)
  running.push(server)
  await server.listen(0, '127.0.0.1')
  return server
}

function connect(server: SignalingServer, options?: ClientOptions): Promise<RawClient> {
  return RawClient.open(String(server.url), options)
}

async function join(server: SignalingServer, peer: string): Promise<RawClient> {
  const client = await connect(server)
  client.send(helloOf(peer))
  await client.roundTrip()
  return client
}

/** Resolves when the server has handled all that the socket sent, pongs included; itself no sign of life. */
async function settle(client: RawClient): Promise<void> {
  client.socket.ping()
  await once(client.socket, 'pong')
}

function get(server: SignalingServer, path: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${server.port}${path}`)
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()))
})

describe('SignalingServer', { timeout: 30_000 }, () => {
  it('[SIG1] serves two sockets from hello to goodbye', async () => {
    const server = await start()
    const a = await join(server, 'a')
    const b = await connect(server)
    b.send(helloOf('b'))
    expect(await b.next()).toMatchObject({ type: 'welcome', peers: [idOf('a')] })
    expect(await a.next()).toEqual({ type: 'peer-joined', peer: idOf('b') })
    b.send({ type: 'signal', to: idOf('a'), payload: 'SGk' })
    expect(await a.next()).toEqual({ type: 'signal', from: idOf('b'), payload: 'SGk' })
    b.socket.close()
    expect(await a.next()).toEqual({ type: 'peer-left', peer: idOf('b') })
  })

  it('[SIG12] answers malformed frames with an error and closes after a few', async () => {
    const server = await start({ limits: { complaints: 3 } })
    const client = await connect(server)
    for (const frame of ['{', new Uint8Array([1, 2, 3]), '{"type":"hello","version":1}']) {
      client.send(frame)
      expect(await client.next()).toEqual({ type: 'error', code: 'malformed' })
    }
    expect(await client.closed).toBe(1008)
  })

  it('[SIG13] reads a socket that sends too fast more slowly, and loses nothing', async () => {
    const server = await start({ limits: { messagesPerSecond: 1000, messageBurst: 150 } })
    const client = await connect(server)
    const startMs = performance.now()
    for (let i = 0; i < 200; i++) client.send({ type: 'ping' })
    for (let i = 0; i < 200; i++) expect(await client.next()).toEqual({ type: 'pong' })
    await client.roundTrip()
    expect(performance.now() - startMs).toBeGreaterThan(40)
  })

  it('[SIG13] closes a socket that floods, and serves the others', async () => {
    const server = await start({ limits: { messagesPerSecond: 1, messageBurst: 20 } })
    const other = await join(server, 'a')
    const flooder = await connect(server)
    for (let i = 0; i < 1000; i++) flooder.send({ type: 'ping' })
    expect(await flooder.closed).toBe(1008)
    await other.roundTrip()
  })

  it('[SIG14] closes a socket for a frame that is too large, and no other', async () => {
    const server = await start({ limits: { frameBytes: 1000 } })
    const other = await join(server, 'a')
    const client = await connect(server)
    client.send('x'.repeat(1001))
    expect(await client.closed).toBe(1009)
    await other.roundTrip()
  })

  it('[SIG15] limits the sockets per address and in all', async () => {
    const server = await start({ trustProxy: true, limits: { socketsPerAddress: 1, sockets: 2 } })
    const from = (address: string) => connect(server, { headers: { 'x-forwarded-for': `6.6.6.6, ${address}` } })
    const first = await from('10.0.0.1')
    await expect(from('10.0.0.1')).rejects.toThrow('429')
    await from('10.0.0.2')
    await expect(from('10.0.0.3')).rejects.toThrow('503')
    first.socket.close()
    await first.closed
    await from('10.0.0.1')
  })

  it('[SIG15] lets in only pages of the allowed origins', async () => {
    const server = await start({ origins: ['https://example.org'] })
    await expect(connect(server, { origin: 'https://evil.example' })).rejects.toThrow('403')
    await connect(server, { origin: 'https://example.org' })
    await connect(server)
  })

  it('[SIG16] closes a socket that does not join in time', async () => {
    const clock = new SimulatedClock()
    const server = await start({ clock: clock.fork(1), limits: { helloMs: 1000 } })
    const [silent, member] = [await connect(server), await join(server, 'a')]
    await clock.run(1000)
    expect(await silent.next()).toEqual({ type: 'error', code: 'idle' })
    expect(await silent.closed).toBe(1008)
    await member.roundTrip()
  })

  it('[SIG16] closes a socket that gives no sign of life, and asks for one in between', async () => {
    const clock = new SimulatedClock()
    const server = await start({ clock: clock.fork(1), limits: { idleMs: 30_000 } })
    const [alive, dead] = [await join(server, 'a'), await connect(server, { autoPong: false })]
    dead.send(helloOf('b'))
    await dead.roundTrip()
    for (let i = 0; i < 6; i++) {
      const pinged = once(alive.socket, 'ping')
      await clock.run(10_000)
      await pinged
      await settle(alive)
    }
    expect(await dead.next()).toEqual({ type: 'error', code: 'idle' })
    expect(await dead.closed).toBe(1008)
    await alive.roundTrip()
  })

  it('[SIG17] tells a client of another version so', async () => {
    const client = await connect(await start())
    client.send({ type: 'hello', version: 2, what: 'ever' })
    expect(await client.next()).toEqual({ type: 'error', code: 'version' })
    expect(await client.closed).toBe(1008)
  })

  it('[SIG18] answers /healthz and /metrics, and nothing else', async () => {
    const server = await start()
    await join(server, 'a')
    expect(await (await get(server, '/healthz')).text()).toBe('ok\n')
    const metrics = await (await get(server, '/metrics')).text()
    expect(metrics).toContain('legion_signaling_members 1')
    expect(metrics).toContain('legion_signaling_received_messages_total{type="hello"} 1')
    expect(metrics).toContain('legion_signaling_joins_total 1')
    expect(metrics).toContain('legion_signaling_shared 1')
    expect(metrics).toMatch(/legion_signaling_event_loop_delay_seconds \d/)
    expect((await get(server, '/')).status).toBe(404)
  })

  it('[SIG19] shares an existing http server', async () => {
    const http: Server = createServer((request, response) => {
      if (!server.handle(request, response)) response.end('mine')
    })
    const server = createSignalingServer()
    server.attach(http, '/signaling')
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    const base = `127.0.0.1:${(http.address() as AddressInfo).port}`
    expect(server.url).toBe(`ws://${base}`)
    const client = await RawClient.open(`ws://${base}/signaling`)
    await client.roundTrip()
    expect(await (await fetch(`http://${base}/`)).text()).toBe('mine')
    await server.close()
    expect(await client.closed).toBe(1001)
    expect(http.listening).toBe(true)
    http.close()
  })

  it('[SIG21] closes every socket and the port when it is closed', async () => {
    const server = await start()
    const clients = [await join(server, 'a'), await connect(server)]
    const { url } = server
    await server.close()
    expect(await Promise.all(clients.map((client) => client.closed))).toEqual([1001, 1001])
    await expect(RawClient.open(String(url))).rejects.toThrow('ECONNREFUSED')
    expect(server.url).toBeUndefined()
  })

  it('[SIG21] rejects listening on a port in use', async () => {
    const { port } = await start()
    await expect(createSignalingServer().listen(port, '127.0.0.1')).rejects.toThrow('EADDRINUSE')
  })
})
