import type { ClusterId, PeerId } from '../base/ids.js'
import {
  DecodeError,
  type Decoder,
  decodeAll,
  readBoolean,
  readBytes,
  readClusterId,
  readCount,
  readList,
  readOptional,
  readPeerId,
} from '../codec/decode.js'
import {
  type Encoder,
  encode,
  writeBoolean,
  writeBytes,
  writeCount,
  writeId,
  writeList,
  writeOptional,
} from '../codec/encode.js'
import { readInfo, writeInfo } from './info-codec.js'
import type { PeerInfo } from './peer-info.js'

/** What a peer tells the whole mesh of itself. */
export interface PeerFacts {
  readonly info: PeerInfo
  readonly clusterId: ClusterId | undefined
  /** It takes no more links of peers that it does not want. */
  readonly isFull: boolean
}

/** And of its links. */
export interface PeerRecord extends PeerFacts {
  readonly neighbours: readonly PeerId[]
}

/** A record as it travels: passed on as it came. Of one peer, the highest version holds. */
export interface SealedRecord {
  readonly peer: PeerId
  readonly version: number
  readonly body: Uint8Array
}

/** As many links as a record can tell of. */
export const MAX_NEIGHBOURS = 256
/** Five texts of the info, and the neighbours. */
const MAX_BODY_BYTES = 8 * 1024

/** info; optional cluster; full; list of neighbours. */
export function encodeRecord({ info, clusterId, isFull, neighbours }: PeerRecord): Uint8Array {
  return encode((encoder) => {
    writeInfo(encoder, info)
    writeOptional(encoder, clusterId, writeId)
    writeBoolean(encoder, isFull)
    writeList(encoder, neighbours.slice(0, MAX_NEIGHBOURS), writeId)
  })
}

/** @throws DecodeError also if it is the record of another peer than it should be */
export function decodeRecord({ peer, body }: SealedRecord): PeerRecord {
  const record = decodeAll(body, (decoder) => ({
    info: readInfo(decoder),
    clusterId: readOptional(decoder, readClusterId),
    isFull: readBoolean(decoder),
    neighbours: readList(decoder, MAX_NEIGHBOURS, readPeerId),
  }))
  if (record.info.id !== peer) throw new DecodeError(`the record of ${peer} calls itself ${record.info.id}`)
  return record
}

export function writeSealed(encoder: Encoder, { peer, version, body }: SealedRecord): void {
  writeId(encoder, peer)
  writeCount(encoder, version)
  writeBytes(encoder, body)
}

/** Its body is a view into the decoded bytes. @throws DecodeError */
export function readSealed(decoder: Decoder): SealedRecord {
  return { peer: readPeerId(decoder), version: readCount(decoder), body: readBytes(decoder, MAX_BODY_BYTES) }
}
