import type { ClusterId, PeerId } from '../base/ids.js'
import { copyBytes, type Piece, pooledBytes } from '../codec/byte-pool.js'
import {
  DecodeError,
  type Decoder,
  decodeAll,
  readByte,
  readClusterId,
  readCount,
  readName,
  readOptional,
  readPeerId,
  readString,
} from '../codec/decode.js'
import {
  type Encoder,
  encode,
  finishPiece,
  giveBack,
  takeEncoder,
  writeByte,
  writeCount,
  writeId,
  writeOptional,
  writeRaw,
  writeString,
} from '../codec/encode.js'
import { readValue, type Value, writeValue } from '../codec/value.js'
import type { VoterId } from '../raft/index.js'
import { readVoterId, writeVoterId } from './member-codec.js'
import { type RosterEntry, readRosterEntry, writeRosterEntry } from './roster-entry.js'

/**
 * What the payload of a log entry says. Stored and sent: a kind's number is never reused, and a replica that meets a
 * kind it does not know stops instead of skipping it.
 */
export type GroupEntry =
  | CommandEntry
  | CommandsEntry
  | OneShotEntry
  | RegisterEntry
  | CreateGroupEntry
  | ActivateEntry
  | CheckpointEntry
  | RosterEntry
  | DissolveEntry

/** A command of a session: applied once, however often it is in the log. */
export interface CommandEntry extends CommandHeader, Call {
  readonly kind: 'command'
}

/** Commands of one session, applied one after the other: what an entry costs on each replica, they cost once. */
export interface CommandsEntry {
  readonly kind: 'commands'
  readonly commands: readonly CommandEntry[]
}

/** What is called; the same as a machine's CommandCall. */
export interface Call {
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
  /** The proposer's wall clock when this was proposed. */
  readonly timestampMs: number
}

/** A command outside of any session: applied as often as it is in the log. */
export interface OneShotEntry extends OneShotHeader, Call {
  readonly kind: 'one-shot'
}

export interface OneShotHeader {
  readonly peer: PeerId
  readonly ticket: Ticket
  readonly timestampMs: number
}

/** By which the proposer of a one-shot command knows it again. */
export interface Ticket {
  /** Drawn at the peer's start; up to 32 bytes. */
  readonly nonce: string
  /** Counts the peer's one-shot commands from 1. */
  readonly number: number
}

export interface RegisterEntry {
  readonly kind: 'register'
  /** Drawn by the client for this session; up to 32 bytes. */
  readonly nonce: string
  readonly peer: PeerId
  /** A session of the same peer that ends here. */
  readonly replaces: SessionRef | undefined
}

/** A session, told apart from one that another registration of its nonce made. */
export interface SessionRef {
  readonly id: number
  readonly nonce: string
}

/** A group shall exist; without effect if there is one of that name. In the group `main` only. */
export interface CreateGroupEntry {
  readonly kind: 'create-group'
  /** 1 to 100 characters. */
  readonly name: string
  readonly machineName: string
  /** How many members replicate it; 0 means all. */
  readonly replicas: number
  /** Starts as its only voter. */
  readonly founder: VoterId
}

/** From here on the machine runs as this version. */
export interface ActivateEntry {
  readonly kind: 'activate'
  readonly version: number
}

/** Every replica hashes its state as of here. */
export interface CheckpointEntry {
  readonly kind: 'checkpoint'
}

/**
 * The cluster ends here in favour of another one; without effect if a command or the creation of a group precedes it.
 * In the group `main` only.
 */
export interface DissolveEntry {
  readonly kind: 'dissolve'
  readonly into: ClusterId
}

const COMMAND = 1
const ONE_SHOT = 2
const REGISTER = 3
const CREATE_GROUP = 4
const CHECKPOINT = 5
const ACTIVATE = 6
const ROSTER = 7
const DISSOLVE = 8
const COMMANDS = 9

/** What a peer may forward to the leader; the other kinds are the leader's own. */
const PROPOSABLE: readonly number[] = [COMMAND, ONE_SHOT, REGISTER, CREATE_GROUP, CHECKPOINT, ROSTER, COMMANDS]
const KNOWN_MAX = COMMANDS

/** Of one entry. */
export const COMMANDS_MAX = 1024
const COMMAND_NAME_BYTES_MAX = 256
const NONCE_BYTES_MAX = 32
const GROUP_NAME_CHARACTERS_MAX = 100
const MACHINE_NAME_BYTES_MAX = 256
const REPLICAS_MAX = 4096

/** Name and payload of a command: what is known of it before its session is. @throws LegionError E_NOT_PLAIN */
export function encodeCall(name: string, payload: unknown): Piece {
  const encoder = takeEncoder()
  writeString(encoder, name)
  writeValue(encoder, payload, 'payload')
  return finishPiece(encoder)
}

/** @param call the bytes from `encodeCall`. @throws DecodeError */
export function decodeCall(call: Uint8Array): Call {
  return decodeAll(call, readCall)
}

