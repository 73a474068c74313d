import { concatBytes } from '../base/bytes.js'
import type { PeerId } from '../base/ids.js'
import type { Runtime } from '../base/runtime.js'
import type { RoomSecrets } from './sealing.js'

export interface CipherOptions {
  readonly secrets: RoomSecrets
  readonly subtle: SubtleCrypto
  readonly runtime: Runtime
}

/** AES-GCM takes 96-bit nonces; random ones are safe for 2^32 signals of one key (NIST SP 800-38D, 8.3). */
const NONCE_BYTES = 12

/**
 * Authenticated encryption with the cluster's key, bound to the room, the sender and the receiver: what was sealed for
 * one cannot be passed to another or in another's name.
 *
 * sealed = nonce (12 bytes), ciphertext, tag (16 bytes)
 */
export class Cipher {
  readonly #options: CipherOptions

  constructor(options: CipherOptions) {
    this.#options = options
  }

  async seal(from: PeerId, to: PeerId, plain: Uint8Array): Promise<Uint8Array> {
    const { subtle, secrets, runtime } = this.#options
    const nonce = runtime.randomBytes(NONCE_BYTES)
    const ciphertext = await subtle.encrypt(this.#algorithm(nonce, from, to), secrets.sealingKey, bufferSource(plain))
    return concatBytes([nonce, new Uint8Array(ciphertext)])
  }

  /** Rejects unless a member sealed exactly this, from and to these two. */
  async open(from: PeerId, to: PeerId, sealed: Uint8Array): Promise<Uint8Array> {
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
