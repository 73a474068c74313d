import * as Y from 'yjs'
import type { PeerId } from '../base/ids.js'
import {
  DecodeError,
  type Decoder,
  decodeAll,
  readBoolean,
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
  writeBoolean,
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
 *   0 ask        self, askId, stateVector, stateHash, takenHash?
 *                "I have it open. Give me what I lack, and from then on what is new."
 *   1 answer     self, askId, stateHash, update?   no update: nothing is lacking
 *   2 absent     "I do not have it open (any more)." The answer to an ask, or on closing
 *   3 stale      "Something for you was dropped, or may be: ask again."
 *   4 update     what is new since the answer
 *   5 self       when any of it has changed
 *   6 awareness  entries
 *   7 part       totalBytes, bytes    of another frame of totalBytes, which is too long for one message
 *   8 taken      bytes                of parts
 *   9 beacon     root, sequence, relays, hops   of the root of those who hold it; see `Bridges`, `Tree`
 *  10 have       outline              of what came or was made lately, for those who are not fed; see `Haves`
 *
 * Updates and state vectors are those of Yjs, in v1: every struct of an update takes bytes of its own, so what it makes
 * of memory is bounded by its length. In v2, some thirty bytes of run lengths can stand for billions of structs. Only
 * what is stored here is in v2.
 *
 * A link keeps order, so `links` of `self` describes exactly who gets the updates sent after it.
 */
export type Frame = { readonly name: string } & FrameBody

export type FrameBody =
  | Ask
  | {
      readonly kind: 'answer'
      readonly self: Introduction
      readonly askId: number
      /** Of the sender's state, which is all at the receiver once it has the update. */
      readonly stateHash: string
      readonly update: Uint8Array | undefined
    }
  | { readonly kind: 'absent' }
  | { readonly kind: 'stale' }
  | { readonly kind: 'update'; readonly update: Uint8Array }
  | { readonly kind: 'self'; readonly self: Introduction }
  | { readonly kind: 'awareness'; readonly entries: readonly AwarenessEntry[] }
  | Part
  | { readonly kind: 'taken'; readonly bytes: number }
  | { readonly kind: 'beacon'; readonly beacon: Beacon }
  /** `outline`: an update with lengths in place of contents, only to be compared with what is there. */
  | { readonly kind: 'have'; readonly outline: Uint8Array }

export interface Part {
  readonly kind: 'part'
  readonly totalBytes: number
  /** PART_BYTES of them, but for the last part. */
  readonly bytes: Uint8Array
}

export interface Ask {
  readonly kind: 'ask'
  readonly self: Introduction
  readonly askId: number
  readonly summary: StateSummary
  /** The `stateHash` of the last answer that was taken: a state that has not changed since brings nothing new. */
  readonly takenHash: string | undefined
}

/** What a sender says of itself, as to one document. */
export interface Introduction {
  /** In awareness. */
  readonly client: number
  /** The peers to which the sender passes its updates itself. */
  readonly links: readonly PeerId[]
  /** Whether the sender takes the receiver's updates; if not, the receiver need not send any. */
  readonly takesYours: boolean
  /** The sender wants this link to pass at once what is new, in both directions. */
  readonly isChosen: boolean
}

/** Who is the root of those who hold a document, by its own word, passed on. */
export interface Beacon {
  readonly root: PeerId
  /** The newest counts. */
  readonly sequence: number
  /** Steps on its way between peers without a link. */
  readonly relays: number
  /** From the root to the sender, on the tree; large if the sender is not on it. */
  readonly hops: number
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

/** What a part carries; a frame up to this length is not taken apart. */
export const PART_BYTES = 64 * 1024

const ASK = 0
const ANSWER = 1
const ABSENT = 2
const STALE = 3
const UPDATE = 4
const SELF = 5
const AWARENESS = 6
const PART = 7
const TAKEN = 8
const BEACON = 9
const HAVE = 10
const KINDS = {
  ask: ASK,
  answer: ANSWER,
  absent: ABSENT,
  stale: STALE,
  update: UPDATE,
  self: SELF,
  awareness: AWARENESS,
  part: PART,
  taken: TAKEN,
  beacon: BEACON,
  have: HAVE,
} as const satisfies Record<FrameBody['kind'], number>

export function encodeFrame(name: string, frame: FrameBody): Uint8Array {
  return encode((encoder) => {
    writeByte(encoder, KINDS[frame.kind])
    writeString(encoder, name)
    writeBody(encoder, frame)
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

function writeBody(encoder: Encoder, frame: FrameBody): void {
  switch (frame.kind) {
    case 'ask':
      writeIntroduction(encoder, frame.self)
      writeCount(encoder, frame.askId)
      writeBytes(encoder, frame.summary.stateVector)
      writeString(encoder, frame.summary.stateHash)
      writeOptional(encoder, frame.takenHash, writeString)
      break
    case 'answer':
      writeIntroduction(encoder, frame.self)
      writeCount(encoder, frame.askId)
      writeString(encoder, frame.stateHash)
      writeOptional(encoder, frame.update, writeBytes)
      break
    case 'update':
      writeBytes(encoder, frame.update)
      break
    case 'self':
      writeIntroduction(encoder, frame.self)
      break
    case 'awareness':
      writeList(encoder, frame.entries, writeEntry)
      break
    case 'part':
      writeCount(encoder, frame.totalBytes)
      writeBytes(encoder, frame.bytes)
      break
    case 'taken':
      writeCount(encoder, frame.bytes)
      break
    case 'beacon':
      writeId(encoder, frame.beacon.root)
      writeCount(encoder, frame.beacon.sequence)
      writeCount(encoder, frame.beacon.relays)
      writeCount(encoder, frame.beacon.hops)
      break
    case 'have':
      writeBytes(encoder, frame.outline)
  }
}

function readBody(decoder: Decoder, kind: number, limits: FrameLimits): FrameBody {
  const readUpdate = (from: Decoder) => readBytes(from, limits.updateBytes)
  switch (kind) {
    case ASK:
      return readAsk(decoder)
    case ANSWER: {
      const [self, askId, stateHash] = [readIntroduction(decoder), readCount(decoder), readHash(decoder)]
      return { kind: 'answer', self, askId, stateHash, update: readOptional(decoder, readUpdate) }
    }
    case ABSENT:
      return { kind: 'absent' }
    case STALE:
      return { kind: 'stale' }
    case UPDATE:
      return { kind: 'update', update: readUpdate(decoder) }
    case SELF:
      return { kind: 'self', self: readIntroduction(decoder) }
    case AWARENESS:
      return { kind: 'awareness', entries: readEntries(decoder, limits) }
    case PART:
      return { kind: 'part', totalBytes: readCount(decoder), bytes: readBytes(decoder, PART_BYTES) }
    case TAKEN:
      return { kind: 'taken', bytes: readCount(decoder) }
    case BEACON: {
      const [root, sequence, relays] = [readPeerId(decoder), readCount(decoder), readCount(decoder)]
      return { kind: 'beacon', beacon: { root, sequence, relays, hops: readCount(decoder) } }
    }
    case HAVE:
      return { kind: 'have', outline: readBytes(decoder, PART_BYTES) }
    default:
      throw new DecodeError(`no document frame is of kind ${kind}`)
  }
}

function readAsk(decoder: Decoder): Ask {
  const [self, askId, summary] = [readIntroduction(decoder), readCount(decoder), readSummary(decoder)]
  return { kind: 'ask', self, askId, summary, takenHash: readOptional(decoder, readHash) }
}

function writeIntroduction(encoder: Encoder, { client, links, takesYours, isChosen }: Introduction): void {
  writeCount(encoder, client)
  writeList(encoder, links, writeId)
  writeBoolean(encoder, takesYours)
  writeBoolean(encoder, isChosen)
}

function readIntroduction(decoder: Decoder): Introduction {
  const client = readCount(decoder)
  const links = readList(decoder, MAX_LINKS, readPeerId)
  const [takesYours, isChosen] = [readBoolean(decoder), readBoolean(decoder)]
  return { client, links, takesYours, isChosen }
}

function readSummary(decoder: Decoder): StateSummary {
  const stateVector = readBytes(decoder, decoder.arr.length)
  Y.decodeStateVector(stateVector) // throws if it is none
  return { stateVector, stateHash: readHash(decoder) }
}

function readHash(decoder: Decoder): string {
  return readString(decoder, HASH_LENGTH)
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
