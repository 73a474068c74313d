import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'

export interface RoutedSignal {
  readonly from: string
  readonly to: string
  readonly payload: string
}

/**
 * A signaling server that speaks the protocol but keeps none of its promises: whoever comes is in one room with all
 * others, and `route` decides what becomes of each signal. It writes down all that it sees.
 */
export class HostileServer {
  readonly signals: RoutedSignal[] = []
  readonly frames: string[] = []
  /** What is delivered in place of a signal. */
  route: (signal: RoutedSignal) => readonly RoutedSignal[] = (signal) => [signal]
  readonly #server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  readonly #members = new Map<string, WebSocket>()

  async listen(): Promise<string> {
    await once(this.#server, 'listening')
    this.#server.on('connection', (socket) => this.#connected(socket))
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  deliver({ from, to, payload }: RoutedSignal): void {
    this.#say(to, { type: 'signal', from, payload })
  }

  async close(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #connected(socket: WebSocket): void {
    let self = ''
    socket.on('message', (data) => {
      this.frames.push(String(data))
      const message = JSON.parse(String(data)) as { type: string; peer?: string; to?: string; payload?: string }
      if (message.type === 'hello') {
        self = message.peer ?? ''
        this.#welcome(self, socket)
      }
      if (message.type === 'ping') socket.send('{"type":"pong"}')
      if (message.type === 'signal')
        this.#signalled({ from: self, to: message.to ?? '', payload: message.payload ?? '' })
    })
    socket.on('close', () => {
      if (this.#members.get(self) !== socket) return
      this.#members.delete(self)
      for (const peer of this.#members.keys()) this.#say(peer, { type: 'peer-left', peer: self })
    })
  }

  #welcome(peer: string, socket: WebSocket): void {
    this.#members.delete(peer)
    for (const other of this.#members.keys()) this.#say(other, { type: 'peer-joined', peer })
    socket.send(JSON.stringify({ type: 'welcome', peers: [...this.#members.keys()], iceServers: [] }))
    this.#members.set(peer, socket)
  }

  #signalled(signal: RoutedSignal): void {
    this.signals.push(signal)
    for (const one of this.route(signal)) this.deliver(one)
  }

  #say(to: string, message: object): void {
    this.#members.get(to)?.send(JSON.stringify(message))
  }
}
