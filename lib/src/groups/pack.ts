import { COMMANDS_MAX, encodeCommand, encodeCommands, encodeOneShot, type OneShotHeader } from './entry.js'
import type { Pending } from './pending.js'

/** A proposal that was given its number. */
type Numbered = Pending & { readonly number: number }

/** What the entries of all proposals of a peer have in common. */
export interface Proposer {
  /** Undefined only if there are no proposals of a session. */
  readonly session: number | undefined
  /** The lowest unsettled sequence number. */
  readonly lowest: number
  readonly peer: OneShotHeader['peer']
  readonly ticketNonce: string
}

/** Of an entry with several commands: about what a channel message holds. */
export const PACKED_BYTES_MAX = 16 * 1024
/** Session, lowest and how many there are; and of each command its numbers, the first one's being the longest. */
const HEADER_BYTES_MAX = 64
const NUMBERS_BYTES_MAX = 16

/** The entries for the proposals, in their order: as few as possible. */
export function pack(proposals: readonly Pending[], proposer: Proposer): Uint8Array[] {
  const entries: Uint8Array[] = []
  for (let at = 0; at < proposals.length; ) {
    const end = endOfEntry(proposals as readonly Numbered[], at)
    entries.push(encodeTogether(proposals.slice(at, end) as Numbered[], proposer))
    at = end
  }
  return entries
}

/** @returns the first proposal that does not go along with the one at `start` */
function endOfEntry(proposals: readonly Numbered[], start: number): number {
  let last = proposals[start] as Numbered
  let bytes = HEADER_BYTES_MAX + last.end - last.start
  let end = start + 1
  for (; end < proposals.length && end - start < COMMANDS_MAX; end++) {
    const next = proposals[end] as Numbered
    bytes += NUMBERS_BYTES_MAX + next.end - next.start
    if (bytes > PACKED_BYTES_MAX || !isAfter(next, last)) break
    last = next
  }
  return end
}

function isAfter(next: Numbered, last: Numbered): boolean {
  return !next.isOneShot && !last.isOneShot && next.number > last.number && next.timestampMs >= last.timestampMs
}

function encodeTogether(
  proposals: readonly Numbered[],
  { session = 0, lowest, peer, ticketNonce }: Proposer,
): Uint8Array {
  const [first] = proposals as readonly [Numbered]
  const { number, timestampMs, isOneShot } = first
  if (isOneShot) return encodeOneShot({ peer, ticket: { nonce: ticketNonce, number }, timestampMs }, first)
  if (proposals.length === 1) return encodeCommand({ session, sequence: number, lowest, timestampMs }, first)
  return encodeCommands({ session, lowest }, proposals)
}
