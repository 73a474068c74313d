import type { ErrorCode } from '../base/errors.js'
import type { ClusterId } from '../base/ids.js'
import {
  DecodeError,
  type Decoder,
  decodeAll,
  readBoolean,
  readByte,
  readClusterId,
  readCount,
  readOneOf,
  readString,
} from '../codec/decode.js'
import {
  type Encoder,
  encode,
  writeBoolean,
  writeByte,
  writeCount,
  writeId,
  writeOneOf,
  writeString,
} from '../codec/encode.js'
import { readMember, writeMember } from './entry.js'
import type { Member } from './roster.js'

/** What peers tell each other about their replicas outside the log, on the roster port. */
export type RosterMessage = Announce | Leaving | Refusal | Retired

/** To every linked peer: the replica that I have or want. The leader adds those who are no members. */
export interface Announce {
  readonly kind: 'announce'
  readonly clusterId: ClusterId
  readonly member: Member
  readonly machineName: string
  readonly visible: boolean
}

/** To everyone, until one answers `retired`: remove me, I go for good. */
export interface Leaving {
  readonly kind: 'leaving'
}

/** From a member: you can't be one, and why. */
export interface Refusal {
  readonly kind: 'refusal'
  readonly code: RefusalCode
  readonly problem: string
}

/** From a member: this and every lower incarnation of yours is gone; announce a higher one. */
export interface Retired {
  readonly kind: 'retired'
  readonly incarnation: number
}

const REFUSAL_CODES = ['E_MACHINE', 'E_OUTDATED', 'E_UNAUTHORIZED'] as const satisfies readonly ErrorCode[]
export type RefusalCode = (typeof REFUSAL_CODES)[number]

const ANNOUNCE = 1
const LEAVING = 2
const REFUSAL = 3
const RETIRED = 4
const TEXT_BYTES_MAX = 1024

export function encodeRosterMessage(message: RosterMessage): Uint8Array {
  return encode((encoder) => writers[message.kind](encoder, message as never))
}

/** @throws DecodeError */
export function decodeRosterMessage(bytes: Uint8Array): RosterMessage {
  return decodeAll(bytes, (decoder) => {
    const kind = readByte(decoder)
    const read = readers.get(kind)
    if (read === undefined) throw new DecodeError(`unknown kind of roster message ${kind}`)
    return read(decoder)
  })
}

const writers = {
  announce(encoder: Encoder, message: Announce): void {
    writeByte(encoder, ANNOUNCE)
    writeId(encoder, message.clusterId)
    writeMember(encoder, message.member)
    writeString(encoder, message.machineName)
    writeBoolean(encoder, message.visible)
  },
  leaving(encoder: Encoder): void {
    writeByte(encoder, LEAVING)
  },
  refusal(encoder: Encoder, message: Refusal): void {
    writeByte(encoder, REFUSAL)
    writeOneOf(encoder, REFUSAL_CODES, message.code)
    writeString(encoder, message.problem)
  },
  retired(encoder: Encoder, message: Retired): void {
    writeByte(encoder, RETIRED)
    writeCount(encoder, message.incarnation)
  },
}

const readers = new Map<number, (decoder: Decoder) => RosterMessage>([
  [ANNOUNCE, readAnnounce],
  [LEAVING, () => ({ kind: 'leaving' })],
  [REFUSAL, readRefusal],
  [RETIRED, (decoder) => ({ kind: 'retired', incarnation: readCount(decoder) })],
])

function readAnnounce(decoder: Decoder): Announce {
  return {
    kind: 'announce',
    clusterId: readClusterId(decoder),
    member: readMember(decoder),
    machineName: readString(decoder, TEXT_BYTES_MAX),
    visible: readBoolean(decoder),
  }
}

function readRefusal(decoder: Decoder): Refusal {
  return { kind: 'refusal', code: readOneOf(decoder, REFUSAL_CODES), problem: readString(decoder, TEXT_BYTES_MAX) }
}
