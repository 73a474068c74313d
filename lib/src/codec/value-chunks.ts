import { createEncoder, length, toUint8Array, writeAny } from 'lib0/encoding'
import { type Encoder, writeByte, writeCount, writeString } from './encode.js'
import { LIST_TAG, OBJECT_TAG, type Value } from './value.js'

const CHUNK_BYTES = 64 * 1024

/**
 * The bytes of `encodeValue(value)` in chunks of `chunkBytes` and a little more; a long text or byte array makes its
 * chunk longer. Encodes as it is read, so `value` must not change meanwhile: it is for frozen ones.
 * @param value must be plain; this is not checked
 */
export function* encodeChunks(value: Value, chunkBytes: number = CHUNK_BYTES): Generator<Uint8Array, void, undefined> {
  let encoder = createEncoder()
  // A stack instead of recursion, for a generator can't yield from within a call.
  const open: Container[] = []
  writePart(encoder, value, open)
  for (let inner = open.at(-1); inner !== undefined; inner = open.at(-1)) {
    if (inner.isDone) open.pop()
    else writePart(encoder, inner.takeNext(encoder), open)
    if (length(encoder) < chunkBytes) continue
    yield toUint8Array(encoder)
    encoder = createEncoder()
  }
  yield toUint8Array(encoder)
}

/** Writes all of a leaf, but only the head of a list or object: its parts come after, from the stack. */
function writePart(encoder: Encoder, value: Value, open: Container[]): void {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) {
    writeAny(encoder, value as Parameters<typeof writeAny>[1])
    return
  }
  const container = new Container(value as Parts)
  container.writeHead(encoder)
  open.push(container)
}

type Parts = { readonly [key: string | number]: Value }

/** A list or an object, part of whose parts are written. */
class Container {
  readonly #parts: Parts
  /** Undefined for a list. */
  readonly #keys: readonly string[] | undefined
  readonly #length: number
  #next = 0

  constructor(parts: Parts) {
    this.#parts = parts
    this.#keys = Array.isArray(parts) ? undefined : Object.keys(parts)
    this.#length = this.#keys?.length ?? (parts as unknown as readonly Value[]).length
  }

  get isDone(): boolean {
    return this.#next === this.#length
  }

  writeHead(encoder: Encoder): void {
    writeByte(encoder, this.#keys === undefined ? LIST_TAG : OBJECT_TAG)
    writeCount(encoder, this.#length)
  }

  /** Writes the name of the next part, if it has one. */
  takeNext(encoder: Encoder): Value {
    const key = this.#keys?.[this.#next] ?? this.#next
    if (typeof key === 'string') writeString(encoder, key)
    this.#next++
    return this.#parts[key]
  }
}
