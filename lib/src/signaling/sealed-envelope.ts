import type { PeerId } from '../base/ids.js'
import type { Logger } from '../base/logger.js'
import { Cipher, type CipherOptions } from './cipher.js'
import { Conversation } from './conversation.js'
import type { Envelope, EnvelopeWorld } from './envelope.js'
import { KeyedQueue } from './keyed-queue.js'
import { decodeSealedSignal, encodeSealedSignal, type SealedSignal } from './sealed-signal.js'

export interface SealedEnvelopeOptions extends CipherOptions {
  readonly logger: Logger
}

/** A dial is some twenty signals; more than this waiting, of one peer or of all, is somebody's flood. */
const MAX_WAITING = { perKey: 256, inAll: 4_096 }

/** In larger rooms tickets are given on request, which costs a round trip once. */
const GREETS_IN_ROOMS_UP_TO = 64

/**
 * Signals that only members of the cluster can read or write, and that count once (`Cipher`, `Conversation`): neither
 * the server nor a stranger can read, swap or repeat what two members tell each other.
 *
 * Invariant: there are conversations only with peers in the room.
 */
export class SealedEnvelope implements Envelope {
  readonly #options: SealedEnvelopeOptions
  readonly #world: EnvelopeWorld
  readonly #cipher: Cipher
  readonly #outgoing = new KeyedQueue<PeerId>(MAX_WAITING)
  readonly #incoming = new KeyedQueue<PeerId>(MAX_WAITING)
  readonly #conversations = new Map<PeerId, Conversation>()
  #droppedCount = 0

  constructor(options: SealedEnvelopeOptions, world: EnvelopeWorld) {
    this.#options = options
    this.#world = world
    this.#cipher = new Cipher(options)
  }

  get droppedCount(): number {
    return this.#droppedCount
  }

  joined(peers: readonly PeerId[]): void {
    const present = new Set(peers)
    for (const [peer, conversation] of this.#conversations) {
      if (present.has(peer)) conversation.restart()
      else this.#conversations.delete(peer)
    }
    for (const peer of peers) this.#meet(peer)
  }

  peerJoined(peer: PeerId): void {
    this.#conversations.delete(peer)
    this.#meet(peer)
  }

  peerLeft(peer: PeerId): void {
    this.#conversations.delete(peer)
  }

  send(to: PeerId, payload: Uint8Array): void {
    this.#post(to, this.#conversation(to).say(payload))
  }

  receive(from: PeerId, sealed: Uint8Array): void {
    this.#run(this.#incoming, from, async () => {
      const plain = await this.#cipher.open(from, this.#world.self, sealed)
      this.#opened(from, decodeSealedSignal(plain))
    })
  }

  /** Of two peers the smaller one speaks first, as it is the one that dials: it needs the other's ticket for that. */
  #meet(peer: PeerId): void {
    const conversation = this.#conversation(peer)
    if (peer < this.#world.self && this.#conversations.size <= GREETS_IN_ROOMS_UP_TO) {
      this.#post(peer, conversation.greet())
    }
  }

  #opened(from: PeerId, signal: SealedSignal): void {
    const conversation = this.#conversations.get(from)
    if (conversation === undefined) return // it has left meanwhile
    const { payload, problem, replies } = conversation.hear(signal)
    this.#post(from, replies)
    if (problem !== undefined) this.#dropped(from, problem)
    if (payload !== undefined) this.#world.deliver(from, payload)
  }

  #post(to: PeerId, signals: readonly SealedSignal[]): void {
    for (const signal of signals) {
      this.#run(this.#outgoing, to, async () => {
        const sealed = await this.#cipher.seal(this.#world.self, to, encodeSealedSignal(signal))
        this.#world.transmit(to, sealed)
      })
    }
  }

  #run(queue: KeyedQueue<PeerId>, peer: PeerId, task: () => Promise<void>): void {
    const isQueued = queue.add(peer, () => task().catch((error) => this.#dropped(peer, error)))
    if (!isQueued) this.#dropped(peer, 'too many at once')
  }

  #dropped(peer: PeerId, problem: unknown): void {
    this.#droppedCount++
    const level = this.#droppedCount === 1 ? 'warn' : 'debug' // a hostile server must not flood the log
    this.#options.logger[level](`signaling: dropped a signal from or to ${peer}`, problem)
  }

  #conversation(peer: PeerId): Conversation {
    const known = this.#conversations.get(peer) ?? new Conversation(this.#options.runtime)
    this.#conversations.set(peer, known)
    return known
  }
}
