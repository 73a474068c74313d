import type { RawData, WebSocket } from 'ws'
import type { AuthorizationRequest, Authorizer, Grant } from './authorizer.js'
import type { Clock, Timer } from './clock.js'
import type { Ice } from './ice.js'
import type { Limits } from './limits.js'
import type { Log } from './log.js'
import type { Client } from './member.js'
import type { Metrics } from './metrics.js'
import { parseMessage } from './parse-message.js'
import { type ClientMessage, type ErrorCode, encodeMessage, type Hello, type ServerMessage } from './protocol.js'
import type { Rooms } from './rooms.js'
import { TokenBucket } from './token-bucket.js'

/** What all connections of a server share. */
export interface ConnectionContext {
  readonly rooms: Rooms
  readonly clock: Clock
  readonly limits: Limits
  readonly metrics: Metrics
  readonly ice: Ice
  /** Undefined: everyone may enter. */
  readonly authorizer: Authorizer | undefined
  readonly log: Log
}

/** What is known of a client before it says hello. */
export type Origin = Pick<AuthorizationRequest, 'address' | 'origin' | 'url' | 'headers'>

/** WebSocket close codes (RFC 6455, section 7.4.1). */
const POLICY_VIOLATION = 1008
const GOING_AWAY = 1001

/** A socket that does not answer our close is cut after so long. */
const CLOSE_TIMEOUT_MS = 1000

/** Signs of life are looked for so many times per `idleMs`. */
const LIVENESS_CHECKS = 3

/** Timers hold no more (2^31 - 1 ms). */
const MAX_TIMER_MS = 2 ** 31 - 1

/** One socket: frames in, messages out, and every limit that concerns one client alone. Nothing here throws. */
export class Connection implements Client {
  readonly #socket: WebSocket
  readonly #origin: Origin
  readonly #context: ConnectionContext
  readonly #bucket: TokenBucket
  readonly #timers = new Set<Timer>()
  #complaints = 0
  #signOfLifeMs: number
  #isClosing = false
  /** Its hello is being authorized. */
  #isAsking = false
  #iceRenewal: Timer | undefined

