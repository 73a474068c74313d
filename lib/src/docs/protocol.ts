import * as Y from 'yjs'
import type { PeerId } from '../base/ids.js'
import {
  DecodeError,
  type Decoder,
  decodeAll,
  readByte,
  readBytes,
  readCount,
  readList,
  readOptional,
  readPeerId,
  readString,
} from '../codec/decode.js'
import {
  type Encoder,
  encode,
  writeByte,
  writeBytes,
  writeCount,
  writeId,
  writeList,
  writeOptional,
  writeString,
} from '../codec/encode.js'

/*
 * One frame per payload of the port `documents`. Each starts with its kind and the document's name:
 *
 *   0 ask        askId, client, links, stateVector, stateHash
 *                "I have it open. Give me what I lack, and from then on what is new."
 *   1 answer     askId, client, links, update?   no update: nothing is lacking
 *   2 absent     "I do not have it open (any more)." The answer to an ask, or on closing
 *   3 stale      "Something for you was dropped, or may be: ask again."
 *   4 update     what is new since the answer
 *   5 links      the peers to which the sender passes its updates itself
 *   6 awareness  entries
 *
 * Updates and state vectors are those of Yjs, in v1. `client` is the sender's client in awareness. A link keeps order,
 * so `links` describes exactly who gets the updates sent after it.
 */
export type Frame = { readonly name: string } & FrameBody

export type FrameBody =
  | Ask
  | {
      readonly kind: 'answer'
      readonly askId: number
      readonly self: Introduction
      readonly update: Uint8Array | undefined
    }
  | { readonly kind: 'absent' }
  | { readonly kind: 'stale' }
  | { readonly kind: 'update'; readonly update: Uint8Array }
  | { readonly kind: 'links'; readonly links: readonly PeerId[] }
  | { readonly kind: 'awareness'; readonly entries: readonly AwarenessEntry[] }

export interface Ask {
  readonly kind: 'ask'
  readonly askId: number
  readonly self: Introduction
  readonly summary: StateSummary
}

/** What a sender says of itself, as to one document. */
export interface Introduction {
  readonly client: number
  readonly links: readonly PeerId[]
}

export interface StateSummary {
  readonly stateVector: Uint8Array
  /** Of state vector and deletions: documents with equal hashes are equal. */
  readonly stateHash: string
}

export interface AwarenessEntry {
  readonly client: number
  readonly clock: number
  /** JSON of an object, or `null`: gone. */
  readonly state: string
}

export interface FrameLimits {
  /** The longest update, or whole document in one update. Default 60 MiB; a link takes 64 MiB. */
  readonly updateBytes: number
  /** The longest awareness state of one client, as JSON. Default 64 KiB. */
  readonly awarenessStateBytes: number
  /** Clients in the awareness of one document. Default 1 000. */
  readonly awarenessClients: number
}

/** The longest name of a document, in UTF-8. */
export const MAX_NAME_BYTES = 256
const MAX_LINKS = 1_000
const HASH_LENGTH = 16

const ASK = 0
const ANSWER = 1
const ABSENT = 2
const STALE = 3
const UPDATE = 4
const LINKS = 5
const AWARENESS = 6

export function encodeFrame(name: string, frame: FrameBody): Uint8Array {
  return encode((encoder) => {
    switch (frame.kind) {
      case 'ask':
        writeHead(encoder, ASK, name)
        writeCount(encoder, frame.askId)
        writeIntroduction(encoder, frame.self)
        writeBytes(encoder, frame.summary.stateVector)
        writeString(encoder, frame.summary.stateHash)
        break
      case 'answer':
        writeHead(encoder, ANSWER, name)
        writeCount(encoder, frame.askId)
        writeIntroduction(encoder, frame.self)
        writeOptional(encoder, frame.update, writeBytes)
        break
      case 'absent':
        writeHead(encoder, ABSENT, name)
        break
      case 'stale':
        writeHead(encoder, STALE, name)
        break
      case 'update':
        writeHead(encoder, UPDATE, name)
        writeBytes(encoder, frame.update)
        break
      case 'links':
        writeHead(encoder, LINKS, name)
        writeList(encoder, frame.links, writeId)
        break
      case 'awareness':
        writeHead(encoder, AWARENESS, name)
        writeList(encoder, frame.entries, writeEntry)
    }
  })
}

/** @throws DecodeError. Updates are not looked into, see `checkUpdate`. */
export function decodeFrame(bytes: Uint8Array, limits: FrameLimits): Frame {
  return decodeAll(bytes, (decoder) => {
    const kind = readByte(decoder)
    const name = readString(decoder, MAX_NAME_BYTES)
    return { name, ...readBody(decoder, kind, limits) }
  })
}

function readBody(decoder: Decoder, kind: number, limits: FrameLimits): FrameBody {
  const readUpdate = (from: Decoder) => readBytes(from, limits.updateBytes)
  switch (kind) {
    case ASK:
      return { kind: 'ask', askId: readCount(decoder), self: readIntroduction(decoder), summary: readSummary(decoder) }
    case ANSWER: {
      const [askId, self] = [readCount(decoder), readIntroduction(decoder)]
      return { kind: 'answer', askId, self, update: readOptional(decoder, readUpdate) }
    }
    case ABSENT:
      return { kind: 'absent' }
    case STALE:
      return { kind: 'stale' }
    case UPDATE:
      return { kind: 'update', update: readUpdate(decoder) }
    case LINKS:
      return { kind: 'links', links: readLinks(decoder) }
    case AWARENESS:
      return { kind: 'awareness', entries: readEntries(decoder, limits) }
    default:
      throw new DecodeError(`no document frame is of kind ${kind}`)
  }
}

function writeHead(encoder: Encoder, kind: number, name: string): void {
  writeByte(encoder, kind)
  writeString(encoder, name)
}

function writeIntroduction(encoder: Encoder, { client, links }: Introduction): void {
  writeCount(encoder, client)
  writeList(encoder, links, writeId)
}

function readIntroduction(decoder: Decoder): Introduction {
  return { client: readCount(decoder), links: readLinks(decoder) }
}

function readLinks(decoder: Decoder): PeerId[] {
  return readList(decoder, MAX_LINKS, readPeerId)
}

function readSummary(decoder: Decoder): StateSummary {
  const stateVector = readBytes(decoder, decoder.arr.length)
  Y.decodeStateVector(stateVector) // throws if it is none
  return { stateVector, stateHash: readString(decoder, HASH_LENGTH) }
}

function writeEntry(encoder: Encoder, entry: AwarenessEntry): void {
  writeCount(encoder, entry.client)
  writeCount(encoder, entry.clock)
  writeString(encoder, entry.state)
}

function readEntries(decoder: Decoder, limits: FrameLimits): AwarenessEntry[] {
  return readList(decoder, limits.awarenessClients, () => {
    const [client, clock] = [readCount(decoder), readCount(decoder)]
    const state = readString(decoder, limits.awarenessStateBytes)
    if (typeof JSON.parse(state) !== 'object') throw new DecodeError('an awareness state that is no object')
    return { client, clock, state }
  })
}
