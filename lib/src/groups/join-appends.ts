import type { Message, MessageOf } from '../raft/index.js'

/** Of entries of one message: where they are large, it is not the number of messages that costs. */
const ENTRIES_MAX = 256
const PAYLOAD_BYTES_MAX = 64 * 1024

/**
 * Of two messages of one group, one sent right after the other: the one append that says what both say. A leader
 * appends what it is given as it comes, and where there are many groups the work is in the number of messages.
 * @returns undefined unless they are appends, and the second goes on where the first ends
 */
export function joinAppends(first: Message, second: Message): Message | undefined {
  if (first.type !== 'append' || second.type !== 'append' || !goesOn(first, second)) return undefined
  const { commit } = second
  const pledge = Math.max(first.pledge ?? 0, second.pledge ?? 0)
  if (second.entries.length === 0) return { ...first, commit, pledge }
  const entries = [...first.entries, ...second.entries]
  if (entries.length > ENTRIES_MAX || payloadBytes(entries) > PAYLOAD_BYTES_MAX) return undefined
  return { ...first, entries, commit, pledge }
}

function goesOn(first: MessageOf<'append'>, { from, to, term, prevIndex }: MessageOf<'append'>): boolean {
  const isFollowing = prevIndex === first.prevIndex + first.entries.length
  return isFollowing && term === first.term && to === first.to && from === first.from
}

function payloadBytes(entries: MessageOf<'append'>['entries']): number {
  return entries.reduce((bytes, { data }) => bytes + data.length, 0)
}
