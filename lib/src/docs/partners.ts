import type { PeerId } from '../base/ids.js'
import { type Ask, encodeFrame, type FrameBody, type Introduction } from './protocol.js'
import type { Sender } from './sender.js'

/** The origin of transactions that bring in what another peer sent. */
export class RemoteOrigin {
  readonly peer: PeerId

  constructor(peer: PeerId) {
    this.peer = peer
  }
}

/** What this peer knows of one linked peer, as to one document. */
export class Partner {
  readonly peer: PeerId
  readonly origin: RemoteOrigin
  /** Unknown until its first frame. */
  presence: 'unknown' | 'open' | 'absent' = 'unknown'
  /** To be asked for what is lacking here. */
  mustAsk = true
  /** Of the ask on its way. */
  askId: number | undefined
  /** Everything it had when it answered is here. */
  hasAnswered = false
  /** Its ask that is not answered yet. */
  ask: Ask | undefined
  /** It was given everything: what is new goes to it. */
  isFed = false
  /** Something for it was dropped, or may have been: it must ask again. */
  isStale = false
  mustSendAwareness = false
  /** Its client in awareness. */
  client: number | undefined
  /** The peers to which it passes its updates itself. */
  links: ReadonlySet<PeerId> = new Set()

  constructor(peer: PeerId) {
    this.peer = peer
    this.origin = new RemoteOrigin(peer)
  }

  introduced({ client, links }: Introduction): void {
    this.presence = 'open'
    this.client = client
    this.links = new Set(links)
  }

  mustBeAskedAgain(): void {
    this.askId = undefined
    this.hasAnswered = false
    this.mustAsk = true
  }

  closed(): void {
    this.presence = 'absent'
    this.mustAsk = false
    this.askId = undefined
    this.hasAnswered = true
    this.ask = undefined
    this.isFed = false
    this.isStale = false
    this.mustSendAwareness = false
    this.client = undefined
    this.links = new Set()
  }
}

/** The linked peers of one document. */
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

  add(peer: PeerId): void {
    this.#byPeer.set(peer, new Partner(peer))
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
    return this.sendEncoded(partner, this.encode(frame))
  }

  encode(frame: FrameBody): Uint8Array {
    return encodeFrame(this.#name, frame)
  }

  sendEncoded(partner: Partner, frame: Uint8Array): boolean {
    return this.#sender.send(partner.peer, frame) === 'queued'
  }

  /** All are told that the document is not open here any more. */
  sendAbsent(): void {
    for (const partner of this) this.#sender.sendAbsent(partner.peer, this.#name)
  }
}
