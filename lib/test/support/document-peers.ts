import type { LegionError } from '../../src/base/errors.js'
import type { PeerId } from '../../src/base/ids.js'
import type { RandomStream } from '../../src/base/random.js'
import type { LegionDocument } from '../../src/docs/document.js'
import {
  DEFAULT_DOCUMENT_LIMITS,
  type DocumentLimits,
  Documents,
  type DocumentsOptions,
} from '../../src/docs/documents.js'
import { decodeFrame, type Frame } from '../../src/docs/protocol.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'
import { type MemoryNetwork, MemoryNetworks } from './memory-network.js'

export type PeerOptions = Pick<DocumentsOptions, 'settings' | 'store'>

/** One peer with documents; `doc` is the one that most tests need. */
export class DocumentPeer {
  readonly id: PeerId
  readonly network: MemoryNetwork
  readonly documents: Documents
  /** What the logger was told as an error. */
  readonly errors: unknown[][] = []
  /** What the program was told. */
  readonly failures: LegionError[] = []

  constructor(
    network: MemoryNetwork,
    clock: SimulatedClock,
    seed: number,
    limits: Partial<DocumentLimits>,
    options: PeerOptions,
  ) {
    this.id = network.self.id
    this.network = network
    const nothing = () => {}
    const logger = {
      debug: nothing,
      info: nothing,
      warn: nothing,
      error: (...args: unknown[]) => this.errors.push(args),
    }
    this.documents = new Documents({
      network,
      runtime: clock.fork(seed),
      logger,
      limits,
      failed: (error) => this.failures.push(error),
      ...options,
    })
  }

  get doc(): LegionDocument {
    return this.documents.open('notes')
  }

  get text(): string {
    return this.doc.y.getText('t').toString()
  }

  insert(text: string, at = 0): void {
    this.doc.applyFast((y) => y.getText('t').insert(at, text))
  }
}

export class DocumentPeers {
  readonly networks = new MemoryNetworks()
  readonly clock = new SimulatedClock()
  readonly all: DocumentPeer[] = []

  add(limits: Partial<DocumentLimits> = {}, options: PeerOptions = {}): DocumentPeer {
    const n = this.all.length + 1
    const peer = new DocumentPeer(this.networks.add(n), this.clock, n, limits, options)
    this.all.push(peer)
    return peer
  }

  connect(a: DocumentPeer, b: DocumentPeer): void {
    this.networks.connect(a.network, b.network)
  }

  disconnect(a: DocumentPeer, b: DocumentPeer, reason: 'goodbye' | 'lost' = 'lost'): void {
    this.networks.disconnect(a.network, b.network, reason)
  }

  /** `count` peers that have the document open, linked each with the next. */
  line(count: number): DocumentPeer[] {
    const peers = Array.from({ length: count }, () => this.add())
    peers.forEach((peer, i) => {
      const next = peers[i + 1]
      if (next !== undefined) this.connect(peer, next)
      peer.documents.open('notes')
    })
    return peers
  }

  /** `count` peers that have the document open, all linked. */
  mesh(count: number): DocumentPeer[] {
    const peers = Array.from({ length: count }, () => this.add())
    this.connectAll()
    for (const peer of peers) peer.documents.open('notes')
    return peers
  }

  connectAll(): void {
    for (const a of this.all) for (const b of this.all) if (a.id < b.id) this.connect(a, b)
  }

  settle(random?: RandomStream | undefined): Promise<void> {
    return this.networks.settle(random)
  }

  /** Lets time pass, in steps of 10 ms after each of which everything is delivered. */
  async run(durationMs: number): Promise<void> {
    await this.settle()
    for (let ms = 0; ms < durationMs; ms += 10) {
      await this.clock.run(10)
      await this.settle()
    }
  }

  /** The frames that `action` and all that follows from it sent. */
  async framesOf(action: () => void): Promise<SentFrame[]> {
    const before = this.networks.sent.length
    action()
    await this.settle()
    return this.networks.sent.slice(before).map(({ from, to, payload }) => ({
      from,
      to,
      ...decodeFrame(payload, DEFAULT_DOCUMENT_LIMITS),
    }))
  }
}

export type SentFrame = Frame & { readonly from: PeerId; readonly to: PeerId }
