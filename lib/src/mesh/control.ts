import type { ClusterId, PeerId } from '../base/ids.js'
import {
  type Decoder,
  decodeAll,
  readBytes,
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
  writeBytes,
  writeCount,
  writeId,
  writeList,
  writeOneOf,
  writeOptional,
  writeString,
} from '../codec/encode.js'
import { readSealed, type SealedRecord, writeSealed } from './peer-record.js'

/** The mesh's own port, on the control lane. */
export const CONTROL_PORT = 0

/** Releases of the protocol, both ends included. */
export interface VersionRange {
  readonly min: number
  readonly max: number
}

/**
 * What meshes say to each other on a link. The first byte is the kind, its index in KINDS; then
 *
 *     hello      count, lowest version spoken; count, highest; bytes, an identity (`handshake.ts`) as the highest
 *                version that both speak has it. The first message each way, and understood by every version.
 *     cluster    optional id, the sender's cluster from now on
 *     summary    list of id and count: whose records the sender has, of which version; answers a check
 *     records    list of records (`peer-record.ts`)
 *     digest     list of id, count, count and count: broadcasts that the sender keeps, by origin, its boot and number,
 *                with their age in milliseconds
 *     goodbye    bytes for the modules above; the last message
 *     admitted   nothing; the sender's `authorize` said yes: the link counts
 *     refused    it said no: string, why; the last message
 *     fetch      list of id, count and count: broadcasts that the sender lacks
 *     unlink     nothing; the sender needs the room that this link takes, or neither needs the link, and closes it
 *     release    nothing; the sender does not need this link: does the receiver?
 *     check      count, 32 bits: a hash of whose records the sender has, of which version
 *     ask        list of id: whose records the sender wants
 */
export type ControlMessage =
  | { readonly kind: 'hello'; readonly versions: VersionRange; readonly identity: Uint8Array }
  | { readonly kind: 'cluster'; readonly clusterId: ClusterId | undefined }
  | { readonly kind: 'summary'; readonly versions: readonly RecordVersion[] }
  | { readonly kind: 'records'; readonly records: readonly SealedRecord[] }
  | { readonly kind: 'digest'; readonly kept: readonly KeptBroadcast[] }
  | { readonly kind: 'goodbye'; readonly payload: Uint8Array }
  | { readonly kind: 'admitted' }
  | { readonly kind: 'refused'; readonly problem: string }
  | { readonly kind: 'fetch'; readonly lacking: readonly BroadcastId[] }
  | { readonly kind: 'unlink' }
  | { readonly kind: 'release' }
  | { readonly kind: 'check'; readonly hash: number }
  | { readonly kind: 'ask'; readonly peers: readonly PeerId[] }

/** Whose record, and which. */
export type RecordVersion = Pick<SealedRecord, 'peer' | 'version'>

/** A broadcast: the boot is the tag of its origin's process (`envelope.ts`), the sequence counts upwards there. */
export interface BroadcastId {
  readonly origin: PeerId
  readonly boot: number
  readonly sequence: number
}

export interface KeptBroadcast extends BroadcastId {
  readonly ageMs: number
}

type Kind = ControlMessage['kind']
type Of<K extends Kind> = Extract<ControlMessage, { kind: K }>

const KINDS = [
  'hello',
  'cluster',
  'summary',
  'records',
  'digest',
  'goodbye',
  'admitted',
  'refused',
  'fetch',
  'unlink',
  'release',
  'check',
  'ask',
] as const satisfies readonly Kind[]
const MAX_PROBLEM_BYTES = 256
const MAX_BYTES = 128 * 1024
const MAX_PEERS = 4096
const MAX_RECORDS = 1024
const MAX_BROADCASTS = 1024
const MAX_WORD = 0xffffffff

export function encodeControl(message: ControlMessage): Uint8Array {
  return encode((encoder) => {
    writeOneOf(encoder, KINDS, message.kind)
    writeBody(encoder, message)
  })
}

