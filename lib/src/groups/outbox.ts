import { LegionError } from '../base/errors.js'
import {
  DecodeError,
  type Decoder,
  decodeAll,
  readBytes,
  readCount,
  readOptional,
  readString,
} from '../codec/decode.js'
import { type Encoder, encode, writeBytes, writeCount, writeOptional, writeString } from '../codec/encode.js'
import type { Store, Write } from '../storage/storage.js'
import { decodeCall, readSessionRef, type SessionRef, writeSessionRef } from './entry.js'
import { busy } from './proposal-errors.js'
import type { ReplacedSession } from './sessions.js'

/** A command that shall outlive this process. */
export interface OutboxRecord {
  /** Counts the records of this outbox, over all starts of the peer. */
  readonly id: number
  /** From `encodeCall`. */
  readonly call: Uint8Array
  readonly timestampMs: number
  /** Undefined: certainly never sent, or certainly not applied by what was sent. */
  readonly sentAs: SentAs | undefined
}

export interface SentAs {
  readonly session: SessionRef
  readonly sequence: number
}

export interface OutboxLimits {
  readonly records: number
  /** Bytes of all calls together. */
  readonly bytes: number
}

export interface OutboxOptions {
  readonly store: Pick<Store, 'scan'>
  /** Where it is written; in the order of the calls, like a Store's. */
  readonly writer: Pick<Store, 'write'>
  /** Of all keys; no other key begins with it. */
  readonly prefix: string
  readonly limits?: OutboxLimits | undefined
}

const DEFAULT_LIMITS: OutboxLimits = { records: 10_000, bytes: 16 * 1024 * 1024 }
const ID_DIGITS = 16
const SUCCESSOR = 'successor'
const NONCE_BYTES_MAX = 32

/**
 * The commands of `{ persist: true }` that are not settled, on disk: the memory that `Proposals` needs to be exactly
 * once through a restart. What makes that possible:
 *
 * - a record is durable, with the session and sequence number it gets, before it is sent under them;
 * - a new session's nonce is durable before it is registered in the place of the one in the records;
 * - what was found out about the records of the replaced session is durable before the new one sends anything. Until
 *   then the group keeps, with the new session, what was applied of the old one; so this may fail and be done again.
 */
export class Outbox {
  readonly #writer: Pick<Store, 'write'>
  readonly #prefix: string
  readonly #limits: OutboxLimits
  /** Bytes by id of what is kept. */
  readonly #sizes = new Map<number, number>()
  #bytes = 0
  #lastId = 0
  /** What the last run of this peer left unsettled, in the order of the proposals. */
  readonly recovered: readonly OutboxRecord[]
  /** The nonce of a session that was about to take the place of the one in the records. */
  readonly successor: string | undefined

  /** @throws LegionError E_STORAGE */
  static async load(options: OutboxOptions): Promise<Outbox> {
    const records: OutboxRecord[] = []
    let successor: string | undefined
    for await (const { key, value } of options.store.scan(options.prefix)) {
      const name = key.slice(options.prefix.length)
      if (name === SUCCESSOR) successor = stored(value, readNonce)
      else records.push(stored(value, readRecord))
    }
    return new Outbox(options, records, successor)
  }

  private constructor(options: OutboxOptions, recovered: readonly OutboxRecord[], successor: string | undefined) {
    this.#writer = options.writer
    this.#prefix = options.prefix
    this.#limits = options.limits ?? DEFAULT_LIMITS
    this.recovered = recovered
    this.successor = successor
    for (const record of recovered) this.#keep(record)
  }

