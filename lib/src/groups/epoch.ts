import { fromBase64Url } from '../base/bytes.js'
import type { ClusterId } from '../base/ids.js'
import { type Decoder, readCount } from '../codec/decode.js'
import { type Encoder, writeCount } from '../codec/encode.js'
import type { Position } from './replica-log-format.js'

/** A group's history between two recoveries. Messages of Raft pass within one epoch only. */
export interface Epoch {
  readonly id: EpochId
  /** The last entry of the log that the recovery kept. */
  readonly base: Position
}

/** 32 random bits. */
export type EpochId = number

export const EPOCH_ID_MAX = 2 ** 32 - 1

/** What a group begins with; another one in every cluster, so that what was on its way in one is nothing in another. */
export function firstEpoch(clusterId: ClusterId): EpochId {
  const [a = 0, b = 0, c = 0, d = 0] = fromBase64Url(clusterId) ?? []
  return (a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d) % 2 ** 32
}

/** Whether a message of epoch `theirs` may reach a replica of epoch `mine`. */
export function isOfEpoch(mine: EpochId, theirs: EpochId): boolean {
  return mine === theirs
}

/** As Raft compares logs for a vote (dissertation, section 3.6.1): above 0 if `a` is more up to date. */
export function comparePositions(a: Position, b: Position): number {
  return a.term - b.term || a.index - b.index
}

/** What a replica shall do about a peer of another epoch. */
export type EpochVerdict = 'join' | 'split' | 'wait'

/**
 * @param mine the epoch here, and where the log here ends
 * @param history the epochs that led to the other's, the first one's id and then every recovery; its own is the last
 *
 * Who is behind in the other's history joins it anew if nothing that may be committed here is missing there: by the
 * rule for votes, an entry of a log that is not more up to date than the base is in the base if it was committed.
 */
export function judgeEpoch(mine: EpochId, position: Position, first: EpochId, history: readonly Epoch[]): EpochVerdict {
  const next = mine === first ? history[0] : history[history.findIndex(({ id }) => id === mine) + 1]
  const isKnown = mine === first || history.some(({ id }) => id === mine)
  if (!isKnown) return 'split'
  if (next === undefined) return 'wait'
  return comparePositions(position, next.base) <= 0 ? 'join' : 'split'
}

export function writeEpoch(encoder: Encoder, { id, base }: Epoch): void {
  writeCount(encoder, id)
  writeCount(encoder, base.index)
  writeCount(encoder, base.term)
}

export function readEpoch(decoder: Decoder): Epoch {
  return { id: readCount(decoder, EPOCH_ID_MAX), base: { index: readCount(decoder), term: readCount(decoder) } }
}
