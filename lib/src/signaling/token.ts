import { digest } from 'lib0/hash/sha256'
import { concatBytes, toBase64Url } from '../base/bytes.js'
import { ID_BYTES, type RoomId } from '../base/ids.js'

/** Bytes of the key from which a peer's tokens are made. */
export const PEER_KEY_BYTES = 16

/**
 * What proves to a server that we are who held our PeerId before: the same after a restart as long as the key is, and
 * nothing that was ever received, so none can be lost by a crash. No server can show it to another one.
 */
export function tokenFor(key: Uint8Array, url: string, room: RoomId): string {
  const purpose = new TextEncoder().encode(`legion-mesh 1 token\n${room}\n${url}\n`)
  return toBase64Url(digest(concatBytes([purpose, key])).subarray(0, ID_BYTES))
}
