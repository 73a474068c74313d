import type { Latency, Rate } from '../peer/figures.js'
import type { Stack } from '../peer/raw-connection.js'
import type { PeerProcess } from './peer-process.js'

/** Two processes with nothing but a data channel between them. */
export class RawPair {
  readonly #offerer: PeerProcess
  readonly #answerer: PeerProcess
  readonly #stack: Stack

  constructor(offerer: PeerProcess, answerer: PeerProcess, stack: Stack) {
    this.#offerer = offerer
    this.#answerer = answerer
    this.#stack = stack
    offerer.onSignal = (signal) => void answerer.ask('rawSignal', signal)
    answerer.onSignal = (signal) => void offerer.ask('rawSignal', signal)
  }

  /** @returns how long it took until both ends were open, in milliseconds */
  async connect(): Promise<number> {
    await this.#answerer.ask('rawStart', { stack: this.#stack, offerer: false })
    const startMs = await this.#offerer.ask('rawStart', { stack: this.#stack, offerer: true })
    const openedMs = await Promise.all([this.#offerer.ask('rawOpened'), this.#answerer.ask('rawOpened')])
    return Math.max(...openedMs) - startMs
  }

  async close(): Promise<void> {
    await Promise.all([this.#offerer.ask('rawClose'), this.#answerer.ask('rawClose')])
  }

  ping(sizeBytes: number, durationMs: number): Promise<Latency> {
    return this.#offerer.ask('rawPing', sizeBytes, durationMs)
  }

  flood(sizeBytes: number, durationMs: number): Promise<Rate> {
    return this.#offerer.ask('rawFlood', sizeBytes, durationMs)
  }
}
