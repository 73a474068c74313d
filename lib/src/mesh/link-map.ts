import type { PeerId } from '../base/ids.js'
import type { LinkedPeer } from './linked-peer.js'
import { weightOf } from './pair-weight.js'
import type { PeerFacts, PeerRecord } from './peer-record.js'

/** Longer ways do not count: with eight links each, a thousand peers are within four steps of each other. */
export const MAX_HOPS = 8

/** Children in so many trees are kept until something changes. */
const KEPT_TREES = 64

type OwnLink = Pick<LinkedPeer, 'isDoubted'>

/** This peer, a peer with a record here, or one that a record or a link of this peer names. */
interface Node {
  readonly id: PeerId
  /** Whom its record names, of this peer its links, each once; undefined without a record. */
  told: readonly Node[] | undefined
  /** How many others name it. */
  mentions: number
  /** What both ends tell of. Kept up to date, so that a search, of which there are many, only walks. */
  readonly links: Node[]
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
  readonly #ownLinks: ReadonlyMap<PeerId, OwnLink>
  readonly #records = new Map<PeerId, PeerFacts>()
  readonly #nodes = new Map<PeerId, Node>()
  readonly #children = new Map<PeerId, readonly PeerId[]>()
  readonly #nextHops = new Map<PeerId, PeerId | undefined>()
  #searches = 0
  /** Whose distances the nodes have now; undefined: those before the last change. */
  #root: Node | undefined

  /** @param links this peer's; `changed` is to be called after each change of them, or of doubts about them */
  constructor(self: () => PeerId, links: ReadonlyMap<PeerId, OwnLink>) {
    this.#self = self
    this.#ownLinks = links
  }

  /** Of others. */
  get records(): ReadonlyMap<PeerId, PeerFacts> {
    return this.#records
  }

  /** Whom the record of `peer` names; undefined without one. */
  toldBy(peer: PeerId): readonly PeerId[] | undefined {
    return this.#nodes.get(peer)?.told?.map(({ id }) => id)
  }

  put({ info, clusterId, isFull, neighbours }: PeerRecord): void {
    this.#records.set(info.id, { info, clusterId, isFull })
    this.#tell(this.#node(info.id), neighbours)
  }

  forget(peer: PeerId): void {
    this.#records.delete(peer)
    const node = this.#nodes.get(peer)
    if (node === undefined) return
    this.#tell(node, [])
    node.told = undefined
    this.#tidy(node)
  }

  /** The own links have changed. */
  changed(): void {
    this.#tell(this.#node(this.#self()), trusted(this.#ownLinks))
  }

  /** Everybody to whom a way leads, this peer included. */
  reachable(): Set<PeerId> {
    return new Set(this.#search(this.#self()).map(({ id }) => id))
  }

  /** The linked peer to give to what is for `to`; undefined if there is no way. */
  nextHop(to: PeerId): PeerId | undefined {
    if (this.#ownLinks.get(to)?.isDoubted === false) return to
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
    const node: Node = { id, told: undefined, mentions: 0, links: [], search: 0, distance: 0 }
    this.#nodes.set(id, node)
    return node
  }

  /** Only who tells something is kept, and who is told of. */
  #tidy(node: Node): void {
    if (node.told === undefined && node.mentions === 0) this.#nodes.delete(node.id)
  }

  /** From now on `node` tells of links with these peers. */
  #tell(node: Node, peers: Iterable<PeerId>): void {
    const before = node.told ?? []
    const told = this.#others(node, peers)
    node.told = told
    for (const other of told) {
      if (before.includes(other)) continue
      other.mentions++
      this.#review(node, other)
    }
    for (const other of before) {
      if (told.includes(other)) continue
      other.mentions--
      this.#review(node, other)
      this.#tidy(other)
    }
  }

  /** The nodes of the peers, each once, without `node` itself. */
  #others(node: Node, peers: Iterable<PeerId>): Node[] {
    const others: Node[] = []
    for (const peer of peers) {
      const other = this.#node(peer)
      if (other !== node && !others.includes(other)) others.push(other)
    }
    return others
  }

  /** One of them tells of the other now, or does not any more. */
  #review(a: Node, b: Node): void {
    const isLinked = this.#isLinked(a, b)
    if (isLinked === a.links.includes(b)) return
    setMember(a.links, b, isLinked)
    setMember(b.links, a, isLinked)
    this.#root = undefined
    this.#children.clear()
    this.#nextHops.clear()
  }

  /** Of its own links this peer knows best. */
  #isLinked(a: Node, b: Node): boolean {
    const self = this.#self()
    const isTold = a.told?.includes(b) === true
    const isToldBack = b.told?.includes(a) === true
    if (a.id === self) return isTold
    return b.id === self ? isToldBack : isTold && isToldBack
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

/** Who is linked by a link without doubts. */
export function trusted(links: ReadonlyMap<PeerId, OwnLink>): PeerId[] {
  return [...links].filter(([, { isDoubted }]) => !isDoubted).map(([peer]) => peer)
}

function setMember<T>(list: T[], item: T, isMember: boolean): void {
  if (isMember) list.push(item)
  else list.splice(list.indexOf(item), 1)
}
