import { once } from 'node:events'
import { type ClientOptions, WebSocket } from 'ws'
import type { ServerMessage } from '../src/protocol.js'

/** A WebSocket that speaks whatever the test wants. */
export class RawClient {
  readonly socket: WebSocket
  readonly #received: ServerMessage[] = []
  readonly #waiting: ((message: ServerMessage) => void)[] = []
  /** Resolves with the close code. */
  readonly closed: Promise<number>

  private constructor(socket: WebSocket) {
    this.socket = socket
    this.closed = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', () => {})
    socket.on('message', (data) => this.#receive(JSON.parse(String(data))))
  }

  /** Rejects, with the HTTP status in the message, if the server refuses. */
  static async open(url: string, options: ClientOptions = {}): Promise<RawClient> {
    const client = new RawClient(new WebSocket(url, options))
    await once(client.socket, 'open')
    return client
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' || message instanceof Uint8Array ? message : JSON.stringify(message))
  }

  /** The next message, waited for. */
  next(): Promise<ServerMessage> {
    const message = this.#received.shift()
    return message === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(message)
  }

  /** Resolves when the server has handled everything sent before. Skips what else came meanwhile. */
  async roundTrip(): Promise<void> {
    this.send({ type: 'ping' })
    while ((await this.next()).type !== 'pong');
  }

  #receive(message: ServerMessage): void {
    const waiting = this.#waiting.shift()
    if (waiting === undefined) this.#received.push(message)
    else waiting(message)
  }
}
