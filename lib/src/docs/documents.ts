import type { Unsubscribe } from '../base/emitter.js'
import { LegionError } from '../base/errors.js'
import type { PeerId } from '../base/ids.js'
import { type Logger, silentLogger } from '../base/logger.js'
import type { Runtime } from '../base/runtime.js'
import type { Network } from '../mesh/network.js'
import type { AwarenessLimits } from './awareness-sync.js'
import type { LegionDocument } from './document.js'
import type { SyncLimits } from './document-sync.js'
import { type DocumentServices, OpenDocument } from './open-document.js'
import { decodeFrame, type FrameLimits, MAX_NAME_BYTES } from './protocol.js'
import { Sender } from './sender.js'

export interface DocumentsOptions {
  readonly network: Network
  readonly runtime: Runtime
  readonly logger?: Logger | undefined
  readonly limits?: Partial<DocumentLimits> | undefined
}

export interface DocumentLimits extends FrameLimits, SyncLimits, AwarenessLimits {
  /** Open at once. Default 1 000. */
  readonly documents: number
}

const MIB = 1024 * 1024

export const DEFAULT_DOCUMENT_LIMITS: DocumentLimits = {
  documents: 1_000,
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
  readonly #open = new Map<string, OpenDocument>()
  readonly #unsubscribe: readonly Unsubscribe[]
  readonly #received = { receivedFrames: 0, receivedBytes: 0 }
  #askCount = 0
  #isClosed = false

  constructor({ network, runtime, logger = silentLogger, limits }: DocumentsOptions) {
    this.#network = network
    this.#limits = { ...DEFAULT_DOCUMENT_LIMITS, ...limits }
    const port = network.openPort('documents', {
      message: (from, payload) => this.#receive(from, payload),
      drain: (peer) => this.#drain(peer),
    })
    this.#sender = new Sender(port, this.#limits.documents)
    this.#services = {
      runtime,
      logger,
      limits: this.#limits,
      sender: this.#sender,
      nextAskId: () => this.#askCount++,
      closed: ({ name }) => this.#open.delete(name),
    }
    this.#unsubscribe = [
      network.on('peerJoined', ({ info }) => this.#forEach((document) => document.peerJoined(info.id))),
      network.on('peerLeft', (peer) => this.#peerLeft(peer)),
    ]
  }

  /**
   * The document of that name, opened if it is not.
   * @param name 1 to 256 bytes of UTF-8
   * @throws LegionError E_INVALID for another name, E_BUSY if `limits.documents` are open, E_CLOSED
   */
  open(name: string): LegionDocument {
    const document = this.#open.get(name)
    if (document !== undefined) return document
    this.#requireRoom(name)
    const opened = new OpenDocument(name, this.#network.peers.keys(), this.#services)
    this.#open.set(name, opened)
    return opened
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

  #receive(from: PeerId, payload: Uint8Array): void {
    this.#received.receivedFrames++
    this.#received.receivedBytes += payload.length
    const frame = decodeFrame(payload, this.#limits)
    const document = this.#open.get(frame.name)
    if (document !== undefined) document.receive(from, frame)
    else if (frame.kind === 'ask' || frame.kind === 'update') this.#sender.sendAbsent(from, frame.name)
  }

  #drain(peer: PeerId): void {
    this.#sender.drain(peer)
    this.#forEach((document) => document.drain())
  }

  #peerLeft(peer: PeerId): void {
    this.#sender.peerLeft(peer)
    this.#forEach((document) => document.peerLeft(peer))
  }

  #forEach(visit: (document: OpenDocument) => void): void {
    for (const document of [...this.#open.values()]) visit(document)
  }
}
