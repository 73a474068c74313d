import type { PeerId } from '../base/ids.js'
import type { Runtime, Timer } from '../base/runtime.js'
import type { ControlMessage } from './control.js'
import type { Directory } from './directory.js'
import type { LinkedPeer } from './linked-peer.js'

export interface GrapevineOptions {
  readonly runtime: Runtime
  readonly links: ReadonlyMap<PeerId, LinkedPeer>
  readonly directory: Directory
  /** Changes of links are told together after this. */
  readonly delayMs: number
  /** A signal for this peer came through another one. */
  signalled(from: PeerId, signal: Uint8Array): void
  /** Somebody may have become known, or reachable by signals. */
  learned(): void
}

/**
 * How linked peers help each other to meet, with or without a rendezvous: each says whom it is linked to, and carries
 * signals between those that are not linked yet. One hop: carrier and target must be linked.
 */
export class Grapevine {
  readonly #options: GrapevineOptions
  #timer: Timer | undefined

  constructor(options: GrapevineOptions) {
    this.#options = options
  }

  /** The links changed. */
  announceSoon(): void {
    const { runtime, links, delayMs } = this.#options
    this.#timer ??= runtime.setTimer(delayMs, () => {
      this.#timer = undefined
      const peers = [...links.keys()]
      for (const linked of links.values()) linked.say({ kind: 'peers', peers })
    })
  }

  /** Sends a signal through the first linked peer that can carry it. */
  carry(to: PeerId, signal: Uint8Array): void {
    const carriers = this.#options.directory.relaysTo(to)
    carriers.some((carrier) => this.#options.links.get(carrier)?.say({ kind: 'forward', to, signal }))
  }

  heard(from: PeerId, message: Extract<ControlMessage, { kind: 'peers' | 'forward' | 'forwarded' }>): void {
    const { links, directory, signalled, learned } = this.#options
    if (message.kind === 'forward') {
      links.get(message.to)?.say({ kind: 'forwarded', from, signal: message.signal })
    } else if (message.kind === 'forwarded') {
      signalled(message.from, message.signal)
    } else {
      directory.setLinksOf(from, message.peers)
      learned()
    }
  }

  close(): void {
    this.#timer?.cancel()
  }
}
