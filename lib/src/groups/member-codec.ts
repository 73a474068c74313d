import {
  type Decoder,
  decodeAll,
  readBoolean,
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
  writeCount,
  writeId,
  writeList,
  writeOneOf,
  writeString,
} from '../codec/encode.js'
import { PEER_KINDS } from '../mesh/peer-info.js'
import type { VoterId } from '../raft/index.js'
import { MEMBERS_MAX, type Member } from './roster.js'
import { incarnationOf, peerOf, voterIdOf } from './voter-id.js'

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

const TEXT_BYTES_MAX = 256

export function writeMember(encoder: Encoder, member: Member): void {
  writeVoterId(encoder, member.id)
  writeString(encoder, member.name)
  writeOneOf(encoder, PEER_KINDS, member.kind)
  writeString(encoder, member.host)
  writeBoolean(encoder, member.durable)
  writeBoolean(encoder, member.canVote)
  writeCount(encoder, member.machineVersion)
}

export function readMember(decoder: Decoder): Member {
  return {
    id: readVoterId(decoder),
    name: readString(decoder, TEXT_BYTES_MAX),
    kind: readOneOf(decoder, PEER_KINDS),
    host: readString(decoder, TEXT_BYTES_MAX),
    durable: readBoolean(decoder),
    canVote: readBoolean(decoder),
    machineVersion: readCount(decoder),
  }
}
