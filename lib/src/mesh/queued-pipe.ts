import type { SignalPipe } from '../transport/channel.js'

/** A connector that is slow to listen loses what comes after this many signals. */
const MAX_QUEUED = 64

/** This end of an attempt's signal pipe: keeps what comes before the connector listens. */
export class QueuedPipe implements SignalPipe {
  readonly send: (payload: Uint8Array) => void
  readonly #early: Uint8Array[] = []
  #listener: ((payload: Uint8Array) => void) | undefined

  constructor(send: (payload: Uint8Array) => void) {
    this.send = send
  }

  receive(listener: (payload: Uint8Array) => void): void {
    this.#listener = listener
    for (const payload of this.#early.splice(0)) listener(payload)
  }

  /** A signal of the other side arrived. */
  deliver(payload: Uint8Array): void {
    if (this.#listener !== undefined) this.#listener(payload)
    else if (this.#early.length < MAX_QUEUED) this.#early.push(payload.slice()) // not the message that it came in
  }
}
