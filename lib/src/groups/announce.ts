import type { ErrorCode } from '../base/errors.js'
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
import type { VoterId } from '../raft/index.js'
import { EPOCH_ID_MAX, type Epoch, type EpochId, readEpoch, writeEpoch } from './epoch.js'
import { readMember, readVoterId, writeMember, writeVoterId } from './member-codec.js'
import { FORMERLY_MAX } from './replica-attributes.js'
import type { Position } from './replica-log-format.js'
import type { Member } from './roster.js'
import { EPOCHS_MAX } from './snapshot.js'

/** What peers tell each other about their replicas outside the log, on the roster port. */
export type RosterMessage =
  | Announce
  | Inquiry
  | Leaving
  | Refusal
  | Retired
  | DigestReport
  | Diverged
  | Summary
  | Survey
  | Survivor
  | RecoverPlease
  | Recovered
  | Parted

/** To every linked peer: the replica that I have or want. The leader adds those who are no members. */
export interface Announce {
  readonly kind: 'announce'
  readonly clusterId: ClusterId
  readonly member: Member
  readonly machineName: string
  readonly visible: boolean
  /** It speaks for too many others: give its next incarnation its place. */
  readonly isWorn: boolean
  readonly epoch: EpochId
  /** Of a member: the recoveries that led to its epoch. */
  readonly history: readonly Epoch[]
}

/** From the leader to a member that it reaches, and whose announcement it lost: announce yourself. */
export interface Inquiry {
  readonly kind: 'inquiry'
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

/** Of `main`, to peers of other clusters, and from there on to the leader: what there is of my cluster. */
export interface Summary {
  readonly kind: 'summary'
  readonly clusterId: ClusterId
  /** False only if a command or a group is committed. */
  readonly isEmpty: boolean
  /** It can agree on something. */
  readonly hasLeader: boolean
  /** Clusters that dissolved, in the end into this one. */
  readonly formerly: readonly ClusterId[]
}

/** To everyone, before a recovery: who is there of the epoch, and how far? */
export interface Survey {
  readonly kind: 'survey'
  readonly nonce: number
  readonly epoch: EpochId
}

/** The answer. */
export interface Survivor {
  readonly kind: 'survivor'
  readonly nonce: number
  readonly epoch: EpochId
  readonly id: VoterId
  /** Whom it speaks for besides itself. */
  readonly voices: readonly VoterId[]
  /** The last entry of its log. */
  readonly last: Position
  readonly hasLeader: boolean
}

/** To the survivor whose log has most: recover the group. */
export interface RecoverPlease {
  readonly kind: 'recover-please'
  readonly nonce: number
  readonly epoch: EpochId
}

/** What came of it. */
export interface Recovered {
  readonly kind: 'recovered'
  readonly nonce: number
  /** Undefined: it refused, see `problem`. */
  readonly recovery: Recovery | undefined
  readonly problem: string
}

/** The sender does not join the receiver's epoch: it has what is not in it. */
export interface Parted {
  readonly kind: 'parted'
  readonly epoch: EpochId
}

/** A new epoch of a group that had lost its quorum for good. */
export interface Recovery {
  readonly epoch: EpochId
  /** The last entry that was kept, committed or not. */
  readonly baseIndex: number
  /** Who answered before, this peer included: nothing that one of them had is lost, unless it contradicts the base. */
  readonly survivors: readonly PeerId[]
  /** Voters that were not there: what only they acknowledged may be lost. */
  readonly discarded: readonly PeerId[]
}

const REFUSAL_CODES = ['E_MACHINE', 'E_OUTDATED', 'E_UNAUTHORIZED', 'E_EJECTED'] as const satisfies readonly ErrorCode[]
export type RefusalCode = (typeof REFUSAL_CODES)[number]

const ANNOUNCE = 1
const LEAVING = 2
const REFUSAL = 3
const RETIRED = 4
const DIGEST = 5
const DIVERGED = 6
const SUMMARY = 16
const SURVEY = 17
const SURVIVOR = 18
const RECOVER_PLEASE = 19
const RECOVERED = 20
const PARTED = 21
const INQUIRY = 22
const PEERS_MAX = 4096
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
    writeBoolean(encoder, message.isWorn)
    writeCount(encoder, message.epoch)
    writeList(encoder, message.history, writeEpoch)
  },
  inquiry(encoder: Encoder): void {
    writeByte(encoder, INQUIRY)
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
  summary(encoder: Encoder, message: Summary): void {
    writeByte(encoder, SUMMARY)
    writeId(encoder, message.clusterId)
    writeBoolean(encoder, message.isEmpty)
    writeBoolean(encoder, message.hasLeader)
    writeList(encoder, message.formerly, writeId)
  },
  survey(encoder: Encoder, message: Survey): void {
    writeByte(encoder, SURVEY)
    writeCount(encoder, message.nonce)
    writeCount(encoder, message.epoch)
  },
  survivor(encoder: Encoder, message: Survivor): void {
    writeByte(encoder, SURVIVOR)
    writeCount(encoder, message.nonce)
    writeCount(encoder, message.epoch)
    writeVoterId(encoder, message.id)
    writeList(encoder, message.voices, writeVoterId)
    writeCount(encoder, message.last.index)
    writeCount(encoder, message.last.term)
    writeBoolean(encoder, message.hasLeader)
  },
  'recover-please'(encoder: Encoder, message: RecoverPlease): void {
    writeByte(encoder, RECOVER_PLEASE)
    writeCount(encoder, message.nonce)
    writeCount(encoder, message.epoch)
  },
  recovered(encoder: Encoder, message: Recovered): void {
    writeByte(encoder, RECOVERED)
    writeCount(encoder, message.nonce)
    writeOptional(encoder, message.recovery, writeRecovery)
    writeString(encoder, message.problem)
  },
  parted(encoder: Encoder, message: Parted): void {
    writeByte(encoder, PARTED)
    writeCount(encoder, message.epoch)
  },
}

