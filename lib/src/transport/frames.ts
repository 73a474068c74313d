import { copyBytes, passingBytes } from '../codec/byte-pool.js'

/**
 * What is inside a channel message: frames, one after the other, to the end of the message. Numbers are big-endian.
 *
 *     byte 0       kind (high four bits) and lane (low four bits, the index in LANES)
 *     byte 1       port
 *     bytes 2, 3   length of the body
 *     then         the body
 *
 *     kind 0 whole   a payload
 *     kind 1 first   u32 length of the whole payload, then its first bytes (at least one, not all)
 *     kind 2 next    the following bytes (at least one) of the payload that was begun on this lane
 *     kind 3 ping    u32 sequence
 *     kind 4 pong    u32 sequence of the ping that it answers
 *     kind 5 receipt u32 how many bytes of channel messages were received, modulo 2³²
 *
 * A lane has at most one unfinished payload, so lane and port of a `next` say which one it continues.
 */

export const FRAME_KIND = { whole: 0, first: 1, next: 2, ping: 3, pong: 4, receipt: 5 } as const
export type FrameKind = (typeof FRAME_KIND)[keyof typeof FRAME_KIND]

export interface Frame {
  readonly kind: FrameKind
  /** Index in LANES; 0 for ping, pong and receipt. */
  readonly lane: number
  /** 0 to 255; 0 for ping, pong and receipt. */
  readonly port: number
  /** `first`: length of the whole payload; ping, pong, receipt: what they tell; 0 in `whole` and `next`, where it is not sent. */
  readonly word: number
  /** The bytes of a payload; empty for ping, pong and receipt. */
  readonly bytes: Uint8Array
}

export const HEADER_BYTES = 4
/** What a `first` frame needs beside its part of the payload. */
export const FIRST_HEADER_BYTES = HEADER_BYTES + 4
/** A body's length is 16 bits; this much payload always fits. */
export const MAX_MESSAGE_BYTES = 64 * 1024

const WORD_BYTES = 4
const NO_BYTES = new Uint8Array(0)

/** @param word 0 to 2³² − 1 */
export function wordFrame(kind: 'ping' | 'pong' | 'receipt', word: number): Frame {
  return { kind: FRAME_KIND[kind], lane: 0, port: 0, word, bytes: NO_BYTES }
}

/** Size on the wire, header included. */
export function frameBytes(frame: Frame): number {
  return HEADER_BYTES + (hasWord(frame.kind) ? WORD_BYTES : 0) + frame.bytes.length
}

export function framesBytes(frames: readonly Frame[]): number {
  let bytes = 0
  for (const frame of frames) bytes += frameBytes(frame)
  return bytes
}

export function encodeFrames(frames: readonly Frame[]): Uint8Array {
  const message = passingBytes(framesBytes(frames))
  let at = 0
  for (const frame of frames) at = writeFrame(message, at, frame)
  return message
}

/**
 * The frame that begins at `at`, its bytes a view of `message`; undefined if the bytes there are not one.
 * It ends at `at + frameBytes(frame)`.
 */
export function readFrame(message: Uint8Array, at: number, laneCount: number): Frame | undefined {
  if (at + HEADER_BYTES > message.length) return undefined
  const tag = byteAt(message, at)
  const kind = tag >> 4
  const lane = tag & 15
  if (!isKind(kind) || lane >= laneCount) return undefined
  const bodyAt = at + HEADER_BYTES
  const end = bodyAt + ((byteAt(message, at + 2) << 8) | byteAt(message, at + 3))
  const bytesAt = hasWord(kind) ? bodyAt + WORD_BYTES : bodyAt
  if (end > message.length || bytesAt > end) return undefined
  const word = hasWord(kind) ? readWord(message, bodyAt) : 0
  return { kind, lane, port: byteAt(message, at + 1), word, bytes: message.subarray(bytesAt, end) }
}

function hasWord(kind: FrameKind): boolean {
  return kind !== FRAME_KIND.whole && kind !== FRAME_KIND.next
}

function isKind(value: number): value is FrameKind {
  return value <= FRAME_KIND.receipt
}

function writeFrame(message: Uint8Array, at: number, frame: Frame): number {
  const bodyBytes = frameBytes(frame) - HEADER_BYTES
  message[at] = (frame.kind << 4) | frame.lane
  message[at + 1] = frame.port
  message[at + 2] = bodyBytes >> 8
  message[at + 3] = bodyBytes & 255
  if (hasWord(frame.kind)) writeWord(message, at + HEADER_BYTES, frame.word)
  const end = at + HEADER_BYTES + bodyBytes
  copyBytes(frame.bytes, 0, frame.bytes.length, message, end - frame.bytes.length)
  return end
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] as number
}

function readWord(bytes: Uint8Array, at: number): number {
  const high = (byteAt(bytes, at) << 8) | byteAt(bytes, at + 1)
  const low = (byteAt(bytes, at + 2) << 8) | byteAt(bytes, at + 3)
  return high * 0x10000 + low
}

function writeWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 24
  bytes[at + 1] = (word >>> 16) & 255
  bytes[at + 2] = (word >>> 8) & 255
  bytes[at + 3] = word & 255
}
