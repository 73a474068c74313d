import { LegionError } from '../base/errors.js'
import { passingBytes } from '../codec/byte-pool.js'
import {
  DecodeError,
  type Decoder,
  decodeAll,
  readByte,
  readCount,
  readOneOf,
  readOptional,
  readString,
} from '../codec/decode.js'
import {
  type Encoder,
  finishIn,
  takeEncoder,
  writeByte,
  writeCount,
  writeOneOf,
  writeOptional,
  writeString,
} from '../codec/encode.js'
import { readValue, type Value, writeValue } from '../codec/value.js'

/*
 * One frame per payload of the port `messages`:
 *
 *   0 cast     name, payload
 *   1 call     id, name, payload      answered by at most one of the next three
 *   2 answer   id, value              what the handler returned
 *   3 refusal  id, reason             no handler ran
 *   4 failure  id, code?, message, details   the handler ran and failed, or its answer can't be sent
 *   5 cancel   id                     the caller does not wait any more
 *
 * Ids are counts, chosen by the caller and used once per link. Names and texts are strings, payloads, values and
 * details are values (`codec/value.ts`).
 */
export type Frame =
  | { readonly kind: 'cast'; readonly name: string; readonly payload: Value }
  | { readonly kind: 'call'; readonly id: number; readonly name: string; readonly payload: Value }
  | { readonly kind: 'answer'; readonly id: number; readonly value: Value }
  | { readonly kind: 'refusal'; readonly id: number; readonly reason: Refusal }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: Failure }
  | { readonly kind: 'cancel'; readonly id: number }

const REFUSALS = ['E_NO_HANDLER', 'E_BUSY'] as const
export type Refusal = (typeof REFUSALS)[number]

/** A remote error as it travels, and as it stands in the `details` of an E_REMOTE. */
export interface Failure {
  /** The error's own `code`, if it had one: one of the library's or the program's. */
  readonly code: string | undefined
  readonly message: string
  /** The `details` of a LegionError, if plain and small. */
  readonly details: Value
}

const CAST = 0
const CALL = 1
const ANSWER = 2
const REFUSAL = 3
const FAILURE = 4
const CANCEL = 5

/** The longest name of a message, in UTF-16 units. */
export const MAX_NAME_LENGTH = 128
export const MAX_CODE_LENGTH = 64
export const MAX_ERROR_TEXT_LENGTH = 1_000
const MAX_UTF8_BYTES_PER_UNIT = 3

/** @throws LegionError E_NOT_PLAIN, E_TOO_LARGE */
export function encodeCast(name: string, payload: unknown): Uint8Array {
  return encodeFrame((encoder) => {
    writeByte(encoder, CAST)
    writeMessage(encoder, name, payload)
  })
}

/** @throws LegionError E_NOT_PLAIN, E_TOO_LARGE */
export function encodeCall(id: number, name: string, payload: unknown): Uint8Array {
  return encodeFrame((encoder) => {
    writeByte(encoder, CALL)
    writeCount(encoder, id)
    writeMessage(encoder, name, payload)
  })
}

/** @throws LegionError E_NOT_PLAIN */
export function encodeAnswer(id: number, value: unknown): Uint8Array {
  return encodeFrame((encoder) => {
    writeByte(encoder, ANSWER)
    writeCount(encoder, id)
    writeValue(encoder, value, 'answer')
  })
}

export function encodeRefusal(id: number, reason: Refusal): Uint8Array {
  return encodeFrame((encoder) => {
    writeByte(encoder, REFUSAL)
    writeCount(encoder, id)
    writeOneOf(encoder, REFUSALS, reason)
  })
}

export function encodeFailure(id: number, failure: Failure): Uint8Array {
  return encodeFrame((encoder) => {
    writeByte(encoder, FAILURE)
    writeCount(encoder, id)
    writeOptional(encoder, failure.code, writeString)
    writeString(encoder, failure.message)
    writeValue(encoder, failure.details)
  })
}

export function encodeCancel(id: number): Uint8Array {
  return encodeFrame((encoder) => {
    writeByte(encoder, CANCEL)
    writeCount(encoder, id)
  })
}

/** @throws DecodeError */
export function decodeFrame(bytes: Uint8Array): Frame {
  return decodeAll(bytes, readFrame)
}

function encodeFrame(write: (encoder: Encoder) => void): Uint8Array {
  const encoder = takeEncoder()
  write(encoder)
  return finishIn(passingBytes, encoder)
}

function writeMessage(encoder: Encoder, name: string, payload: unknown): void {
  if (name.length > MAX_NAME_LENGTH) {
    throw new LegionError('E_TOO_LARGE', `Names of messages have at most ${MAX_NAME_LENGTH} characters.`, {
      outcome: 'not-applied',
    })
  }
  writeString(encoder, name)
  writeValue(encoder, payload, 'payload')
}

function readFrame(decoder: Decoder): Frame {
  const kind = readByte(decoder)
  switch (kind) {
    case CAST:
      return { kind: 'cast', name: readText(decoder, MAX_NAME_LENGTH), payload: readValue(decoder) }
    case CALL:
      return {
        kind: 'call',
        id: readCount(decoder),
        name: readText(decoder, MAX_NAME_LENGTH),
        payload: readValue(decoder),
      }
    case ANSWER:
      return { kind: 'answer', id: readCount(decoder), value: readValue(decoder) }
    case REFUSAL:
      return { kind: 'refusal', id: readCount(decoder), reason: readOneOf(decoder, REFUSALS) }
    case FAILURE:
      return { kind: 'failure', id: readCount(decoder), failure: readFailure(decoder) }
    case CANCEL:
      return { kind: 'cancel', id: readCount(decoder) }
    default:
      throw new DecodeError(`no message frame is of kind ${kind}`)
  }
}

function readFailure(decoder: Decoder): Failure {
  return {
    code: readOptional(decoder, (optional) => readText(optional, MAX_CODE_LENGTH)),
    message: readText(decoder, MAX_ERROR_TEXT_LENGTH),
    details: readValue(decoder),
  }
}

function readText(decoder: Decoder, maxLength: number): string {
  return readString(decoder, maxLength * MAX_UTF8_BYTES_PER_UNIT)
}
