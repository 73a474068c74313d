import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import { Server as HttpsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { Admission } from './admission.js'
import { type Authorize, Authorizer } from './authorizer.js'
import type { Backplane } from './backplane.js'
import { type Clock, systemClock } from './clock.js'
import { Connection, type ConnectionContext, type Origin } from './connection.js'
import { Ice } from './ice.js'
import { DEFAULT_LIMITS, type Limits } from './limits.js'
import { LocalBackplane } from './local-backplane.js'
import { type Log, messageOf, silentLog } from './log.js'
import { Metrics, type Refusal } from './metrics.js'
import type { IceServer } from './protocol.js'
import { RedisBackplane, type RedisOptions } from './redis-backplane.js'
import { Rooms } from './rooms.js'
import type { TurnOptions } from './turn.js'

export interface SignalingServerOptions {
  /** Handed to every peer in its welcome. Default: none. */
  readonly iceServers?: readonly IceServer[] | undefined
  /** A TURN server for which every peer gets credentials of its own, renewed before they end. Default: none. */
  readonly turn?: TurnOptions | undefined
  /** Asked about every hello. Default: everyone may enter. */
  readonly authorize?: Authorize | undefined
  /** Origins of web pages that may connect, e.g. `https://example.org`. Default: all. */
  readonly origins?: readonly string[] | undefined
  /** True behind a reverse proxy that appends to `X-Forwarded-For`. Default: false. */
  readonly trustProxy?: boolean | undefined
  /** What several instances of this server share. Default: this one is alone. */
  readonly redis?: RedisOptions | undefined
  /** No cluster is founded until the server is so old: members of a living one come back first. Default: 3000. */
  readonly warmupMs?: number | undefined
  /**
   * How long a cluster whose members keep nothing is remembered after the last of them is gone. Must be longer than
   * their reconnect backoff, 2000. Default: 5000.
   */
  readonly graceMs?: number | undefined
  readonly limits?: Partial<Limits> | undefined
  /** Default: nothing is logged. */
  readonly log?: Log | undefined
  /** Default: the system's. */
  readonly clock?: Clock | undefined
}

export interface CloseOptions {
  /** Sockets are closed one after the other over so long, so that their peers do not all come to the next instance at once. Default: 0. */
  readonly drainMs?: number | undefined
}

/** A signaling server that is not listening yet. */
export function createSignalingServer(options: SignalingServerOptions = {}): SignalingServer {
  return new SignalingServer(options)
}

const REFUSALS = { origin: 403, sockets: 503, address: 429, draining: 503 } as const satisfies Record<Refusal, number>

/** Few sockets are not worth a long farewell: between two there is no longer than this. */
const MAX_DRAIN_STEP_MS = 10

export class SignalingServer {
  readonly #clock: Clock
  readonly #log: Log
  readonly #backplane: Backplane
  readonly #metrics = new Metrics()
  readonly #admission: Admission
  readonly #webSockets: WebSocketServer
  readonly #context: ConnectionContext
  readonly #connections = new Set<Connection>()
  /** Undo `#serve`. */
  readonly #detaches: (() => void)[] = []
  /** Opened by `listen`. */
  #ownHttp: Server | undefined
  #isDraining = false
  #http: Server | undefined

  constructor(options: SignalingServerOptions) {
    const limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.#clock = options.clock ?? systemClock
    this.#log = options.log ?? silentLog
    this.#backplane = backplaneOf(options, limits, this.#clock, this.#log)
    this.#admission = new Admission({ limits, origins: options.origins, trustProxy: options.trustProxy ?? false })
    this.#webSockets = new WebSocketServer({ noServer: true, clientTracking: false, maxPayload: limits.frameBytes })
    this.#context = {
      rooms: new Rooms(this.#backplane),
      clock: this.#clock,
      limits,
      metrics: this.#metrics,
      ice: new Ice({ iceServers: options.iceServers ?? [], turn: options.turn, clock: this.#clock }),
      authorizer: authorizerOf(options.authorize, limits, this.#clock, this.#log),
      log: this.#log,
    }
    this.#showGauges()
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
    await this.#backplane.start()
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject)
      http.listen(port, host, resolve)
    })
    this.#serve(http, undefined)
    this.#ownHttp = http
    this.#log('info', 'listening', { url: this.url })
  }

  /**
   * Serves WebSockets on an existing http server, which stays its owner's to close.
   * @param path only requests for this path are taken, others left to other listeners. Default: all
   */
  attach(http: Server, path?: string): void {
    this.#backplane.start().catch((error) => this.#log('error', 'start-failed', { reason: messageOf(error) }))
    this.#serve(http, path)
  }

  /**
   * Answers `GET /healthz` (503 while it drains) and `GET /metrics`. Returns false, having done nothing, for any other
   * request.
   */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    if (request.method !== 'GET') return false
    const path = pathOf(request)
    if (path === '/healthz') this.#sendHealth(response)
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

  /** Stops listening and closes every socket (1001); resolves when all are closed. Idempotent. */
  async close({ drainMs = 0 }: CloseOptions = {}): Promise<void> {
    this.#isDraining = true
    this.#log('info', 'closing', { sockets: this.#connections.size, drainMs })
    const stopped = this.#stopListening()
    await this.#drain(drainMs)
    for (const detach of this.#detaches.splice(0)) detach()
    await Promise.all([stopped, this.#backplane.close()])
    this.#metrics.stop()
  }

  #serve(http: Server, path: string | undefined): void {
    const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (path === undefined || pathOf(request) === path) this.#upgrade(request, socket, head)
    }
    http.on('upgrade', onUpgrade)
    this.#http = http
    this.#detaches.push(() => http.off('upgrade', onUpgrade))
    this.#metrics.start()
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const refusal = this.#isDraining ? 'draining' : this.#admission.refusal(request)
    if (refusal === undefined) {
      this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => this.#connected(webSocket, request))
    } else {
      this.#metrics.refused(refusal)
      this.#log('info', 'refused', { address: this.#admission.addressOf(request), reason: refusal })
      refuse(socket, REFUSALS[refusal])
    }
  }

  #connected(webSocket: WebSocket, request: IncomingMessage): void {
    const release = this.#admission.admit(request)
    const connection = new Connection(webSocket, this.#originOf(request), this.#context)
    this.#connections.add(connection)
    webSocket.on('close', () => {
      this.#connections.delete(connection)
      release()
    })
  }

  #originOf(request: IncomingMessage): Origin {
    const { headers, url = '/' } = request
    return { address: this.#admission.addressOf(request), origin: headers.origin, url, headers }
  }

  #stopListening(): Promise<void> {
    const http = this.#ownHttp
    this.#ownHttp = undefined
    return new Promise((resolve) => {
      if (http === undefined) resolve()
      else http.close(() => resolve())
    })
  }

  /** One socket after the other. */
  async #drain(drainMs: number): Promise<void> {
    const connections = [...this.#connections]
    const stepMs = Math.min(drainMs / connections.length, MAX_DRAIN_STEP_MS)
    const goodbyes = connections.map((connection, i) => this.#sayGoodbye(connection, i * stepMs))
    await Promise.all(goodbyes)
  }

  #sayGoodbye(connection: Connection, delayMs: number): Promise<void> {
    if (delayMs < 1) return connection.sayGoodbye()
    return new Promise((resolve) => this.#clock.setTimer(delayMs, () => resolve(connection.sayGoodbye())))
  }

  #sendHealth(response: ServerResponse): void {
    response.writeHead(this.#isDraining ? 503 : 200, { 'content-type': 'text/plain' })
    response.end(this.#isDraining ? 'draining\n' : 'ok\n')
  }

  async #sendMetrics(response: ServerResponse): Promise<void> {
    const text = await this.#metrics.text()
    response.writeHead(200, { 'content-type': this.#metrics.contentType }).end(text)
  }

  #showGauges(): void {
    const { rooms } = this.#context
    const counts = () => this.#backplane.counts
    this.#metrics.gauge('sockets', 'Open sockets.', () => this.#admission.count)
    this.#metrics.gauge('members', 'Peers in rooms.', () => rooms.memberCount)
    this.#metrics.gauge('reservations', 'PeerIds kept here for who left.', () => counts().reservations)
    this.#metrics.gauge('rooms', 'Rooms here, remembered empty ones included.', () => counts().rooms)
    this.#metrics.gauge('shared', '1: knows all instances; 0: cut off from the others.', () => +counts().isShared)
  }
}

function backplaneOf(options: SignalingServerOptions, limits: Limits, clock: Clock, log: Log): Backplane {
  const shared = { clock, limits, warmupMs: options.warmupMs ?? 3000, graceMs: options.graceMs ?? 5000 }
  return options.redis === undefined
    ? new LocalBackplane(shared)
    : new RedisBackplane({ ...shared, ...options.redis, log })
}

function authorizerOf(
  authorize: Authorize | undefined,
  { authorizeMs }: Limits,
  clock: Clock,
  log: Log,
): Authorizer | undefined {
  return authorize && new Authorizer({ authorize, deadlineMs: authorizeMs, clock, log })
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
