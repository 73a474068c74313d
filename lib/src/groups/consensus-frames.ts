import { writeUint8Array } from 'lib0/encoding'
import type { PeerId } from '../base/ids.js'
import type { Runtime, Timer } from '../base/runtime.js'
import { passingBytes } from '../codec/byte-pool.js'
import { type Decoder, decodeAll, readCount } from '../codec/decode.js'
import {
  createEncoder,
  type Encoder,
  encode,
  encodedLength,
  finish,
  finishIn,
  takeEncoder,
  writeCount,
} from '../codec/encode.js'
import type { SendResult } from '../mesh/port.js'
import type { Message, VoterId } from '../raft/index.js'
import { EPOCH_ID_MAX, type EpochId } from './epoch.js'
import { joinAppends } from './join-appends.js'
import { readMessage, writeMessage } from './raft-codec.js'

export interface ConsensusFramesOptions {
  readonly runtime: Runtime
  /** For how long a message that may wait does so, in milliseconds. */
  readonly holdMs: () => number
  send(to: PeerId, frame: Uint8Array): SendResult
  /** A frame with messages of this group did not get out. */
  lost(group: number, message: Message, result: SendResult): void
}

interface Frame {
  /** Has all of its messages but the last; undefined while there is only one. */
  encoder: Encoder | undefined
  /** The last one is not encoded yet: the next may go on where it ends. */
  readonly messages: GroupMessage[]
  /** All of its messages do. */
  mayWait: boolean
}

const FRAME_BYTES_MAX = 256 * 1024

/**
 * The Raft messages of all groups to one peer, gathered into one frame until `flush`: a thousand heartbeats are one
 * payload. A frame is a list of group number, epoch and message. Messages that may wait go with the next one that may
 * not, or after a moment.
 */
export class ConsensusFrames {
  readonly #options: ConsensusFramesOptions
  readonly #frames = new Map<PeerId, Frame>()
  #timer: Timer | undefined

  constructor(options: ConsensusFramesOptions) {
    this.#options = options
  }

  push(to: PeerId, group: number, epoch: EpochId, message: Message, mayWait: boolean): void {
    const frame = this.#frameTo(to)
    frame.mayWait &&= mayWait
    const last = frame.messages.at(-1)
    const joined = last?.group === group && last.epoch === epoch ? joinAppends(last.message, message) : undefined
    if (joined !== undefined) frame.messages.pop()
    else if (last !== undefined) writeGroupMessage(encoderOf(frame), last)
    frame.messages.push({ group, epoch, message: joined ?? message })
    if (frame.encoder !== undefined && encodedLength(frame.encoder) >= FRAME_BYTES_MAX) this.#send(to, frame)
  }

  /** @returns to whom something left */
  flush(): readonly PeerId[] {
    const left: PeerId[] = []
    for (const [to, frame] of this.#frames) {
      if (frame.mayWait) continue
      this.#send(to, frame)
      left.push(to)
    }
    if (this.#frames.size > 0) this.#timer ??= this.#options.runtime.setTimer(this.#options.holdMs(), this.#flushAll)
    return left
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #frameTo(to: PeerId): Frame {
    const known = this.#frames.get(to)
    if (known !== undefined) return known
    const frame: Frame = { encoder: undefined, messages: [], mayWait: true }
    this.#frames.set(to, frame)
    return frame
  }

  readonly #flushAll = (): void => {
    this.#timer = undefined
    for (const [to, frame] of this.#frames) this.#send(to, frame)
  }

  #send(to: PeerId, frame: Frame): void {
    this.#frames.delete(to)
    const encoder = encoderOf(frame)
    const last = frame.messages.at(-1)
    if (last !== undefined) writeGroupMessage(encoder, last)
    const result = this.#options.send(to, finishIn(passingBytes, encoder))
    if (result === 'queued') return
    for (const { group, message } of frame.messages) this.#options.lost(group, message, result)
  }
}

function encoderOf(frame: Frame): Encoder {
  frame.encoder ??= takeEncoder()
  return frame.encoder
}

/** Last words: one frame for every peer, whose messages are addressed to whoever hears them. Bounded. */
export class LastWordsFrame {
  readonly #encoder = createEncoder()
  readonly #maxBytes: number
  #isFull = false

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get roomBytes(): number {
    return this.#isFull ? 0 : this.#maxBytes - encodedLength(this.#encoder)
  }

  get bytes(): Uint8Array {
    return finish(this.#encoder)
  }

  /** What does not fit is left out, and so is everything after it. */
  push(group: number, epoch: EpochId, message: Omit<Message, 'to'>): void {
    const encoded = encode((encoder) =>
      writeGroupMessage(encoder, { group, epoch, message: { ...message, to: NOBODY } as Message }),
    )
    this.#isFull ||= encoded.length > this.roomBytes
    if (!this.#isFull) writeUint8Array(this.#encoder, encoded)
  }
}

const NOBODY = '.0' as VoterId

export interface MessageInEpoch {
  readonly epoch: EpochId
  readonly message: Message
}

export interface GroupMessage extends MessageInEpoch {
  readonly group: number
}

export function encodeInEpoch(epoch: EpochId, message: Message): Uint8Array {
  return encode((encoder) => writeInEpoch(encoder, epoch, message))
}

/** @throws DecodeError */
export function decodeInEpoch(bytes: Uint8Array, from: PeerId, to: PeerId): MessageInEpoch {
  return decodeAll(bytes, (decoder) => readInEpoch(decoder, from, to))
}

/**
 * @param from the peer at the other end of the link
 * @param to this peer
 * @throws DecodeError
 */
export function decodeFrame(bytes: Uint8Array, from: PeerId, to: PeerId): GroupMessage[] {
  return decodeAll(bytes, (decoder: Decoder) => {
    const messages: GroupMessage[] = []
    while (decoder.pos < bytes.length) messages.push(readGroupMessage(decoder, from, to))
    return messages
  })
}

function writeGroupMessage(encoder: Encoder, { group, epoch, message }: GroupMessage): void {
  writeCount(encoder, group)
  writeInEpoch(encoder, epoch, message)
}

/** One literal, as in `raft-codec.ts`. */
function readGroupMessage(decoder: Decoder, from: PeerId, to: PeerId): GroupMessage {
  return { group: readCount(decoder), epoch: readCount(decoder, EPOCH_ID_MAX), message: readMessage(decoder, from, to) }
}

function writeInEpoch(encoder: Encoder, epoch: EpochId, message: Message): void {
  writeCount(encoder, epoch)
  writeMessage(encoder, message)
}

function readInEpoch(decoder: Decoder, from: PeerId, to: PeerId): MessageInEpoch {
  return { epoch: readCount(decoder, EPOCH_ID_MAX), message: readMessage(decoder, from, to) }
}
