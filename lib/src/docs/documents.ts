import type { Unsubscribe } from '../base/emitter.js'
import { LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import { type Logger, silentLogger } from '../base/logger.js'
import type { Runtime } from '../base/runtime.js'
import { DecodeError } from '../codec/decode.js'
import type { Network } from '../mesh/network.js'
import type { PeerInfo } from '../mesh/peer-info.js'
import type { Store } from '../storage/storage.js'
import { Arrivals } from './arrivals.js'
import type { AwarenessLimits } from './awareness-sync.js'
import type { LegionDocument } from './document.js'
import { DocumentStore, type KeptDocuments, nothingKept } from './document-store.js'
import type { SyncLimits } from './document-sync.js'
import { type DocumentFrame, type DocumentServices, OpenDocument } from './open-document.js'
import { decodeFrame, encodeFrame, type FrameLimits, MAX_NAME_BYTES, type Part } from './protocol.js'
import { Sender } from './sender.js'

export interface DocumentsOptions {
  readonly network: Network
  readonly runtime: Runtime
  readonly logger?: Logger | undefined
  readonly limits?: Partial<DocumentLimits> | undefined
  readonly settings?: DocumentSettings | undefined
  /** Where documents are kept, as soon as it is open; undefined: nowhere. */
  readonly store?: Promise<Store> | undefined
  /** Something that no caller waits for went wrong, say E_STORAGE: a document is not kept any more. */
  readonly failed?: ((error: LegionError) => void) | undefined
}

/** What a program decides about all documents of a peer. */
export interface DocumentSettings {
  /**
   * `all`: this peer opens every document that a linked peer has open, keeps it and passes it on, as long as it runs
   * and `limits` allow; for Node peers that archive. With storage the limits are of what is in use at once: what
   * nobody has open any more makes room. `opened`: only what is opened here. Default `opened`.
   */
  readonly keep?: 'opened' | 'all' | undefined
  /**
   * Asked for every update that a linked peer hands on: false refuses it, and the peer finds its document
   * `isReadOnly`. A function that throws says no. To keep guests from writing, every peer that may write has to use
   * it: a change is refused where its author hands it on, not where it arrives over others. Default: all may.
   */
  readonly canWrite?: CanWrite | undefined
}

/** @param document the name */
export type CanWrite = (peer: PeerInfo, document: string) => boolean

export interface DocumentLimits extends FrameLimits, SyncLimits, AwarenessLimits {
  /** Open at once. Default 1 000. */
  readonly documents: number
  /** With `keep: 'all'`: when those opened for others have taken so many bytes, no more are. Default 1 GiB. */
  readonly keptBytes: number
}

const MIB = 1024 * 1024
/** What an answer has beside its update, at most. */
const FRAME_HEAD_BYTES = 64 * 1024

export const DEFAULT_DOCUMENT_LIMITS: DocumentLimits = {
  documents: 1_000,
  keptBytes: 1024 * MIB,
  updateBytes: 60 * MIB,
  pendingBytes: 16 * MIB,
  awarenessStateBytes: 64 * 1024,
  awarenessClients: 1_000,
}

/** Numbers since the start, but for the first. */
export interface DocumentsMetrics {
  readonly open: number
  readonly sentFrames: number
  readonly sentBytes: number
  readonly receivedFrames: number
  readonly receivedBytes: number
  /** Refused by a full queue; what they would have brought is asked for later. */
  readonly droppedFrames: number
}

/**
 * The shared Yjs documents of this peer, all on one port. Each is opened on demand; a peer that has not opened one
 * neither holds nor forwards it.
 */
export class Documents {
  readonly #network: Network
  readonly #sender: Sender
  readonly #limits: DocumentLimits
  readonly #services: DocumentServices
  readonly #settings: DocumentSettings
  readonly #store: DocumentStore | undefined
  readonly #arrivals: Arrivals
  readonly #open = new Map<string, OpenDocument>()
  readonly #unsubscribe: readonly Unsubscribe[]
  readonly #received = { receivedFrames: 0, receivedBytes: 0 }
  readonly #logger: Logger
  #askCount = 0
  /** What is open because others had it open, oldest first, with the bytes of updates that each took. */
  readonly #forOthers = new Map<string, number>()
  #isClosed = false

  constructor({ network, runtime, logger = silentLogger, limits, settings = {}, store, failed }: DocumentsOptions) {
    this.#network = network
    this.#limits = { ...DEFAULT_DOCUMENT_LIMITS, ...limits }
    this.#settings = settings
    this.#logger = logger
    this.#store = store && new DocumentStore(store, logger)
    this.#arrivals = new Arrivals(this.#limits.updateBytes + FRAME_HEAD_BYTES)
    const port = network.openPort('documents', {
      message: (from, payload) => this.#message(from, payload),
      drain: (peer) => this.#drain(peer),
    })
    this.#sender = new Sender(port, this.#limits.documents, () => this.#forEach((document) => document.resume()))
    this.#services = {
      runtime,
      logger,
      limits: this.#limits,
      sender: this.#sender,
      store: this.#store,
      self: () => network.self.id,
      hasDistant: () => network.peers.size > network.links.size,
      sendBeacon: (to, name, beacon) => {
        const frame = encodeFrame(name, { kind: 'beacon', beacon })
        if (to === undefined) port.broadcast(frame)
        else this.#sender.send(to, frame)
      },
      nextAskId: () => this.#askCount++,
      mayWrite: (peer, name) => this.#mayWrite(peer, name),
      failed: (error) => failed?.(error),
      closed: ({ name }) => this.#closed(name),
    }
    this.#unsubscribe = [
      network.on('linked', ({ info }) => this.#forEach((document) => document.peerJoined(info.id))),
      network.on('unlinked', (peer) => this.#peerLeft(peer)),
      network.on('peerLeft', (peer) => this.#peerLeft(peer)),
    ]
  }

  /**
   * The document of that name, opened if it is not.
   * @param name 1 to 256 bytes of UTF-8
   * @throws LegionError E_INVALID for another name, E_BUSY if `limits.documents` are open, E_CLOSED
   */
  open(name: string): LegionDocument {
    this.#forOthers.delete(name) // whoever holds it now would miss it
    const document = this.#open.get(name)
    if (document !== undefined) return document
    this.#requireRoom(name)
    return this.#opened(name)
  }

  /** What is kept here. */
  get kept(): KeptDocuments {
    const store = this.#store
    if (store === undefined) {
      const refuse = () => Promise.reject(nothingKept())
      return { names: refuse, remove: refuse }
    }
    const remove = (name: string) => {
      this.#open.get(name)?.close()
      return store.remove(name)
    }
    return { names: () => store.names(), remove }
  }

  metrics(): DocumentsMetrics {
    return { open: this.#open.size, ...this.#sender.counts, ...this.#received }
  }

  /** Closes all documents. Idempotent. */
  close(): void {
    this.#isClosed = true
    this.#forEach((document) => document.close())
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
  }

  #closed(name: string): void {
    this.#open.delete(name)
    this.#forOthers.delete(name)
  }

  #opened(name: string): OpenDocument {
    const document = new OpenDocument(name, this.#network.links.keys(), this.#services)
    this.#open.set(name, document)
    return document
  }

  #requireRoom(name: string): void {
    if (this.#isClosed) throw new LegionError('E_CLOSED', 'Closed: no document can be opened any more.')
    const nameBytes = new TextEncoder().encode(name).length
    if (nameBytes === 0 || nameBytes > MAX_NAME_BYTES) {
      throw new LegionError('E_INVALID', `A document's name has 1 to ${MAX_NAME_BYTES} bytes, not ${nameBytes}.`)
    }
    if (this.#open.size >= this.#limits.documents) {
      throw new LegionError('E_BUSY', `${this.#open.size} documents are open, which is the limit. Close some first.`)
    }
  }

  #message(from: PeerId, payload: Uint8Array): void {
    this.#received.receivedFrames++
    this.#received.receivedBytes += payload.length
    const frame = decodeFrame(payload, this.#limits)
    if (frame.kind === 'part') this.#part(from, frame.name, frame)
    else if (frame.kind === 'taken') this.#sender.taken(from, frame.bytes)
    else this.#receive(from, frame.name, frame)
  }

  #receive(from: PeerId, name: string, frame: DocumentFrame): void {
    const document = this.#open.get(name) ?? (frame.kind === 'ask' ? this.#openForOthers(name) : undefined)
    if ('update' in frame) this.#takenForOthers(name, frame.update?.length ?? 0)
    if (document !== undefined) document.receive(from, frame)
    // What nobody here wants: whoever asks hears so, and who feeds stops.
    else if (frame.kind === 'ask' || frame.kind === 'update') this.#sender.sendAbsent(from, name)
  }

  #part(from: PeerId, name: string, { totalBytes, bytes }: Part): void {
    const { receivedBytes, frame } = this.#arrivals.take(from, name, totalBytes, bytes)
    this.#sender.acknowledge(from, bytes.length)
    this.#open.get(name)?.progress({ peer: from, receivedBytes, totalBytes })
    if (frame === undefined) return
    const whole = decodeFrame(frame, this.#limits)
    if (whole.name !== name || whole.kind === 'part' || whole.kind === 'taken') {
      throw new DecodeError(`parts of the document ${name} make a frame of another kind`)
    }
    this.#receive(from, name, whole)
  }

  /** With `keep: 'all'`; undefined if it is not wanted, or too much. */
  #openForOthers(name: string): OpenDocument | undefined {
    if (this.#settings.keep !== 'all' || this.#isClosed || name === '') return undefined
    while (!this.#hasRoomForOthers() && this.#putAway());
    if (!this.#hasRoomForOthers()) {
      this.#logger.warn(`The document ${name} is not kept: the limit of documents or of their bytes is reached.`)
      return undefined
    }
    this.#forOthers.set(name, 0)
    return this.#opened(name)
  }

  #hasRoomForOthers(): boolean {
    const takenBytes = [...this.#forOthers.values()].reduce((sum, bytes) => sum + bytes, 0)
    return this.#open.size < this.#limits.documents && takenBytes < this.#limits.keptBytes
  }

  /** Closes one that nobody has open any more and that is stored, if there is one: it comes back when it is asked for. */
  #putAway(): boolean {
    const opened = [...this.#forOthers.keys()].map((name) => this.#open.get(name))
    const idle = opened.find((document) => document?.status === 'alone' && document.isStored)
    idle?.close()
    return idle !== undefined
  }

  #takenForOthers(name: string, bytes: number): void {
    const takenBytes = this.#forOthers.get(name)
    if (takenBytes !== undefined) this.#forOthers.set(name, takenBytes + bytes)
  }

  #mayWrite(peer: PeerId, name: string): boolean {
    const { canWrite } = this.#settings
    const info = this.#network.peers.get(peer)?.info
    if (canWrite === undefined || info === undefined) return canWrite === undefined
    try {
      return canWrite(info, name)
    } catch (error) {
      this.#logger.error(`canWrite threw for the document ${name}.`, error)
      return false
    }
  }

  #drain(peer: PeerId): void {
    this.#sender.drain(peer)
    this.#forEach((document) => document.resume())
  }

  #peerLeft(peer: PeerId): void {
    this.#sender.peerLeft(peer)
    this.#arrivals.peerLeft(peer)
    this.#forEach((document) => document.peerLeft(peer))
  }

  #forEach(visit: (document: OpenDocument) => void): void {
    for (const document of [...this.#open.values()]) visit(document)
  }
}
