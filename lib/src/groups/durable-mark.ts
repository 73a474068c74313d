import { decodeAll, readBytes, readCount } from '../codec/decode.js'
import { encode, writeBytes, writeCount } from '../codec/encode.js'
import type { SnapshotMeta } from '../raft/index.js'
import { readConfiguration, writeConfiguration } from './raft-codec.js'

/** What a durable machine stores with its state: where in the log the state stands, and the rest of the group's. */
export interface DurableMark extends SnapshotMeta {
  /** From `encodeHead`. */
  readonly head: Uint8Array
}

export function encodeMark({ index, term, configuration, head }: DurableMark): Uint8Array {
  return encode((encoder) => {
    writeCount(encoder, index)
    writeCount(encoder, term)
    writeConfiguration(encoder, configuration)
    writeBytes(encoder, head)
  })
}

/** @throws DecodeError */
export function decodeMark(bytes: Uint8Array): DurableMark {
  return decodeAll(bytes, (decoder) => ({
    index: readCount(decoder),
    term: readCount(decoder),
    configuration: readConfiguration(decoder),
    head: readBytes(decoder, bytes.length),
  }))
}
