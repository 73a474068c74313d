import type { Runtime, Timer } from '../base/runtime.js'
import type { Socket, SocketFactory } from './socket.js'

export interface ReconnectingSocketOptions {
  /** Of several, separated by spaces, one at a time is used, the next one when it is lost. */
  readonly url: string
  readonly runtime: Runtime
  readonly openSocket: SocketFactory
  /** A frame that the server answers. */
  readonly ping: string
}

export interface ReconnectingSocketEvents {
  /** Connected, again and again. */
  open(): void
  message(text: string): void
  /**
   * Lost, or could not be opened; the next attempt follows by itself.
   * @param problem a sentence for people
   */
  lost(problem: string): void
}

/** The longest wait is shorter than the server's grace, so that a cluster outlives every reconnect of its members. */
const BACKOFF_MS = { min: 100, first: 200, max: 2000 }

/** Who says nothing between two checks is lost. */
const CHECK_MS = 10_000
/** Who has not accepted us by then is not reached. TCP repeats its first packet after 1, 3 and 7 s: no sooner than we do. */
const ACCEPT_MS = 5_000
/** The deadline of a connection that is suspected to be dead. */
const PROBE_MS = 2_000

/** A socket that stays connected until `close`: notices a dead server, reconnects with jittered backoff. */
export class ReconnectingSocket {
  readonly #options: ReconnectingSocketOptions
  readonly #events: ReconnectingSocketEvents
  readonly #urls: readonly string[]
  /** Counts up; begins anywhere, so that many clients spread over all. */
  #turn: number
  #socket: Socket | undefined
  #check: Timer | undefined
  #retry: Timer | undefined
  #hasHeard = false
  #startedMs = 0
  /** When the server accepted us; undefined before. */
  #acceptedMs: number | undefined
  /** Attempts since the last connection that lasted. */
  #failures = 0

  constructor(options: ReconnectingSocketOptions, events: ReconnectingSocketEvents) {
    this.#options = options
    this.#events = events
    this.#urls = options.url.split(' ').filter((url) => url !== '')
    this.#turn = Math.floor(options.runtime.random() * this.#urls.length)
  }

  connect(): void {
    const { runtime, openSocket } = this.#options
    const url = this.#url
    this.#retry = undefined
    this.#hasHeard = false
    this.#startedMs = runtime.nowMs()
    this.#acceptedMs = undefined
    this.#checkIn(ACCEPT_MS)
    try {
      this.#socket = openSocket(url, {
        open: () => this.#events.open(),
        message: (text) => this.#received(text),
        close: (reason) => this.#lost(this.#closeProblem(reason)),
      })
    } catch (error) {
      this.#lost(`cannot connect to ${url}: ${error instanceof Error ? error.message : error}`)
    }
  }

  /** The server took us in: from now on it must answer pings, and its loss is not one more failed attempt. */
  accepted(): void {
    this.#acceptedMs = this.#options.runtime.nowMs()
    this.#checkIn(CHECK_MS)
  }

  /** The network may have changed: waits no longer for the next attempt; a connection must soon give a sign of life. */
  probe(): void {
    if (this.#retry !== undefined) {
      this.#retry.cancel()
      this.connect()
    } else if (this.#acceptedMs !== undefined && this.#socket !== undefined) this.#ask(PROBE_MS)
  }

  send(text: string): void {
    this.#socket?.send(text)
  }

  /** For good. Idempotent; no event fires after it. */
  close(): void {
    this.#disconnect()
    this.#retry?.cancel()
    this.#retry = undefined
  }

  #received(text: string): void {
    this.#hasHeard = true
    this.#events.message(text)
  }

  #checkLiveness(): void {
    if (this.#hasHeard && this.#acceptedMs !== undefined) this.#ask(CHECK_MS)
    else this.#lost(`${this.#url} does not answer; trying again`)
  }

  #ask(withinMs: number): void {
    this.#hasHeard = false
    this.send(this.#options.ping)
    this.#checkIn(withinMs)
  }

  #checkIn(delayMs: number): void {
    this.#check?.cancel()
    this.#check = this.#options.runtime.setTimer(delayMs, () => this.#checkLiveness())
  }

  #lost(problem: string): void {
    const hasLasted = this.#acceptedMs !== undefined && this.#ageMs(this.#acceptedMs) > BACKOFF_MS.max
    this.#failures = hasLasted ? 0 : this.#failures + 1
    this.#disconnect()
    this.#turn++
    this.#retry = this.#options.runtime.setTimer(this.#backoffMs(), () => this.connect())
    this.#events.lost(problem)
  }

  #disconnect(): void {
    this.#check?.cancel()
    this.#socket?.close()
    this.#socket = undefined
  }

  /** An attempt that nobody answered has waited already. */
  #backoffMs(): number {
    const { min, first, max } = BACKOFF_MS
    const hasWaited = this.#acceptedMs === undefined && this.#ageMs(this.#startedMs) >= ACCEPT_MS
    const ceiling = hasWaited ? first : Math.min(max, first * 2 ** this.#failures)
    return min + this.#options.runtime.random() * (ceiling - min)
  }

  get #url(): string {
    return this.#urls[this.#turn % this.#urls.length] ?? ''
  }

  #ageMs(sinceMs: number): number {
    return this.#options.runtime.nowMs() - sinceMs
  }

  #closeProblem(reason: string): string {
    const detail = reason === '' ? '' : ` (${reason})`
    return this.#acceptedMs === undefined
      ? `cannot reach ${this.#url}: is the signaling server running?${detail}`
      : `lost the connection to ${this.#url}; trying again${detail}`
  }
}
