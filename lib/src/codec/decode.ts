import { createDecoder, type Decoder, hasContent, readUint8Array, readVarUint } from 'lib0/decoding'
import { toBase64Url } from '../base/bytes.js'
import { type ClusterId, ID_BYTES, type PeerId } from '../base/ids.js'
import { copyBytes } from './byte-pool.js'

export type { Decoder } from 'lib0/decoding'

/** The bytes are not what the reader expects. Whoever sent or stored them is at fault, never the caller. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
}

/**
 * Total decoding: the value that `read` makes of exactly all of `bytes`, or a DecodeError for whatever goes wrong, be
 * it the end of the bytes, something left over, or an exception of any kind inside `read`.
 */
export function decodeAll<T>(bytes: Uint8Array, read: (decoder: Decoder) => T): T {
  const decoder = createDecoder(bytes)
  const value = guarded(decoder, read)
  if (hasContent(decoder)) throw new DecodeError(`stopped at byte ${decoder.pos} of ${bytes.length}`)
  return value
}

export function readByte(decoder: Decoder): number {
  const byte = decoder.arr[decoder.pos]
  if (byte === undefined) throw new DecodeError(`no byte at ${decoder.pos}`)
  decoder.pos++
  return byte
}

/** A whole number from 0 to `max`, written by `writeCount`. */
export function readCount(decoder: Decoder, max = Number.MAX_SAFE_INTEGER): number {
  const count = readVarUint(decoder)
  if (count > max) throw new DecodeError(`${count} is above the limit of ${max}`)
  return count
}

export function readBoolean(decoder: Decoder): boolean {
  const byte = readByte(decoder)
  if (byte > 1) throw new DecodeError(`${byte} is neither true nor false`)
  return byte === 1
}

/** At most `maxBytes` bytes, written by `writeBytes`. A view into the decoded bytes: copy what is to outlive them. */
export function readBytes(decoder: Decoder, maxBytes: number): Uint8Array {
  return readUint8Array(decoder, readCount(decoder, maxBytes))
}

/** Bytes written by `writeBytes`, copied into those that `cut` makes. */
export function readCopy(decoder: Decoder, cut: (length: number) => Uint8Array): Uint8Array {
  const { arr } = decoder
  const length = readCount(decoder, arr.length)
  const end = decoder.pos + length
  if (end > arr.length) throw new DecodeError(`the bytes end at ${arr.length}, not at ${end}`)
  const copy = cut(length)
  copyBytes(arr, decoder.pos, end, copy, 0)
  decoder.pos = end
  return copy
}

/** A string of at most `maxBytes` bytes of UTF-8, written by `writeString`. */
export function readString(decoder: Decoder, maxBytes: number): string {
  const length = readCount(decoder, maxBytes)
  return shortAscii(decoder, length) ?? utf8.decode(readUint8Array(decoder, length))
}

/** A string as by `readString`, one of few that come again and again: those that came lately need not be made again. */
export function readName(decoder: Decoder, maxBytes: number): string {
  const { arr, pos } = decoder
  const length = arr[pos] ?? 0
  const slot = (length + 7 * (arr[pos + 1] ?? 0) + 31 * (arr[pos + length] ?? 0)) % names.length
  const known = names[slot]
  if (known !== undefined && length <= maxBytes && isText(known, length, arr, pos + 1)) {
    decoder.pos = pos + 1 + length
    return known
  }
  const name = readString(decoder, maxBytes)
  if (name.length === length && length <= SHORT_BYTES) names[slot] = name
  return name
}

/** @param text ASCII */
function isText(text: string, length: number, bytes: Uint8Array, start: number): boolean {
  if (text.length !== length) return false
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false
  return true
}

/** Short and of ASCII, so that they have as many characters as bytes. */
const names = new Array<string | undefined>(256).fill(undefined)

