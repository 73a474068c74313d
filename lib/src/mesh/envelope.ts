import { readTailAsUint8Array } from 'lib0/decoding'
import { writeUint8Array } from 'lib0/encoding'
import type { PeerId } from '../base/ids.js'
import { DecodeError, type Decoder, decodeAll, readByte, readCount, readPeerId } from '../codec/decode.js'
import { type Encoder, encode, writeByte, writeCount, writeId } from '../codec/encode.js'
import type { BroadcastId } from './control.js'
import { MAX_HOPS } from './link-map.js'

// What travels over more than one link, on ports of its own and on the lane of the port that it is for. The first byte is
// how many more links it may pass; the payload is the rest, when read a view.

/** A message to one peer. */
export interface Envelope {
  readonly hops: number
  readonly from: PeerId
  readonly to: PeerId
  /** Which process of the sender it is of, and for which of the receiver; see `bootTag`. */
  readonly fromBoot: number
  readonly toBoot: number
  /** Counts the sender's envelopes upwards. */
  readonly sequence: number
  readonly port: number
  readonly payload: Uint8Array
}

/** A message to everybody. */
export interface Broadcast extends BroadcastId {
  readonly hops: number
  readonly port: number
  readonly payload: Uint8Array
}

const MAX_BOOT = 0xffffffff

/** 32 bits of a boot nonce. FNV-1a. */
export function bootTag(bootNonce: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < bootNonce.length; i++) hash = Math.imul(hash ^ bootNonce.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

export function encodeEnvelope({ hops, from, to, fromBoot, toBoot, sequence, port, payload }: Envelope): Uint8Array {
  return encode((encoder) => {
    writeByte(encoder, hops)
    writeId(encoder, from)
    writeId(encoder, to)
    for (const number of [fromBoot, toBoot, sequence]) writeCount(encoder, number)
    writePayload(encoder, port, payload)
  })
}

/** @throws DecodeError */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  return decodeAll(bytes, (decoder) => ({
    hops: readHops(decoder),
    from: readPeerId(decoder),
    to: readPeerId(decoder),
    fromBoot: readCount(decoder, MAX_BOOT),
    toBoot: readCount(decoder, MAX_BOOT),
    sequence: readCount(decoder),
    port: readByte(decoder),
    payload: readTailAsUint8Array(decoder),
  }))
}

export function encodeBroadcast({ hops, origin, boot, sequence, port, payload }: Broadcast): Uint8Array {
  return encode((encoder) => {
    writeByte(encoder, hops)
    writeId(encoder, origin)
    writeCount(encoder, boot)
    writeCount(encoder, sequence)
    writePayload(encoder, port, payload)
  })
}

/** @throws DecodeError */
export function decodeBroadcast(bytes: Uint8Array): Broadcast {
  return decodeAll(bytes, (decoder) => ({
    hops: readHops(decoder),
    origin: readPeerId(decoder),
    boot: readCount(decoder, MAX_BOOT),
    sequence: readCount(decoder),
    port: readByte(decoder),
    payload: readTailAsUint8Array(decoder),
  }))
}

/** A copy, which does not keep the message alive that it came in, and may pass one link less. */
export function oneHopLess(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice()
  copy[0] = (copy[0] ?? 1) - 1
  return copy
}

function writePayload(encoder: Encoder, port: number, payload: Uint8Array): void {
  writeByte(encoder, port)
  writeUint8Array(encoder, payload)
}

function readHops(decoder: Decoder): number {
  const hops = readByte(decoder)
  if (hops > MAX_HOPS) throw new DecodeError(`${hops} hops are above the limit of ${MAX_HOPS}`)
  return hops
}
