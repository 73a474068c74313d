import { LegionError } from '../base/errors.js'
import {
  DecodeError,
  type Decoder,
  decodeAll,
  readByte,
  readBytes,
  readCount,
  readList,
  readOptional,
  readString,
} from '../codec/decode.js'
import {
  type Encoder,
  encode,
  writeByte,
  writeBytes,
  writeCount,
  writeList,
  writeOptional,
  writeString,
} from '../codec/encode.js'
import type { Entry, HardState, HostedVote, Index, SnapshotMeta, Term } from '../raft/index.js'
import { readVoterId, writeVoterId } from './member-codec.js'
import { readConfiguration, readEntry, writeConfiguration, writeEntry } from './raft-codec.js'

/*
 * What a replica keeps in a store, below its own prefix:
 *
 *   meta                 the format's version, the incarnation, what the owner wants to remember
 *   head                 where the log begins, and the state that a restart begins with
 *   log/<sequence>       one record per batch of the Raft core; sequences have no holes
 *   chunk/<set>/<n>      the data of snapshots, in pieces
 *   trash/<set>          chunk sets that no `head` speaks of: unfinished ones and replaced ones
 */

/** Of everything below one prefix. A change of any record below needs the next one. */
const FORMAT = 1

export interface Meta {
  readonly incarnation: number
  readonly attributes: Uint8Array
}

export interface Head {
  /** Of the oldest record of the log. */
  readonly firstSequence: number
  /** The position that the log follows; entries up to there do not count any more. */
  readonly base: Position
  /** The snapshot, or what the replica was founded with. Never before `base`. */
  readonly state: SnapshotMeta
  /** Undefined if there is no snapshot. */
  readonly chunks: ChunkSet | undefined
}

export interface Position {
  readonly index: Index
  readonly term: Term
}

/** The data of a snapshot. */
export interface ChunkSet {
  readonly id: number
  readonly totalBytes: number
  /** `hashBytes` of each chunk. */
  readonly checksums: readonly string[]
}

/** Everything that one Ready wants to be kept. */
export interface LogRecord {
  readonly hardState: HardState
  /** They replace all entries of earlier records from the first one's index on. */
  readonly entries: readonly Entry[]
}

/** The keys below one prefix. Numbers are padded, so that they are in order. */
export class LogKeys {
  readonly prefix: string
  readonly meta: string
  readonly head: string
  readonly records: string
  readonly trashes: string

  constructor(prefix: string) {
    this.prefix = prefix
    this.meta = `${prefix}meta`
    this.head = `${prefix}head`
    this.records = `${prefix}log/`
    this.trashes = `${prefix}trash/`
  }

  record(sequence: number): string {
    return this.records + padded(sequence)
  }

  chunks(set: number): string {
    return `${this.prefix}chunk/${padded(set)}/`
  }

  chunk(set: number, number: number): string {
    return this.chunks(set) + padded(number)
  }

  trash(set: number): string {
    return this.trashes + padded(set)
  }

  /** The number at the end of a key. */
  static numberIn(key: string): number {
    return Number(key.slice(-DIGITS))
  }

  /** What is kept below this prefix makes no sense. */
  damaged(problem: string, cause?: unknown): LegionError {
    const advice = 'Remove the store to join again as a new member.'
    return new LegionError('E_STORAGE', `What is stored under ${this.prefix} is damaged: ${problem}. ${advice}`, {
      cause,
    })
  }

  /** @throws LegionError E_STORAGE if `decode` throws a DecodeError */
  decoded<T>(key: string, value: Uint8Array, decode: (value: Uint8Array) => T): T {
    try {
      return decode(value)
    } catch (error) {
      if (error instanceof DecodeError) throw this.damaged(`${key} can't be read, ${error.message}`, error)
      throw error
    }
  }
}

/** All safe integers fit. */
const DIGITS = 16

function padded(number: number): string {
  return String(number).padStart(DIGITS, '0')
}