/** One of at most 256 `choices`, written by `writeOneOf` with the same ones in the same order. */
export function readOneOf<const T>(decoder: Decoder, choices: readonly T[]): T {
  const index = readByte(decoder)
  if (index >= choices.length) throw new DecodeError(`choice ${index} of ${choices.length}`)
  return choices[index] as T
}

/** At most `maxItems` items, written by `writeList`. */
export function readList<T>(decoder: Decoder, maxItems: number, readItem: (decoder: Decoder) => T): T[] {
  const items: T[] = []
  for (let left = readCount(decoder, maxItems); left > 0; left--) items.push(readItem(decoder))
  return items
}

/** Written by `writeOptional`. */
export function readOptional<T>(decoder: Decoder, read: (decoder: Decoder) => T): T | undefined {
  return readBoolean(decoder) ? read(decoder) : undefined
}

export function readPeerId(decoder: Decoder): PeerId {
  return readId(decoder) as PeerId
}

export function readClusterId(decoder: Decoder): ClusterId {
  return readId(decoder) as ClusterId
}

/**
 * Ids come again and again. One that came lately need not be made again; and where many know of many, as in a large mesh,
 * it is one string for all, which costs less to keep and to compare.
 */
function readId(decoder: Decoder): string {
  const { arr, pos } = decoder
  const slot = ((arr[pos] ?? 0) + 256 * (arr[pos + 1] ?? 0)) % ID_SLOTS
  const known = ids[slot]
  if (known !== undefined && isIdAt(slot * ID_BYTES, arr, pos)) {
    decoder.pos = pos + ID_BYTES
    return known
  }
  const bytes = readUint8Array(decoder, ID_BYTES)
  const id = toBase64Url(bytes)
  idBytes.set(bytes, slot * ID_BYTES)
  ids[slot] = id
  return id
}

function isIdAt(start: number, bytes: Uint8Array, pos: number): boolean {
  for (let i = 0; i < ID_BYTES; i++) if (idBytes[start + i] !== bytes[pos + i]) return false
  return true
}

const ID_SLOTS = 8192
/** By the first bytes of the ids, which are random; beside them the bytes of each. */
const ids = new Array<string | undefined>(ID_SLOTS).fill(undefined)
const idBytes = new Uint8Array(ID_SLOTS * ID_BYTES)

/** Above it the call of a TextDecoder costs less (measured). */
const SHORT_BYTES = 32

/** Most strings are names and keys. @returns undefined, with nothing read, if the next bytes are no short ASCII */
function shortAscii(decoder: Decoder, length: number): string | undefined {
  const { arr, pos } = decoder
  const end = pos + length
  if (length > SHORT_BYTES || end > arr.length) return undefined
  let bits = 0
  for (let at = pos; at < end; at++) bits |= arr[at] as number
  if (bits > 0x7f) return undefined
  decoder.pos = end
  return asciiText(arr, pos, end)
}

/**
 * Sixteen characters at once, then four: one by one costs three times as much, a call with a list of them five, and what
 * is put together of two long parts has to be flattened later (measured).
 */
function asciiText(bytes: Uint8Array, start: number, end: number): string {
  const code = (at: number) => bytes[at] as number
  let text = ''
  let i = start
  for (; i + 16 <= end; i += 16) text += sixteen(bytes, i)
  for (; i + 4 <= end; i += 4) text += String.fromCharCode(code(i), code(i + 1), code(i + 2), code(i + 3))
  for (; i < end; i++) text += String.fromCharCode(code(i))
  return text
}

function sixteen(bytes: Uint8Array, start: number): string {
  const code = (at: number) => bytes[start + at] as number
  return String.fromCharCode(
    code(0),
    code(1),
    code(2),
    code(3),
    code(4),
    code(5),
    code(6),
    code(7),
    code(8),
    code(9),
    code(10),
    code(11),
    code(12),
    code(13),
    code(14),
    code(15),
  )
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function guarded<T>(decoder: Decoder, read: (decoder: Decoder) => T): T {
  try {
    return read(decoder)
  } catch (cause) {
    if (cause instanceof DecodeError) throw cause
    throw new DecodeError(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}
