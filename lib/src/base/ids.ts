import { fromBase64Url, toBase64Url } from './bytes.js'
import type { Runtime } from './runtime.js'

declare const brand: unique symbol
/** A string that only the constructors of `Name` make. */
export type Branded<Name extends string> = string & { readonly [brand]: Name }

/** A peer: a tab or a process. 128 random bits, base64url (22 characters). */
export type PeerId = Branded<'PeerId'>
/** A cluster: 128 random bits drawn when it is founded, base64url. */
export type ClusterId = Branded<'ClusterId'>
/** What the signaling server calls a cluster: a hash of its name and secret, base64url (43 characters). */
export type RoomId = Branded<'RoomId'>

export const ID_BYTES = 16

export function newPeerId(runtime: Runtime): PeerId {
  return toBase64Url(runtime.randomBytes(ID_BYTES)) as PeerId
}

export function newClusterId(runtime: Runtime): ClusterId {
  return toBase64Url(runtime.randomBytes(ID_BYTES)) as ClusterId
}

/** `text` as a PeerId, or undefined if it is not one. */
export function parsePeerId(text: string): PeerId | undefined {
  return isId(text) ? (text as PeerId) : undefined
}

/** `text` as a ClusterId, or undefined if it is not one. */
export function parseClusterId(text: string): ClusterId | undefined {
  return isId(text) ? (text as ClusterId) : undefined
}

function isId(text: string): boolean {
  return fromBase64Url(text)?.length === ID_BYTES
}
