import type { PeerId } from '../base/ids.js'
import { pooledCopy } from '../codec/byte-pool.js'
import {
  DecodeError,
  type Decoder,
  decodeAll,
  readBoolean,
  readByte,
  readBytes,
  readCount,
  readList,
  readOneOf,
  readOptional,
} from '../codec/decode.js'
import {
  type Encoder,
  encode,
  writeBoolean,
  writeByte,
  writeBytes,
  writeCount,
  writeList,
  writeOneOf,
  writeOptional,
} from '../codec/encode.js'
import type { Configuration, Entry, Message, MessageOf, MessageType, Snapshot, VoterId } from '../raft/index.js'
import { readVoterId, writeVoterId } from './entry.js'
import { incarnationOf, voterIdOf } from './voter-id.js'

/**
 * Raft messages on the wire: type (1 byte), incarnation of sender and receiver, term, then the fields of the type in
 * the order of its interface. The peers themselves are known from the link, so nobody can speak for another. Entries of
 * an append carry no index: they follow `prevIndex` one by one.
 */
export function encodeMessage(message: Message): Uint8Array {
  return encode((encoder) => writeMessage(encoder, message))
}

export function writeMessage(encoder: Encoder, message: Message): void {
  writeByte(encoder, TYPES.indexOf(message.type))
  writeCount(encoder, incarnationOf(message.from))
  writeCount(encoder, incarnationOf(message.to))
  writeCount(encoder, message.term)
  bodyOf(message.type).write(encoder, message)
}

/**
 * @param from the peer at the other end of the link
 * @param to this peer
 * @throws DecodeError
 */
export function decodeMessage(bytes: Uint8Array, from: PeerId, to: PeerId): Message {
  return decodeAll(bytes, (decoder) => readMessage(decoder, from, to))
}

export function readMessage(decoder: Decoder, from: PeerId, to: PeerId): Message {
  const type = readMessageType(decoder)
  const fromId = voterIdOf(from, readCount(decoder))
  const toId = voterIdOf(to, readCount(decoder))
  return bodyOf(type).read(decoder, { type, from: fromId, to: toId, term: readCount(decoder) }) as Message
}

/** The index is on the wire: append only. */
const TYPES: readonly MessageType[] = [
  'append',
  'append-response',
  'heartbeat',
  'heartbeat-response',
  'snapshot',
  'vote',
  'vote-response',
  'pre-vote',
  'pre-vote-response',
  'timeout-now',
  'transfer-leader',
  'propose',
  'read-index',
  'read-index-response',
  'refused',
  'quiesce',
  'wake',
  'goodbye',
]

function readMessageType(decoder: Decoder): MessageType {
  const type = TYPES[readByte(decoder)]
  if (type === undefined) throw new DecodeError('unknown type of Raft message')
  return type
}

type Envelope = Pick<Message, 'type' | 'from' | 'to' | 'term'>
type Fields<T extends MessageType> = Omit<MessageOf<T>, keyof Envelope>
interface Body<T extends MessageType> {
  write(encoder: Encoder, message: MessageOf<T>): void
  /** A literal that begins with the envelope: to merge two objects takes longer than all the reading (measured). */
  read(decoder: Decoder, envelope: Envelope): Envelope & Fields<T>
}

const ENTRY_TYPES = ['normal', 'config'] as const
const ENTRIES_MAX = 65_536
const MEMBERS_MAX = 4096
const VOICES_MAX = 255
const REASONS = [
  'no-leader',
  'not-leader',
  'transferring',
  'busy',
  'removed',
  'config-pending',
  'config-joint',
  'config-not-joint',
  'config-invalid',
  'invalid',
] as const

const append: Body<'append'> = {
  write(encoder, message) {
    writeCount(encoder, message.prevIndex)
    writeCount(encoder, message.prevTerm)
    writeCount(encoder, message.commit)
    writeList(encoder, message.entries, writeEntry)
  },
  read(decoder, envelope) {
    const prevIndex = readCount(decoder)
    const prevTerm = readCount(decoder)
    const commit = readCount(decoder)
    let index = prevIndex
    const entries = readList(decoder, ENTRIES_MAX, (item) => readEntry(item, ++index))
    return { ...envelope, prevIndex, prevTerm, commit, entries }
  },
}

