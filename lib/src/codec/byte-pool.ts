/** A buffer stays as long as one of its pieces does, so it must not be large. */
const POOL_BYTES = 8 * 1024
/** Longer pieces get a buffer of their own. */
const PIECE_BYTES_MAX = POOL_BYTES / 8

class Pool {
  #buffer = new ArrayBuffer(POOL_BYTES)
  #used = 0

  cut(length: number): Uint8Array {
    if (length > PIECE_BYTES_MAX) return new Uint8Array(length)
    if (this.#used + length > POOL_BYTES) {
      this.#buffer = new ArrayBuffer(POOL_BYTES)
      this.#used = 0
    }
    const start = this.#used
    this.#used += length
    return new Uint8Array(this.#buffer, start, length)
  }
}

const kept = new Pool()
const passing = new Pool()

/**
 * Bytes to be filled, cut from a buffer that others have pieces of: for many small ones that are kept. V8 makes an array
 * of its own of more than 64 bytes ten times as slowly (measured).
 */
export function pooledBytes(length: number): Uint8Array {
  return kept.cut(length)
}

/** The same for what nobody needs any more in a moment: what is kept would share its buffers with little but that. */
export function passingBytes(length: number): Uint8Array {
  return passing.cut(length)
}

/** A copy of the bytes from `start` on and before `end`, cut from the pool. */
export function pooledCopy(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const copy = pooledBytes(end - start)
  copyBytes(bytes, start, end, copy, 0)
  return copy
}

/** Up to so many a loop is faster than the call of `set` (measured). */
const SHORT_BYTES = 100

export function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  if (end - start > SHORT_BYTES) to.set(end - start === from.length ? from : from.subarray(start, end), at)
  else for (let i = start; i < end; i++) to[at + i - start] = from[i] as number
}