  /** @throws LegionError E_BUSY */
  requireRoom(bytes: number): void {
    const { records, bytes: bytesMax } = this.#limits
    if (this.#sizes.size >= records) throw busy(`${records} persistent commands are unsettled already`)
    if (this.#bytes + bytes > bytesMax) throw busy(`The unsettled persistent commands have ${bytesMax} bytes already`)
  }

  newId(): number {
    return ++this.#lastId
  }

  /** Resolves when the record is durable. @throws LegionError E_STORAGE */
  async put(record: OutboxRecord): Promise<void> {
    this.#keep(record)
    await this.#writer.write([this.#write(record)], 'synced')
  }

  /** Soon; if it gets lost the group still knows that the command is settled. */
  remove(id: number): void {
    this.#forget(id)
    // A disk that fails breaks the next `put`; there is nothing to tell anyone before.
    this.#writer.write([{ key: this.#keyOf(id), value: undefined }], 'buffered').catch(() => {})
  }

  /** To be durable before a session of this nonce is registered in the place of another. @throws LegionError E_STORAGE */
  async announceSuccessor(nonce: string): Promise<void> {
    await this.#writer.write([{ key: this.#prefix + SUCCESSOR, value: encodeNonce(nonce) }], 'synced')
  }

  /**
   * The successor is registered: all is known about the records of the session it replaced.
   * @param settled are removed
   * @param open were certainly not applied
   * @throws LegionError E_STORAGE
   */
  async succeed(settled: readonly OutboxRecord[], open: readonly OutboxRecord[]): Promise<void> {
    for (const { id } of settled) this.#forget(id)
    const removals = settled.map(({ id }) => ({ key: this.#keyOf(id), value: undefined }))
    const updates = open.map((record) => this.#write({ ...record, sentAs: undefined }))
    await this.#writer.write([...removals, ...updates, { key: this.#prefix + SUCCESSOR, value: undefined }], 'synced')
  }

  #write(record: OutboxRecord): Write {
    return { key: this.#keyOf(record.id), value: encodeRecord(record) }
  }

  #keyOf(id: number): string {
    return this.#prefix + String(id).padStart(ID_DIGITS, '0')
  }

  #keep({ id, call }: OutboxRecord): void {
    this.#forget(id)
    this.#sizes.set(id, call.length)
    this.#bytes += call.length
    this.#lastId = Math.max(this.#lastId, id)
  }

  #forget(id: number): void {
    this.#bytes -= this.#sizes.get(id) ?? 0
    this.#sizes.delete(id)
  }
}

/** What became of the records of a session that was replaced. */
export interface SortedOut {
  /** Applied, or settled at the client before. */
  readonly settled: readonly OutboxRecord[]
  /** Certainly not applied, and never will be. */
  readonly open: readonly OutboxRecord[]
  /** Nobody can tell. */
  readonly lost: readonly OutboxRecord[]
}

/** @param replaced what the group knew of their session when it was replaced; undefined if nothing */
export function sortOut(records: readonly OutboxRecord[], replaced: ReplacedSession | undefined): SortedOut {
  const applied = new Set(replaced?.applied)
  const becameOf = ({ sentAs }: OutboxRecord): keyof SortedOut => {
    if (replaced === undefined || sentAs?.session.id !== replaced.id) return 'lost'
    return sentAs.sequence < replaced.lowest || applied.has(sentAs.sequence) ? 'settled' : 'open'
  }
  const sorted = { settled: [], open: [], lost: [] } as Record<keyof SortedOut, OutboxRecord[]>
  for (const record of records) sorted[becameOf(record)].push(record)
  return sorted
}

function encodeRecord(record: OutboxRecord): Uint8Array {
  return encode((encoder) => {
    writeCount(encoder, record.id)
    writeBytes(encoder, record.call)
    writeCount(encoder, record.timestampMs)
    writeOptional(encoder, record.sentAs, writeSentAs)
  })
}

function readRecord(decoder: Decoder): OutboxRecord {
  return {
    id: readCount(decoder),
    call: readEncodedCall(decoder),
    timestampMs: readCount(decoder),
    sentAs: readOptional(decoder, readSentAs),
  }
}

function readEncodedCall(decoder: Decoder): Uint8Array {
  const call = readBytes(decoder, decoder.arr.length)
  decodeCall(call) // throws if it is none
  return call
}

function writeSentAs(encoder: Encoder, { session, sequence }: SentAs): void {
  writeSessionRef(encoder, session)
  writeCount(encoder, sequence)
}

function readSentAs(decoder: Decoder): SentAs {
  return { session: readSessionRef(decoder), sequence: readCount(decoder) }
}

function encodeNonce(nonce: string): Uint8Array {
  return encode((encoder) => writeString(encoder, nonce))
}

function readNonce(decoder: Decoder): string {
  return readString(decoder, NONCE_BYTES_MAX)
}

function stored<T>(value: Uint8Array, read: (decoder: Decoder) => T): T {
  try {
    return decodeAll(value, read)
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause
    throw new LegionError('E_STORAGE', 'The stored commands of { persist: true } are damaged.', { cause })
  }
}
