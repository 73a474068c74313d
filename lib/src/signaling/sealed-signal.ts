import type { Runtime } from '../base/runtime.js'
import { decodeAll, readBytes, readCount, readOneOf } from '../codec/decode.js'
import { encode, writeBytes, writeCount, writeOneOf } from '../codec/encode.js'

/**
 * What is in a sealed signal: byte, the kind, 0 `greeting`, 1 `asks`, 2 `data`; bytes, the sender's ticket for the
 * receiver; for `data` also bytes, the receiver's ticket for the sender; count; bytes, the payload.
 */
export type SealedSignal =
  /** `asks`: please greet me. */
  | { readonly kind: 'greeting' | 'asks'; readonly mine: Ticket }
  | {
      readonly kind: 'data'
      readonly mine: Ticket
      readonly yours: Ticket
      /** Grows from signal to signal. */
      readonly count: number
      readonly payload: Uint8Array
    }

/** Drawn by who receives, shown by who sends: proof that a signal was made after it. 128 random bits. */
export type Ticket = Uint8Array

const TICKET_BYTES = 16
const MAX_PAYLOAD_BYTES = 64 * 1024
const KINDS = ['greeting', 'asks', 'data'] as const

export function newTicket(runtime: Runtime): Ticket {
  return runtime.randomBytes(TICKET_BYTES)
}

export function encodeSealedSignal(signal: SealedSignal): Uint8Array {
  return encode((encoder) => {
    writeOneOf(encoder, KINDS, signal.kind)
    writeBytes(encoder, signal.mine)
    if (signal.kind !== 'data') return
    writeBytes(encoder, signal.yours)
    writeCount(encoder, signal.count)
    writeBytes(encoder, signal.payload)
  })
}

/** @throws DecodeError */
export function decodeSealedSignal(bytes: Uint8Array): SealedSignal {
  return decodeAll(bytes, (decoder) => {
    const kind = readOneOf(decoder, KINDS)
    const mine = readBytes(decoder, TICKET_BYTES)
    if (kind !== 'data') return { kind, mine }
    const [yours, count] = [readBytes(decoder, TICKET_BYTES), readCount(decoder)]
    return { kind, mine, yours, count, payload: readBytes(decoder, MAX_PAYLOAD_BYTES) }
  })
}
