import type { PeerId } from '../base/ids.js'
import {
  DecodeError,
  type Decoder,
  decodeAll,
  readByte,
  readBytes,
  readCount,
  readList,
  readOneOf,
  readPeerId,
  readString,
} from '../codec/decode.js'
import {
  type Encoder,
  encode,
  writeByte,
  writeBytes,
  writeCount,
  writeId,
  writeList,
  writeString,
} from '../codec/encode.js'
import { readValue, writeValue } from '../codec/value.js'
import { readMembers, writeMembers } from './entry.js'
import type { Member } from './roster.js'
import type { ReplicatedResult, Session } from './sessions.js'

/** The bytes of a group's whole replicated state. Stored and sent: the first byte is the format's version. */
export interface GroupSnapshot {
  readonly machineName: string
  readonly machineVersion: number
  readonly seed: number
  readonly appliedIndex: number
  readonly timestampMs: number
  readonly members: readonly Member[]
  readonly retired: readonly (readonly [PeerId, number])[]
  readonly sessions: readonly Session[]
  readonly machine: Uint8Array
}

const FORMAT = 1
const TEXT_BYTES_MAX = 256
const RETIRED_MAX = 4096
const SESSIONS_MAX = 65_536
const RESULTS_MAX = 65_536
const REASON_BYTES_MAX = 65_536

export function encodeSnapshot(snapshot: GroupSnapshot): Uint8Array {
  return encode((encoder) => {
    writeByte(encoder, FORMAT)
    writeString(encoder, snapshot.machineName)
    writeCount(encoder, snapshot.machineVersion)
    writeCount(encoder, snapshot.seed)
    writeCount(encoder, snapshot.appliedIndex)
    writeCount(encoder, snapshot.timestampMs)
    writeMembers(encoder, snapshot.members)
    writeList(encoder, snapshot.retired, writeRetired)
    writeList(encoder, snapshot.sessions, writeSession)
    writeBytes(encoder, snapshot.machine)
  })
}

/** @throws DecodeError */
export function decodeSnapshot(bytes: Uint8Array): GroupSnapshot {
  return decodeAll(bytes, (decoder) => {
    const format = readByte(decoder)
    if (format !== FORMAT) throw new DecodeError(`snapshot format ${format}, this code reads ${FORMAT}`)
    return {
      machineName: readString(decoder, TEXT_BYTES_MAX),
      machineVersion: readCount(decoder),
      seed: readCount(decoder, 2 ** 32 - 1),
      appliedIndex: readCount(decoder),
      timestampMs: readCount(decoder),
      members: readMembers(decoder),
      retired: readList(decoder, RETIRED_MAX, readRetired),
      sessions: readList(decoder, SESSIONS_MAX, readSession),
      machine: readBytes(decoder, bytes.length),
    }
  })
}

function writeRetired(encoder: Encoder, [peer, incarnation]: readonly [PeerId, number]): void {
  writeId(encoder, peer)
  writeCount(encoder, incarnation)
}

function readRetired(decoder: Decoder): readonly [PeerId, number] {
  return [readPeerId(decoder), readCount(decoder)]
}

function writeSession(encoder: Encoder, session: Session): void {
  writeCount(encoder, session.id)
  writeString(encoder, session.nonce)
  writeId(encoder, session.peer)
  writeCount(encoder, session.lowest)
  writeCount(encoder, session.lastIndex)
  writeList(encoder, [...session.results], (_, [sequence, result]) => {
    writeCount(encoder, sequence)
    writeResult(encoder, result)
  })
}

function readSession(decoder: Decoder): Session {
  return {
    id: readCount(decoder),
    nonce: readString(decoder, TEXT_BYTES_MAX),
    peer: readPeerId(decoder),
    lowest: readCount(decoder),
    lastIndex: readCount(decoder),
    results: new Map(readList(decoder, RESULTS_MAX, (item) => [readCount(item), readResult(item)])),
  }
}

const OK = 0
const REJECTED = 1
const FAILED = 2

function writeResult(encoder: Encoder, result: ReplicatedResult): void {
  if (result.ok) {
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

function readResult(decoder: Decoder): ReplicatedResult {
  const kind = readOneOf(decoder, [OK, REJECTED, FAILED])
  if (kind === OK) return { ok: true, output: readValue(decoder) }
  if (kind === FAILED) return { ok: false, rejected: undefined }
  return { ok: false, rejected: readString(decoder, REASON_BYTES_MAX), details: readValue(decoder) }
}
