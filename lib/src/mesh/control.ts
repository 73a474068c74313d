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
} from '../codec/encode.js'

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
 *     peers      list of ids: all peers that the sender is linked to
 *     forward    id and bytes: a signal to be passed on to that peer
 *     forwarded  id and bytes: a signal from that peer
 *     goodbye    bytes for the modules above; the last message
 */
export type ControlMessage =
  | { readonly kind: 'hello'; readonly versions: VersionRange; readonly identity: Uint8Array }
  | { readonly kind: 'cluster'; readonly clusterId: ClusterId | undefined }
  | { readonly kind: 'peers'; readonly peers: readonly PeerId[] }
  | { readonly kind: 'forward'; readonly to: PeerId; readonly signal: Uint8Array }
  | { readonly kind: 'forwarded'; readonly from: PeerId; readonly signal: Uint8Array }
  | { readonly kind: 'goodbye'; readonly payload: Uint8Array }

type Kind = ControlMessage['kind']
type Of<K extends Kind> = Extract<ControlMessage, { kind: K }>

const KINDS = ['hello', 'cluster', 'peers', 'forward', 'forwarded', 'goodbye'] as const satisfies readonly Kind[]
const MAX_BYTES = 128 * 1024
const MAX_PEERS = 4096

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
    case 'peers':
      writeList(encoder, message.peers.slice(0, MAX_PEERS), writeId)
      break
    case 'forward':
      writeId(encoder, message.to)
      writeBytes(encoder, message.signal)
      break
    case 'forwarded':
      writeId(encoder, message.from)
      writeBytes(encoder, message.signal)
      break
    case 'goodbye':
      writeBytes(encoder, message.payload)
  }
}

const READERS: { readonly [K in Kind]: (decoder: Decoder) => Of<K> } = {
  hello: (decoder) => ({
    kind: 'hello',
    versions: { min: readCount(decoder), max: readCount(decoder) },
    identity: readBytes(decoder, MAX_BYTES),
  }),
  cluster: (decoder) => ({ kind: 'cluster', clusterId: readOptional(decoder, readClusterId) }),
  peers: (decoder) => ({ kind: 'peers', peers: readList(decoder, MAX_PEERS, readPeerId) }),
  forward: (decoder) => ({ kind: 'forward', to: readPeerId(decoder), signal: readBytes(decoder, MAX_BYTES) }),
  forwarded: (decoder) => ({ kind: 'forwarded', from: readPeerId(decoder), signal: readBytes(decoder, MAX_BYTES) }),
  goodbye: (decoder) => ({ kind: 'goodbye', payload: readBytes(decoder, MAX_BYTES) }),
}
