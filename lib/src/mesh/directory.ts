import type { PeerId } from '../base/ids.js'

/**
 * Who there is besides this peer: the room as the rendezvous showed it last, and those to whom a way leads over links.
 * The room is kept while the rendezvous is offline.
 */
export class Directory {
  readonly #self: () => PeerId
  readonly #near: () => ReadonlySet<PeerId>
  #room = new Set<PeerId>()
  /** Everybody; undefined when ways have changed. With every peer that comes or goes only that one changes. */
  #known: Set<PeerId> | undefined

  /** @param near whom ways lead to; `changed` is to be called when that changes */
  constructor(self: () => PeerId, near: () => ReadonlySet<PeerId>) {
    this.#self = self
    this.#near = near
  }

  /** Everybody known, each once; without self. Live, until ways change. */
  known(): ReadonlySet<PeerId> {
    this.#known ??= this.#everybody()
    return this.#known
  }

  isInRoom(peer: PeerId): boolean {
    return this.#room.has(peer)
  }

  replaceRoom(peers: readonly PeerId[]): void {
    this.#room = new Set(peers)
    this.#known = undefined
  }

  addToRoom(peer: PeerId): void {
    this.#room.add(peer)
    if (peer !== this.#self()) this.#known?.add(peer)
  }

  removeFromRoom(peer: PeerId): void {
    this.#room.delete(peer)
    if (!this.#near().has(peer)) this.#known?.delete(peer)
  }

  /** Ways have changed. */
  changed(): void {
    this.#known = undefined
  }

  #everybody(): Set<PeerId> {
    const everybody = new Set(this.#room)
    for (const peer of this.#near()) everybody.add(peer)
    everybody.delete(this.#self())
    return everybody
  }
}