/** @param call from `encodeCall` */
export function encodeCommand(header: CommandHeader, call: Piece): Uint8Array {
  const encoder = takeEncoder()
  writeByte(encoder, COMMAND)
  writeCount(encoder, header.session)
  writeCount(encoder, header.sequence)
  writeCount(encoder, header.lowest)
  writeCount(encoder, header.timestampMs)
  return finishBefore(encoder, call)
}

/** A command of a session: its call from `encodeCall`, its sequence number, and the proposer's wall clock. */
export interface NumberedCall extends Piece {
  readonly number: number
  readonly timestampMs: number
}

/**
 * Of each command is written by how much its numbers are above those of the one before.
 * @param commands 1 to COMMANDS_MAX; neither numbers nor timestamps may fall
 */
export function encodeCommands(
  { session, lowest }: Pick<CommandHeader, 'session' | 'lowest'>,
  commands: readonly NumberedCall[],
): Uint8Array {
  return encode((encoder) => {
    writeByte(encoder, COMMANDS)
    writeCount(encoder, session)
    writeCount(encoder, lowest)
    writeCount(encoder, commands.length)
    let [sequence, clockMs] = [0, 0]
    for (const { number, timestampMs, bytes, start, end } of commands) {
      writeCount(encoder, number - sequence)
      writeCount(encoder, timestampMs - clockMs)
      writeRaw(encoder, bytes, start, end)
      sequence = number
      clockMs = timestampMs
    }
  })
}

/** @param call from `encodeCall` */
export function encodeOneShot(header: OneShotHeader, call: Piece): Uint8Array {
  const encoder = takeEncoder()
  writeByte(encoder, ONE_SHOT)
  writeId(encoder, header.peer)
  writeString(encoder, header.ticket.nonce)
  writeCount(encoder, header.ticket.number)
  writeCount(encoder, header.timestampMs)
  return finishBefore(encoder, call)
}

export function encodeRegister(register: Omit<RegisterEntry, 'kind'>): Uint8Array {
  return encode((encoder) => {
    writeByte(encoder, REGISTER)
    writeString(encoder, register.nonce)
    writeId(encoder, register.peer)
    writeOptional(encoder, register.replaces, writeSessionRef)
  })
}

export function encodeCreateGroup(group: Omit<CreateGroupEntry, 'kind'>): Uint8Array {
  return encode((encoder) => {
    writeByte(encoder, CREATE_GROUP)
    writeString(encoder, group.name)
    writeString(encoder, group.machineName)
    writeCount(encoder, group.replicas)
    writeVoterId(encoder, group.founder)
  })
}

export function encodeActivate(version: number): Uint8Array {
  return encode((encoder) => {
    writeByte(encoder, ACTIVATE)
    writeCount(encoder, version)
  })
}

export function encodeRosterEntry(entry: Omit<RosterEntry, 'kind'>): Uint8Array {
  return encode((encoder) => {
    writeByte(encoder, ROSTER)
    writeRosterEntry(encoder, entry)
  })
}

export function encodeCheckpoint(): Uint8Array {
  return Uint8Array.of(CHECKPOINT)
}

export function encodeDissolve(into: ClusterId): Uint8Array {
  return encode((encoder) => {
    writeByte(encoder, DISSOLVE)
    writeId(encoder, into)
  })
}

/** Total: a value or a DecodeError for whatever bytes. @throws DecodeError */
export function decodeEntry(data: Uint8Array): GroupEntry {
  return decodeAll(data, readEntry)
}

/** True if this code can decode the kind of the entry, whatever is in it. */
export function isKnownKind(data: Uint8Array): boolean {
  const kind = kindOf(data)
  return kind >= COMMAND && kind <= KNOWN_MAX
}

/** True for what the roster has to follow, whatever version of the machine is active. */
export function isRosterEntry(data: Uint8Array): boolean {
  return data[0] === ROSTER
}

/** True for several commands in one entry. */
export function holdsSeveral(data: Uint8Array): boolean {
  return kindOf(data) === COMMANDS
}

/** True if any peer may propose an entry of this kind, whatever is in it. */
export function isProposable(data: Uint8Array): boolean {
  return PROPOSABLE.includes(kindOf(data))
}

/** 0 if it has none. Not by destructuring, which costs as much as applying the entry. */
function kindOf(data: Uint8Array): number {
  return data[0] ?? 0
}

/** Whose entry it is. */
export type EntryOwner =
  | { readonly kind: 'session'; readonly session: number; readonly sequences: readonly number[] }
  | { readonly kind: 'one-shot'; readonly ticket: Ticket }

/** Undefined for every other kind, and for damaged ones. */
export function decodeOwner(data: Uint8Array): EntryOwner | undefined {
  const kind = kindOf(data)
  if (kind !== COMMAND && kind !== COMMANDS && kind !== ONE_SHOT) return undefined
  try {
    return decodeAll(data, readOwner)
  } catch {
    return undefined
  }
}

function readOwner(decoder: Decoder): EntryOwner {
  const owner = readOwnerOf(readByte(decoder), decoder)
  decoder.pos = decoder.arr.length
  return owner
}

