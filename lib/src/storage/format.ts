import { LegionError } from '../base/errors.js'
import { crc32c } from '../codec/checksum.js'
import { damagedError } from './failure.js'
import type { RawStore } from './raw-storage.js'
import type { StoreEntry, Write } from './storage.js'

/*
 * How a store looks on any disk. A value is a CRC-32C of its key, a zero and itself (4 bytes, little-endian), then
 * itself. One record, at a key that sorts before all others and that nobody can write, tells the version of this
 * format; it is plain text, so that all versions can read it.
 */

const VERSION = 1
const FORMAT_KEY = '\u0001format'
const FORMAT_TEXT = /^legion-store (\d{1,9})$/
const CHECKSUM_BYTES = 4
const KEY_BYTES_MAX = 200

const utf8 = { encoder: new TextEncoder(), decoder: new TextDecoder() }

/** Every key that can be written is in it, and no other. */
export const ALL_KEYS = { from: ' ', to: '\u007f' } as const

export function formatRecord(): Write {
  return { key: FORMAT_KEY, value: utf8.encoder.encode(`legion-store ${VERSION}`) }
}

/**
 * Writes the format record of a new store, checks that of any other.
 * @throws LegionError E_STORAGE
 */
export async function checkFormat(store: string, raw: RawStore): Promise<void> {
  const record = await raw.get(FORMAT_KEY)
  if (record !== undefined) return checkVersion(store, utf8.decoder.decode(record))
  const isNew = (await raw.page(ALL_KEYS, 1)).length === 0
  if (!isNew) throw damagedError(store, 'the record of its format')
  await raw.write([formatRecord()], 'synced')
}

/** Puts the checksum before the value; a copy. */
export function frame({ key, value }: Write): Write {
  if (value === undefined) return { key, value }
  const framed = new Uint8Array(CHECKSUM_BYTES + value.length)
  new DataView(framed.buffer).setUint32(0, checksum(key, value), true)
  framed.set(value, CHECKSUM_BYTES)
  return { key, value: framed }
}

/**
 * A view of the value.
 * @throws LegionError E_STORAGE if key and value are not what `frame` was given
 */
export function unframe(store: string, { key, value: framed }: StoreEntry): Uint8Array {
  if (framed.length >= CHECKSUM_BYTES) {
    // Not `subarray`: some disks give a Buffer, whose methods differ.
    const value = new Uint8Array(framed.buffer, framed.byteOffset + CHECKSUM_BYTES, framed.length - CHECKSUM_BYTES)
    if (checksumIn(framed) === checksum(key, value)) return value
  }
  throw damagedError(store, `the value of "${key}"`)
}

function checkVersion(store: string, text: string): void {
  const version = FORMAT_TEXT.exec(text)?.[1]
  if (version === undefined) throw damagedError(store, 'the record of its format')
  if (Number(version) === VERSION) return
  throw new LegionError(
    'E_STORAGE',
    `Store "${store}" has format ${version}; this version of legion-mesh knows format ${VERSION} only. ` +
      'Use the version that wrote it, or remove the store.',
  )
}

function checksumIn(framed: Uint8Array): number {
  return new DataView(framed.buffer, framed.byteOffset).getUint32(0, true)
}

const keyBytes = new Uint8Array(KEY_BYTES_MAX + 1)

/** Keys are ASCII of at most KEY_BYTES_MAX characters; a damaged one that is not gives some other checksum. */
function checksum(key: string, value: Uint8Array): number {
  const length = Math.min(key.length, KEY_BYTES_MAX)
  for (let i = 0; i < length; i++) keyBytes[i] = key.charCodeAt(i)
  keyBytes[length] = 0
  return crc32c(value, crc32c(keyBytes.subarray(0, length + 1)))
}
