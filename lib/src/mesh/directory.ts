import type { PeerId } from '../base/ids.js'

/**
 * Who there is besides this peer: the room as the rendezvous showed it last, and what linked peers say they are linked
 * to. The room is kept while the rendezvous is offline.
 */
export class Directory {
  readonly #self: () => PeerId
  #room = new Set<PeerId>()
  readonly #linksOf = new Map<PeerId, ReadonlySet<PeerId>>()
  /** Everybody, until something changes. */
  #known: ReadonlySet<PeerId> | undefined

  constructor(self: () => PeerId) {
    this.#self = self
  }

  /** Everybody known, each once; without self. */
  known(): ReadonlySet<PeerId> {
    this.#known ??= this.#everybody()
    return this.#known
  }

  isInRoom(peer: PeerId): boolean {
    return this.#room.has(peer)
  }

  /** Linked peers that are linked to `peer`, so that they can carry signals. */
  relaysTo(peer: PeerId): PeerId[] {
    return [...this.#linksOf].filter(([, peers]) => peers.has(peer)).map(([relay]) => relay)
  }

  replaceRoom(peers: readonly PeerId[]): void {
    this.#room = new Set(peers)
    this.#known = undefined
  }

  addToRoom(peer: PeerId): void {
    this.#room.add(peer)
    this.#known = undefined
  }

  removeFromRoom(peer: PeerId): void {
    this.#room.delete(peer)
    this.#known = undefined
  }

  /** What the linked peer `peer` is linked to. */
  setLinksOf(peer: PeerId, links: readonly PeerId[]): void {
    this.#linksOf.set(peer, new Set(links))
    this.#known = undefined
  }

  /** `peer` is not linked any more. */
  forgetLinksOf(peer: PeerId): void {
    this.#linksOf.delete(peer)
    this.#known = undefined
  }

  #everybody(): Set<PeerId> {
    const everybody = new Set(this.#room)
    for (const peers of this.#linksOf.values()) for (const peer of peers) everybody.add(peer)
    everybody.delete(this.#self())
    return everybody
  }
}
