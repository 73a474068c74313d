import { digest } from 'lib0/hash/sha256'
import { toBase64Url } from '../base/bytes.js'
import { LegionError } from '../base/errors.js'
import { DecodeError, decodeAll, readByte, readCount, readString } from '../codec/decode.js'
import { encode, writeByte, writeCount, writeString } from '../codec/encode.js'
import type { Write } from '../storage/storage.js'
import { MAX_NAME_BYTES } from './protocol.js'

/*
 * How documents are kept in a peer's store:
 *
 *   d/h/<id>               the head: what the document is called, and which snapshot counts
 *   d/s/<id>/<set>/<n>     a snapshot, an update of Yjs in v2, cut into pieces
 *   d/u/<id>/<sequence>    updates in v1, each what was new at one moment
 *
 * The document is the snapshot that the head names and all updates, in any order: applying one twice does no harm.
 * Pieces of other sets are left from a compaction that did not come to its end.
 */

/** Of everything below `d/`. A change of any record needs the next one. */
const FORMAT = 1
const ID_BYTES = 16
const DIGITS = 12
const HEADS = 'd/h/'

export interface Head {
  readonly name: string
  /** The number of the snapshot that counts; 0: none. */
  readonly set: number
  readonly snapshotBytes: number
}

/** The keys of one document. */
export class DocumentKeys {
  static readonly heads = HEADS
  readonly head: string
  readonly snapshots: string
  readonly updates: string

  constructor(name: string) {
    const id = toBase64Url(digest(new TextEncoder().encode(name)).subarray(0, ID_BYTES))
    this.head = HEADS + id
    this.snapshots = `d/s/${id}/`
    this.updates = `d/u/${id}/`
  }

  snapshot(set: number): string {
    return `${this.snapshots}${padded(set)}/`
  }

  piece(set: number, n: number): string {
    return this.snapshot(set) + padded(n)
  }

  update(sequence: number): string {
    return this.updates + padded(sequence)
  }

  static numberIn(key: string): number {
    return Number(key.slice(-DIGITS))
  }
}

export function deletion(key: string): Write {
  return { key, value: undefined }
}

export function encodeHead({ name, set, snapshotBytes }: Head): Uint8Array {
  return encode((encoder) => {
    writeByte(encoder, FORMAT)
    writeString(encoder, name)
    writeCount(encoder, set)
    writeCount(encoder, snapshotBytes)
  })
}

/** @throws LegionError E_STORAGE */
export function decodeHead(bytes: Uint8Array): Head {
  try {
    return decodeAll(bytes, (decoder) => {
      const format = readByte(decoder)
      if (format !== FORMAT) throw new DecodeError(`format ${format}, this version of legion-mesh reads ${FORMAT}`)
      const name = readString(decoder, MAX_NAME_BYTES)
      return { name, set: readCount(decoder), snapshotBytes: readCount(decoder) }
    })
  } catch (cause) {
    throw new LegionError('E_STORAGE', `A stored document can't be read: ${String(cause)}.`, { cause })
  }
}

/** What is stored of a document makes no sense. */
export function damaged(name: string, problem: string, cause?: unknown): LegionError {
  const advice = 'Remove it with legion.documents.remove(name) to get it from the other peers again.'
  return new LegionError('E_STORAGE', `What is stored of the document ${name} is damaged: ${problem}. ${advice}`, {
    cause,
  })
}

function padded(number: number): string {
  return String(number).padStart(DIGITS, '0')
}
