import type { PeerId } from '../base/ids.js'
import { weightOf } from './pair-weight.js'
import type { PeerRecord } from './peer-record.js'

/** Longer ways do not count: with eight links each, a thousand peers are within four steps of each other. */
export const MAX_HOPS = 8

/** Children in so many trees are kept until something changes. */
const KEPT_TREES = 64

/** A peer that has a record here, or a link with this one, or is this one. */
interface Node {
  readonly id: PeerId
  record: PeerRecord | undefined
  /** What both ends tell of. Kept up to date, so that a search, of which there are many, only walks. */
  links: Node[]
  /** Of the last search that came by, and what it found. */
  search: number
  distance: number
}

/**
 * The mesh as its peers' records describe it, and this peer's own links: a link counts if both its ends tell of it (as
 * in OSPF, RFC 2328, 16.1). From it follow the ways to every peer and the trees on which broadcasts travel; equal maps
 * give equal trees.
 */
export class LinkMap {
  readonly #self: () => PeerId
  readonly #ownLinks: ReadonlyMap<PeerId, unknown>
  readonly #records = new Map<PeerId, PeerRecord>()
  readonly #nodes = new Map<PeerId, Node>()
  readonly #children = new Map<PeerId, readonly PeerId[]>()
  readonly #nextHops = new Map<PeerId, PeerId | undefined>()
  #searches = 0
  /** Whose distances the nodes have now; undefined: those before the last change. */
  #root: Node | undefined

  /** @param links this peer's; `changed` is to be called after each change of them */
  constructor(self: () => PeerId, links: ReadonlyMap<PeerId, unknown>) {
    this.#self = self
    this.#ownLinks = links
  }

  /** Of others. */
  get records(): ReadonlyMap<PeerId, PeerRecord> {
    return this.#records
  }

  put(record: PeerRecord): void {
    const { id } = record.info
    this.#records.set(id, record)
    const node = this.#node(id)
    node.record = record
    this.#relink(node)
  }

  forget(peer: PeerId): void {
    this.#records.delete(peer)
    const node = this.#nodes.get(peer)
    if (node === undefined) return
    node.record = undefined
    this.#relink(node)
    this.#tidy(node)
  }

  /** The own links have changed. */
  changed(): void {
    const self = this.#node(this.#self())
    const before = self.links
    this.#relink(self)
    for (const node of before) this.#tidy(node)
  }

  /** Everybody to whom a way leads, this peer included. */
  reachable(): Set<PeerId> {
    return new Set(this.#search(this.#self()).map(({ id }) => id))
  }

  /** The linked peer to give to what is for `to`; undefined if there is no way. */
  nextHop(to: PeerId): PeerId | undefined {
    if (this.#ownLinks.has(to)) return to
    if (!this.#nextHops.has(to)) this.#nextHops.set(to, this.#findNextHop(to))
    return this.#nextHops.get(to)
  }

  /** Whom this peer passes a broadcast of `origin` on to: its children in the tree of shortest ways. */
  childrenOf(origin: PeerId): readonly PeerId[] {
    const known = this.#children.get(origin)
    if (known !== undefined) return known
    if (this.#children.size >= KEPT_TREES) this.#children.clear()
    const children = this.#findChildren(origin)
    this.#children.set(origin, children)
    return children
  }

  // Nodes

  #node(id: PeerId): Node {
    const known = this.#nodes.get(id)
    if (known !== undefined) return known
    const node: Node = { id, record: undefined, links: [], search: 0, distance: 0 }
    this.#nodes.set(id, node)
    return node
  }

  /** Only who tells something is kept: whatever a record names. */
  #tidy(node: Node): void {
    if (node.record === undefined && node.links.length === 0) this.#nodes.delete(node.id)
  }

  /** What `node` tells of its links has changed. */
  #relink(node: Node): void {
    const before = node.links
    const links = this.#linksOf(node)
    for (const other of before) if (!links.includes(other)) other.links = other.links.filter((each) => each !== node)
    for (const other of links) if (!before.includes(other)) other.links.push(node)
    node.links = links
    this.#root = undefined
    this.#children.clear()
    this.#nextHops.clear()
  }

  #linksOf({ id, record }: Node): Node[] {
    const self = this.#self()
    if (id === self) return [...this.#ownLinks.keys()].map((peer) => this.#node(peer))
    const links = this.#ownLinks.has(id) ? [this.#node(self)] : []
    for (const peer of record?.neighbours ?? []) {
      const other = peer === self ? undefined : this.#nodes.get(peer)
      if (other?.record?.neighbours.includes(id)) links.push(other)
    }
    return links
  }

  // Searches

  /** Breadth first, up to `MAX_HOPS`. @returns who was found, and the nodes have the distances */
  #search(from: PeerId): readonly Node[] {
    const root = this.#node(from)
    const search = ++this.#searches
    const found = [root]
    root.search = search
    root.distance = 0
    this.#root = root
    for (const node of found) {
      if (node.distance === MAX_HOPS) break
      for (const next of node.links) {
        if (next.search === search) continue
        next.search = search
        next.distance = node.distance + 1
        found.push(next)
      }
    }
    return found
  }

  #isFound({ search }: Node): boolean {
    return search === this.#searches
  }

  #findNextHop(to: PeerId): PeerId | undefined {
    if (this.#root === undefined || this.#root.id !== this.#self()) this.#search(this.#self())
    let hop = this.#nodes.get(to)
    if (hop === undefined || !this.#isFound(hop)) return undefined
    while (hop !== undefined && hop.distance > 1) hop = this.#parentOf(hop)
    return hop?.id
  }

  #findChildren(origin: PeerId): PeerId[] {
    const self = this.#node(this.#self())
    if (!this.#nodes.has(origin)) return []
    this.#search(origin)
    if (!this.#isFound(self)) return []
    return self.links
      .filter((node) => node.distance === self.distance + 1 && this.#parentOf(node) === self)
      .map(({ id }) => id)
  }

  /** Of the neighbours that are one step nearer to the root the one of least weight, so that the load is spread. */
  #parentOf({ id, distance, links }: Node): Node | undefined {
    let best: Node | undefined
    let least = Number.POSITIVE_INFINITY
    for (const next of links) {
      if (!this.#isFound(next) || next.distance !== distance - 1) continue
      const weight = weightOf(id, next.id)
      if (weight < least || (weight === least && best !== undefined && next.id < best.id))
        [best, least] = [next, weight]
    }
    return best
  }
}
