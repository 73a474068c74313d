import { REDIS_SCRIPT } from './redis-script.js'

/** What is used of a client of the package `redis`, not connected yet. */
export interface RedisClient {
  on(event: 'error', listener: (error: unknown) => void): unknown
  on(event: 'end', listener: () => void): unknown
  connect(): Promise<unknown>
  subscribe(channel: string, listener: (text: string) => void): Promise<unknown>
  sendCommand(args: string[]): Promise<unknown>
  destroy(): void
}

export interface RedisLinkOptions {
  createClient(): RedisClient
  /** What is published there comes as messages. */
  readonly channel: string
}

export interface RedisLinkEvents {
  ready(): void
  message(text: string): void
  /** Fires once, if `close` was not called before; the link is useless afterwards. @param problem for people */
  lost(problem: string): void
}

/** One connection to Redis, made of two: one listens, the other asks. Neither is repaired: the owner opens a new link. */
export class RedisLink {
  readonly #events: RedisLinkEvents
  readonly #channel: string
  readonly #commands: RedisClient
  readonly #listener: RedisClient
  #scriptId = ''
  #isClosed = false

  constructor({ createClient, channel }: RedisLinkOptions, events: RedisLinkEvents) {
    this.#events = events
    this.#channel = channel
    this.#commands = createClient()
    this.#listener = createClient()
    for (const one of [this.#commands, this.#listener]) {
      one.on('error', (error) => this.#lost(error))
      one.on('end', () => this.#lost('the connection was closed'))
    }
    this.#open().catch((error) => this.#lost(error))
  }

  /** Runs the script; what comes of it is told through the channel. Settles when Redis ran it or can't. */
  async run(...args: string[]): Promise<void> {
    await this.#tolerate(this.#commands.sendCommand(['EVALSHA', this.#scriptId, '0', ...args]))
  }

  publish(channel: string, text: string): void {
    void this.#tolerate(this.#commands.sendCommand(['PUBLISH', channel, text]))
  }

  /** Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const one of [this.#commands, this.#listener]) one.destroy()
  }

  async #open(): Promise<void> {
    await Promise.all([this.#commands.connect(), this.#listener.connect()])
    await this.#listener.subscribe(this.#channel, (text) => this.#received(text))
    this.#scriptId = String(await this.#commands.sendCommand(['SCRIPT', 'LOAD', REDIS_SCRIPT]))
    if (!this.#isClosed) this.#events.ready()
  }

  #received(text: string): void {
    if (!this.#isClosed) this.#events.message(text)
  }

  async #tolerate(command: Promise<unknown>): Promise<void> {
    try {
      await command
    } catch (error) {
      this.#lost(error)
    }
  }

  #lost(error: unknown): void {
    if (this.#isClosed) return
    this.close()
    this.#events.lost(error instanceof Error ? error.message || error.name : String(error))
  }
}