const readers = new Map<number, (decoder: Decoder) => RosterMessage>([
  [ANNOUNCE, readAnnounce],
  [INQUIRY, () => ({ kind: 'inquiry' })],
  [LEAVING, () => ({ kind: 'leaving' })],
  [REFUSAL, readRefusal],
  [RETIRED, (decoder) => ({ kind: 'retired', incarnation: readCount(decoder) })],
  [DIGEST, readDigest],
  [DIVERGED, (decoder) => ({ kind: 'diverged', index: readCount(decoder) })],
  [SUMMARY, readSummary],
  [SURVEY, (decoder) => ({ kind: 'survey', nonce: readCount(decoder), epoch: readCount(decoder, EPOCH_ID_MAX) })],
  [SURVIVOR, readSurvivor],
  [RECOVER_PLEASE, (decoder) => ({ kind: 'recover-please', nonce: readCount(decoder), epoch: readCount(decoder) })],
  [RECOVERED, readRecovered],
  [PARTED, (decoder) => ({ kind: 'parted', epoch: readCount(decoder, EPOCH_ID_MAX) })],
])

function readAnnounce(decoder: Decoder): Announce {
  return {
    kind: 'announce',
    clusterId: readClusterId(decoder),
    member: readMember(decoder),
    machineName: readString(decoder, TEXT_BYTES_MAX),
    visible: readBoolean(decoder),
    isWorn: readBoolean(decoder),
    epoch: readCount(decoder, EPOCH_ID_MAX),
    history: readList(decoder, EPOCHS_MAX, readEpoch),
  }
}

function readRefusal(decoder: Decoder): Refusal {
  return { kind: 'refusal', code: readOneOf(decoder, REFUSAL_CODES), problem: readString(decoder, TEXT_BYTES_MAX) }
}

function readDigest(decoder: Decoder): DigestReport {
  return { kind: 'digest', index: readCount(decoder), hash: readString(decoder, HASH_BYTES_MAX) }
}

function readSummary(decoder: Decoder): Summary {
  return {
    kind: 'summary',
    clusterId: readClusterId(decoder),
    isEmpty: readBoolean(decoder),
    hasLeader: readBoolean(decoder),
    formerly: readList(decoder, FORMERLY_MAX, readClusterId),
  }
}

function readSurvivor(decoder: Decoder): Survivor {
  return {
    kind: 'survivor',
    nonce: readCount(decoder),
    epoch: readCount(decoder, EPOCH_ID_MAX),
    id: readVoterId(decoder),
    voices: readList(decoder, PEERS_MAX, readVoterId),
    last: { index: readCount(decoder), term: readCount(decoder) },
    hasLeader: readBoolean(decoder),
  }
}

function readRecovered(decoder: Decoder): Recovered {
  return {
    kind: 'recovered',
    nonce: readCount(decoder),
    recovery: readOptional(decoder, readRecovery),
    problem: readString(decoder, TEXT_BYTES_MAX),
  }
}

function writeRecovery(encoder: Encoder, recovery: Recovery): void {
  writeCount(encoder, recovery.epoch)
  writeCount(encoder, recovery.baseIndex)
  writeList(encoder, recovery.survivors, writeId)
  writeList(encoder, recovery.discarded, writeId)
}

function readRecovery(decoder: Decoder): Recovery {
  return {
    epoch: readCount(decoder, EPOCH_ID_MAX),
    baseIndex: readCount(decoder),
    survivors: readList(decoder, PEERS_MAX, readPeerId),
    discarded: readList(decoder, PEERS_MAX, readPeerId),
  }
}
