/** Buffers come in sizes of powers of two, no smaller than this. */
const LEAST_BYTES = 64

/**
 * Keeps the bytes of messages that are under way, in buffers that are used again and again. New ones for each would be
 * memory outside of V8's heap that outlives the young generation; of that, each 64 MiB start a marking of the whole heap,
 * which costs a simulation of a thousand peers several times as much as all the rest (measured).
 */
export class MessagePool {
  /** Unused ones, by size. */
  readonly #buffers = new Map<number, Uint8Array[]>()

  /** Copies the message. @returns gives a copy, its caller's own; to be called once at most */
  hold(message: Uint8Array): () => Uint8Array {
    const { length } = message
    const unused = this.#unusedOf(sizeFor(length))
    const buffer = unused.pop() ?? new Uint8Array(sizeFor(length))
    buffer.set(message)
    return taker(unused, buffer, length)
  }

  #unusedOf(sizeBytes: number): Uint8Array[] {
    const known = this.#buffers.get(sizeBytes)
    if (known !== undefined) return known
    const unused: Uint8Array[] = []
    this.#buffers.set(sizeBytes, unused)
    return unused
  }
}

function sizeFor(bytes: number): number {
  return Math.max(LEAST_BYTES, 2 ** Math.ceil(Math.log2(bytes)))
}

/** Apart, so that what it returns does not keep the message. */
function taker(unused: Uint8Array[], buffer: Uint8Array, length: number): () => Uint8Array {
  return () => {
    unused.push(buffer)
    return buffer.slice(0, length)
  }
}
