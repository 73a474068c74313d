import { LegionError } from '../base/errors.js'
import type { SnapshotSink } from './snapshot-sink.js'

/**
 * Makes one stream that compresses or inflates: `() => new CompressionStream('deflate-raw')` and its inverse, in
 * browsers and in Node. A seam, because only adapters touch the platform's globals.
 */
export type ByteTransform = () => {
  readonly readable: ReadableStream<Uint8Array>
  readonly writable: WritableStream<Uint8Array<ArrayBuffer>>
}

/** What `transform` makes of `pieces`, read from it about as fast as the result is read. */
export async function* transformed(
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  transform: ByteTransform,
): AsyncGenerator<Uint8Array, undefined> {
  const { readable, writable } = transform()
  const reader = readable.getReader()
  const feeding = feed(pieces, writable.getWriter())
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value
  } finally {
    reader.cancel().catch(() => {}) // ends the feeding too, if the result is given up early
    await feeding
  }
}

/** A failure of `pieces` reaches the stream's reader. */
async function feed(
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  writer.closed.catch(() => {}) // the reader hears of it
  try {
    for await (const piece of pieces) await writer.write(piece)
    await writer.close()
  } catch (error) {
    await writer.abort(error).catch(() => {})
  }
}

/** Inflates what it is given for another sink. */
export class InflatingSink implements SnapshotSink {
  readonly #sink: SnapshotSink
  readonly #limitBytes: number
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>
  readonly #inflating: Promise<void>

  /** @param limitBytes of what `sink` gets: a few bytes may inflate to a thousand times as many */
  constructor(sink: SnapshotSink, inflate: ByteTransform, limitBytes: number) {
    const { readable, writable } = inflate()
    this.#sink = sink
    this.#limitBytes = limitBytes
    this.#writer = writable.getWriter()
    this.#writer.closed.catch(() => {}) // `add` and `finish` say it
    this.#inflating = this.#inflate(readable.getReader())
    this.#inflating.catch(() => {})
  }

  async add(chunk: Uint8Array): Promise<void> {
    await this.#writer.write(chunk)
  }

  async finish(): Promise<void> {
    await this.#writer.close()
    await this.#inflating
    await this.#sink.finish()
  }

  abort(): void {
    this.#writer.abort().catch(() => {})
    this.#sink.abort()
  }

  async #inflate(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    let bytes = 0
    try {
      for (let read = await reader.read(); !read.done; read = await reader.read()) {
        bytes += read.value.length
        if (bytes > this.#limitBytes) throw new LegionError('E_TOO_LARGE', `Inflated to ${bytes} bytes or more.`)
        await this.#sink.add(read.value)
      }
    } catch (error) {
      this.#writer.abort(error).catch(() => {})
      throw error
    }
  }
}
