import type { Stay } from './backplane.js'
import type { ServerMessage } from './protocol.js'

/** A stay of this instance, as Redis knows it. */
export interface Place {
  readonly stay: Stay
  /** Tells the stays of this process apart. */
  readonly seq: number
  /** Wall clock. */
  readonly sinceMs: number
  /** The cluster that it belongs to. */
  claim: string | undefined
  /** What it asked to found, until it is answered. */
  request: string | undefined
}

/** What one instance knows of a room in which it has stays. */
export class RedisRoom {
  readonly id: string
  clusterId: string | undefined
  /** Who is here and at which instance, our own included. */
  readonly #peers = new Map<string, string>()
  readonly #entered = new Map<string, Place>()
  readonly #waiting = new Set<Place>()

  constructor(id: string) {
    this.id = id
  }

  get size(): number {
    return this.#entered.size
  }

  get isIdle(): boolean {
    return this.#entered.size + this.#waiting.size === 0
  }

  get waiting(): readonly Place[] {
    return [...this.#waiting]
  }

  placeOf(peer: string): Place | undefined {
    return this.#entered.get(peer)
  }

  instanceOf(peer: string): string | undefined {
    return this.#peers.get(peer)
  }

  isIn(place: Place): boolean {
    return this.#entered.get(place.stay.peer) === place
  }

  wait(place: Place): void {
    this.#waiting.add(place)
  }

  enter(place: Place, instance: string): void {
    const { stay } = place
    this.#waiting.delete(place)
    this.#entered.set(stay.peer, place)
    this.#peers.set(stay.peer, instance)
    const peers = [...this.#peers.keys()].filter((peer) => peer !== stay.peer)
    stay.entered({ peers, clusterId: this.clusterId })
  }

  /** The stay ended; the peer may be here all the same, by another one. */
  remove(place: Place): void {
    this.#waiting.delete(place)
    if (this.isIn(place)) this.#entered.delete(place.stay.peer)
  }

  peerJoined(peer: string, instance: string): void {
    this.#peers.set(peer, instance)
    this.#tell(peer, { type: 'peer-joined', peer })
  }

  peerMoved(peer: string, instance: string): void {
    if (this.#peers.has(peer)) this.#peers.set(peer, instance)
    else this.peerJoined(peer, instance)
  }

  peerLeft(peer: string): void {
    if (this.#peers.delete(peer)) this.#tell(peer, { type: 'peer-left', peer })
  }

  /** Replaces who is here. */
  see(view: ReadonlyMap<string, string>): void {
    for (const peer of [...this.#peers.keys()]) if (!view.has(peer)) this.peerLeft(peer)
    for (const [peer, instance] of view) this.peerMoved(peer, instance)
  }

  /** Those of other instances. */
  forgetOthers(): void {
    for (const peer of [...this.#peers.keys()]) if (!this.#entered.has(peer)) this.peerLeft(peer)
  }

  #tell(about: string, message: ServerMessage): void {
    for (const [peer, { stay }] of this.#entered) if (peer !== about) stay.tell(message)
  }
}
