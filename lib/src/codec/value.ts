import { readBigInt64, readFloat32, readFloat64, readVarInt } from 'lib0/decoding'
import { writeAny } from 'lib0/encoding'
import { equalBytes } from '../base/bytes.js'
import { DecodeError, type Decoder, decodeAll, readByte, readCopy, readCount, readName, readString } from './decode.js'
import { type Encoder, encode, writeByte, writeCount, writeString } from './encode.js'
import { asRefusal, assertPlain, MAX_DEPTH, NO_PARTS, partNames, partOf, within } from './plain.js'

export { assertPlain, freezePlain, MAX_DEPTH } from './plain.js'

/**
 * What commands, messages and states are made of; `assertPlain` lists what is refused. Every value survives the wire
 * exactly: `-0`, NaN and keys whose value is undefined included, and objects keep the order of their keys.
 *
 * The format is lib0's any-encoding. Values that are equal down to the order of their keys have equal bytes.
 */
export type Value =
  | undefined
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Value[]
  | { readonly [key: string]: Value }

/**
 * @param path what the value is called in the error
 * @throws LegionError E_NOT_PLAIN
 */
export function encodeValue(value: unknown, path?: string | undefined): Uint8Array {
  return encode((encoder) => writeValue(encoder, value, path))
}

/** @throws DecodeError unless `bytes` are exactly one value */
export function decodeValue(bytes: Uint8Array): Value {
  return decodeAll(bytes, readValue)
}

/** As `encodeValue`. If it throws, what is in the encoder is of no use any more. */
export function writeValue(encoder: Encoder, value: unknown, path?: string | undefined): void {
  try {
    writeNested(encoder, value, 0)
  } catch (error) {
    throw asRefusal(error, path)
  }
}

/** lib0's tags of what has parts: a list is its length and the parts, an object its size, and names and parts in turn. */
const TEXT_TAG = 119
export const LIST_TAG = 117
export const OBJECT_TAG = 118

/** To be called within `decodeAll`. Shares no memory with the decoded bytes. */
export function readValue(decoder: Decoder): Value {
  return readNested(decoder, 0)
}

/** What follows the tag of a value without parts. May read past the end of the bytes without saying so. */
export function readLeaf(decoder: Decoder, tag: number): Value {
  const read = LEAF_READERS[tag]
  if (read === undefined) throw new DecodeError(`no value has the tag ${tag}`)
  return read(decoder)
}

/** The name of the next part of `object`. */
export function readKey(decoder: Decoder, object: object): string {
  const key = readName(decoder, decoder.arr.length)
  if (key === '__proto__' || Object.hasOwn(object, key)) throw new DecodeError(`a second or forbidden key ${key}`)
  return key
}

/** @param depth the root's is 0 */
export function requireDepth(depth: number): void {
  if (depth > MAX_DEPTH) throw new DecodeError(`nested deeper than ${MAX_DEPTH} levels`)
}

/**
 * What would arrive if `value` were sent: a deep copy.
 * @throws LegionError E_NOT_PLAIN
 */
export function copyValue(value: unknown, path?: string | undefined): Value {
  assertPlain(value, path)
  return copyNested(value as Value)
}

/** Deep equality; the order of keys does not count, NaN equals NaN, and -0 is not 0. */
export function equalValues(a: Value, b: Value): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return a instanceof Uint8Array && b instanceof Uint8Array && equalBytes(a, b)
  }
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const [partsOfA, partsOfB] = [a, b] as [Parts, Parts]
  const keys = Object.keys(partsOfA)
  return (
    keys.length === Object.keys(partsOfB).length &&
    keys.every((key) => Object.hasOwn(partsOfB, key) && equalValues(partsOfA[key], partsOfB[key]))
  )
}

type Parts = { readonly [key: string]: Value }

function copyNested(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (Array.isArray(value)) return value.map(copyNested)
  const copy: { [key: string]: Value } = {}
  for (const [key, part] of Object.entries(value)) copy[key] = copyNested(part)
  return copy
}

/** Checks each part and writes it: as `assertPlain`, and lib0's `writeAny`, which is slower with short texts. */
function writeNested(encoder: Encoder, value: unknown, depth: number): void {
  const keys = partNames(value, depth)
  if (keys === NO_PARTS) {
    writeLeaf(encoder, value)
    return
  }
  const isList = Array.isArray(value)
  writeByte(encoder, isList ? LIST_TAG : OBJECT_TAG)
  writeCount(encoder, keys.length)
  for (const key of keys) {
    const part = partOf(value, key)
    if (!isList) writeString(encoder, key)
    try {
      writeNested(encoder, part, depth + 1)
    } catch (error) {
      throw within(error, key)
    }
  }
}

function writeLeaf(encoder: Encoder, value: unknown): void {
  if (typeof value === 'string') {
    writeByte(encoder, TEXT_TAG)
    writeString(encoder, value)
  } else {
    writeAny(encoder, value as Parameters<typeof writeAny>[1])
  }
}

function readNested(decoder: Decoder, depth: number): Value {
  const tag = readByte(decoder)
  requireDepth(depth)
  if (tag === OBJECT_TAG) return readObject(decoder, depth)
  if (tag === TEXT_TAG) return readText(decoder) // most leaves are, and a call by way of a table is felt
  return tag === LIST_TAG ? readArray(decoder, depth) : readLeaf(decoder, tag)
}

const LEAF_READERS: { readonly [tag: number]: (decoder: Decoder) => Value } = {
  127: () => undefined,
  126: () => null,
  125: readVarInt,
  124: readFloat32,
  123: readFloat64,
  122: readBigInt64,
  121: () => false,
  120: () => true,
  [TEXT_TAG]: readText,
  116: (decoder) => readCopy(decoder, (length) => new Uint8Array(length)),
}

function readText(decoder: Decoder): string {
  return readString(decoder, decoder.arr.length)
}

function readArray(decoder: Decoder, depth: number): Value {
  const array: Value[] = []
  for (let left = readCount(decoder); left > 0; left--) array.push(readNested(decoder, depth + 1))
  return array
}

function readObject(decoder: Decoder, depth: number): Value {
  const object: { [key: string]: Value } = {}
  for (let left = readCount(decoder); left > 0; left--) {
    const key = readKey(decoder, object)
    object[key] = readNested(decoder, depth + 1)
  }
  return object
}