  constructor(socket: WebSocket, origin: Origin, context: ConnectionContext) {
    this.#socket = socket
    this.#origin = origin
    this.#context = context
    const nowMs = context.clock.nowMs()
    this.#bucket = new TokenBucket(context.limits.messagesPerSecond, context.limits.messageBurst, nowMs)
    this.#signOfLifeMs = nowMs
    socket.on('message', (data, isBinary) => this.#received(data, isBinary))
    socket.on('pong', () => this.#sawLife())
    socket.on('error', () => {}) // ws closes the socket itself: oversized frames, bad UTF-8, resets
    socket.on('close', () => this.#closed())
    this.#after(context.limits.helloMs, () => this.#demandHello())
    this.#watchLiveness()
  }

  send(message: ServerMessage): void {
    if (this.#isClosing || this.#socket.readyState !== this.#socket.OPEN) return
    if (this.#socket.bufferedAmount > this.#context.limits.bufferedBytes) this.#socket.terminate()
    else this.#socket.send(encodeMessage(message))
  }

  complain(code: ErrorCode): void {
    this.#complaints++
    if (this.#complaints >= this.#context.limits.complaints) this.dismiss(code)
    else this.#sendError(code)
  }

  dismiss(code: ErrorCode): void {
    if (!this.#isClosing) this.#context.log('info', 'dismissed', { address: this.#origin.address, code })
    this.#sendError(code)
    this.#close(POLICY_VIOLATION, code)
  }

  /** The server stops. Resolves when the socket is closed. */
  async sayGoodbye(): Promise<void> {
    if (this.#socket.readyState === this.#socket.CLOSED) return
    const closed = new Promise((resolve) => this.#socket.once('close', resolve))
    this.#close(GOING_AWAY, 'shutdown')
    await closed
  }

  #received(data: RawData, isBinary: boolean): void {
    if (this.#isClosing) return
    this.#sawLife()
    if (!this.#mayPass()) return
    const message = isBinary ? 'malformed' : parseMessage(String(data))
    if (message === 'malformed') this.complain(message)
    else if (message === 'version') this.dismiss(message)
    else this.#handle(message)
  }

  #handle(message: ClientMessage): void {
    this.#context.metrics.received(message.type)
    if (message.type === 'hello') this.#hello(message)
    else this.#context.rooms.receive(this, message)
  }

  #hello(hello: Hello): void {
    const { authorizer, rooms } = this.#context
    if (this.#isAsking || rooms.isMember(this)) this.complain('already-joined')
    else if (authorizer === undefined) this.#join(hello, {})
    else void this.#authorize(hello, authorizer)
  }

  async #authorize(hello: Hello, authorizer: Authorizer): Promise<void> {
    const { room, peer, credential } = hello
    this.#isAsking = true
    const grant = await authorizer.grantOf({ ...this.#origin, room, peer, credential })
    this.#isAsking = false
    if (this.#isClosing) return
    if (grant === undefined) this.dismiss('unauthorized')
    else this.#join(hello, grant)
  }

  #join(hello: Hello, grant: Grant): void {
    const { rooms, ice, metrics, log } = this.#context
    log('debug', 'hello', { address: this.#origin.address, room: hello.room, peer: hello.peer, name: grant.name })
    metrics.joined()
    rooms.join(this, hello, ice.serversFor(grant))
    this.#renewIce(grant)
  }

  #renewIce(grant: Grant): void {
    const { ice } = this.#context
    this.#iceRenewal?.cancel()
    if (this.#isClosing || ice.renewalMs === undefined) return
    this.#iceRenewal = this.#after(Math.min(ice.renewalMs, MAX_TIMER_MS), () => {
      this.send({ type: 'ice', iceServers: ice.serversFor(grant) })
      this.#renewIce(grant)
    })
  }

  /** What one read of the socket had already brought passes even in debt, up to a limit. */
  #mayPass(): boolean {
    const tokens = this.#bucket.take(this.#context.clock.nowMs())
    const isFlood = tokens < -this.#context.limits.messageBurst
    if (isFlood) this.dismiss('rate-limited')
    else if (tokens < 0 && !this.#socket.isPaused) this.#pauseWhileInDebt()
    return !isFlood
  }

  #pauseWhileInDebt(): void {
    const debtMs = this.#bucket.debtMs(this.#context.clock.nowMs())
    if (debtMs > 0) {
      this.#socket.pause()
      this.#after(debtMs, () => this.#pauseWhileInDebt())
    } else {
      this.#socket.resume()
    }
  }

  #demandHello(): void {
    if (!this.#context.rooms.isMember(this)) this.dismiss('idle')
  }

  /** Pings by the protocol of WebSocket itself are answered by browsers even when the page's timers are throttled. */
  #watchLiveness(): void {
    const { idleMs } = this.#context.limits
    this.#after(idleMs / LIVENESS_CHECKS, () => {
      const silentMs = this.#context.clock.nowMs() - this.#signOfLifeMs
      if (silentMs >= idleMs) {
        this.dismiss('idle')
      } else {
        this.#socket.ping()
        this.#watchLiveness()
      }
    })
  }

  #sawLife(): void {
    this.#signOfLifeMs = this.#context.clock.nowMs()
  }

  #sendError(code: ErrorCode): void {
    if (!this.#isClosing) this.#context.metrics.error(code)
    this.send({ type: 'error', code })
  }

  #close(code: number, reason: string): void {
    if (this.#isClosing) return
    this.#isClosing = true
    this.#cancelTimers()
    this.#context.rooms.disconnected(this)
    this.#socket.close(code, reason)
    this.#socket.resume() // else the client's answer would not be read
    this.#after(CLOSE_TIMEOUT_MS, () => this.#socket.terminate())
  }

  #closed(): void {
    this.#isClosing = true
    this.#cancelTimers()
    this.#context.rooms.disconnected(this)
  }

  #after(delayMs: number, fn: () => void): Timer {
    const timer = this.#context.clock.setTimer(delayMs, () => {
      this.#timers.delete(timer)
      fn()
    })
    this.#timers.add(timer)
    return timer
  }

  #cancelTimers(): void {
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }
}
