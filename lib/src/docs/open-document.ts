import { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { Emitter, type Unsubscribe } from '../base/emitter.js'
import { LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import type { Timer } from '../base/runtime.js'
import { type AwarenessLimits, AwarenessSync } from './awareness-sync.js'
import { Bridges } from './bridges.js'
import type { DocumentEvents, DocumentProgress, DocumentStatus, LegionDocument } from './document.js'
import { type DocumentStore, nothingKept } from './document-store.js'
import { DocumentSync, type SyncLimits, type SyncServices } from './document-sync.js'
import { type Partner, Partners, RemoteOrigin } from './partners.js'
import type { Beacon, FrameBody } from './protocol.js'
import type { Sender } from './sender.js'
import type { StoredDocument } from './stored-document.js'
import { Tree } from './tree.js'

export interface DocumentServices extends SyncServices {
  readonly limits: SyncLimits & AwarenessLimits
  readonly sender: Sender
  /** Undefined: nothing is stored. */
  readonly store: DocumentStore | undefined
  self(): PeerId
  /** Messages reach peers that are not linked. */
  hasDistant(): boolean
  /** To a peer of whatever kind; undefined: to all. */
  sendBeacon(to: PeerId | undefined, name: string, beacon: Beacon): void
  /** Something that no caller waits for went wrong. */
  failed(error: LegionError): void
  closed(document: OpenDocument): void
}

/** Mean time between rounds, each of which asks one partner for what is lacking here. */
const ROUND_MS = 10_000

/** A document with what keeps it in touch with the linked peers. */
export class OpenDocument implements LegionDocument {
  readonly name: string
  readonly y: Y.Doc
  readonly awareness: Awareness
  readonly loaded: Promise<void>
  readonly #services: DocumentServices
  readonly #partners: Partners
  readonly #sync: DocumentSync
  readonly #awarenessSync: AwarenessSync
  readonly #bridges: Bridges
  readonly #stored: StoredDocument | undefined
  readonly #events: Emitter<DocumentEvents>
  #emitsUpdates = false
  #nextRound: Timer
  #isClosed = false

  constructor(name: string, peers: Iterable<PeerId>, services: DocumentServices) {
    this.name = name
    this.y = new Y.Doc({ guid: name })
    this.y.clientID = randomClient(services)
    this.awareness = new Awareness(this.y)
    this.#services = services
    this.#events = new Emitter((error, event) =>
      services.logger.error(`A ${event} listener of the document ${name} threw.`, error),
    )
    this.#partners = new Partners(name, services.sender)
    const tree = new Tree(this.#partners, () => services.hasDistant())
    this.#sync = new DocumentSync(this.y, this.awareness.clientID, tree, this.#partners, services, {
      status: (status) => this.#events.emit('status', status),
      readOnly: (isReadOnly) => this.#events.emit('readOnly', isReadOnly),
    })
    this.#awarenessSync = new AwarenessSync(this.awareness, this.#partners, services)
    this.#bridges = new Bridges({
      self: () => services.self(),
      runtime: services.runtime,
      partners: this.#partners,
      tree,
      hasDistant: () => services.hasDistant(),
      send: (to, beacon) => services.sendBeacon(to, name, beacon),
      announce: (beacon) => services.sendBeacon(undefined, name, beacon),
      connect: (peer) => this.#connect(peer),
      disconnect: (peer) => this.#disconnect(peer),
    })
    this.y.on('destroy', () => this.close())
    this.#nextRound = this.#scheduleRound()
    for (const peer of peers) this.#partners.add(peer)
    this.#stored = services.store?.open({ name, y: this.y, failed: (error) => services.failed(error) })
    this.loaded = this.#stored?.loaded ?? Promise.resolve()
    if (this.#stored === undefined) this.#loaded()
    else this.loaded.catch(() => {}).then(() => this.#loaded())
  }

  get status(): DocumentStatus {
    return this.#sync.status
  }

  get isReadOnly(): boolean {
    return this.#sync.isReadOnly
  }

  /** All of it is on the disk, or on its way there. */
  get isStored(): boolean {
    return this.#stored?.isWorking === true
  }

  applyFast<T>(change: (y: Y.Doc) => T): T {
    if (this.#isClosed) {
      throw new LegionError('E_CLOSED', `The document ${this.name} is closed. Open it again to change it.`, {
        outcome: 'not-applied',
      })
    }
    return this.y.transact(() => change(this.y), this)
  }

  async save(): Promise<void> {
    if (this.#stored === undefined) throw nothingKept()
    await this.#stored.save()
  }

  on<K extends keyof DocumentEvents>(event: K, listener: DocumentEvents[K]): Unsubscribe {
    if (event === 'update') this.#emitUpdates()
    return this.#events.on(event, listener)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#nextRound.cancel()
    this.#bridges.close()
    this.#awarenessSync.close()
    this.#sync.close()
    if (this.#stored !== undefined) this.#services.store?.close(this.name, this.#stored)
    this.#events.clear()
    this.#services.closed(this)
    if (!this.y.isDestroyed) this.y.destroy() // and with it awareness
  }

  peerJoined(peer: PeerId): void {
    this.#partners.add(peer)
    this.#evaluate()
  }

  /** Its link is gone, or no message reaches it any more. */
  peerLeft(peer: PeerId): void {
    const partner = this.#partners.remove(peer)
    if (partner === undefined) return
    this.#bridges.partnerGone(peer)
    this.#awarenessSync.partnerGone(partner)
    this.#evaluate()
  }

  /** A queue, or the way for another large frame, is free again. */
  resume(): void {
    this.#evaluate()
  }

  progress(progress: DocumentProgress): void {
    const partner = this.#partners.get(progress.peer)
    if (partner !== undefined) partner.isArriving = true
    this.#events.emit('progress', progress)
  }

  /** @throws DecodeError */
  receive(from: PeerId, frame: DocumentFrame): void {
    if (frame.kind === 'beacon') {
      const partner = this.#partners.get(from)
      this.#bridges.heard(from, partner?.presence === 'open' ? partner : undefined, frame.beacon)
      this.#evaluate()
      return
    }
    if (frame.kind === 'ask' && this.#partners.get(from) === undefined) this.#partners.add(from, true)
    const partner = this.#partners.get(from)
    if (partner === undefined) return
    if (frame.kind === 'absent' && partner.isDistant) {
      this.peerLeft(from)
      return
    }
    if (frame.kind === 'awareness') {
      this.#awarenessSync.receive(partner, frame.entries)
      return
    }
    if (frame.kind === 'absent' || isOtherOpening(partner, frame)) this.#partnerClosed(partner)
    if (frame.kind !== 'absent') this.#sync.receive(partner, frame)
    // Most frames are updates, and most of them change nothing about the partners.
    if (frame.kind !== 'update' || !partner.hasAnswered) this.#evaluate()
  }

  #loaded(): void {
    this.#sync.loaded()
    this.#evaluate()
  }

  /** Only for whom wants them: Yjs encodes every transaction as soon as anybody listens. */
  #emitUpdates(): void {
    if (this.#emitsUpdates) return
    this.#emitsUpdates = true
    this.y.on('update', (update: Uint8Array, origin: unknown) =>
      this.#events.emit('update', update, origin instanceof RemoteOrigin ? origin.peer : undefined),
    )
  }

  #partnerClosed(partner: Partner): void {
    this.#awarenessSync.partnerGone(partner)
    partner.closed()
    this.#bridges.partnerGone(partner.peer)
  }

  #connect(peer: PeerId): void {
    if (this.#partners.get(peer) === undefined) this.#partners.add(peer, true)
    this.#evaluate()
  }

  #disconnect(peer: PeerId): void {
    if (this.#partners.get(peer)?.isDistant !== true) return
    this.#partners.remove(peer)
    this.#partners.sendAbsentTo(peer)
    this.#evaluate()
  }

  #evaluate(): void {
    if (this.#isClosed) return
    this.#sync.evaluate()
    this.#awarenessSync.evaluate()
  }

  #scheduleRound(): Timer {
    const delayMs = ROUND_MS * (0.5 + this.#services.runtime.random())
    return this.#services.runtime.setTimer(delayMs, () => {
      this.#nextRound = this.#scheduleRound()
      this.#sync.round()
      this.#awarenessSync.round()
    })
  }
}

/** What is about one document; parts become other frames. */
export type DocumentFrame = Exclude<FrameBody, { kind: 'part' | 'taken' }>

/** A partner that closed the document and opened it again has another client; its farewell may have been dropped. */
function isOtherOpening(partner: Partner, frame: DocumentFrame): boolean {
  return 'self' in frame && partner.client !== undefined && partner.client !== frame.self.client
}

/** Yjs tells peers apart by 32 random bits per document, and draws again should two be equal. */
function randomClient({ runtime }: DocumentServices): number {
  const bytes = runtime.randomBytes(4)
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
}
