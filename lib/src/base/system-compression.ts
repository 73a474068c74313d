/** Streams that compress and inflate, where the platform has them. */
export interface Compression {
  readonly deflate: () => ByteStreams
  readonly inflate: () => ByteStreams
}

export interface ByteStreams {
  readonly readable: ReadableStream<Uint8Array>
  readonly writable: WritableStream<Uint8Array>
}

/** Raw deflate, in browsers and in Node. */
export function systemCompression(): Compression | undefined {
  if (typeof CompressionStream !== 'function') return undefined
  return {
    deflate: () => new CompressionStream('deflate-raw') as ByteStreams,
    inflate: () => new DecompressionStream('deflate-raw') as ByteStreams,
  }
}
