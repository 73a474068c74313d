import { createDecoder, type Decoder, hasContent, readUint8Array, readVarUint } from 'lib0/decoding'
import { toBase64Url } from '../base/bytes.js'
import { type ClusterId, ID_BYTES, type PeerId } from '../base/ids.js'

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
  const value = guarded(() => read(decoder))
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
  return readOneOf(decoder, [false, true])
}

/** At most `maxBytes` bytes, written by `writeBytes`. A view into the decoded bytes: copy what is to outlive them. */
export function readBytes(decoder: Decoder, maxBytes: number): Uint8Array {
  return readUint8Array(decoder, readCount(decoder, maxBytes))
}

/** A string of at most `maxBytes` bytes of UTF-8, written by `writeString`. */
export function readString(decoder: Decoder, maxBytes: number): string {
  const length = readCount(decoder, maxBytes)
  return shortAscii(decoder, length) ?? utf8.decode(readUint8Array(decoder, length))
}

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

function readId(decoder: Decoder): string {
  return toBase64Url(readUint8Array(decoder, ID_BYTES))
}

/** Above it the call of a TextDecoder costs less (measured). */
const SHORT_BYTES = 12

/** Most strings are names and keys. @returns undefined, with nothing read, if the next bytes are no short ASCII */
function shortAscii(decoder: Decoder, length: number): string | undefined {
  const { arr, pos } = decoder
  const end = pos + length
  if (length > SHORT_BYTES || end > arr.length) return undefined
  let text = ''
  for (let at = pos; at < end; at++) {
    const byte = arr[at] as number
    if (byte > 0x7f) return undefined
    text += String.fromCharCode(byte)
  }
  decoder.pos = end
  return text
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function guarded<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof DecodeError) throw cause
    throw new DecodeError(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}
