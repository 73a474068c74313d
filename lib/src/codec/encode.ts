import {
  createEncoder,
  type Encoder,
  length as encodedLength,
  toUint8Array as finish,
  writeUint8,
  writeUint8Array,
  writeVarString,
  writeVarUint,
} from 'lib0/encoding'
import { readBase64Url } from '../base/bytes.js'
import { invariant } from '../base/errors.js'
import { type ClusterId, ID_BYTES, type PeerId } from '../base/ids.js'
import { copyBytes, type Piece, pieceOf, pooledPiece } from './byte-pool.js'

/*
 * The writers for the readers of `decode.ts`. A count is a varint of 7 bits per byte, lowest first; bytes and strings
 * are a count and the (UTF-8) bytes; a list is a count and the items; a choice is one byte, its index; an id is its 16
 * bytes.
 */

export type { Encoder } from 'lib0/encoding'
export { createEncoder, encodedLength, finish, writeUint8 as writeByte, writeVarUint as writeCount }

/** lib0 begins with 100 bytes, and what does not fit costs an encoder. */
const ENCODER_BYTES = 1024
/** Memory is not kept for the largest that there ever was. */
const KEPT_BYTES = 64 * 1024

/** Most encodings are a few bytes, and a new encoder costs more than writing them (measured). */
let idleEncoder: Encoder | undefined

/** The bytes that `write` writes. Calls may be nested. */
export function encode(write: (encoder: Encoder) => void): Uint8Array {
  const encoder = takeEncoder()
  try {
    write(encoder)
    return encoder.bufs.length === 0 ? encoder.cbuf.slice(0, encoder.cpos) : finish(encoder)
  } finally {
    giveBack(encoder)
  }
}

/** An empty encoder, to be given back. Until then others who ask get another one. */
export function takeEncoder(): Encoder {
  const encoder = idleEncoder ?? roomyEncoder()
  idleEncoder = undefined
  return encoder
}

/** What is in it is lost. Of a buffer that has grown it keeps the last part, if that is no larger than most messages. */
export function giveBack(encoder: Encoder): void {
  if (encoder.cbuf.length > KEPT_BYTES) return
  if (encoder.bufs.length > 0) encoder.bufs.length = 0
  encoder.cpos = 0
  idleEncoder = encoder
}

/** What was written, as a piece of the pool's. Gives the encoder back. */
export function finishPiece(encoder: Encoder): Piece {
  const piece = encoder.bufs.length > 0 ? pieceOf(finish(encoder)) : pooledPiece(encoder.cbuf, 0, encoder.cpos)
  giveBack(encoder)
  return piece
}

/** What was written, in bytes that `cut` makes. Gives the encoder back. */
export function finishIn(cut: (length: number) => Uint8Array, encoder: Encoder): Uint8Array {
  const bytes = encoder.bufs.length > 0 ? finish(encoder) : cut(encoder.cpos)
  if (encoder.bufs.length === 0) copyBytes(encoder.cbuf, 0, encoder.cpos, bytes, 0)
  giveBack(encoder)
  return bytes
}

function roomyEncoder(): Encoder {
  const encoder = createEncoder()
  encoder.cbuf = new Uint8Array(ENCODER_BYTES)
  return encoder
}

export function writeBytes(encoder: Encoder, bytes: Uint8Array): void {
  writeVarUint(encoder, bytes.length)
  writeRaw(encoder, bytes)
}

/** Bytes without their number. lib0's `writeUint8Array` makes a view first, which costs more than to copy few bytes (measured). */
export function writeRaw(encoder: Encoder, bytes: Uint8Array, start = 0, end = bytes.length): void {
  const length = end - start
  if (encoder.cpos + length > encoder.cbuf.length) {
    writeUint8Array(encoder, bytes.subarray(start, end))
  } else {
    copyBytes(bytes, start, end, encoder.cbuf, encoder.cpos)
    encoder.cpos += length
  }
}

/** Up to so many characters a loop is faster than a TextEncoder (measured). */
const SHORT_CHARACTERS = 32

export function writeString(encoder: Encoder, text: string): void {
  if (text.length > SHORT_CHARACTERS || !writeShortAscii(encoder, text)) writeVarString(encoder, text)
}

/** @returns false, with nothing written, if it is not ASCII or does not fit into what is left of the buffer */
function writeShortAscii(encoder: Encoder, text: string): boolean {
  const { cbuf, cpos } = encoder
  const start = cpos + 1
  if (start + text.length > cbuf.length) return false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return false
    cbuf[start + i] = code
  }
  cbuf[cpos] = text.length
  encoder.cpos = start + text.length
  return true
}

export function writeBoolean(encoder: Encoder, value: boolean): void {
  writeUint8(encoder, value ? 1 : 0)
}

/** @param choices at most 256; `value` must be one of them */
export function writeOneOf<const T>(encoder: Encoder, choices: readonly T[], value: T): void {
  const index = choices.indexOf(value)
  invariant(index >= 0 && index < 256, () => `${String(value)} is choice ${index} of ${choices.length}`)
  writeUint8(encoder, index)
}

export function writeList<T>(
  encoder: Encoder,
  items: readonly T[],
  writeItem: (encoder: Encoder, item: T) => void,
): void {
  writeVarUint(encoder, items.length)
  for (const item of items) writeItem(encoder, item)
}

export function writeOptional<T>(
  encoder: Encoder,
  value: T | undefined,
  write: (encoder: Encoder, value: T) => void,
): void {
  writeBoolean(encoder, value !== undefined)
  if (value !== undefined) write(encoder, value)
}

export function writeId(encoder: Encoder, id: PeerId | ClusterId): void {
  invariant(readBase64Url(id, idBytes) === ID_BYTES, () => `not an id: ${id}`)
  writeRaw(encoder, idBytes)
}

/** Of the id that is being written: an array for each would cost more than the rest (measured). */
const idBytes = new Uint8Array(ID_BYTES)
