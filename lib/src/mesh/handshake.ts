import type { ClusterId, PeerId } from '../base/ids.js'
import {
  DecodeError,
  type Decoder,
  decodeAll,
  readBoolean,
  readClusterId,
  readOneOf,
  readOptional,
  readPeerId,
  readString,
} from '../codec/decode.js'
import { type Encoder, encode, writeBoolean, writeId, writeOneOf, writeOptional, writeString } from '../codec/encode.js'
import { decodeControl, encodeControl, type VersionRange } from './control.js'
import type { PeerInfo } from './peer-info.js'

/** What this release speaks. Each release speaks its predecessor's version too. */
export const PROTOCOL_VERSIONS: VersionRange = { min: 1, max: 1 }

/** Who a peer says it is, and to which cluster it belongs. */
export interface Identity {
  readonly info: PeerInfo
  readonly clusterId: ClusterId | undefined
}

/** The answer to a hello; `problem` is a sentence for people. */
export type Verdict =
  | { readonly accepted: true; readonly identity: Identity }
  | { readonly accepted: false; readonly problem: string }

const PEER_KINDS = ['node', 'browser'] as const
/** Of each text that a peer says of itself. */
const MAX_TEXT_BYTES = 256

export function encodeHello(identity: Identity, versions: VersionRange = PROTOCOL_VERSIONS): Uint8Array {
  return encodeControl({ kind: 'hello', versions, identity: encode((encoder) => writeIdentity(encoder, identity)) })
}

/**
 * Judges the first message of a link.
 * @param dialled who the other side must be
 * @throws DecodeError if it is not a hello, or not a sound one
 */
export function judgeHello(bytes: Uint8Array, dialled: PeerId): Verdict {
  const hello = decodeControl(bytes)
  if (hello.kind !== 'hello') throw new DecodeError(`${hello.kind} before hello`)
  if (!overlap(hello.versions, PROTOCOL_VERSIONS)) {
    return refuse(`speaks protocol ${text(hello.versions)}, this peer ${text(PROTOCOL_VERSIONS)}: update the older one`)
  }
  const identity = decodeAll(hello.identity, readIdentity)
  if (identity.info.id !== dialled) return refuse(`calls itself ${identity.info.id}`)
  return { accepted: true, identity }
}

function refuse(problem: string): Verdict {
  return { accepted: false, problem }
}

function overlap(a: VersionRange, b: VersionRange): boolean {
  return a.min <= b.max && b.min <= a.max
}

function text({ min, max }: VersionRange): string {
  return min === max ? `${min}` : `${min} to ${max}`
}

/** id, boot nonce, name, kind, host, canVote, durable, stack; then the optional cluster. */
function writeIdentity(encoder: Encoder, { info, clusterId }: Identity): void {
  writeId(encoder, info.id)
  writeString(encoder, info.bootNonce)
  writeString(encoder, info.name)
  writeOneOf(encoder, PEER_KINDS, info.kind)
  writeString(encoder, info.host)
  writeBoolean(encoder, info.canVote)
  writeBoolean(encoder, info.durable)
  writeString(encoder, info.stack)
  writeOptional(encoder, clusterId, writeId)
}

function readIdentity(decoder: Decoder): Identity {
  const info = {
    id: readPeerId(decoder),
    bootNonce: readString(decoder, MAX_TEXT_BYTES),
    name: readString(decoder, MAX_TEXT_BYTES),
    kind: readOneOf(decoder, PEER_KINDS),
    host: readString(decoder, MAX_TEXT_BYTES),
    canVote: readBoolean(decoder),
    durable: readBoolean(decoder),
    stack: readString(decoder, MAX_TEXT_BYTES),
  }
  return { info, clusterId: readOptional(decoder, readClusterId) }
}