const appendResponse: Body<'append-response'> = {
  write(encoder, message) {
    writeCount(encoder, message.index)
    writeOptional(encoder, message.rejected, (inner, { hintIndex, hintTerm }) => {
      writeCount(inner, hintIndex)
      writeCount(inner, hintTerm)
    })
    writeSpeaksFor(encoder, message)
  },
  read: (decoder, envelope) => ({
    ...envelope,
    index: readCount(decoder),
    rejected: readOptional(decoder, (inner) => ({ hintIndex: readCount(inner), hintTerm: readCount(inner) })),
    speaksFor: readSpeaksFor(decoder),
  }),
}

const heartbeat: Body<'heartbeat'> = {
  write(encoder, message) {
    writeCount(encoder, message.commit)
    writeCount(encoder, message.match)
    writeCount(encoder, message.round)
  },
  read: (decoder, envelope) => ({
    ...envelope,
    commit: readCount(decoder),
    match: readCount(decoder),
    round: readCount(decoder),
  }),
}

const heartbeatResponse: Body<'heartbeat-response'> = {
  write(encoder, message) {
    writeCount(encoder, message.round)
    writeSpeaksFor(encoder, message)
  },
  read: (decoder, envelope) => ({ ...envelope, round: readCount(decoder), speaksFor: readSpeaksFor(decoder) }),
}

const snapshot: Body<'snapshot'> = {
  write: (encoder, message) => writeSnapshot(encoder, message.snapshot),
  read: (decoder, envelope) => ({ ...envelope, snapshot: readSnapshot(decoder) }),
}

const voteRequest: Body<'vote' | 'pre-vote'> = {
  write(encoder, message) {
    writeCount(encoder, message.lastIndex)
    writeCount(encoder, message.lastTerm)
    writeBoolean(encoder, message.transfer)
    writeCount(encoder, message.commit)
    writeCount(encoder, message.commitTerm)
    writeSpeaksFor(encoder, message)
  },
  read: (decoder, envelope) => ({
    ...envelope,
    lastIndex: readCount(decoder),
    lastTerm: readCount(decoder),
    transfer: readBoolean(decoder),
    commit: readCount(decoder),
    commitTerm: readCount(decoder),
    speaksFor: readSpeaksFor(decoder),
  }),
}

const voteResponse: Body<'vote-response' | 'pre-vote-response'> = {
  write(encoder, message) {
    writeBoolean(encoder, message.granted)
    writeCount(encoder, message.commit)
    writeCount(encoder, message.commitTerm)
    writeSpeaksFor(encoder, message)
  },
  read: (decoder, envelope) => ({
    ...envelope,
    granted: readBoolean(decoder),
    commit: readCount(decoder),
    commitTerm: readCount(decoder),
    speaksFor: readSpeaksFor(decoder),
  }),
}

const propose: Body<'propose'> = {
  write(encoder, message) {
    writeCount(encoder, message.ticket)
    writeList(encoder, message.entries, (inner, { type, data }) => {
      writeEntryType(inner, type)
      writeBytes(inner, data)
    })
  },
  read: (decoder, envelope) => ({
    ...envelope,
    ticket: readCount(decoder),
    entries: readList(decoder, ENTRIES_MAX, (inner) => ({
      type: readOneOf(inner, ENTRY_TYPES),
      data: readData(inner),
    })),
  }),
}

const transferLeader: Body<'transfer-leader'> = {
  write: (encoder, message) => writeVoterId(encoder, message.target),
  read: (decoder, envelope) => ({ ...envelope, target: readVoterId(decoder) }),
}

const readIndex: Body<'read-index'> = {
  write: (encoder, message) => writeCount(encoder, message.ticket),
  read: (decoder, envelope) => ({ ...envelope, ticket: readCount(decoder) }),
}

const readIndexResponse: Body<'read-index-response'> = {
  write(encoder, message) {
    writeCount(encoder, message.ticket)
    writeCount(encoder, message.index)
  },
  read: (decoder, envelope) => ({ ...envelope, ticket: readCount(decoder), index: readCount(decoder) }),
}

const refused: Body<'refused'> = {
  write(encoder, message) {
    writeOneOf(encoder, ['proposal', 'read'], message.request)
    writeCount(encoder, message.ticket)
    writeOneOf(encoder, REASONS, message.reason)
  },
  read: (decoder, envelope) => ({
    ...envelope,
    request: readOneOf(decoder, ['proposal', 'read']),
    ticket: readCount(decoder),
    reason: readOneOf(decoder, REASONS),
  }),
}