/** @throws DecodeError */
export function decodeControl(bytes: Uint8Array): ControlMessage {
  return decodeAll(bytes, (decoder) => READERS[readOneOf(decoder, KINDS)](decoder))
}

function writeBody(encoder: Encoder, message: ControlMessage): void {
  switch (message.kind) {
    case 'hello':
      writeCount(encoder, message.versions.min)
      writeCount(encoder, message.versions.max)
      writeBytes(encoder, message.identity)
      break
    case 'cluster':
      writeOptional(encoder, message.clusterId, writeId)
      break
    case 'summary':
      writeList(encoder, message.versions.slice(0, MAX_PEERS), writeVersion)
      break
    case 'records':
      writeList(encoder, message.records, writeSealed)
      break
    case 'digest':
      writeList(encoder, message.kept, writeKept)
      break
    case 'goodbye':
      writeBytes(encoder, message.payload)
      break
    case 'refused':
      writeString(encoder, message.problem)
      break
    case 'fetch':
      writeList(encoder, message.lacking, writeBroadcastId)
      break
    case 'check':
      writeCount(encoder, message.hash)
      break
    case 'ask':
      writeList(encoder, message.peers.slice(0, MAX_PEERS), writeId)
  }
}

const READERS: { readonly [K in Kind]: (decoder: Decoder) => Of<K> } = {
  hello: (decoder) => ({
    kind: 'hello',
    versions: { min: readCount(decoder), max: readCount(decoder) },
    identity: readBytes(decoder, MAX_BYTES),
  }),
  cluster: (decoder) => ({ kind: 'cluster', clusterId: readOptional(decoder, readClusterId) }),
  summary: (decoder) => ({ kind: 'summary', versions: readList(decoder, MAX_PEERS, readVersion) }),
  records: (decoder) => ({ kind: 'records', records: readList(decoder, MAX_RECORDS, readSealed) }),
  digest: (decoder) => ({ kind: 'digest', kept: readList(decoder, MAX_BROADCASTS, readKept) }),
  goodbye: (decoder) => ({ kind: 'goodbye', payload: readBytes(decoder, MAX_BYTES) }),
  admitted: () => ({ kind: 'admitted' }),
  refused: (decoder) => ({ kind: 'refused', problem: readString(decoder, MAX_PROBLEM_BYTES) }),
  fetch: (decoder) => ({ kind: 'fetch', lacking: readList(decoder, MAX_BROADCASTS, readBroadcastId) }),
  unlink: () => ({ kind: 'unlink' }),
  release: () => ({ kind: 'release' }),
  check: (decoder) => ({ kind: 'check', hash: readCount(decoder, MAX_WORD) }),
  ask: (decoder) => ({ kind: 'ask', peers: readList(decoder, MAX_PEERS, readPeerId) }),
}

function writeVersion(encoder: Encoder, { peer, version }: RecordVersion): void {
  writeId(encoder, peer)
  writeCount(encoder, version)
}

function readVersion(decoder: Decoder): RecordVersion {
  return { peer: readPeerId(decoder), version: readCount(decoder) }
}

function writeBroadcastId(encoder: Encoder, { origin, boot, sequence }: BroadcastId): void {
  writeId(encoder, origin)
  writeCount(encoder, boot)
  writeCount(encoder, sequence)
}

function readBroadcastId(decoder: Decoder): BroadcastId {
  return { origin: readPeerId(decoder), boot: readCount(decoder, MAX_WORD), sequence: readCount(decoder) }
}

function writeKept(encoder: Encoder, kept: KeptBroadcast): void {
  writeBroadcastId(encoder, kept)
  writeCount(encoder, kept.ageMs)
}

function readKept(decoder: Decoder): KeptBroadcast {
  return { ...readBroadcastId(decoder), ageMs: readCount(decoder) }
}
