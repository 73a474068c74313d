import { createDecoder } from 'lib0/decoding'
import { concatBytes } from '../base/bytes.js'
import { DecodeError, type Decoder, readByte, readCount } from './decode.js'
import { LIST_TAG, OBJECT_TAG, readKey, readLeaf, requireDepth, type Value } from './value.js'

/**
 * The value whose encoding comes in chunks, however they are cut; deeply frozen. Decodes each chunk as it comes, so
 * that a large value does not keep everything else waiting.
 * @throws DecodeError unless the chunks are exactly one value
 */
export async function readChunks(chunks: AsyncIterable<Uint8Array>): Promise<Value> {
  const reader = new ValueReader()
  for await (const chunk of chunks) reader.push(chunk)
  return reader.finish()
}

/** A list or an object, part of whose parts are read. */
interface Open {
  readonly parts: { [key: string | number]: Value }
  readonly isList: boolean
  /** Its place in the container around it. */
  readonly key: string | number
  readonly size: number
  read: number
}

/**
 * Invariants: `#unread` begins with a part that is not all there, or is wrong: which one is known only at the end; the
 * containers in `#open` stand one in the other.
 */
class ValueReader {
  readonly #open: Open[] = []
  #unread: Uint8Array = new Uint8Array()
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #root: { readonly value: Value } | undefined
  #problem: unknown

  push(chunk: Uint8Array): void {
    this.#waiting.push(chunk)
    this.#waitingBytes += chunk.length
    // A part longer than many chunks is tried again only when there is twice as much of it.
    if (this.#waitingBytes >= this.#unread.length) this.#readWaiting()
  }

  finish(): Value {
    if (this.#waitingBytes > 0) this.#readWaiting()
    if (this.#root !== undefined && this.#unread.length === 0) return this.#root.value
    const problem = this.#root === undefined ? 'the value ends in the middle' : 'something is left over'
    throw new DecodeError(problem, { cause: this.#problem })
  }

  #readWaiting(): void {
    // A buffer of their own: reading past their end must not find what else is in a larger one.
    const decoder = createDecoder(concatBytes([this.#unread, ...this.#waiting]))
    this.#waiting = []
    this.#waitingBytes = 0
    let start = 0
    try {
      for (; this.#root === undefined; start = decoder.pos) this.#readPart(decoder)
    } catch (error) {
      this.#problem = error
    }
    this.#unread = decoder.arr.subarray(start)
  }

  /** Reads a leaf, or the head of a container. Changes nothing if it throws. */
  #readPart(decoder: Decoder): void {
    const outer = this.#open.at(-1)
    const key = outer === undefined || outer.isList ? (outer?.read ?? 0) : readKey(decoder, outer.parts)
    const tag = readByte(decoder)
    requireDepth(this.#open.length)
    const isLeaf = tag !== LIST_TAG && tag !== OBJECT_TAG
    const value = isLeaf ? readLeaf(decoder, tag) : undefined
    const size = isLeaf ? 0 : readCount(decoder)
    if (decoder.pos > decoder.arr.length) throw new DecodeError('the bytes end within a part')
    if (isLeaf) this.#put(key, value)
    else this.#open.push(openContainer(tag === LIST_TAG, key, size))
    this.#closeFull()
  }

  #closeFull(): void {
    for (let inner = this.#open.at(-1); inner !== undefined && inner.read === inner.size; inner = this.#open.at(-1)) {
      this.#open.pop()
      this.#put(inner.key, Object.freeze(inner.parts) as Value)
    }
  }

  #put(key: string | number, value: Value): void {
    const outer = this.#open.at(-1)
    if (outer === undefined) {
      this.#root = { value }
      return
    }
    outer.parts[key] = value
    outer.read++
  }
}

function openContainer(isList: boolean, key: string | number, size: number): Open {
  const parts = (isList ? [] : {}) as Open['parts']
  return { parts, isList, key, size, read: 0 }
}
