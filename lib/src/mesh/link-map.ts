import type { PeerId } from '../base/ids.js'
import { weightOf } from './pair-weight.js'
import type { PeerRecord } from './peer-record.js'

/** Longer ways do not count: with eight links each, a thousand peers are within four steps of each other. */
export const MAX_HOPS = 8

/** Trees of so many roots are kept until something changes. */
const KEPT_TREES = 64

/** Steps from one peer to each that it can reach. */
type Distances = ReadonlyMap<PeerId, number>

/**
 * The mesh as its peers' records describe it, and this peer's own links: a link counts if both its ends tell of it (as
 * in OSPF, RFC 2328, 16.1). From it follow the ways to every peer and the trees on which broadcasts travel; equal maps
 * give equal trees.
 */
export class LinkMap {
  readonly #self: () => PeerId
  readonly #links: ReadonlyMap<PeerId, unknown>
  readonly #records = new Map<PeerId, PeerRecord>()
  readonly #trees = new Map<PeerId, Distances>()
  readonly #nextHops = new Map<PeerId, PeerId | undefined>()

  /** @param links this peer's; `changed` is to be called after each change of them */
  constructor(self: () => PeerId, links: ReadonlyMap<PeerId, unknown>) {
    this.#self = self
    this.#links = links
  }

  /** Of others. */
  get records(): ReadonlyMap<PeerId, PeerRecord> {
    return this.#records
  }

  put(record: PeerRecord): void {
    this.#records.set(record.info.id, record)
    this.changed()
  }

  forget(peer: PeerId): void {
    this.#records.delete(peer)
    this.changed()
  }

  /** The own links have changed. */
  changed(): void {
    this.#trees.clear()
    this.#nextHops.clear()
  }

  /** Steps to every peer within reach, and 0 to this one. */
  distances(): Distances {
    return this.distancesFrom(this.#self())
  }

  /** The linked peer to give to what is for `to`; undefined if there is no way. */
  nextHop(to: PeerId): PeerId | undefined {
    if (this.#links.has(to)) return to
    if (!this.#nextHops.has(to)) this.#nextHops.set(to, this.#findNextHop(to))
    return this.#nextHops.get(to)
  }

  /** Whom this peer passes a broadcast of `origin` on to: its children in the tree of shortest ways. */
  childrenOf(origin: PeerId): PeerId[] {
    const distances = this.distancesFrom(origin)
    const self = this.#self()
    const below = (distances.get(self) ?? Number.POSITIVE_INFINITY) + 1
    return [...this.#links.keys()].filter(
      (peer) => distances.get(peer) === below && this.#parentOf(peer, distances) === self,
    )
  }

  distancesFrom(root: PeerId): Distances {
    const known = this.#trees.get(root)
    if (known !== undefined) return known
    if (this.#trees.size >= KEPT_TREES) this.#trees.clear()
    const distances = this.#search(root)
    this.#trees.set(root, distances)
    return distances
  }

  /** Breadth first: a Map is walked in the order of insertion, and what is inserted meanwhile comes last. */
  #search(root: PeerId): Distances {
    const distances = new Map([[root, 0]])
    for (const [peer, distance] of distances) {
      if (distance === MAX_HOPS) break
      for (const next of this.#neighboursOf(peer)) {
        if (!distances.has(next) && this.#isLink(peer, next)) distances.set(next, distance + 1)
      }
    }
    return distances
  }

  #findNextHop(to: PeerId): PeerId | undefined {
    const distances = this.distances()
    let hop: PeerId | undefined = distances.has(to) ? to : undefined
    while (hop !== undefined && !this.#links.has(hop)) hop = this.#parentOf(hop, distances)
    return hop
  }

  /** Of the neighbours that are one step nearer to the root the one of least weight, so that the load is spread. */
  #parentOf(peer: PeerId, distances: Distances): PeerId | undefined {
    const above = (distances.get(peer) ?? 0) - 1
    let best: PeerId | undefined
    let least = Number.POSITIVE_INFINITY
    for (const next of this.#neighboursOf(peer)) {
      if (distances.get(next) !== above || !this.#isLink(peer, next)) continue
      const weight = weightOf(peer, next)
      if (weight < least || (weight === least && best !== undefined && next < best)) [best, least] = [next, weight]
    }
    return best
  }

  #neighboursOf(peer: PeerId): Iterable<PeerId> {
    return peer === this.#self() ? this.#links.keys() : (this.#records.get(peer)?.neighbours ?? [])
  }

  #isLink(a: PeerId, b: PeerId): boolean {
    const self = this.#self()
    if (a === self) return this.#links.has(b)
    if (b === self) return this.#links.has(a)
    return this.#records.get(b)?.neighbours.has(a) === true && this.#records.get(a)?.neighbours.has(b) === true
  }
}
