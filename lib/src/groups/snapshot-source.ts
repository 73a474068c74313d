import { invariant, LegionError } from '../base/errors.js'
import { crc32c } from '../codec/checksum.js'
import { type ByteTransform, transformed } from './snapshot-compression.js'

/** A snapshot as a list of chunks, produced little by little, that any number of transfers may read at their own pace. */
export interface SnapshotSource {
  /** Up to 64 bytes of UTF-8. Sources of one peer with the same id have the same chunks. */
  readonly id: string
  /** Whether the receiver has to inflate the chunks. */
  readonly compressed: boolean
  /** The length of every chunk but the last. */
  readonly chunkBytes: number
  /** CRC-32C of all chunks; asked only after `chunk` gave undefined. */
  readonly checksum: number
  /**
   * @returns chunk `n`, from 1 byte to `chunkBytes` long, never changed afterwards; undefined if there are exactly `n`
   *   chunks or fewer
   * @throws LegionError E_CLOSED after `release`, E_TOO_LARGE; whatever the machine throws
   */
  chunk(n: number): Promise<Uint8Array | undefined>
  /** Gives up the chunks, and what is left to be produced. Idempotent. */
  release(): void
}

export interface SpoolOptions {
  readonly id: string
  /** Default `SNAPSHOT_CHUNK_BYTES`; at most `MAX_CHUNK_BYTES`. */
  readonly chunkBytes?: number | undefined
  /** The most bytes of chunks, compressed if they are. Default 1 GiB. */
  readonly limitBytes?: number | undefined
  /** Makes the chunks compressed ones; the receiver needs the inverse. */
  readonly deflate?: ByteTransform | undefined
}

/** Of the random id of a snapshot. */
export const SNAPSHOT_ID_BYTES = 8
/** With its header such a chunk fits one batch of a link, so that nothing urgent waits for more than one. */
export const SNAPSHOT_CHUNK_BYTES = 16 * 1024 - 64
/** The longest chunk that a receiver takes. */
export const MAX_CHUNK_BYTES = 64 * 1024

const GIB = 1024 ** 3

/**
 * Reads a snapshot lazily: no piece before somebody asks for a chunk that has bytes of it. So a snapshot from a point
 * in time is encoded in slices, between other work. The chunks are kept for other receivers and for resuming.
 * @param pieces cut in any way, empty ones too; may be reused by their producer once the next is asked for
 */
export function spoolSnapshot(
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: SpoolOptions,
): SnapshotSource {
  return new Spool(options.deflate === undefined ? pieces : transformed(pieces, options.deflate), options)
}

type PieceIterator = Iterator<Uint8Array> | AsyncIterator<Uint8Array>

const NO_BYTES = new Uint8Array(0)

class Spool implements SnapshotSource {
  readonly id: string
  readonly compressed: boolean
  readonly chunkBytes: number
  readonly #limitBytes: number
  readonly #pieces: PieceIterator
  readonly #chunks: Uint8Array[] = []
  /** What no chunk has yet of the last piece. */
  #rest: Uint8Array = NO_BYTES
  #bytes = 0
  #checksum = 0
  #state: 'open' | 'complete' | 'released' = 'open'
  /** It was complete once: a transfer that has read all of it may still have to say so when it is released. */
  #isWhole = false
  /** One production after the other; once one has failed, all fail. */
  #production: Promise<void> = Promise.resolve()

  constructor(pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, options: SpoolOptions) {
    this.id = options.id
    this.compressed = options.deflate !== undefined
    this.chunkBytes = options.chunkBytes ?? SNAPSHOT_CHUNK_BYTES
    invariant(this.chunkBytes >= 1 && this.chunkBytes <= MAX_CHUNK_BYTES, () => `chunks of ${this.chunkBytes} bytes`)
    this.#limitBytes = options.limitBytes ?? GIB
    this.#pieces = Symbol.iterator in pieces ? pieces[Symbol.iterator]() : pieces[Symbol.asyncIterator]()
  }

  get checksum(): number {
    invariant(this.#isWhole, () => `the checksum of snapshot ${this.id}, which is ${this.#state}`)
    return this.#checksum
  }

  async chunk(n: number): Promise<Uint8Array | undefined> {
    if (n >= this.#chunks.length) {
      this.#production = this.#production.then(() => this.#produce(n))
      await this.#production
    }
    return this.#chunks[n]
  }

  release(): void {
    if (this.#state === 'released') return
    this.#state = 'released'
    this.#chunks.length = 0
    this.#rest = NO_BYTES
    this.#returnPieces().catch(() => {}) // nobody is left whom a failure would concern
  }

  async #produce(n: number): Promise<void> {
    while (this.#chunks.length <= n && this.#state === 'open') await this.#produceChunk()
    if (this.#state === 'released') throw new LegionError('E_CLOSED', `The snapshot ${this.id} was released.`)
  }

  async #produceChunk(): Promise<void> {
    const chunk = new Uint8Array(this.chunkBytes)
    let filled = 0
    while (filled < chunk.length) {
      if (this.#rest.length === 0 && !(await this.#readPiece())) break
      const part = this.#rest.subarray(0, chunk.length - filled)
      chunk.set(part, filled)
      filled += part.length
      this.#rest = this.#rest.subarray(part.length)
    }
    if (this.#state === 'released') return
    if (filled > 0) this.#keep(chunk.subarray(0, filled))
    if (filled < chunk.length) {
      this.#state = 'complete'
      this.#isWhole = true
    }
  }

  /** @returns false at the end; the piece may be empty */
  async #readPiece(): Promise<boolean> {
    const next = this.#pieces.next()
    const { done, value } = next instanceof Promise ? await next : next
    if (done === true || this.#state === 'released') return false
    this.#rest = value
    return true
  }

  #keep(chunk: Uint8Array): void {
    this.#bytes += chunk.length
    if (this.#bytes > this.#limitBytes) {
      throw new LegionError('E_TOO_LARGE', `The snapshot ${this.id} is above the limit of ${this.#limitBytes} bytes.`)
    }
    this.#checksum = crc32c(chunk, this.#checksum)
    this.#chunks.push(chunk)
  }

  async #returnPieces(): Promise<void> {
    await this.#pieces.return?.()
  }
}
