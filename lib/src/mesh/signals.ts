import { DecodeError, decodeAll, readByte, readBytes, readCount, readOneOf } from '../codec/decode.js'
import { encode, writeByte, writeBytes, writeCount, writeOneOf } from '../codec/encode.js'

/**
 * What two meshes say to each other before they are linked, through the rendezvous or a peer that is linked to both.
 *
 *     byte   format version, 1
 *     byte   kind: 0 offer, 1 answer, 2 gone, 3 dial, 4 full
 *     but for `dial` and `full`: count, the offerer's boot (32 bits); count, the attempt's number
 *     for `offer` and `answer`: bytes, what the connector said
 */
export type Signal =
  /** From the connector of the side that offers, or of the one that answers. */
  | { readonly kind: 'offer' | 'answer'; readonly attempt: AttemptId; readonly payload: Uint8Array }
  /** The sender's end of this attempt, or of the link that it became, is gone. */
  | { readonly kind: 'gone'; readonly attempt: AttemptId }
  /** The sender has no link: please dial it. */
  | { readonly kind: 'dial' }
  /** The sender has no room for a link with the receiver. */
  | { readonly kind: 'full' }

/** One dial, so that its signals are never taken for those of another. Named by the side that offers. */
export interface AttemptId {
  /** Drawn by the offerer's mesh when it starts: 32 random bits. */
  readonly boot: number
  /** Counts that mesh's dials upwards. */
  readonly number: number
}

/** The longest payload of a connector. */
const MAX_PAYLOAD_BYTES = 64 * 1024
const FORMAT = 1
const KINDS = ['offer', 'answer', 'gone', 'dial', 'full'] as const
const MAX_BOOT = 0xffffffff

export function encodeSignal(signal: Signal): Uint8Array {
  return encode((encoder) => {
    writeByte(encoder, FORMAT)
    writeOneOf(encoder, KINDS, signal.kind)
    if (signal.kind === 'dial' || signal.kind === 'full') return
    writeCount(encoder, signal.attempt.boot)
    writeCount(encoder, signal.attempt.number)
    if (signal.kind !== 'gone') writeBytes(encoder, signal.payload)
  })
}

/** @throws DecodeError */
export function decodeSignal(bytes: Uint8Array): Signal {
  return decodeAll(bytes, (decoder) => {
    const format = readByte(decoder)
    if (format !== FORMAT) throw new DecodeError(`a signal of format ${format}`)
    const kind = readOneOf(decoder, KINDS)
    if (kind === 'dial' || kind === 'full') return { kind }
    const attempt = { boot: readCount(decoder, MAX_BOOT), number: readCount(decoder) }
    if (kind === 'gone') return { kind, attempt }
    return { kind, attempt, payload: readBytes(decoder, MAX_PAYLOAD_BYTES) }
  })
}

export function isSameAttempt(a: AttemptId, b: AttemptId): boolean {
  return a.boot === b.boot && a.number === b.number
}

/** False for what is the same or older; of another boot everything is new. */
export function isNewerAttempt(attempt: AttemptId, than: AttemptId | undefined): boolean {
  return than === undefined || attempt.boot !== than.boot || attempt.number > than.number
}
