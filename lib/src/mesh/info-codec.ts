import { type Decoder, readBoolean, readOneOf, readPeerId, readString } from '../codec/decode.js'
import { type Encoder, writeBoolean, writeId, writeOneOf, writeString } from '../codec/encode.js'
import { PEER_KINDS, type PeerInfo } from './peer-info.js'

/** Of each text that a peer says of itself. */
const MAX_TEXT_BYTES = 256

/** id, boot nonce, name, kind, host, canVote, durable, stack. */
export function writeInfo(encoder: Encoder, info: PeerInfo): void {
  writeId(encoder, info.id)
  writeString(encoder, info.bootNonce)
  writeString(encoder, info.name)
  writeOneOf(encoder, PEER_KINDS, info.kind)
  writeString(encoder, info.host)
  writeBoolean(encoder, info.canVote)
  writeBoolean(encoder, info.durable)
  writeString(encoder, info.stack)
}

/** @throws DecodeError */
export function readInfo(decoder: Decoder): PeerInfo {
  return {
    id: readPeerId(decoder),
    bootNonce: readString(decoder, MAX_TEXT_BYTES),
    name: readString(decoder, MAX_TEXT_BYTES),
    kind: readOneOf(decoder, PEER_KINDS),
    host: readString(decoder, MAX_TEXT_BYTES),
    canVote: readBoolean(decoder),
    durable: readBoolean(decoder),
    stack: readString(decoder, MAX_TEXT_BYTES),
  }
}
