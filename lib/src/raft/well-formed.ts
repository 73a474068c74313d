import { HEIRS_MAX, VOICES_MAX } from './adoption.js'
import type { Append, Goodbye, Message, MessageType, VoteRequest, VoteResponse } from './messages.js'
import type { Entry } from './types.js'

// Whether the numbers in a peer's message can be true at all. Types are the decoder's business.

/** Those that only somebody in an election or a leader's term sends. */
const TERMLESS: readonly MessageType[] = ['propose', 'read-index', 'read-index-response', 'refused', 'transfer-leader']

export function isWellFormed(message: Message): boolean {
  return isCount(message.term) && message.term > 0 !== TERMLESS.includes(message.type) && hasPlausibleNumbers(message)
}

function hasPlausibleNumbers(message: Message): boolean {
  switch (message.type) {
    case 'append':
      return isPlausibleAppend(message)
    case 'append-response':
      return isCount(message.index) && (message.rejected === undefined || isPosition(message.rejected))
    case 'heartbeat':
      return (
        isCount(message.match) && isCount(message.round) && isCount(message.commit) && message.commit <= message.match
      )
    case 'heartbeat-response':
      return isCount(message.round)
    case 'quiesce':
      return isCount(message.commit)
    case 'snapshot':
      return message.snapshot.index > 0 && isCount(message.snapshot.index) && isCount(message.snapshot.term)
    case 'vote':
    case 'pre-vote':
      return isCount(message.lastIndex) && isCount(message.lastTerm) && isKnownCommit(message)
    case 'vote-response':
    case 'pre-vote-response':
      return isKnownCommit(message)
    case 'read-index-response':
      return isCount(message.index)
    case 'goodbye':
      return isPlausibleGoodbye(message)
    case 'propose':
      return message.entries.length > 0
    default:
      return true
  }
}

/** Entries follow each other, and terms never fall. */
function isPlausibleAppend({ term, prevIndex, prevTerm, entries, commit, pledge = 0 }: Append): boolean {
  if (!isCount(prevIndex) || !isCount(prevTerm) || !isCount(commit) || !isCount(pledge)) return false
  let before: Pick<Entry, 'index' | 'term'> = { index: prevIndex, term: prevTerm }
  for (const entry of entries) {
    if (entry.index !== before.index + 1 || !(entry.term >= before.term)) return false
    before = entry
  }
  return before.term <= term && isCount(before.index) && isCount(before.term)
}

/** It gives away itself, and no log is of a later term than its owner. */
function isPlausibleGoodbye({ from, term, ids, floor, heirs }: Goodbye): boolean {
  const isSmall = ids.length <= VOICES_MAX + 1 && heirs.length <= HEIRS_MAX
  return isSmall && ids.includes(from) && isCount(floor.index) && isCount(floor.term) && floor.term <= term
}

function isKnownCommit({ commit, commitTerm }: VoteRequest | VoteResponse): boolean {
  return isCount(commit) && isCount(commitTerm)
}

function isPosition({ hintIndex, hintTerm }: { hintIndex: number; hintTerm: number }): boolean {
  return isCount(hintIndex) && isCount(hintTerm)
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
