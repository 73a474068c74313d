import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import { Server as HttpsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { Admission } from './admission.js'
import { type Clock, systemClock } from './clock.js'
import { Connection } from './connection.js'
import { DEFAULT_LIMITS, type Limits } from './limits.js'
import { Metrics, type Refusal } from './metrics.js'
import type { IceServer } from './protocol.js'
import { Rooms } from './rooms.js'

export interface SignalingServerOptions {
  /** Handed to every peer in its welcome. Default: none. */
  readonly iceServers?: readonly IceServer[] | undefined
  /** Origins of web pages that may connect, e.g. `https://example.org`. Default: all. */
  readonly origins?: readonly string[] | undefined
  /** True behind a reverse proxy that appends to `X-Forwarded-For`. Default: false. */
  readonly trustProxy?: boolean | undefined
  /** No cluster is founded until the server is so old: members of a living one come back first. Default: 3000. */
  readonly warmupMs?: number | undefined
  /**
   * How long a cluster whose members keep nothing is remembered after the last of them is gone. Must be longer than
   * their reconnect backoff, 2000. Default: 5000.
   */
  readonly graceMs?: number | undefined
  readonly limits?: Partial<Limits> | undefined
  /** Default: the system's. */
  readonly clock?: Clock | undefined
}

/** A signaling server that is not listening yet. */
export function createSignalingServer(options: SignalingServerOptions = {}): SignalingServer {
  return new SignalingServer(options)
}

const REFUSALS = { origin: 403, sockets: 503, address: 429 } as const satisfies Record<Refusal, number>

export class SignalingServer {
  readonly #limits: Limits
  readonly #clock: Clock
  readonly #rooms: Rooms
  readonly #metrics = new Metrics()
  readonly #admission: Admission
  readonly #webSockets: WebSocketServer
  readonly #connections = new Set<Connection>()
  readonly #shutdown: (() => Promise<void>)[] = []
  #http: Server | undefined

  constructor(options: SignalingServerOptions) {
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.#clock = options.clock ?? systemClock
    this.#rooms = new Rooms({
      clock: this.#clock,
      limits: this.#limits,
      iceServers: options.iceServers ?? [],
      warmupMs: options.warmupMs ?? 3000,
      graceMs: options.graceMs ?? 5000,
    })
    this.#admission = new Admission({
      limits: this.#limits,
      origins: options.origins,
      trustProxy: options.trustProxy ?? false,
    })
    this.#webSockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: this.#limits.frameBytes,
    })
    this.#metrics.gauge('sockets', 'Open sockets.', () => this.#admission.count)
    this.#metrics.gauge('members', 'Peers in rooms.', () => this.#rooms.memberCount)
    this.#metrics.gauge('reservations', 'PeerIds kept for who left.', () => this.#rooms.reservationCount)
    this.#metrics.gauge('rooms', 'Rooms, remembered empty ones included.', () => this.#rooms.roomCount)
  }

  /**
   * Opens a server of its own; resolves when it listens, rejects if it cannot (port in use).
   * @param port 0 takes a free one
   * @param host default: every address of this machine
   */
  async listen(port = 4455, host?: string): Promise<void> {
    const http = createServer((request, response) => {
      if (!this.handle(request, response)) response.writeHead(404).end()
    })
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject)
      http.listen(port, host, resolve)
    })
    this.attach(http)
    this.#shutdown.push(() => new Promise((resolve) => http.close(() => resolve())))
  }

  /**
   * Serves WebSockets on an existing http server, which stays its owner's to close.
   * @param path only requests for this path are taken, others left to other listeners. Default: all
   */
  attach(http: Server, path?: string): void {
    const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (path === undefined || pathOf(request) === path) this.#upgrade(request, socket, head)
    }
    http.on('upgrade', onUpgrade)
    this.#http = http
    this.#shutdown.push(async () => void http.off('upgrade', onUpgrade))
  }

  /** Answers `GET /healthz` and `GET /metrics`. Returns false, having done nothing, for any other request. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    if (request.method !== 'GET') return false
    const path = pathOf(request)
    if (path === '/healthz') response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n')
    else if (path === '/metrics') void this.#sendMetrics(response)
    else return false
    return true
  }

  /** The port listened on; undefined while not listening. */
  get port(): number | undefined {
    const address = this.#http?.address()
    return typeof address === 'object' ? address?.port : undefined
  }

  /** Where clients on this machine connect, e.g. `ws://localhost:4455`; undefined while not listening. */
  get url(): string | undefined {
    const address = this.#http?.address()
    if (typeof address !== 'object' || address === null) return undefined
    const scheme = this.#http instanceof HttpsServer ? 'wss' : 'ws'
    return `${scheme}://${hostOf(address.address)}:${address.port}`
  }

  /** Stops listening and closes every socket; resolves when all are closed. Idempotent. */
  async close(): Promise<void> {
    this.#rooms.close()
    const shutdowns = this.#shutdown.splice(0).map((shutdown) => shutdown())
    const goodbyes = [...this.#connections].map((connection) => connection.sayGoodbye())
    await Promise.all([...shutdowns, ...goodbyes])
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const refusal = this.#admission.refusal(request)
    if (refusal === undefined) {
      this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => this.#connected(webSocket, request))
    } else {
      this.#metrics.refused(refusal)
      refuse(socket, REFUSALS[refusal])
    }
  }

  #connected(webSocket: WebSocket, request: IncomingMessage): void {
    const release = this.#admission.admit(request)
    const connection = new Connection(webSocket, {
      rooms: this.#rooms,
      clock: this.#clock,
      limits: this.#limits,
      metrics: this.#metrics,
    })
    this.#connections.add(connection)
    webSocket.on('close', () => {
      this.#connections.delete(connection)
      release()
    })
  }

  async #sendMetrics(response: ServerResponse): Promise<void> {
    const text = await this.#metrics.text()
    response.writeHead(200, { 'content-type': this.#metrics.contentType }).end(text)
  }
}

function refuse(socket: Duplex, status: number): void {
  socket.on('error', () => {})
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?')[0] ?? '/'
}

function hostOf(address: string): string {
  if (address === '::' || address === '0.0.0.0') return 'localhost'
  return address.includes(':') ? `[${address}]` : address
}
