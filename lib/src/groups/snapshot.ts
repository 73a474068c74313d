import type { ClusterId, PeerId } from '../base/ids.js'
import {
  DecodeError,
  type Decoder,
  decodeAll,
  readBoolean,
  readByte,
  readClusterId,
  readCount,
  readList,
  readOneOf,
  readOptional,
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
  writeOptional,
  writeString,
} from '../codec/encode.js'
import { readValue, writeValue } from '../codec/value.js'
import { type Epoch, readEpoch, writeEpoch } from './epoch.js'
import { GROUPS_MAX, type GroupRecord } from './group-registry.js'
import { readMembers, readVoterId, writeMembers, writeVoterId } from './member-codec.js'
import { REMEMBERED_MAX, type RosterRecord } from './roster.js'
import { PINNED_ROLES, type PinnedRole } from './roster-entry.js'
import type { ReplacedSession, SessionRecord, StoredResult } from './sessions.js'

/**
 * What a group replicates besides the state of its machine. A snapshot is the head's length (4 bytes, big endian), the
 * head, and then whatever the machine writes. Stored and sent: the first byte of the head is the format's version.
 */
export interface SnapshotHead {
  readonly machineName: string
  /** The version that is active. */
  readonly machineVersion: number
  readonly seed: number
  readonly appliedIndex: number
  /** By how much the place of the next command is above its index: see `HookContext.index`. */
  readonly surplus: number
  readonly timestampMs: number
  readonly roster: RosterRecord
  readonly sessions: readonly SessionRecord[]
  readonly groups: readonly GroupRecord[]
  /** No command was applied and no group created. */
  readonly isEmpty: boolean
  /** The cluster that this one ended in favour of. */
  readonly dissolvedInto: ClusterId | undefined
  /** The recoveries, the oldest first. */
  readonly epochs: readonly Epoch[]
}

const FORMAT = 2
const LENGTH_BYTES = 4
const TEXT_BYTES_MAX = 256
const SESSIONS_MAX = 65_536
const RESULTS_MAX = 65_536
export const EPOCHS_MAX = 64

export function encodeHead(head: SnapshotHead): Uint8Array {
  return encode((encoder) => {
    writeByte(encoder, FORMAT)
    writeString(encoder, head.machineName)
    writeCount(encoder, head.machineVersion)
    writeCount(encoder, head.seed)
    writeCount(encoder, head.appliedIndex)
    writeCount(encoder, head.surplus)
    writeCount(encoder, head.timestampMs)
    writeRoster(encoder, head.roster)
    writeList(encoder, head.sessions, writeSession)
    writeList(encoder, head.groups, writeGroup)
    writeBoolean(encoder, head.isEmpty)
    writeOptional(encoder, head.dissolvedInto, writeId)
    writeList(encoder, head.epochs, writeEpoch)
  })
}

/** @throws DecodeError */
export function decodeHead(bytes: Uint8Array): SnapshotHead {
  return decodeAll(bytes, (decoder) => {
    const format = readByte(decoder)
    if (format !== FORMAT) throw new DecodeError(`snapshot format ${format}, this code reads ${FORMAT}`)
    return {
      machineName: readString(decoder, TEXT_BYTES_MAX),
      machineVersion: readCount(decoder),
      seed: readCount(decoder, 2 ** 32 - 1),
      appliedIndex: readCount(decoder),
      surplus: readCount(decoder),
      timestampMs: readCount(decoder),
      roster: readRoster(decoder),
      sessions: readList(decoder, SESSIONS_MAX, readSession),
      groups: readList(decoder, GROUPS_MAX, readGroup),
      isEmpty: readBoolean(decoder),
      dissolvedInto: readOptional(decoder, readClusterId),
      epochs: readList(decoder, EPOCHS_MAX, readEpoch),
    }
  })
}

/** The pieces of a whole snapshot, one after the other; `machine` is read as they are asked for. */
export async function* snapshotPieces(
  head: Uint8Array,
  machine: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield frame(head)
  yield* machine
}

function frame(head: Uint8Array): Uint8Array {
  const framed = new Uint8Array(LENGTH_BYTES + head.length)
  new DataView(framed.buffer).setUint32(0, head.length)
  framed.set(head, LENGTH_BYTES)
  return framed
}

/** Pieces that are all here, as `openSnapshot` takes them. */
export async function* inOrder(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces
}

export interface OpenedSnapshot {
  readonly head: SnapshotHead
  /** What the machine wrote. */
  readonly machine: AsyncIterable<Uint8Array>
}

/** @throws DecodeError if there is no sound head */
export async function openSnapshot(pieces: AsyncIterable<Uint8Array>): Promise<OpenedSnapshot> {
  const source = pieces[Symbol.asyncIterator]()
  const start = await readAtLeast(source, new Uint8Array(0), LENGTH_BYTES)
  const length = new DataView(start.buffer, start.byteOffset).getUint32(0)
  const enough = await readAtLeast(source, start, LENGTH_BYTES + length)
  const head = decodeHead(enough.subarray(LENGTH_BYTES, LENGTH_BYTES + length))
  return { head, machine: continued(enough.subarray(LENGTH_BYTES + length), source) }
}

