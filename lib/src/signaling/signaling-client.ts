import { toBase64Url } from '../base/bytes.js'
import type { ClusterId, PeerId, RoomId } from '../base/ids.js'
import type { Logger } from '../base/logger.js'
import type { Runtime } from '../base/runtime.js'
import type { IceServer } from '../transport/channel.js'
import type { Envelope, EnvelopeFactory } from './envelope.js'
import { type ClientMessage, PROTOCOL_VERSION, parseServerMessage, type ServerMessage } from './messages.js'
import { ReconnectingSocket } from './reconnecting-socket.js'
import type { Rendezvous, RendezvousEvents, RendezvousSelf, RendezvousStatus, Rest } from './rendezvous.js'
import type { SocketFactory } from './socket.js'
import { tokenFor } from './token.js'

export interface SignalingClientOptions {
  /** `ws://…` or `wss://…`; of several instances of one server, separated by spaces */
  readonly url: string
  readonly room: RoomId
  /** Makes the token for the server. Whoever has it can take our PeerId over. */
  readonly key: Uint8Array
  readonly envelope: EnvelopeFactory
  /** What is shown to a server that lets in only whom it knows; asked at every hello. Default: nothing. */
  readonly credential?: (() => string | undefined) | undefined
  readonly runtime: Runtime
  readonly openSocket: SocketFactory
  readonly logger: Logger
}

/** Sealed and in base64url it must fit the server's frames (64 KiB). */
const MAX_SIGNAL_BYTES = 32 * 1024

/** Peers of a room that are kept track of; servers allow fewer. */
const MAX_PEERS = 4096

const PING: ClientMessage = { type: 'ping' }

/** One room of one signaling server. */
export class SignalingClient implements Rendezvous {
  readonly #options: SignalingClientOptions
  #socket: ReconnectingSocket | undefined
  #envelope: Envelope | undefined
  #status: RendezvousStatus = 'connecting'
  #problem: string | undefined
  /** What the server said is wrong, if that was its last word. */
  #refusal: string | undefined
  readonly #peers = new Set<PeerId>()
  /** The cluster we belong to, by our own word or by the server's. */
  #clusterId: ClusterId | undefined
  /** The cluster of the room, whether or not it is ours. */
  #roomClusterId: ClusterId | undefined
  /** What we asked to found, until it is answered. */
  #request: ClusterId | undefined

  constructor(options: SignalingClientOptions) {
    this.#options = options
  }

  get status(): RendezvousStatus {
    return this.#status
  }

  get droppedSignals(): number {
    return this.#envelope?.droppedCount ?? 0
  }

