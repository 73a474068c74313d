import type { PeerId } from '../base/ids.js'
import type { Partner, Partners } from './partners.js'
import type { Beacon } from './protocol.js'

/** With so many partners there is little to spare. */
const FEW_PARTNERS = 3
/** Instead of one hop, where what is new does not pass in both directions at once. */
const FAR_HOPS = 1_000
/** After so many beacons of a root, those of one that is gone are forgotten everywhere, and all follow it. */
const SURE_BEACONS = 4
/** Of who is not on the tree. */
const NOWHERE_HOPS = 1_000_000

/**
 * Which links pass at once what is new. Where not all are linked every change would come over most of the links, so the
 * holders agree on a tree, and what a link does not need to be told it is told as `Haves` (after Plumtree: Leitão,
 * Pereira and Rodrigues 2007). But the tree is not learnt from what came twice, which says little of updates that are
 * joined on their way: it is that of the beacons of the root (`Bridges`), as in Perlman 1985. Each peer chooses the link
 * to its *parent*, a partner that is nearer to the root; a link passes at once what is new if either end chose it.
 *
 * Whoever is in doubt chooses all its links: too many only cost messages. The way to a parent makes no circle: a parent is
 * one with a newer beacon or fewer hops than this peer has told of (as in AODV, RFC 3561).
 */
export class Tree {
  readonly #partners: Partners
  readonly #hasDistant: () => boolean
  /** Undefined: this peer. */
  #root: PeerId | undefined
  /** Since it is the root. */
  #ownBeacons = 0
  #sequence = 0
  #hops = 0
  #parent: PeerId | undefined
  /** A partner that had what did not come over the tree. */
  #grafted: PeerId | undefined

  /** @param hasDistant whether some peers are not linked with this one: else nobody passes anything on */
  constructor(partners: Partners, hasDistant: () => boolean) {
    this.#partners = partners
    this.#hasDistant = hasDistant
  }

  /** Of this peer, to be told with the beacon that it follows. */
  get hops(): number {
    return this.#hops
  }

  get parent(): PeerId | undefined {
    return this.#parent
  }

  /** This peer is the root, and sends a beacon. */
  lead(): void {
    this.#ownBeacons = this.#root === undefined ? this.#ownBeacons + 1 : 0
    this.#root = undefined
    this.#hops = 0
    this.#parent = undefined
  }

  /** A beacon of another root, or a newer one, has come: partners may be as near to it as they say. */
  follow({ root, sequence }: Beacon): void {
    this.#root = root
    this.#sequence = sequence
    this.#hops = Number.POSITIVE_INFINITY
    this.#chooseParent()
    const parent = this.#partners.get(this.#parent)
    this.#hops = parent === undefined ? NOWHERE_HOPS : hopsOver(parent)
  }

  /** What came over the tree was less than what the partner has: its link helps for a while. */
  graft(partner: Partner): void {
    this.#grafted = partner.peer
  }

  /** The tree has had the time to become whole. */
  round(): void {
    this.#grafted = undefined
  }

  /** Notes in each partner whether its link is chosen. */
  evaluate(): void {
    this.#chooseParent()
    const choosesAll = !this.#isUseful() || this.#isInDoubt()
    for (const partner of this.#partners) {
      partner.isChosen = choosesAll || partner.peer === this.#parent || partner.peer === this.#grafted
    }
  }

  #isUseful(): boolean {
    return this.#hasDistant() && this.#partners.open().length > FEW_PARTNERS
  }

  /** A new root may be one of several. */
  #isInDoubt(): boolean {
    return this.#root === undefined ? this.#ownBeacons < SURE_BEACONS : this.#parent === undefined
  }

  #chooseParent(): void {
    let best = this.#partners.get(this.#parent)
    if (best !== undefined && !this.#isParent(best)) best = undefined
    for (const partner of this.#partners) {
      if (!this.#isParent(partner)) continue
      if (best === undefined || hopsOver(partner) < hopsOver(best)) best = partner
    }
    this.#parent = best?.peer
  }

  /** The parent may be one beacon late; if it stays silent it is one no more. */
  #isParent(partner: Partner): boolean {
    const { offer, peer, presence, mayWrite } = partner
    if (offer === undefined || offer.root !== this.#root || presence !== 'open' || !mayWrite) return false
    const isLate = offer.sequence < this.#sequence
    if (isLate && (peer !== this.#parent || offer.sequence < this.#sequence - 1)) return false
    return offer.hops < this.#hops
  }
}

function hopsOver({ offer, isDistant, takesOurs }: Partner): number {
  return (offer?.hops ?? NOWHERE_HOPS) + (isDistant || !takesOurs ? FAR_HOPS : 1)
}
