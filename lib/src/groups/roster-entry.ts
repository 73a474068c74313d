import type { PeerId } from '../base/ids.js'
import { type Decoder, readCount, readOneOf, readPeerId, readString } from '../codec/decode.js'
import { type Encoder, writeCount, writeId, writeOneOf, writeString } from '../codec/encode.js'

/** What somebody wants of the roster, to outlive the leader that is asked. The autopilot carries it out. */
export type RosterWish =
  /** Removes the peer, which may not come back. */
  | 'eject'
  /** Takes an ejection back. */
  | 'readmit'
  | PinnedRole

/** A role that the autopilot gives to a peer, as soon and as long as it can. */
export type PinnedRole = 'voter' | 'learner' | 'witness'

/** What became of a wish, the same on every replica. */
export type RosterResult =
  | 'done'
  /** The roster has changed since `expected`. */
  | 'changed'
  | 'no-peer'
  | 'cannot-vote'
  /** Nobody else could vote. */
  | 'last-voter'

export interface RosterEntry {
  readonly kind: 'roster'
  /** By which the proposer knows it again; up to 32 bytes. */
  readonly nonce: string
  readonly peer: PeerId
  readonly wish: RosterWish
  /** Where the roster was changed last, as far as the proposer knew: without effect if it was changed since. */
  readonly expected: number
}

export const PINNED_ROLES = ['voter', 'learner', 'witness'] as const satisfies readonly PinnedRole[]
const WISHES = ['eject', 'readmit', ...PINNED_ROLES] as const satisfies readonly RosterWish[]
const NONCE_BYTES_MAX = 32

export function writeRosterEntry(encoder: Encoder, { nonce, peer, wish, expected }: Omit<RosterEntry, 'kind'>): void {
  writeString(encoder, nonce)
  writeId(encoder, peer)
  writeOneOf(encoder, WISHES, wish)
  writeCount(encoder, expected)
}

/** @throws DecodeError */
export function readRosterEntry(decoder: Decoder): RosterEntry {
  return {
    kind: 'roster',
    nonce: readString(decoder, NONCE_BYTES_MAX),
    peer: readPeerId(decoder),
    wish: readOneOf(decoder, WISHES),
    expected: readCount(decoder),
  }
}
