import * as Y from 'yjs'
import type { PeerId } from '../base/ids.js'
import { type Encoder, writeCount } from '../codec/encode.js'
import type { Partner } from './partners.js'

type DeleteSet = Y.Transaction['deleteSet']

/**
 * What changed in a document since somebody was told last: not the bytes, only which places of its store. They are
 * encoded once, when they leave, from the store as it is by then. That spares an encoding per transaction and a merge
 * of all of them, and what Yjs has joined meanwhile, say the letters of a word, travels as one.
 */
export class News {
  /** By client, the first clock that is new and the first one after it. */
  readonly #ranges = new Map<number, { from: number; to: number }>()
  #deletions: DeleteSet[] = []

  get isEmpty(): boolean {
    return this.#ranges.size === 0 && this.#deletions.length === 0
  }

  add({ beforeState, afterState, deleteSet }: Y.Transaction): void {
    for (const [client, to] of afterState) {
      const from = beforeState.get(client) ?? 0
      if (to > from) this.#addRange(client, from, to)
    }
    if (deleteSet.clients.size > 0) this.#deletions.push(deleteSet)
  }

  addAll(other: News): void {
    for (const [client, { from, to }] of other.#ranges) this.#addRange(client, from, to)
    this.#deletions.push(...other.#deletions)
  }

  /** An update, in v1, with at least what was added. */
  encode(y: Y.Doc): Uint8Array {
    const encoder = new Y.UpdateEncoderV1()
    // As Yjs does: conflicts are solved faster with the larger clients first.
    const clients = [...this.#ranges.keys()].sort((a, b) => b - a)
    writeCount(encoder.restEncoder, clients.length)
    for (const client of clients) this.#writeStructs(encoder, y, client)
    writeDeletions(encoder.restEncoder, Y.mergeDeleteSets(this.#deletions))
    return encoder.toUint8Array()
  }

  /** As an update in v1 that takes the place of `encode` where it is only compared: all contents as if collected. */
  outline(): Uint8Array {
    const encoder = new Y.UpdateEncoderV1()
    writeCount(encoder.restEncoder, this.#ranges.size)
    for (const [client, { from, to }] of this.#ranges) {
      writeCount(encoder.restEncoder, 1)
      encoder.writeClient(client)
      writeCount(encoder.restEncoder, from)
      new Y.GC(Y.createID(client, from), to - from).write(encoder, 0)
    }
    writeDeletions(encoder.restEncoder, Y.mergeDeleteSets(this.#deletions))
    return encoder.toUint8Array()
  }

  #addRange(client: number, from: number, to: number): void {
    const range = this.#ranges.get(client)
    if (range === undefined) this.#ranges.set(client, { from, to })
    else {
      range.from = Math.min(range.from, from)
      range.to = Math.max(range.to, to)
    }
  }

  /** A struct that was joined with later ones goes as a whole: to hear twice of something does no harm. */
  #writeStructs(encoder: Y.UpdateEncoderV1, y: Y.Doc, client: number): void {
    const { from, to } = this.#ranges.get(client) ?? { from: 0, to: 0 }
    const structs = y.store.clients.get(client) ?? []
    const first = Y.findIndexSS(structs, from)
    let end = first + 1
    while (end < structs.length && clockOf(structs, end) < to) end++
    writeCount(encoder.restEncoder, end - first)
    encoder.writeClient(client)
    writeCount(encoder.restEncoder, from)
    for (let i = first; i < end; i++) structs[i]?.write(encoder, Math.max(0, from - clockOf(structs, i)))
  }
}

/** Whether anything that other peers have to hear of came of it. */
export function hasNews({ beforeState, afterState, deleteSet }: Y.Transaction): boolean {
  if (deleteSet.clients.size > 0) return true
  for (const [client, clock] of afterState) if (clock > (beforeState.get(client) ?? 0)) return true
  return false
}

/** One update for several partners. */
export interface Delivery {
  readonly partners: Partner[]
  readonly update: Uint8Array
}

type MustTell = (partner: Partner, source: PeerId | undefined) => boolean

/** With news of more peers than that, all are told all of them. */
const MAX_SOURCES_APART = 3

/** The news since the last flush, by the peer they came from; undefined: made here. */
export class Outbox {
  #news = new Map<PeerId | undefined, News>()

  get isEmpty(): boolean {
    return this.#news.size === 0
  }

  /** So many other peers brought news. */
  get remoteSources(): number {
    return this.#news.size - (this.#news.has(undefined) ? 1 : 0)
  }

  add(transaction: Y.Transaction, source: PeerId | undefined): void {
    let news = this.#news.get(source)
    if (news === undefined) {
      news = new News()
      this.#news.set(source, news)
    }
    news.add(transaction)
  }

  /** Notes in `news` all that is here. */
  copyTo(news: News): void {
    for (const some of this.#news.values()) news.addAll(some)
  }

  /** Whether the partner is to be told anything. */
  isFor(partner: Partner, mustTell: MustTell): boolean {
    return [...this.#news.keys()].some((source) => mustTell(partner, source))
  }

  /**
   * Empties it into one update for each partner that is to be told anything. With news of many it is the same for all:
   * to hear again of what one has told costs less than an encoding for each.
   */
  take(y: Y.Doc, partners: Iterable<Partner>, mustTell: MustTell): Delivery[] {
    const sources = [...this.#news]
    this.#news = new Map()
    const deliveries = new Map<string, Delivery>()
    for (const partner of partners) {
      const owed = sources.filter(([source]) => mustTell(partner, source))
      const told = owed.length > MAX_SOURCES_APART ? sources : owed
      const key = told.map(([source]) => source).join()
      const delivery = deliveries.get(key)
      if (delivery !== undefined) delivery.partners.push(partner)
      else if (told.length > 0) deliveries.set(key, { partners: [partner], update: encodeAll(y, told) })
    }
    return [...deliveries.values()]
  }
}

function encodeAll(y: Y.Doc, told: readonly (readonly [PeerId | undefined, News])[]): Uint8Array {
  const all = new News()
  for (const [, news] of told) all.addAll(news)
  return all.encode(y)
}

/** In v1. */
function writeDeletions(encoder: Encoder, { clients }: DeleteSet): void {
  writeCount(encoder, clients.size)
  for (const client of [...clients.keys()].sort((a, b) => b - a)) {
    const deletions = clients.get(client) ?? []
    writeCount(encoder, client)
    writeCount(encoder, deletions.length)
    for (const { clock, len } of deletions) {
      writeCount(encoder, clock)
      writeCount(encoder, len)
    }
  }
}

function clockOf(structs: readonly (Y.Item | Y.GC)[], i: number): number {
  return structs[i]?.id.clock ?? 0
}
