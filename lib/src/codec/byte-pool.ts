/** A buffer stays as long as one of its pieces does, so it must not be large. */
const POOL_BYTES = 8 * 1024
/** Longer pieces get a buffer of their own. */
const PIECE_BYTES_MAX = POOL_BYTES / 8

class Pool {
  #bytes = new Uint8Array(POOL_BYTES)
  #used = 0

  cut(length: number): Piece {
    if (length > PIECE_BYTES_MAX) return pieceOf(new Uint8Array(length))
    if (this.#used + length > POOL_BYTES) {
      this.#bytes = new Uint8Array(POOL_BYTES)
      this.#used = 0
    }
    const start = this.#used
    this.#used += length
    return { bytes: this.#bytes, start, end: this.#used }
  }
}

/** Some bytes among others. A view of them alone takes more memory than most of them, which counts where many wait. */
export interface Piece {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

export function pieceOf(bytes: Uint8Array): Piece {
  return { bytes, start: 0, end: bytes.length }
}

export function viewOf({ bytes, start, end }: Piece): Uint8Array {
  return bytes.subarray(start, end)
}

const kept = new Pool()
const passing = new Pool()

/**
 * Bytes to be filled, cut from a buffer that others have pieces of: for many small ones that are kept. V8 makes an array
 * of its own of more than 64 bytes ten times as slowly (measured).
 */
export function pooledBytes(length: number): Uint8Array {
  return viewOf(kept.cut(length))
}

/** As `pooledBytes`, for what nobody needs any more in a moment: what is kept would share its buffers with little but that. */
export function passingBytes(length: number): Uint8Array {
  return viewOf(passing.cut(length))
}

/** A copy of the bytes from `start` on and before `end`, cut from the pool. */
export function pooledCopy(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return viewOf(pooledPiece(bytes, start, end))
}

/** The same without a view of its own. */
export function pooledPiece(bytes: Uint8Array, start: number, end: number): Piece {
  const piece = kept.cut(end - start)
  copyBytes(bytes, start, end, piece.bytes, piece.start)
  return piece
}

/** Up to so many a loop is faster than the call of `set` (measured). */
const SHORT_BYTES = 100

export function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  if (end - start > SHORT_BYTES) to.set(end - start === from.length ? from : from.subarray(start, end), at)
  else for (let i = start; i < end; i++) to[at + i - start] = from[i] as number
}
