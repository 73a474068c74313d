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
export type RosterMessage = Announce | Leaving | Refusal | Retired | DigestReport | Diverged

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

/** To the leader: what my state came to at a checkpoint. */
export interface DigestReport {
  readonly kind: 'digest'
  readonly index: number
  readonly hash: string
}

/** From the leader: most others have another state at this checkpoint than you. */
export interface Diverged {
  readonly kind: 'diverged'
  readonly index: number
}

const REFUSAL_CODES = ['E_MACHINE', 'E_OUTDATED', 'E_UNAUTHORIZED', 'E_EJECTED'] as const satisfies readonly ErrorCode[]
export type RefusalCode = (typeof REFUSAL_CODES)[number]

const ANNOUNCE = 1
const LEAVING = 2
const REFUSAL = 3
const RETIRED = 4
const DIGEST = 5
const DIVERGED = 6
const HASH_BYTES_MAX = 64
const TEXT_BYTES_MAX = 1024

export function encodeRosterMessage(group: number, message: RosterMessage): Uint8Array {
  return encode((encoder) => {
    writeCount(encoder, group)
    writers[message.kind](encoder, message as never)
  })
}

/** @throws DecodeError */
export function decodeRosterMessage(bytes: Uint8Array): { readonly group: number; readonly message: RosterMessage } {
  return decodeAll(bytes, (decoder) => ({ group: readCount(decoder), message: readRosterMessage(decoder) }))
}

function readRosterMessage(decoder: Decoder): RosterMessage {
  const kind = readByte(decoder)
  const read = readers.get(kind)
  if (read === undefined) throw new DecodeError(`unknown kind of roster message ${kind}`)
  return read(decoder)
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
  digest(encoder: Encoder, message: DigestReport): void {
    writeByte(encoder, DIGEST)
    writeCount(encoder, message.index)
    writeString(encoder, message.hash)
  },
  diverged(encoder: Encoder, message: Diverged): void {
    writeByte(encoder, DIVERGED)
    writeCount(encoder, message.index)
  },
}

const readers = new Map<number, (decoder: Decoder) => RosterMessage>([
  [ANNOUNCE, readAnnounce],
  [LEAVING, () => ({ kind: 'leaving' })],
  [REFUSAL, readRefusal],
  [RETIRED, (decoder) => ({ kind: 'retired', incarnation: readCount(decoder) })],
  [DIGEST, readDigest],
  [DIVERGED, (decoder) => ({ kind: 'diverged', index: readCount(decoder) })],
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

function readDigest(decoder: Decoder): DigestReport {
  return { kind: 'digest', index: readCount(decoder), hash: readString(decoder, HASH_BYTES_MAX) }
}