async function readAtLeast(source: AsyncIterator<Uint8Array>, start: Uint8Array, bytes: number): Promise<Uint8Array> {
  const parts = [start]
  let total = start.length
  while (total < bytes) {
    const { done, value } = await source.next()
    if (done) throw new DecodeError(`the snapshot ends after ${total} bytes, its head after ${bytes}`)
    parts.push(value)
    total += value.length
  }
  return parts.length === 1 ? start : joined(parts, total)
}

function joined(parts: readonly Uint8Array[], total: number): Uint8Array {
  const whole = new Uint8Array(total)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

async function* continued(first: Uint8Array, source: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first
  for (let next = await source.next(); !next.done; next = await source.next()) yield next.value
}

function writeRoster(encoder: Encoder, roster: RosterRecord): void {
  writeMembers(encoder, roster.members)
  writeList(encoder, roster.retired, writeRetired)
  writeList(encoder, roster.ejected, writeId)
  writeList(encoder, roster.pinned, writePinned)
  writeCount(encoder, roster.changedAt)
}

function readRoster(decoder: Decoder): RosterRecord {
  return {
    members: readMembers(decoder),
    retired: readList(decoder, REMEMBERED_MAX, readRetired),
    ejected: readList(decoder, REMEMBERED_MAX, readPeerId),
    pinned: readList(decoder, REMEMBERED_MAX, readPinned),
    changedAt: readCount(decoder),
  }
}

function writePinned(encoder: Encoder, [peer, role]: readonly [PeerId, PinnedRole]): void {
  writeId(encoder, peer)
  writeOneOf(encoder, PINNED_ROLES, role)
}

function readPinned(decoder: Decoder): readonly [PeerId, PinnedRole] {
  return [readPeerId(decoder), readOneOf(decoder, PINNED_ROLES)]
}

function writeRetired(encoder: Encoder, [peer, incarnation]: readonly [PeerId, number]): void {
  writeId(encoder, peer)
  writeCount(encoder, incarnation)
}

function readRetired(decoder: Decoder): readonly [PeerId, number] {
  return [readPeerId(decoder), readCount(decoder)]
}

function writeGroup(encoder: Encoder, group: GroupRecord): void {
  writeCount(encoder, group.number)
  writeString(encoder, group.name)
  writeString(encoder, group.machineName)
  writeCount(encoder, group.replicas)
  writeVoterId(encoder, group.founder)
}

function readGroup(decoder: Decoder): GroupRecord {
  return {
    number: readCount(decoder),
    name: readString(decoder, TEXT_BYTES_MAX * 2),
    machineName: readString(decoder, TEXT_BYTES_MAX),
    replicas: readCount(decoder),
    founder: readVoterId(decoder),
  }
}

function writeSession(encoder: Encoder, session: SessionRecord): void {
  writeCount(encoder, session.id)
  writeString(encoder, session.nonce)
  writeId(encoder, session.peer)
  writeCount(encoder, session.lowest)
  writeCount(encoder, session.lastIndex)
  writeList(encoder, [...session.results], (_, [sequence, result]) => {
    writeCount(encoder, sequence)
    writeResult(encoder, result)
  })
  writeOptional(encoder, session.replaced, writeReplaced)
}

function readSession(decoder: Decoder): SessionRecord {
  const [id, nonce, peer] = [readCount(decoder), readString(decoder, TEXT_BYTES_MAX), readPeerId(decoder)]
  const [lowest, lastIndex] = [readCount(decoder), readCount(decoder)]
  const results = readList(decoder, RESULTS_MAX, (item) => [readSequence(item, lowest), readResult(item)] as const)
  return {
    id,
    nonce,
    peer,
    lowest,
    lastIndex,
    results: new Map(results),
    replaced: readOptional(decoder, readReplaced),
  }
}

/** No window is wider: what is kept by sequence number takes as much memory as the numbers are apart. */
function readSequence(decoder: Decoder, lowest: number): number {
  const sequence = readCount(decoder)
  if (sequence < lowest || sequence >= lowest + RESULTS_MAX) {
    throw new DecodeError(`a result of command ${sequence} in a session whose lowest is ${lowest}`)
  }
  return sequence
}

function writeReplaced(encoder: Encoder, { id, lowest, applied }: ReplacedSession): void {
  writeCount(encoder, id)
  writeCount(encoder, lowest)
  writeList(encoder, applied, writeCount)
}

function readReplaced(decoder: Decoder): ReplacedSession {
  return {
    id: readCount(decoder),
    lowest: readCount(decoder),
    applied: readList(decoder, RESULTS_MAX, (item) => readCount(item)),
  }
}

const OK = 0
const REJECTED = 1
const FAILED = 2
const DROPPED = 3

function writeResult(encoder: Encoder, result: StoredResult): void {
  if (result === 'dropped') {
    writeByte(encoder, DROPPED)
  } else if (result.ok) {
    writeByte(encoder, OK)
    writeValue(encoder, result.output)
  } else if (result.rejected !== undefined) {
    writeByte(encoder, REJECTED)
    writeString(encoder, result.rejected)
    writeValue(encoder, result.details)
  } else {
    writeByte(encoder, FAILED)
  }
}

function readResult(decoder: Decoder): StoredResult {
  const kind = readOneOf(decoder, [OK, REJECTED, FAILED, DROPPED])
  if (kind === OK) return { ok: true, output: readValue(decoder) }
  if (kind === FAILED) return { ok: false, rejected: undefined }
  if (kind === DROPPED) return 'dropped'
  return { ok: false, rejected: readString(decoder, decoder.arr.length), details: readValue(decoder) }
}
