import { writeUint8Array } from 'lib0/encoding'
import type { PeerId } from '../base/ids.js'
import {
  DecodeError,
  type Decoder,
  decodeAll,
  readBoolean,
  readByte,
  readCount,
  readList,
  readOneOf,
  readPeerId,
  readString,
} from '../codec/decode.js'
import {
  type Encoder,
  encode,
  writeBoolean,
  writeByte,
  writeCount,
  writeId,
  writeList,
  writeOneOf,
  writeString,
} from '../codec/encode.js'
import { readValue, type Value, writeValue } from '../codec/value.js'
import type { VoterId } from '../raft/index.js'
import type { Member } from './roster.js'
import { incarnationOf, peerOf, voterIdOf } from './voter-id.js'

/**
 * What the payload of a log entry says. Stored and sent: a kind's number is never reused, and a replica that meets a
 * kind it does not know stops instead of skipping it.
 */
export type GroupEntry = CommandEntry | RegisterEntry

export interface CommandEntry extends CommandHeader {
  readonly kind: 'command'
  readonly name: string
  readonly payload: Value
}

export interface CommandHeader {
  /** The session's number: the index of its registration. */
  readonly session: number
  /** Counts the session's commands from 1. */
  readonly sequence: number
  /** The client's lowest unsettled sequence number when this was first sent. */
  readonly lowest: number
  /** The proposer's wall clock when this was first sent. */
  readonly timestampMs: number
}

export interface RegisterEntry {
  readonly kind: 'register'
  readonly nonce: string
  readonly peer: PeerId
}

const COMMAND = 1
const REGISTER = 2
const NAME_BYTES_MAX = 256
const NONCE_BYTES_MAX = 32
const MEMBERS_MAX = 4096

/** Name and payload of a command: what is known of it before its session is. @throws LegionError E_NOT_PLAIN */
export function encodeCall(name: string, payload: unknown): Uint8Array {
  return encode((encoder) => {
    writeString(encoder, name)
    writeValue(encoder, payload, 'payload')
  })
}

/** @param call from `encodeCall` */
export function encodeCommand(header: CommandHeader, call: Uint8Array): Uint8Array {
  return encode((encoder) => {
    writeByte(encoder, COMMAND)
    writeCount(encoder, header.session)
    writeCount(encoder, header.sequence)
    writeCount(encoder, header.lowest)
    writeCount(encoder, header.timestampMs)
    writeUint8Array(encoder, call)
  })
}

export function encodeRegister(nonce: string, peer: PeerId): Uint8Array {
  return encode((encoder) => {
    writeByte(encoder, REGISTER)
    writeString(encoder, nonce)
    writeId(encoder, peer)
  })
}

/** @throws DecodeError */
export function decodeEntry(data: Uint8Array): GroupEntry {
  return decodeAll(data, (decoder) => {
    const kind = readByte(decoder)
    if (kind === COMMAND) return readCommand(decoder)
    if (kind === REGISTER) return readRegister(decoder)
    throw new DecodeError(`unknown kind of entry ${kind}`)
  })
}

/** True if this code can decode the kind of the entry, whatever is in it. */
export function isKnownKind(data: Uint8Array): boolean {
  return data[0] === COMMAND || data[0] === REGISTER
}

function readCommand(decoder: Decoder): CommandEntry {
  return {
    kind: 'command',
    session: readCount(decoder),
    sequence: readCount(decoder),
    lowest: readCount(decoder),
    timestampMs: readCount(decoder),
    name: readString(decoder, NAME_BYTES_MAX),
    payload: readValue(decoder),
  }
}

function readRegister(decoder: Decoder): RegisterEntry {
  return { kind: 'register', nonce: readString(decoder, NONCE_BYTES_MAX), peer: readPeerId(decoder) }
}

/** The context of a configuration change: what the roster shall say of those who join by it. */
export function encodeJoining(members: readonly Member[]): Uint8Array {
  return encode((encoder) => writeMembers(encoder, members))
}

/** @throws DecodeError */
export function decodeJoining(context: Uint8Array): Member[] {
  return context.length === 0 ? [] : decodeAll(context, readMembers)
}

export function writeMembers(encoder: Encoder, members: readonly Member[]): void {
  writeList(encoder, members, writeMember)
}

export function readMembers(decoder: Decoder): Member[] {
  return readList(decoder, MEMBERS_MAX, readMember)
}

export function writeVoterId(encoder: Encoder, id: VoterId): void {
  writeId(encoder, peerOf(id))
  writeCount(encoder, incarnationOf(id))
}

export function readVoterId(decoder: Decoder): VoterId {
  return voterIdOf(readPeerId(decoder), readCount(decoder))
}

const KINDS = ['node', 'browser'] as const
const TEXT_BYTES_MAX = 256

export function writeMember(encoder: Encoder, member: Member): void {
  writeVoterId(encoder, member.id)
  writeString(encoder, member.name)
  writeOneOf(encoder, KINDS, member.kind)
  writeString(encoder, member.host)
  writeBoolean(encoder, member.durable)
  writeBoolean(encoder, member.canVote)
  writeCount(encoder, member.machineVersion)
}

export function readMember(decoder: Decoder): Member {
  return {
    id: readVoterId(decoder),
    name: readString(decoder, TEXT_BYTES_MAX),
    kind: readOneOf(decoder, KINDS),
    host: readString(decoder, TEXT_BYTES_MAX),
    durable: readBoolean(decoder),
    canVote: readBoolean(decoder),
    machineVersion: readCount(decoder),
  }
}