export function encodeMeta(meta: Meta): Uint8Array {
  return encode((encoder) => {
    writeByte(encoder, FORMAT)
    writeCount(encoder, meta.incarnation)
    writeBytes(encoder, meta.attributes)
  })
}

/** @throws DecodeError; LegionError E_STORAGE if it was written by code with another format */
export function decodeMeta(bytes: Uint8Array): Meta {
  if (bytes[0] !== undefined && bytes[0] !== FORMAT) throw otherFormat(bytes[0])
  return decodeAll(bytes, (decoder) => {
    readByte(decoder)
    return { incarnation: readCount(decoder), attributes: readBytes(decoder, bytes.length).slice() }
  })
}

function otherFormat(format: number): LegionError {
  return new LegionError(
    'E_STORAGE',
    `The stored log of this replica has format ${format}, and this version of legion-mesh reads format ${FORMAT}. ` +
      'Open it with the version that wrote it, or remove the store to join again as a new member.',
  )
}

export function encodeHead(head: Head): Uint8Array {
  return encode((encoder) => {
    writeCount(encoder, head.firstSequence)
    writePosition(encoder, head.base)
    writePosition(encoder, head.state)
    writeConfiguration(encoder, head.state.configuration)
    writeOptional(encoder, head.chunks, writeChunkSet)
  })
}

/** @throws DecodeError */
export function decodeHead(bytes: Uint8Array): Head {
  return decodeAll(bytes, (decoder) => ({
    firstSequence: readCount(decoder),
    base: readPosition(decoder),
    state: { ...readPosition(decoder), configuration: readConfiguration(decoder) },
    chunks: readOptional(decoder, readChunkSet),
  }))
}

export function encodeRecord({ hardState, entries }: LogRecord): Uint8Array {
  return encode((encoder) => {
    writeCount(encoder, hardState.term)
    writeOptional(encoder, hardState.vote, writeVoterId)
    writeCount(encoder, hardState.commit)
    writeList(encoder, hardState.hosted ?? [], writeHosted)
    writeCount(encoder, entries[0]?.index ?? 0)
    writeList(encoder, entries, writeEntry)
  })
}

/** @throws DecodeError */
export function decodeRecord(bytes: Uint8Array): LogRecord {
  return decodeAll(bytes, (decoder) => {
    const hardState = {
      term: readCount(decoder),
      vote: readOptional(decoder, readVoterId),
      commit: readCount(decoder),
      ...readHostedVotes(decoder),
    }
    let index = readCount(decoder)
    return { hardState, entries: readList(decoder, bytes.length, (item) => readEntry(item, index++)) }
  })
}

function writeHosted(encoder: Encoder, { id, fence }: HostedVote): void {
  writeVoterId(encoder, id)
  writeCount(encoder, fence)
}

function readHostedVotes(decoder: Decoder): Pick<HardState, 'hosted'> {
  const hosted = readList(decoder, HOSTED_MAX, (item) => ({ id: readVoterId(item), fence: readCount(item) }))
  return hosted.length === 0 ? {} : { hosted }
}

function writePosition(encoder: Encoder, { index, term }: Position): void {
  writeCount(encoder, index)
  writeCount(encoder, term)
}

function readPosition(decoder: Decoder): Position {
  return { index: readCount(decoder), term: readCount(decoder) }
}

const HOSTED_MAX = 4096
const CHECKSUM_BYTES = 16

function writeChunkSet(encoder: Encoder, chunks: ChunkSet): void {
  writeCount(encoder, chunks.id)
  writeCount(encoder, chunks.totalBytes)
  writeList(encoder, chunks.checksums, writeString)
}

function readChunkSet(decoder: Decoder): ChunkSet {
  return {
    id: readCount(decoder),
    totalBytes: readCount(decoder),
    checksums: readList(decoder, decoder.arr.length, (item) => readString(item, CHECKSUM_BYTES)),
  }
}