const quiesce: Body<'quiesce'> = {
  write: (encoder, message) => writeCount(encoder, message.commit),
  read: (decoder, envelope) => ({ ...envelope, commit: readCount(decoder) }),
}

const goodbye: Body<'goodbye'> = {
  write(encoder, message) {
    writeList(encoder, message.ids, writeVoterId)
    writeCount(encoder, message.floor.index)
    writeCount(encoder, message.floor.term)
    writeList(encoder, message.heirs, writeVoterId)
  },
  read: (decoder, envelope) => ({
    ...envelope,
    ids: readList(decoder, MEMBERS_MAX, readVoterId),
    floor: { index: readCount(decoder), term: readCount(decoder) },
    heirs: readList(decoder, MEMBERS_MAX, readVoterId),
  }),
}

const nothing: Body<'timeout-now' | 'wake'> = { write: () => {}, read: (_decoder, envelope) => envelope }

const BODIES: { readonly [T in MessageType]: Body<T> } = {
  append,
  'append-response': appendResponse,
  heartbeat,
  'heartbeat-response': heartbeatResponse,
  snapshot,
  vote: voteRequest,
  'vote-response': voteResponse,
  'pre-vote': voteRequest,
  'pre-vote-response': voteResponse,
  'timeout-now': nothing,
  'transfer-leader': transferLeader,
  propose,
  'read-index': readIndex,
  'read-index-response': readIndexResponse,
  refused,
  quiesce,
  wake: nothing,
  goodbye,
}

/** The types of message and body agree by construction; the compiler can't follow that through a lookup. */
interface AnyBody {
  write(encoder: Encoder, message: Message): void
  read(decoder: Decoder, envelope: Envelope): Envelope
}

function bodyOf(type: MessageType): AnyBody {
  const bodies: Readonly<Record<MessageType, unknown>> = BODIES
  return bodies[type] as AnyBody
}

function writeSpeaksFor(encoder: Encoder, { speaksFor = [] }: { speaksFor?: readonly VoterId[] | undefined }): void {
  writeList(encoder, speaksFor, writeVoterId)
}

function readSpeaksFor(decoder: Decoder): readonly VoterId[] | undefined {
  const ids = readList(decoder, VOICES_MAX, readVoterId)
  return ids.length === 0 ? undefined : ids
}

/** As `writeOneOf`, which is felt with so many. */
function writeEntryType(encoder: Encoder, type: Entry['type']): void {
  writeByte(encoder, type === ENTRY_TYPES[0] ? 0 : 1)
}

export function writeEntry(encoder: Encoder, entry: Entry): void {
  writeCount(encoder, entry.term)
  writeEntryType(encoder, entry.type)
  writeBytes(encoder, entry.data)
}

export function readEntry(decoder: Decoder, index: number): Entry {
  return { term: readCount(decoder), index, type: readOneOf(decoder, ENTRY_TYPES), data: readData(decoder) }
}

/** A copy: entries outlive the message they came in. */
function readData(decoder: Decoder): Uint8Array {
  const { length } = decoder.arr
  const end = readCount(decoder, length) + decoder.pos
  if (end > length) throw new DecodeError(`the bytes end at ${length}, not at ${end}`)
  const data = pooledCopy(decoder.arr, decoder.pos, end)
  decoder.pos = end
  return data
}

function writeSnapshot(encoder: Encoder, value: Snapshot): void {
  writeCount(encoder, value.index)
  writeCount(encoder, value.term)
  writeConfiguration(encoder, value.configuration)
  writeBytes(encoder, value.data)
}

function readSnapshot(decoder: Decoder): Snapshot {
  return {
    index: readCount(decoder),
    term: readCount(decoder),
    configuration: readConfiguration(decoder),
    data: readBytes(decoder, decoder.arr.length),
  }
}

export function writeConfiguration(encoder: Encoder, configuration: Configuration): void {
  for (const ids of [
    configuration.voters,
    configuration.votersOutgoing,
    configuration.learners,
    configuration.learnersNext,
    configuration.witnesses,
  ]) {
    writeList(encoder, ids, writeVoterId)
  }
  writeBoolean(encoder, configuration.autoLeave)
}

export function readConfiguration(decoder: Decoder): Configuration {
  const readIds = (): VoterId[] => readList(decoder, MEMBERS_MAX, readVoterId)
  return {
    voters: readIds(),
    votersOutgoing: readIds(),
    learners: readIds(),
    learnersNext: readIds(),
    witnesses: readIds(),
    autoLeave: readBoolean(decoder),
  }
}
