import type { PeerId } from '../base/ids.js'
import { pooledBytes } from '../codec/byte-pool.js'
import {
  DecodeError,
  type Decoder,
  decodeAll,
  readBoolean,
  readByte,
  readBytes,
  readCopy,
  readCount,
  readList,
  readOneOf,
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
import { readVoterId, writeVoterId } from './member-codec.js'
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
  const term = readCount(decoder)
  // What every command costs, one literal each: to merge two objects takes longer than all the reading (measured).
  if (type === 'append') return readAppend(decoder, fromId, toId, term)
  if (type === 'append-response') return readAppendResponse(decoder, fromId, toId, term)
  if (type === 'propose') return readPropose(decoder, fromId, toId, term)
  return bodyOf(type).read(decoder, { type, from: fromId, to: toId, term }) as Message
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
    writeCount(encoder, message.pledge ?? 0)
    writeList(encoder, message.entries, writeEntry)
  },
  read: (decoder, { from, to, term }) => readAppend(decoder, from, to, term),
}

function readAppend(decoder: Decoder, from: VoterId, to: VoterId, term: number): MessageOf<'append'> {
  const prevIndex = readCount(decoder)
  const prevTerm = readCount(decoder)
  const commit = readCount(decoder)
  const pledge = readCount(decoder)
  const last = prevIndex + readCount(decoder, ENTRIES_MAX)
  const entries: Entry[] = []
  for (let index = prevIndex + 1; index <= last; index++) entries.push(readEntry(decoder, index))
  return { type: 'append', from, to, term, prevIndex, prevTerm, entries, commit, pledge }
}

const appendResponse: Body<'append-response'> = {
  write(encoder, message) {
    writeCount(encoder, message.index)
    writeOptional(encoder, message.rejected, writeHint)
    writeSpeaksFor(encoder, message)
  },
  read: (decoder, { from, to, term }) => readAppendResponse(decoder, from, to, term),
}

function readAppendResponse(decoder: Decoder, from: VoterId, to: VoterId, term: number): MessageOf<'append-response'> {
  const index = readCount(decoder)
  const rejected = readBoolean(decoder) ? readHint(decoder) : undefined
  return { type: 'append-response', from, to, term, index, rejected, speaksFor: readSpeaksFor(decoder) }
}

type Hint = NonNullable<MessageOf<'append-response'>['rejected']>

function writeHint(encoder: Encoder, { hintIndex, hintTerm }: Hint): void {
  writeCount(encoder, hintIndex)
  writeCount(encoder, hintTerm)
}

function readHint(decoder: Decoder): Hint {
  return { hintIndex: readCount(decoder), hintTerm: readCount(decoder) }
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
    writeList(encoder, message.entries, writeProposed)
  },
  read: (decoder, { from, to, term }) => readPropose(decoder, from, to, term),
}

type ProposedEntry = Pick<Entry, 'type' | 'data'>

function writeProposed(encoder: Encoder, { type, data }: ProposedEntry): void {
  writeEntryType(encoder, type)
  writeBytes(encoder, data)
}

function readPropose(decoder: Decoder, from: VoterId, to: VoterId, term: number): MessageOf<'propose'> {
  const ticket = readCount(decoder)
  return { type: 'propose', from, to, term, ticket, entries: readList(decoder, ENTRIES_MAX, readProposed) }
}

function readProposed(decoder: Decoder): ProposedEntry {
  return { type: readOneOf(decoder, ENTRY_TYPES), data: readCopy(decoder, pooledBytes) }
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
  if (decoder.arr[decoder.pos] !== 0) return readList(decoder, VOICES_MAX, readVoterId)
  decoder.pos++ // as a rule it speaks for nobody
  return undefined
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

/** Its data is a copy: entries outlive the message they came in. */
export function readEntry(decoder: Decoder, index: number): Entry {
  return {
    term: readCount(decoder),
    index,
    type: readOneOf(decoder, ENTRY_TYPES),
    data: readCopy(decoder, pooledBytes),
  }
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
