import {
  createEncoder,
  type Encoder,
  length as encodedLength,
  toUint8Array as finish,
  writeUint8,
  writeUint8Array,
  writeVarString,
  writeVarUint,
  writeVarUint8Array,
} from 'lib0/encoding'
import { fromBase64Url } from '../base/bytes.js'
import { invariant } from '../base/errors.js'
import { type ClusterId, ID_BYTES, type PeerId } from '../base/ids.js'

/*
 * The writers for the readers of `decode.ts`. A count is a varint of 7 bits per byte, lowest first; bytes and strings
 * are a count and the (UTF-8) bytes; a list is a count and the items; a choice is one byte, its index; an id is its 16
 * bytes.
 */

export type { Encoder } from 'lib0/encoding'
export {
  createEncoder,
  encodedLength,
  finish,
  writeUint8 as writeByte,
  writeVarString as writeString,
  writeVarUint as writeCount,
  writeVarUint8Array as writeBytes,
}

/** Most encodings are a few bytes, and a new encoder costs more than writing them (measured). */
let idleEncoder: Encoder | undefined

/** The bytes that `write` writes. Calls may be nested. */
export function encode(write: (encoder: Encoder) => void): Uint8Array {
  const encoder = idleEncoder ?? createEncoder()
  idleEncoder = undefined
  try {
    write(encoder)
    return finish(encoder)
  } finally {
    idleEncoder = cleared(encoder)
  }
}

/** @returns undefined if its buffer has grown: memory is not kept for the largest that there ever was */
function cleared(encoder: Encoder): Encoder | undefined {
  if (encoder.bufs.length > 0) return undefined
  encoder.cpos = 0
  return encoder
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
  const bytes = fromBase64Url(id)
  invariant(bytes?.length === ID_BYTES, () => `not an id: ${id}`)
  writeUint8Array(encoder, bytes)
}
