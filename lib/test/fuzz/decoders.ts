import { STORE_DECODERS } from './decoders-of-the-store.js'
import { WIRE_DECODERS } from './decoders-of-the-wire.js'

/** Something that reads bytes which others sent or stored. */
export interface DecoderCase {
  /** Where it is: the file below `lib/src` and the exported name. */
  readonly source: `${string}.ts#${string}`
  /** A value, or a DecodeError, E_STORAGE or E_MACHINE, thrown or as the rejection of a promise; nothing else. */
  decode(bytes: Uint8Array): unknown
  /** Sound bytes, which are mutated; every one must be decoded. */
  readonly samples: readonly Uint8Array[]
}

/** Every decoder of the library. A new one goes here; `FUZ2` finds one that is missing. */
export const DECODERS: readonly DecoderCase[] = [...WIRE_DECODERS, ...STORE_DECODERS]
