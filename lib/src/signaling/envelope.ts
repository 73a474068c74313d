import { concatBytes } from '../base/bytes.js'
import type { PeerId } from '../base/ids.js'
import type { Logger } from '../base/logger.js'
import type { Runtime } from '../base/runtime.js'
import { KeyedQueue } from './keyed-queue.js'
import type { RoomSecrets } from './sealing.js'

/**
 * What signals travel in. Delivers what it sealed or opened in order per peer, maybe later; what cannot be opened is
 * dropped.
 */
export interface Envelope {
  seal(from: PeerId, to: PeerId, payload: Uint8Array, deliver: (sealed: Uint8Array) => void): void
  open(from: PeerId, to: PeerId, sealed: Uint8Array, deliver: (payload: Uint8Array) => void): void
}

/** For clusters without a secret: everyone may read and write. */
export const plainEnvelope: Envelope = {
  seal: (_from, _to, payload, deliver) => deliver(payload),
  open: (_from, _to, payload, deliver) => deliver(payload),
}

export interface SealedEnvelopeOptions {
  readonly secrets: RoomSecrets
  readonly subtle: SubtleCrypto
  readonly runtime: Runtime
  readonly logger: Logger
}

/** AES-GCM takes 96-bit nonces; random ones are safe for 2^32 signals of one key (NIST SP 800-38D, 8.3). */
const NONCE_BYTES = 12

/** A dial is some twenty signals; more than this waiting is somebody's flood. */
const MAX_WAITING_PER_PEER = 256

/**
 * Authenticated encryption with the cluster's key, so that neither the server nor a stranger can read or swap what two
 * members tell each other. Bound to the room, the sender and the receiver: what was sealed for one cannot be passed to
 * another or in another's name.
 *
 * sealed = nonce (12 bytes), ciphertext, tag (16 bytes)
 */
export class SealedEnvelope implements Envelope {
  readonly #options: SealedEnvelopeOptions
  readonly #outgoing = new KeyedQueue<PeerId>(MAX_WAITING_PER_PEER)
  readonly #incoming = new KeyedQueue<PeerId>(MAX_WAITING_PER_PEER)
  #droppedCount = 0

  constructor(options: SealedEnvelopeOptions) {
    this.#options = options
  }

  /** Signals that could not be opened, or came faster than they could be. */
  get droppedCount(): number {
    return this.#droppedCount
  }

  seal(from: PeerId, to: PeerId, payload: Uint8Array, deliver: (sealed: Uint8Array) => void): void {
    this.#run(this.#outgoing, to, async () => deliver(await this.#encrypt(from, to, payload)))
  }

  open(from: PeerId, to: PeerId, sealed: Uint8Array, deliver: (payload: Uint8Array) => void): void {
    this.#run(this.#incoming, from, async () => deliver(await this.#decrypt(from, to, sealed)))
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

  async #encrypt(from: PeerId, to: PeerId, payload: Uint8Array): Promise<Uint8Array> {
    const { subtle, secrets, runtime } = this.#options
    const nonce = runtime.randomBytes(NONCE_BYTES)
    const ciphertext = await subtle.encrypt(this.#algorithm(nonce, from, to), secrets.sealingKey, bufferSource(payload))
    return concatBytes([nonce, new Uint8Array(ciphertext)])
  }

  async #decrypt(from: PeerId, to: PeerId, sealed: Uint8Array): Promise<Uint8Array> {
    const { subtle, secrets } = this.#options
    const algorithm = this.#algorithm(sealed.subarray(0, NONCE_BYTES), from, to)
    const ciphertext = bufferSource(sealed.subarray(NONCE_BYTES))
    return new Uint8Array(await subtle.decrypt(algorithm, secrets.sealingKey, ciphertext))
  }

  #algorithm(nonce: Uint8Array, from: PeerId, to: PeerId): AesGcmParams {
    // All three are of fixed length, so the text is unambiguous.
    const context = new TextEncoder().encode(`legion-mesh 1 signal ${this.#options.secrets.room} ${from} ${to}`)
    return { name: 'AES-GCM', iv: bufferSource(nonce), additionalData: context }
  }
}

/** WebCrypto's types refuse bytes that may be shared with a worker; ours never are. */
function bufferSource(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>
}
