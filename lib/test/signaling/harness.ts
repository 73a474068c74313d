import { toBase64Url } from '../../src/base/bytes.js'
import type { ClusterId, PeerId } from '../../src/base/ids.js'
import { silentLogger } from '../../src/base/logger.js'
import { plainEnvelope } from '../../src/signaling/envelope.js'
import type { RendezvousEvents, RendezvousSelf, RendezvousStatus, RoomView } from '../../src/signaling/rendezvous.js'
import { openRoomId } from '../../src/signaling/sealing.js'
import { SignalingClient, type SignalingClientOptions } from '../../src/signaling/signaling-client.js'
import type { Socket, SocketEvents, SocketFactory } from '../../src/signaling/socket.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'

/** For what the platform's cryptography does in its own time. */
export const SLOWLY = { timeout: 15_000, interval: 1 }

export const ROOM = openRoomId('theatre')
export const KEY = new Uint8Array(16).fill(7)
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

function id(word: string): string {
  return toBase64Url(bytes(word.padEnd(16, '.')).subarray(0, 16))
}
export const peer = (word: string): PeerId => id(word) as PeerId
export const cluster = (word: string): ClusterId => id(word) as ClusterId

export const welcome = (parts: object = {}): object => ({
  type: 'welcome',
  peers: [],
  iceServers: [],
  ...parts,
})

/** The server's end of a socket, played by the test. */
export class ScriptedSocket implements Socket {
  readonly url: string
  readonly #events: SocketEvents
  readonly sent: Record<string, unknown>[] = []
  isClosed = false

  constructor(url: string, events: SocketEvents) {
    this.url = url
    this.#events = events
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text))
  }

  close(): void {
    this.isClosed = true
  }

  /** What came since the last call. */
  take(): Record<string, unknown>[] {
    return this.sent.splice(0)
  }

  accept(): void {
    this.#events.open()
  }

  say(message: object | string): void {
    if (!this.isClosed) this.#events.message(typeof message === 'string' ? message : JSON.stringify(message))
  }

  drop(reason = ''): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#events.close(reason)
  }
}

/** Writes down what a rendezvous tells. */
export class Recorder implements RendezvousEvents {
  readonly views: RoomView[] = []
  readonly presence: string[] = []
  readonly signals: [PeerId, string][] = []
  readonly clusters: ClusterId[] = []
  readonly statuses: [RendezvousStatus, string | undefined][] = []

  joined(view: RoomView): void {
    this.views.push(view)
  }
  peerJoined(peer: PeerId): void {
    this.presence.push(`+${peer}`)
  }
  peerLeft(peer: PeerId): void {
    this.presence.push(`-${peer}`)
  }
  signal(from: PeerId, payload: Uint8Array): void {
    this.signals.push([from, new TextDecoder().decode(payload)])
  }
  founded(clusterId: ClusterId): void {
    this.clusters.push(clusterId)
  }
  status(status: RendezvousStatus, problem: string | undefined): void {
    this.statuses.push([status, problem])
  }
}

/** A client on a simulated clock, before scripted sockets. */
export class ClientBench {
  readonly clock = new SimulatedClock()
  readonly runtime = this.clock.fork(7)
  readonly sockets: ScriptedSocket[] = []
  readonly events = new Recorder()
  readonly client: SignalingClient

  constructor(options: Partial<SignalingClientOptions> = {}) {
    this.client = new SignalingClient({
      url: 'ws://server',
      room: ROOM,
      key: KEY,
      envelope: plainEnvelope,
      runtime: this.runtime,
      openSocket: this.openSocket,
      logger: silentLogger,
      ...options,
    })
  }

  readonly openSocket: SocketFactory = (url, events) => {
    const socket = new ScriptedSocket(url, events)
    this.sockets.push(socket)
    return socket
  }

  /** The newest socket. */
  get socket(): ScriptedSocket {
    return this.sockets.at(-1) as ScriptedSocket
  }

  join(self: Partial<RendezvousSelf> = {}): void {
    this.client.join({ id: peer('me'), durable: false, clusterId: undefined, ...self }, this.events)
  }

  /** The server takes the newest socket in. */
  welcome(parts: object = {}): void {
    this.socket.accept()
    this.socket.say(welcome(parts))
  }
}
