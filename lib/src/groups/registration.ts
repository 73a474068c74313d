import { toBase64Url } from '../base/bytes.js'
import type { PeerId } from '../base/ids.js'
import type { Runtime } from '../base/runtime.js'
import { encodeRegister, type SessionRef } from './entry.js'
import { FIRST_RESEND_DELAY_MS, nextResendDelayMs } from './pending.js'

const NONCE_BYTES = 16

/** How this peer comes to its next session: the nonce, and when to send the entry that registers it. */
export class Registration {
  readonly #runtime: Runtime
  readonly #self: () => PeerId
  #nonce: string
  #replaces: SessionRef | undefined
  /** `Infinity` while it must not be sent. */
  #dueAtMs = 0
  #delayMs = FIRST_RESEND_DELAY_MS

  constructor(runtime: Runtime, self: () => PeerId) {
    this.#runtime = runtime
    this.#self = self
    this.#nonce = this.#drawNonce()
  }

  get nonce(): string {
    return this.#nonce
  }

  get isDue(): boolean {
    return this.#dueAtMs <= this.#runtime.nowMs()
  }

  get isHeld(): boolean {
    return this.#dueAtMs === Number.POSITIVE_INFINITY
  }

  /** The entry, which counts as sent: it is due again after a while. */
  take(): Uint8Array {
    this.#dueAtMs = this.#runtime.nowMs() + this.#delayMs
    this.#delayMs = nextResendDelayMs(this.#delayMs)
    return encodeRegister({ nonce: this.#nonce, peer: this.#self(), replaces: this.#replaces })
  }

  /** What was sent is lost: it is due at once. */
  again(): void {
    if (!this.isHeld) this.release()
  }

  /** It must not be sent until `release`. */
  hold(): void {
    this.#dueAtMs = Number.POSITIVE_INFINITY
  }

  release(): void {
    this.#dueAtMs = 0
    this.#delayMs = FIRST_RESEND_DELAY_MS
  }

  /** Begins the registration of the session after `replaces`. */
  succeed(replaces: SessionRef, nonce = this.#drawNonce()): void {
    this.#replaces = replaces
    this.#nonce = nonce
    this.release()
  }

  /** Begins the registration of a session after which nothing comes of the one before. */
  renew(): void {
    this.#replaces = undefined
    this.#nonce = this.#drawNonce()
    this.release()
  }

  #drawNonce(): string {
    return toBase64Url(this.#runtime.randomBytes(NONCE_BYTES))
  }
}
