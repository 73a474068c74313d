import { digest } from 'lib0/hash/sha256'
import { toBase64Url } from '../base/bytes.js'
import type { RoomId } from '../base/ids.js'

/** What the members of a cluster share. */
export interface RoomSecrets {
  readonly room: RoomId
  /** AES-GCM, 256 bits. */
  readonly sealingKey: CryptoKey
}

/** As OWASP's password storage cheat sheet asks of PBKDF2 with SHA-512. */
const ITERATIONS = 210_000

/** The room of a cluster without a secret. Works without `crypto.subtle`, as in pages that are not on https. */
export function openRoomId(cluster: string): RoomId {
  return toBase64Url(digest(utf8(`legion-mesh 1 open room\n${cluster}`))) as RoomId
}

/**
 * The room and the key of a cluster with a secret: PBKDF2 makes guessing weak secrets dear, HKDF makes two values of
 * the result, neither of which tells the other. Who lacks the secret can compute neither.
 */
export async function deriveRoomSecrets(cluster: string, secret: string, subtle: SubtleCrypto): Promise<RoomSecrets> {
  const password = await subtle.importKey('raw', utf8(secret), 'PBKDF2', false, ['deriveBits'])
  const salt = utf8(`legion-mesh 1 cluster\n${cluster}`)
  const pbkdf2 = { name: 'PBKDF2', hash: 'SHA-512', salt, iterations: ITERATIONS }
  const master = await subtle.deriveBits(pbkdf2, password, 512)
  const root = await subtle.importKey('raw', master, 'HKDF', false, ['deriveBits', 'deriveKey'])
  const room = new Uint8Array(await subtle.deriveBits(hkdf('room'), root, 256))
  const aes = { name: 'AES-GCM', length: 256 }
  const sealingKey = await subtle.deriveKey(hkdf('sealing'), root, aes, false, ['encrypt', 'decrypt'])
  return { room: toBase64Url(room) as RoomId, sealingKey }
}

function hkdf(purpose: string): HkdfParams {
  return { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(0), info: utf8(`legion-mesh 1 ${purpose}`) }
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}
