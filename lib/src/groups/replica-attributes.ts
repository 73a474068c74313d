import type { ClusterId } from '../base/ids.js'
import { decodeAll, readBoolean, readClusterId } from '../codec/decode.js'
import { encode, writeBoolean, writeId } from '../codec/encode.js'

/** What a replica's log remembers besides Raft. */
export interface ReplicaAttributes {
  readonly clusterId: ClusterId
  /** This peer founded the group: until its first snapshot is stored, a restart founds it again. */
  readonly isFounder: boolean
}

export function encodeAttributes({ clusterId, isFounder }: ReplicaAttributes): Uint8Array {
  return encode((encoder) => {
    writeId(encoder, clusterId)
    writeBoolean(encoder, isFounder)
  })
}

/** @throws DecodeError */
export function decodeAttributes(bytes: Uint8Array): ReplicaAttributes {
  return decodeAll(bytes, (decoder) => ({ clusterId: readClusterId(decoder), isFounder: readBoolean(decoder) }))
}
