import { FRAME_KIND, type Frame } from './frames.js'

/** The buffer of an unfinished payload starts at this size and doubles, so a length that is only claimed costs nothing. */
const INITIAL_BYTES = 32 * 1024

/** What `Reassembly.take` says of a frame: a finished payload, `undefined` if more must come, or what is wrong with it. */
export type Reassembled = Uint8Array | undefined | { readonly problem: string }

/** Puts the payloads of one lane together. Total: any sequence of frames gives payloads or a problem. */
export class Reassembly {
  readonly #limitBytes: number
  #unfinished: UnfinishedPayload | undefined

  /** @param limitBytes length of the longest payload accepted */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  take(frame: Frame): Reassembled {
    if (frame.kind === FRAME_KIND.next) return this.#continue(frame)
    if (this.#unfinished !== undefined)
      return { problem: 'a payload begins before the last one on its lane is complete' }
    return frame.kind === FRAME_KIND.first ? this.#begin(frame) : frame.bytes
  }

  #begin(frame: Frame): Reassembled {
    if (frame.word > this.#limitBytes) {
      return { problem: `a payload of ${frame.word} bytes is announced, the limit is ${this.#limitBytes}` }
    }
    if (frame.bytes.length === 0 || frame.bytes.length >= frame.word) {
      return { problem: `a first fragment has ${frame.bytes.length} of ${frame.word} bytes` }
    }
    this.#unfinished = new UnfinishedPayload(frame.port, frame.word)
    this.#unfinished.append(frame.bytes)
    return undefined
  }

  #continue(frame: Frame): Reassembled {
    const unfinished = this.#unfinished
    if (unfinished === undefined || unfinished.port !== frame.port) return { problem: 'a fragment continues nothing' }
    if (frame.bytes.length === 0 || frame.bytes.length > unfinished.missingBytes) {
      return { problem: `a fragment has ${frame.bytes.length} bytes, ${unfinished.missingBytes} are missing` }
    }
    unfinished.append(frame.bytes)
    if (unfinished.missingBytes > 0) return undefined
    this.#unfinished = undefined
    return unfinished.bytes
  }
}

class UnfinishedPayload {
  readonly port: number
  readonly #totalBytes: number
  #buffer: Uint8Array
  #length = 0

  constructor(port: number, totalBytes: number) {
    this.port = port
    this.#totalBytes = totalBytes
    this.#buffer = new Uint8Array(Math.min(totalBytes, INITIAL_BYTES))
  }

  get missingBytes(): number {
    return this.#totalBytes - this.#length
  }

  get bytes(): Uint8Array {
    return this.#buffer
  }

  /** Copies: keeping views would let a peer make us hold one whole channel message per byte. */
  append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length
    if (length > this.#buffer.length) this.#grow(length)
    this.#buffer.set(bytes, this.#length)
    this.#length = length
  }

  #grow(neededBytes: number): void {
    const larger = new Uint8Array(Math.min(this.#totalBytes, Math.max(neededBytes, 2 * this.#buffer.length)))
    larger.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = larger
  }
}
