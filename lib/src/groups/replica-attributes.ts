import type { ClusterId } from '../base/ids.js'
import { decodeAll, readBoolean, readClusterId, readCount, readList } from '../codec/decode.js'
import { encode, writeBoolean, writeCount, writeId, writeList } from '../codec/encode.js'
import { EPOCH_ID_MAX, type EpochId } from './epoch.js'

/** What a replica's log remembers besides Raft. */
export interface ReplicaAttributes {
  readonly clusterId: ClusterId
  /** This peer founded the group: until its first snapshot is stored, a restart founds it again. */
  readonly isFounder: boolean
  readonly epoch: EpochId
  /** The clusters that this peer belonged to before, which dissolved one into the next. */
  readonly formerly: readonly ClusterId[]
}

export const FORMERLY_MAX = 16

export function encodeAttributes({ clusterId, isFounder, epoch, formerly }: ReplicaAttributes): Uint8Array {
  return encode((encoder) => {
    writeId(encoder, clusterId)
    writeBoolean(encoder, isFounder)
    writeCount(encoder, epoch)
    writeList(encoder, formerly, writeId)
  })
}

/** @throws DecodeError */
export function decodeAttributes(bytes: Uint8Array): ReplicaAttributes {
  return decodeAll(bytes, (decoder) => ({
    clusterId: readClusterId(decoder),
    isFounder: readBoolean(decoder),
    epoch: readCount(decoder, EPOCH_ID_MAX),
    formerly: readList(decoder, FORMERLY_MAX, readClusterId),
  }))
}
