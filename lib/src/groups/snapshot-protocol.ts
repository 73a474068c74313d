import { toBase64Url } from '../base/bytes.js'
import type { PeerId } from '../base/ids.js'
import type { Runtime } from '../base/runtime.js'
import {
  DecodeError,
  type Decoder,
  decodeAll,
  readBoolean,
  readByte,
  readBytes,
  readCount,
  readOneOf,
  readString,
} from '../codec/decode.js'
import { type Encoder, encode, writeBoolean, writeBytes, writeCount, writeOneOf, writeString } from '../codec/encode.js'
import { MAX_CHUNK_BYTES } from './snapshot-source.js'

/*
 * One message per payload of the port `snapshots`: its kind, the transfer (a string), then the fields in the order of
 * the type. The sender's:
 *
 *   0 offer     "Here is a snapshot." Said again after a break or a silence
 *   1 chunk     the next one
 *   2 end       "That were all", or as many as the receiver said it has
 *   3 cancel    "There will be no more."
 *
 * and the receiver's:
 *
 *   4 accept    the answer to an offer: the chunk to begin with, because those before are here
 *   5 ack       the chunks before `next` are not only here but where they belong
 *   6 complete  "I have it all." Also the answer to an offer of what is complete already
 *   7 refuse    "I do not want it", or no more of it
 *
 * A port keeps order but may drop without a word: a chunk that is not the next one is ignored, and whoever hears
 * nothing for a while offers again.
 */
export type TransferMessage = SenderMessage | ReceiverMessage

export type SenderMessage =
  | Offer
  | Chunk
  | { readonly kind: 'end'; readonly transfer: string; readonly count: number; readonly checksum: number }
  | { readonly kind: 'cancel'; readonly transfer: string; readonly reason: TransferReason }

export type ReceiverMessage =
  | { readonly kind: 'accept'; readonly transfer: string; readonly next: number }
  | { readonly kind: 'ack'; readonly transfer: string; readonly next: number }
  | { readonly kind: 'complete'; readonly transfer: string }
  | { readonly kind: 'refuse'; readonly transfer: string; readonly reason: TransferReason }

export interface Offer {
  readonly kind: 'offer'
  readonly transfer: string
  readonly group: number
  readonly snapshotId: string
  readonly compressed: boolean
  readonly raftMessage: Uint8Array
}

export interface Chunk {
  readonly kind: 'chunk'
  readonly transfer: string
  readonly sequence: number
  readonly checksum: number
  readonly bytes: Uint8Array
}

/** Why a transfer came to nothing. The index is on the wire: append only. */
export const TRANSFER_REASONS = [
  /** The receiver has no use for it. */
  'refused',
  /** The receiver has too many transfers. */
  'busy',
  /** The receiver's limit, or the port's. */
  'too-large',
  /** A checksum or a count is wrong. */
  'damaged',
  /** The receiver could not store it. */
  'sink',
  /** The sender sends more than was acknowledged allows. */
  'overrun',
  /** Nothing was heard of the other side for too long. */
  'silent',
  /** The sender could not produce it. */
  'source',
  /** A newer one to the same group of the same peer. */
  'replaced',
  /** The group or the peer stops. */
  'stopped',
] as const
export type TransferReason = (typeof TRANSFER_REASONS)[number]

export const MAX_SNAPSHOT_ID_BYTES = 64
/** A configuration is the most that is in it. */
export const MAX_RAFT_MESSAGE_BYTES = 1024 * 1024

const TRANSFER_BYTES = 8
const MAX_TRANSFER_LENGTH = 11
const MAX_WORD = 2 ** 32 - 1

const KINDS = ['offer', 'chunk', 'end', 'cancel', 'accept', 'ack', 'complete', 'refuse'] as const

export function newTransferId(runtime: Runtime): string {
  return toBase64Url(runtime.randomBytes(TRANSFER_BYTES))
}

/** Names what there is at most one transfer of, at either end. */
export function transferKey(peer: PeerId, group: number): string {
  return `${peer} ${group}`
}

export function encodeTransferMessage(message: TransferMessage): Uint8Array {
  return encode((encoder) => {
    writeOneOf(encoder, KINDS, message.kind)
    writeString(encoder, message.transfer)
    writeBody(encoder, message)
  })
}

/** @throws DecodeError */
export function decodeTransferMessage(bytes: Uint8Array): TransferMessage {
  return decodeAll(bytes, (decoder) => {
    const kind = readByte(decoder)
    return readBody(decoder, kind, readString(decoder, MAX_TRANSFER_LENGTH))
  })
}

function writeBody(encoder: Encoder, message: TransferMessage): void {
  switch (message.kind) {
    case 'offer':
      writeCount(encoder, message.group)
      writeString(encoder, message.snapshotId)
      writeBoolean(encoder, message.compressed)
      writeBytes(encoder, message.raftMessage)
      break
    case 'chunk':
      writeCount(encoder, message.sequence)
      writeCount(encoder, message.checksum)
      writeBytes(encoder, message.bytes)
      break
    case 'end':
      writeCount(encoder, message.count)
      writeCount(encoder, message.checksum)
      break
    case 'accept':
    case 'ack':
      writeCount(encoder, message.next)
      break
    case 'cancel':
    case 'refuse':
      writeOneOf(encoder, TRANSFER_REASONS, message.reason)
      break
    case 'complete':
  }
}

function readBody(decoder: Decoder, kind: number, transfer: string): TransferMessage {
  switch (KINDS[kind]) {
    case 'offer':
      return readOffer(decoder, transfer)
    case 'chunk':
      return readChunk(decoder, transfer)
    case 'end':
      return { kind: 'end', transfer, count: readCount(decoder), checksum: readCount(decoder, MAX_WORD) }
    case 'cancel':
      return { kind: 'cancel', transfer, reason: readOneOf(decoder, TRANSFER_REASONS) }
    case 'accept':
      return { kind: 'accept', transfer, next: readCount(decoder) }
    case 'ack':
      return { kind: 'ack', transfer, next: readCount(decoder) }
    case 'complete':
      return { kind: 'complete', transfer }
    case 'refuse':
      return { kind: 'refuse', transfer, reason: readOneOf(decoder, TRANSFER_REASONS) }
    default:
      throw new DecodeError(`no message of a snapshot transfer is of kind ${kind}`)
  }
}

function readOffer(decoder: Decoder, transfer: string): Offer {
  return {
    kind: 'offer',
    transfer,
    group: readCount(decoder),
    snapshotId: readString(decoder, MAX_SNAPSHOT_ID_BYTES),
    compressed: readBoolean(decoder),
    raftMessage: readBytes(decoder, MAX_RAFT_MESSAGE_BYTES),
  }
}

function readChunk(decoder: Decoder, transfer: string): Chunk {
  return {
    kind: 'chunk',
    transfer,
    sequence: readCount(decoder),
    checksum: readCount(decoder, MAX_WORD),
    bytes: readBytes(decoder, MAX_CHUNK_BYTES),
  }
}
