import { LegionError } from './base/errors.js'
import { newPeerId, type PeerId } from './base/ids.js'
import type { Runtime } from './base/runtime.js'
import { DecodeError, type Decoder, decodeAll, readByte, readBytes, readCount, readPeerId } from './codec/decode.js'
import { encode, writeByte, writeBytes, writeCount, writeId } from './codec/encode.js'
import { PEER_KEY_BYTES } from './signaling/token.js'
import type { Store } from './storage/storage.js'

/** Who a peer is, over all starts of its process or page. */
export interface Identity {
  readonly peerId: PeerId
  /** Counts the starts, this one included: 1 at the first. */
  readonly boot: number
  /** Proves the PeerId to signaling servers, which see only what is derived from it. `PEER_KEY_BYTES` long. */
  readonly key: Uint8Array
}

const KEY = 'identity'
const FORMAT = 1

/** A new peer, at its first start. */
export function newIdentity(runtime: Runtime): Identity {
  const key = runtime.randomBytes(PEER_KEY_BYTES)
  return { peerId: newPeerId(runtime), boot: 1, key }
}

/**
 * The identity of whom the store belongs to, one start later, or a new one in an empty store. Durable before it
 * resolves: no two starts ever have the same `boot`, and nothing is said under a PeerId that a crash could forget.
 * @throws LegionError E_STORAGE if it is damaged, of a later release, or the disk fails
 */
export async function loadIdentity(store: Store, runtime: Runtime): Promise<Identity> {
  const stored = await store.get(KEY)
  const identity = stored === undefined ? newIdentity(runtime) : startedAgain(decodeIdentity(stored))
  await write(store, identity)
  return identity
}

/** Whose store it is; undefined: nobody's yet. @throws LegionError E_STORAGE */
export async function ownerOf(store: Store): Promise<PeerId | undefined> {
  const stored = await store.get(KEY)
  return stored && decodeIdentity(stored).peerId
}

function startedAgain(identity: Identity): Identity {
  return { ...identity, boot: identity.boot + 1 }
}

function write(store: Pick<Store, 'write'>, identity: Identity): Promise<void> {
  return store.write([{ key: KEY, value: encodeIdentity(identity) }], 'synced')
}

/** Byte, the format; id of the peer; count, the starts; bytes, the key. */
function encodeIdentity({ peerId, boot, key }: Identity): Uint8Array {
  return encode((encoder) => {
    writeByte(encoder, FORMAT)
    writeId(encoder, peerId)
    writeCount(encoder, boot)
    writeBytes(encoder, key)
  })
}

function decodeIdentity(bytes: Uint8Array): Identity {
  try {
    return decodeAll(bytes, readIdentity)
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause
    throw new LegionError('E_STORAGE', `The stored identity of this peer is unreadable: ${cause.message}.`, { cause })
  }
}

function readIdentity(decoder: Decoder): Identity {
  const format = readByte(decoder)
  if (format !== FORMAT) throw new DecodeError(`it has format ${format}, this release reads ${FORMAT}`)
  const identity = {
    peerId: readPeerId(decoder),
    boot: readCount(decoder, Number.MAX_SAFE_INTEGER - 1),
    key: readBytes(decoder, PEER_KEY_BYTES).slice(),
  }
  if (identity.key.length !== PEER_KEY_BYTES) throw new DecodeError(`its key has ${identity.key.length} bytes`)
  return identity
}