  join(self: RendezvousSelf, events: RendezvousEvents): void {
    this.#clusterId = self.clusterId
    this.#envelope = this.#newEnvelope(self, events)
    const options = { ...this.#options, ping: JSON.stringify(PING) }
    this.#socket = new ReconnectingSocket(options, {
      open: () => this.#sayHello(self),
      message: (text) => this.#received(text, self, events),
      lost: (problem) => this.#lost(problem, events),
    })
    this.#socket.connect()
  }

  send(to: PeerId, payload: Uint8Array): boolean {
    if (this.#status !== 'joined' || !this.#peers.has(to)) return false
    if (payload.length > MAX_SIGNAL_BYTES) {
      this.#options.logger.warn(`signaling: a signal of ${payload.length} bytes is too large`)
      return false
    }
    this.#envelope?.send(to, payload)
    return true
  }

  /** For the server a claim is a founding that cannot win. */
  claim(clusterId: ClusterId): void {
    this.found(clusterId)
  }

  found(clusterId: ClusterId): void {
    this.#request = clusterId
    if (this.#status === 'joined') this.#transmit({ type: 'found', clusterId })
  }

  probe(): void {
    this.#socket?.probe()
  }

  async leave(rest?: Rest): Promise<void> {
    this.#status = 'left'
    this.#transmit({ type: 'bye', rest })
    this.#socket?.close()
  }

  #newEnvelope({ id }: RendezvousSelf, events: RendezvousEvents): Envelope {
    return this.#options.envelope({
      self: id,
      transmit: (to, sealed) => {
        if (this.#status === 'joined') this.#transmit({ type: 'signal', to, payload: toBase64Url(sealed) })
      },
      deliver: (from, payload) => {
        if (this.#status !== 'left' && this.#peers.has(from)) events.signal(from, payload)
      },
    })
  }

  #sayHello(self: RendezvousSelf): void {
    const { key, url, room, credential } = this.#options
    this.#refusal = undefined
    this.#transmit({
      type: 'hello',
      version: PROTOCOL_VERSION,
      room,
      peer: self.id,
      token: tokenFor(key, url, room),
      durable: self.durable,
      clusterId: this.#clusterId,
      credential: credential?.(),
    })
  }

  #received(text: string, self: RendezvousSelf, events: RendezvousEvents): void {
    const message = parseServerMessage(text)
    this.#refusal = undefined
    if (message === undefined) this.#options.logger.debug(`signaling: ${this.#options.url} sent a malformed frame`)
    else if (message.type === 'welcome') this.#welcomed(message, self, events)
    else if (message.type === 'error') this.#refused(message.code)
    else if (this.#status === 'joined') this.#inRoom(message, self, events)
  }

  #welcomed(welcome: Welcome, self: RendezvousSelf, events: RendezvousEvents): void {
    this.#roomClusterId = welcome.clusterId
    this.#peers.clear()
    for (const peer of welcome.peers) if (peer !== self.id) this.#peers.add(peer)
    this.#socket?.accepted()
    this.#setStatus('joined', undefined, events)
    this.#envelope?.joined([...this.#peers])
    this.#tellView(welcome.iceServers, events)
    if (this.#request !== undefined) this.found(this.#request)
  }

  #inRoom(message: RoomMessage, self: RendezvousSelf, events: RendezvousEvents): void {
    if (message.type === 'peer-joined') this.#peerJoined(message.peer, self, events)
    else if (message.type === 'peer-left') this.#peerLeft(message.peer, events)
    else if (message.type === 'signal') this.#signalled(message.from, message.payload)
    else if (message.type === 'founded') this.#founded(message.clusterId, events)
    else if (message.type === 'ice') this.#tellView(message.iceServers, events)
  }

  #tellView(iceServers: readonly IceServer[], events: RendezvousEvents): void {
    events.joined({ peers: [...this.#peers], iceServers, clusterId: this.#roomClusterId })
  }

  #peerJoined(peer: PeerId, self: RendezvousSelf, events: RendezvousEvents): void {
    if (peer === self.id || this.#peers.size >= MAX_PEERS) return
    this.#peers.add(peer)
    this.#envelope?.peerJoined(peer)
    events.peerJoined(peer)
  }

  #peerLeft(peer: PeerId, events: RendezvousEvents): void {
    if (!this.#peers.delete(peer)) return
    this.#envelope?.peerLeft(peer)
    events.peerLeft(peer)
  }

  #signalled(from: PeerId, sealed: Uint8Array): void {
    if (this.#peers.has(from)) this.#envelope?.receive(from, sealed)
  }

  #founded(clusterId: ClusterId, events: RendezvousEvents): void {
    if (clusterId === this.#request) this.#clusterId = clusterId
    this.#request = undefined
    this.#roomClusterId = clusterId
    events.founded(clusterId)
  }

  #refused(code: string): void {
    this.#refusal = REFUSALS.get(code) ?? `reported '${code}'`
    this.#options.logger.debug(`signaling: ${this.#options.url} ${this.#refusal}`)
  }

  #lost(problem: string, events: RendezvousEvents): void {
    const refusal = this.#refusal && `the signaling server ${this.#options.url} ${this.#refusal}`
    this.#refusal = undefined
    this.#setStatus('offline', refusal ?? problem, events)
  }

  #setStatus(status: RendezvousStatus, problem: string | undefined, events: RendezvousEvents): void {
    if (status === this.#status && problem === this.#problem) return
    this.#status = status
    this.#problem = problem
    events.status(status, problem)
  }

  #transmit(message: ClientMessage): void {
    this.#socket?.send(JSON.stringify(message))
  }
}

type Welcome = Extract<ServerMessage, { type: 'welcome' }>
type RoomMessage = Exclude<ServerMessage, { type: 'welcome' | 'error' }>

const REFUSALS: ReadonlyMap<string, string> = new Map([
  ['version', 'speaks another version of the protocol: update it or this library'],
  ['unauthorized', 'does not let this peer in: show it another `credential`'],
  ['peer-taken', 'keeps the id of this peer for another connection of it, or for a process that is gone; trying again'],
  ['room-full', 'has no place left in the room of this cluster'],
  ['too-many-rooms', 'has no place left for another cluster'],
  ['rate-limited', 'was sent too many messages'],
])
