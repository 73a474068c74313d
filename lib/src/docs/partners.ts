import type { PeerId } from '../base/ids.js'
import type { News } from './news.js'
import { type Ask, type Beacon, encodeFrame, type FrameBody, type Introduction } from './protocol.js'
import type { Sender, Sent } from './sender.js'

/** The origin of transactions that bring in what another peer sent. */
export class RemoteOrigin {
  readonly peer: PeerId

  constructor(peer: PeerId) {
    this.peer = peer
  }
}

/** What this peer knows of another one, as to one document. */
export class Partner {
  readonly peer: PeerId
  readonly origin: RemoteOrigin
  /** Without a link: what is sent may get lost, so it is not fed, but told that there is something, and asks. */
  readonly isDistant: boolean
  /** Unknown until its first frame. */
  presence: 'unknown' | 'open' | 'absent' = 'unknown'
  /** To be asked for what is lacking here. */
  mustAsk = true
  /** Of the ask on its way. */
  askId: number | undefined
  /** It said that there is more, after it was asked. */
  hasMore = false
  /** Parts of a large frame of its came since the last round. */
  isArriving = false
  /** Everything it had when it answered is here. */
  hasAnswered = false
  /** Of the last state of its that was taken: nothing is lacking while it has that one. */
  takenHash: string | undefined
  /** Its ask that is not answered yet. */
  ask: Ask | undefined
  /** The answer is large, and has to wait until another large frame is through. */
  mustWait = false
  /** A large frame is on its way to it, and this is what is new since. */
  meanwhile: News | undefined
  /** This peer wants the link to pass at once what is new. */
  isChosen = false
  /** And so does the partner. */
  isChosenThere = false
  /** Whether it was eager when that was looked at last. */
  wasEager = false
  /** The last beacon that came from it. */
  offer: Beacon | undefined
  /** It was given everything: what is new goes to it. Only while it is eager. */
  isFed = false
  /** Something for it was dropped, or may have been: it must ask again. */
  isStale = false
  mustSendAwareness = false
  /** Clients whose newest awareness it is to be told. */
  unaware = new Set<number>()
  /** Its client in awareness. */
  client: number | undefined
  /** The peers to which it passes its updates itself. */
  links: ReadonlySet<PeerId> = new Set()
  /** Whether its updates are taken here. */
  mayWrite = true
  /** Whether it takes the updates of this peer. */
  takesOurs = true
  /** What this peer said of itself last, to tell whether that has changed. */
  told = ''

  constructor(peer: PeerId, isDistant = false) {
    this.peer = peer
    this.isDistant = isDistant
    this.origin = new RemoteOrigin(peer)
  }

  /** Whether the link passes at once what is new: both ends come to the same. The others are *lazy*. */
  get isEager(): boolean {
    return !this.isDistant && this.presence !== 'absent' && (this.isChosen || this.isChosenThere)
  }

  /** Whether it is only told, now and then, what is here. */
  get isLazy(): boolean {
    return !this.isDistant && this.presence === 'open' && !this.isEager
  }

  /** Whether awareness may go to it. */
  get isReached(): boolean {
    return this.isFed || (this.isDistant && this.presence === 'open')
  }

  introduced({ client, links, takesYours, isChosen }: Introduction): void {
    this.presence = 'open'
    this.client = client
    this.links = new Set(links)
    this.takesOurs = takesYours
    this.isChosenThere = isChosen
  }

  /** What it answers an ask that is on its way may be too old. */
  mustBeAsked(): void {
    if (this.askId === undefined) this.mustAsk = true
    else this.hasMore = true
  }

  mustBeAskedAgain(): void {
    this.askId = undefined
    this.hasAnswered = false
    this.mustAsk = true
  }

  /** It does not have the document open: what is known of its opening is void. */
  closed(): void {
    const { mayWrite } = this
    Object.assign(this, new Partner(this.peer, this.isDistant), { origin: this.origin, mayWrite })
    this.presence = 'absent'
    this.mustAsk = false
    this.hasAnswered = true
  }
}

/** The linked peers of one document, and those without a link that it needs to be whole. */
export class Partners {
  readonly #byPeer = new Map<PeerId, Partner>()
  readonly #name: string
  readonly #sender: Sender

  constructor(name: string, sender: Sender) {
    this.#name = name
    this.#sender = sender
  }

  [Symbol.iterator](): Iterator<Partner> {
    return this.#byPeer.values()
  }

  get(peer: PeerId | undefined): Partner | undefined {
    return peer === undefined ? undefined : this.#byPeer.get(peer)
  }

  add(peer: PeerId, isDistant = false): void {
    this.#byPeer.set(peer, new Partner(peer, isDistant))
  }

  remove(peer: PeerId): Partner | undefined {
    const partner = this.#byPeer.get(peer)
    this.#byPeer.delete(peer)
    return partner
  }

  /** Those that have the document open. */
  open(): Partner[] {
    return [...this].filter(({ presence }) => presence === 'open')
  }

  /** Those of `peers` that are linked. */
  those(peers: Iterable<PeerId>): Partner[] {
    return [...peers].flatMap((peer) => this.#byPeer.get(peer) ?? [])
  }

  ownerOf(client: number): Partner | undefined {
    return [...this].find((partner) => partner.client === client)
  }

  /**
   * Whether it is up to this peer to tell `partner` what came from `source` (undefined: what is new here). Not if it
   * came from there, or if the source tells it itself; so nothing echoes, and a full mesh carries everything once.
   */
  mustTell(partner: Partner, source: PeerId | undefined): boolean {
    return source !== partner.peer && this.get(source)?.links.has(partner.peer) !== true
  }

  /** False if it was not queued. */
  send(partner: Partner, frame: FrameBody): boolean {
    return this.sendFrame(partner, this.encode(frame))
  }

  /** @param frame of at most PART_BYTES; false if it was not queued */
  sendFrame(partner: Partner, frame: Uint8Array): boolean {
    return this.#sender.send(partner.peer, frame) === 'queued'
  }

  encode(frame: FrameBody): Uint8Array {
    return encodeFrame(this.#name, frame)
  }

  /** Sends a frame of any size, as `Sender.sendAny`. */
  sendAny(partner: Partner, frame: Uint8Array, done: () => void): Sent {
    return this.#sender.sendAny(partner.peer, this.#name, frame, done)
  }

  /** Gives up the large frame that is on its way to the partner. */
  abort(partner: Partner): void {
    partner.meanwhile = undefined
    this.#sender.abort(partner.peer)
  }

  /** Whether a large frame is on its way to the partner, of whatever document. */
  isBusy(partner: Partner): boolean {
    return this.#sender.isBusy(partner.peer)
  }

  /** What waits towards the partner, in bytes. */
  queuedBytes(partner: Partner): number {
    return this.#sender.queuedBytes(partner.peer)
  }

  /** A peer is told that the document is not open here, or not for it. */
  sendAbsentTo(peer: PeerId): void {
    this.#sender.sendAbsent(peer, this.#name)
  }

  /** All are told that the document is not open here any more. */
  sendAbsent(): void {
    for (const { peer } of this) this.sendAbsentTo(peer)
  }
}
