import type { PeerId } from '../base/ids.js'
import type { Runtime, Timer } from '../base/runtime.js'
import type { Partner, Partners } from './partners.js'
import type { Beacon } from './protocol.js'
import type { Tree } from './tree.js'

export interface BridgesOptions {
  readonly runtime: Runtime
  readonly partners: Partners
  readonly tree: Tree
  self(): PeerId
  /** Whether messages reach peers that are not linked: only then links may fail to connect all holders. */
  hasDistant(): boolean
  /** To a peer that is no partner. */
  send(to: PeerId, beacon: Beacon): void
  /** To every peer. */
  announce(beacon: Beacon): void
  /** The peer, which is not linked, becomes a partner. */
  connect(peer: PeerId): void
  /** It is not needed as a partner any more. */
  disconnect(peer: PeerId): void
}

const BEACON_MS = 2_000
/** Three beacons that did not come. */
const EXPIRE_MS = 7_000
const ANNOUNCE_MS = 30_000
/** Who heard of roots beats for as long, be it linked with everybody: others are not. */
const NEEDED_MS = 60_000

/** The root that a holder hears of, as of its newest beacon. */
interface Root extends Beacon {
  /** The partner that it was heard from; undefined: this peer itself. */
  readonly from: PeerId | undefined
  /** Of the first beacon with this number. */
  readonly sinceMs: number
}

/**
 * Keeps all who hold a document together where links among them do not.
 *
 * The holders that links connect agree on a *root*, the smallest PeerId among them: it sends beacons, which every holder
 * passes on to its partners, and it is gone when they stop (the spanning tree of Perlman 1985; the tree is `Tree`). Roots
 * announce themselves to the whole mesh, and a root that hears of a smaller one makes it its partner, although they have
 * no link. So whoever is not connected has a root that is not yet connected, and of two such roots one asks the other.
 */
export class Bridges {
  readonly #options: BridgesOptions
  #root: Root
  /** What was known of the last root that went silent: its old beacons, still on their way, are no sign of life. */
  #former: Root | undefined
  /** The smaller root that this peer is a partner of without a link. */
  #uplink: PeerId | undefined
  #sequence = 0
  #announceAtMs = 0
  #heardAtMs = Number.NEGATIVE_INFINITY
  #timer: Timer

  constructor(options: BridgesOptions) {
    this.#options = options
    this.#root = this.#ownRoot()
    this.#timer = this.#scheduleBeat()
  }

  /** @param partner undefined: not a partner, or not known to have the document open */
  heard(from: PeerId, partner: Partner | undefined, beacon: Beacon): void {
    this.#heardAtMs = this.#options.runtime.nowMs()
    if (partner === undefined) this.#announced(from, beacon)
    else this.#passed(partner, beacon)
  }

  partnerGone(peer: PeerId): void {
    if (this.#uplink === peer) this.#uplink = undefined
    if (this.#root.from !== peer) return
    const { tree } = this.#options
    tree.evaluate()
    if (tree.parent === undefined) this.#becomeRoot()
    else this.#root = { ...this.#root, from: tree.parent }
  }

  close(): void {
    this.#timer.cancel()
  }

  get #isRoot(): boolean {
    return this.#root.from === undefined
  }

  #announced(from: PeerId, beacon: Beacon): void {
    const { self, connect, send } = this.#options
    if (!this.#isRoot || beacon.root !== from) return
    if (from > self()) send(from, this.#root)
    else if (this.#uplink === undefined || from < this.#uplink) {
      this.#drop()
      this.#uplink = from
      connect(from)
    }
  }

  #passed(partner: Partner, beacon: Beacon): void {
    partner.offer = beacon
    const relays = beacon.relays + (partner.isDistant ? 1 : 0)
    const { root, sequence } = this.#root
    if (beacon.root > root) this.#options.partners.send(partner, { kind: 'beacon', beacon: this.#root })
    else if (beacon.root < root || beacon.sequence > sequence) this.#adopt(partner.peer, { ...beacon, relays })
    // The links connect this peer with that root after all.
    if (relays === 0 && beacon.root === this.#root.root) this.#drop()
  }

  #adopt(from: PeerId, beacon: Beacon): void {
    const { runtime, self, tree } = this.#options
    if (beacon.root === self()) return // its own, from before
    const isOld = beacon.root === this.#former?.root && beacon.sequence <= this.#former.sequence
    if (isOld) return
    tree.follow(beacon)
    this.#root = { ...beacon, hops: tree.hops, from, sinceMs: runtime.nowMs() }
    this.#pass()
  }

  /** To all partners but the one that it came from. */
  #pass(): void {
    const { partners } = this.#options
    const { root, sequence, relays, hops, from } = this.#root
    for (const partner of partners.open()) {
      if (partner.peer !== from) partners.send(partner, { kind: 'beacon', beacon: { root, sequence, relays, hops } })
    }
  }

  #becomeRoot(): void {
    this.#former = this.#root
    this.#root = this.#ownRoot()
    this.#options.tree.lead()
    this.#announceAtMs = 0
    this.#pass()
  }

  #ownRoot(): Root {
    const { self, runtime } = this.#options
    return { root: self(), sequence: ++this.#sequence, relays: 0, hops: 0, from: undefined, sinceMs: runtime.nowMs() }
  }

  #drop(): void {
    if (this.#uplink !== undefined) this.#options.disconnect(this.#uplink)
    this.#uplink = undefined
  }

  #scheduleBeat(): Timer {
    const { runtime } = this.#options
    return runtime.setTimer(BEACON_MS * (0.75 + runtime.random() / 2), () => {
      this.#timer = this.#scheduleBeat()
      if (this.#isNeeded()) this.#beat()
    })
  }

  #isNeeded(): boolean {
    return this.#options.hasDistant() || this.#options.runtime.nowMs() - this.#heardAtMs < NEEDED_MS
  }

  #beat(): void {
    const { runtime, partners, announce } = this.#options
    const nowMs = runtime.nowMs()
    if (!this.#isRoot) {
      if (nowMs - this.#root.sinceMs >= EXPIRE_MS) this.#becomeRoot()
      return
    }
    this.#root = this.#ownRoot()
    this.#options.tree.lead()
    this.#pass()
    // Who has partners may hear of a smaller root any moment.
    if (this.#announceAtMs === 0 && partners.open().length > 0) this.#announceAtMs = nowMs + 1
    else if (nowMs >= this.#announceAtMs) {
      this.#announceAtMs = nowMs + ANNOUNCE_MS
      announce(this.#root)
    }
  }
}