function readOwnerOf(kind: number, decoder: Decoder): EntryOwner {
  if (kind === ONE_SHOT) return readOneShotOwner(decoder)
  return kind === COMMAND ? readCommandOwner(decoder) : readCommandsOwner(decoder)
}

function readCommandsOwner(decoder: Decoder): EntryOwner {
  const commands = readCommands(decoder)
  return { kind: 'session', session: commands[0]?.session ?? 0, sequences: commands.map(({ sequence }) => sequence) }
}

function readCommandOwner(decoder: Decoder): EntryOwner {
  return { kind: 'session', session: readCount(decoder), sequences: [readCount(decoder)] }
}

function readOneShotOwner(decoder: Decoder): EntryOwner {
  readPeerId(decoder)
  return { kind: 'one-shot', ticket: readTicket(decoder) }
}

function readEntry(decoder: Decoder): GroupEntry {
  const kind = readByte(decoder)
  switch (kind) {
    case COMMAND:
      return readCommand(decoder)
    case ONE_SHOT:
      return readOneShot(decoder)
    case REGISTER:
      return readRegister(decoder)
    case CREATE_GROUP:
      return readCreateGroup(decoder)
    case ACTIVATE:
      return { kind: 'activate', version: readCount(decoder) }
    case CHECKPOINT:
      return { kind: 'checkpoint' }
    case ROSTER:
      return readRosterEntry(decoder)
    case COMMANDS:
      return { kind: 'commands', commands: readCommands(decoder) }
    case DISSOLVE:
      return { kind: 'dissolve', into: readClusterId(decoder) }
    default:
      throw new DecodeError(`unknown kind of entry ${kind}`)
  }
}

function readCommand(decoder: Decoder): CommandEntry {
  return {
    kind: 'command',
    session: readCount(decoder),
    sequence: readCount(decoder),
    lowest: readCount(decoder),
    timestampMs: readCount(decoder),
    name: readName(decoder, COMMAND_NAME_BYTES_MAX),
    payload: readValue(decoder),
  }
}

function readCommands(decoder: Decoder): CommandEntry[] {
  const session = readCount(decoder)
  const lowest = readCount(decoder)
  const count = readCount(decoder, COMMANDS_MAX)
  if (count === 0) throw new DecodeError('an entry of no commands')
  const commands: CommandEntry[] = []
  let [sequence, timestampMs] = [0, 0]
  while (commands.length < count) {
    sequence = readSum(decoder, sequence)
    timestampMs = readSum(decoder, timestampMs)
    const name = readName(decoder, COMMAND_NAME_BYTES_MAX)
    commands.push({ kind: 'command', session, sequence, lowest, timestampMs, name, payload: readValue(decoder) })
  }
  return commands
}

function readSum(decoder: Decoder, before: number): number {
  const sum = before + readCount(decoder)
  if (sum > Number.MAX_SAFE_INTEGER) throw new DecodeError(`${sum} is above all counts`)
  return sum
}

function readOneShot(decoder: Decoder): OneShotEntry {
  return {
    kind: 'one-shot',
    peer: readPeerId(decoder),
    ticket: readTicket(decoder),
    timestampMs: readCount(decoder),
    ...readCall(decoder),
  }
}

function readTicket(decoder: Decoder): Ticket {
  return { nonce: readString(decoder, NONCE_BYTES_MAX), number: readCount(decoder) }
}

function readCall(decoder: Decoder): Call {
  return { name: readName(decoder, COMMAND_NAME_BYTES_MAX), payload: readValue(decoder) }
}

function readRegister(decoder: Decoder): RegisterEntry {
  return {
    kind: 'register',
    nonce: readString(decoder, NONCE_BYTES_MAX),
    peer: readPeerId(decoder),
    replaces: readOptional(decoder, readSessionRef),
  }
}

function readCreateGroup(decoder: Decoder): CreateGroupEntry {
  const name = readString(decoder, 4 * GROUP_NAME_CHARACTERS_MAX)
  if (name.length < 1 || name.length > GROUP_NAME_CHARACTERS_MAX) throw new DecodeError(`group name of ${name.length}`)
  return {
    kind: 'create-group',
    name,
    machineName: readString(decoder, MACHINE_NAME_BYTES_MAX),
    replicas: readCount(decoder, REPLICAS_MAX),
    founder: readVoterId(decoder),
  }
}

export function writeSessionRef(encoder: Encoder, session: SessionRef): void {
  writeCount(encoder, session.id)
  writeString(encoder, session.nonce)
}

export function readSessionRef(decoder: Decoder): SessionRef {
  return { id: readCount(decoder), nonce: readString(decoder, NONCE_BYTES_MAX) }
}

/** What is in the encoder, a header that is shorter than an empty encoder's buffer, and then `tail`. */
function finishBefore(encoder: Encoder, tail: Piece): Uint8Array {
  const bytes = pooledBytes(encoder.cpos + tail.end - tail.start)
  copyBytes(encoder.cbuf, 0, encoder.cpos, bytes, 0)
  copyBytes(tail.bytes, tail.start, tail.end, bytes, encoder.cpos)
  giveBack(encoder)
  return bytes
}
