import type { IncomingMessage } from 'node:http'
import type { Limits } from './limits.js'
import type { Refusal } from './metrics.js'

export interface AdmissionOptions {
  readonly limits: Pick<Limits, 'sockets' | 'socketsPerAddress'>
  /** Origins of web pages that may connect; undefined: all. Programs that send no origin always may. */
  readonly origins: readonly string[] | undefined
  /** True behind a reverse proxy: the client's address is the last one in `X-Forwarded-For`. */
  readonly trustProxy: boolean
}

/** Decides which sockets may open, and counts those that did. */
export class Admission {
  readonly #options: AdmissionOptions
  readonly #perAddress = new Map<string, number>()
  #count = 0

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  get count(): number {
    return this.#count
  }

  refusal(request: IncomingMessage): Refusal | undefined {
    const { limits, origins } = this.#options
    const { origin } = request.headers
    if (origins !== undefined && origin !== undefined && !origins.includes(origin)) return 'origin'
    if (this.#count >= limits.sockets) return 'sockets'
    if ((this.#perAddress.get(this.addressOf(request)) ?? 0) >= limits.socketsPerAddress) return 'address'
    return undefined
  }

  /** Counts a socket. Returns what to call when it is closed, once. */
  admit(request: IncomingMessage): () => void {
    const address = this.addressOf(request)
    this.#add(address, 1)
    return () => this.#add(address, -1)
  }

  /** The client's network address. */
  addressOf(request: IncomingMessage): string {
    const direct = request.socket.remoteAddress ?? ''
    if (!this.#options.trustProxy) return direct
    // The last entry is the one that our own proxy wrote; those before it are the client's claims.
    return (
      String(request.headers['x-forwarded-for'] ?? '')
        .split(',')
        .at(-1)
        ?.trim() || direct
    )
  }

  #add(address: string, change: number): void {
    this.#count += change
    const count = (this.#perAddress.get(address) ?? 0) + change
    if (count > 0) this.#perAddress.set(address, count)
    else this.#perAddress.delete(address)
  }
}
