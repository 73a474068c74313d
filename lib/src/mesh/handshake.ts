import type { ClusterId, PeerId } from '../base/ids.js'
import {
  DecodeError,
  type Decoder,
  decodeAll,
  readBoolean,
  readClusterId,
  readOptional,
  readString,
} from '../codec/decode.js'
import { type Encoder, encode, writeBoolean, writeId, writeOptional, writeString } from '../codec/encode.js'
import { MAX_CREDENTIAL_BYTES } from './authorization.js'
import { decodeControl, encodeControl, type VersionRange } from './control.js'
import { readInfo, writeInfo } from './info-codec.js'
import type { PeerInfo } from './peer-info.js'

/** What this release speaks. Each release speaks its predecessor's version too. */
export const PROTOCOL_VERSIONS: VersionRange = { min: 1, max: 1 }

/** Who a peer says it is, and to which cluster it belongs. */
export interface Identity {
  readonly info: PeerInfo
  readonly clusterId: ClusterId | undefined
  /** What it shows to whoever asks who may link with it; at most `MAX_CREDENTIAL_BYTES`. */
  readonly credential?: string | undefined
  /** True: the link counts once it has said `admitted`; until then nothing may be sent. */
  readonly authorizes?: boolean | undefined
}

/** The answer to a hello; `problem` is a sentence for people. */
export type Verdict =
  | { readonly accepted: true; readonly identity: Identity }
  | { readonly accepted: false; readonly problem: string }

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

/** info; optional cluster; optional credential; authorizes. */
function writeIdentity(encoder: Encoder, { info, clusterId, credential, authorizes = false }: Identity): void {
  writeInfo(encoder, info)
  writeOptional(encoder, clusterId, writeId)
  writeOptional(encoder, credential, writeString)
  writeBoolean(encoder, authorizes)
}

function readIdentity(decoder: Decoder): Identity {
  return {
    info: readInfo(decoder),
    clusterId: readOptional(decoder, readClusterId),
    credential: readOptional(decoder, (rest) => readString(rest, MAX_CREDENTIAL_BYTES)),
    authorizes: readBoolean(decoder),
  }
}
