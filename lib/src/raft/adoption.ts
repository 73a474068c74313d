import type { Core } from './core.js'
import { countVote } from './election.js'
import { acknowledge } from './leader.js'
import type { Append, Goodbye } from './messages.js'
import { answerConfirmedReads } from './reads.js'
import { payloadBytes } from './replication.js'
import { becomeFollower, setLead } from './roles.js'
import type { Index, Term, VoterId } from './types.js'

// Goodbye and adoption: a replica that ends for good gives its vote to an heir, which from then on speaks for it. What
// this must not break: one vote per id and term, and an acknowledgement that was counted is kept by whoever speaks.

/** Goodbyes remembered at most; the oldest is forgotten first. Forgetting one is as if that replica had crashed. */
const GOODBYES_MAX = 64
/** A replica speaks for no more than so many others; then it has to begin a new incarnation. */
export const VOICES_MAX = 255
/** More heirs than this are not named. */
export const HEIRS_MAX = 16
/** So many entries at most, and so many bytes of each besides its data, go to an heir whose log is not known. */
const UNHEARD_ENTRIES_MAX = 64
const ENTRY_OVERHEAD_BYTES = 16

/** What a replica says when it ends. Everyone may take it as addressed to itself. */
export interface LastWords {
  /** The entries that the heirs, or at least the first, lack to reach the floor, if they are few; what is committed. */
  readonly entries: Omit<Append, 'to'> | undefined
  readonly goodbye: Omit<Goodbye, 'to'>
}

/**
 * This replica ends for good: from now on it does and says nothing.
 * @param isReachable whom the goodbye will reach
 */
export function sayGoodbye(core: Core, isReachable: (id: VoterId) => boolean, maxBytes: number): LastWords {
  const goodbye = {
    type: 'goodbye',
    from: core.id,
    term: Math.max(core.term, 1),
    ids: [core.id, ...core.hosted.keys()],
    floor: floorOf(core),
    heirs: heirsOf(core, isReachable).slice(0, HEIRS_MAX),
  } as const
  const entries = entriesFor(core, goodbye, maxBytes)
  core.isGone = true
  // What is still on its way to the disk must not count any more.
  becomeFollower(core, core.term, undefined)
  return { entries, goodbye }
}

/**
 * Even if the first heir lacks none of them: it has to know what is committed, for nobody else may be left who does. If
 * they are few, then all that any other voter lacks: the first one may end at the same time.
 */
function entriesFor(core: Core, { heirs, floor }: Omit<Goodbye, 'to'>, maxBytes: number): LastWords['entries'] {
  const [heir, ...others] = heirs
  if (core.role !== 'leader' || heir === undefined) return undefined
  const few = startOfFew(core, floor.index, maxBytes / 2)
  const first = likelyMatch(core, heir, few)
  const voters = others.filter((id) => core.tracker.get(id)?.learner === false)
  const matches = voters.map((id) => likelyMatch(core, id, few))
  const forAll = entriesAfter(core, Math.min(first, ...matches, floor.index), floor.index)
  if (forAll !== undefined && payloadBytes(forAll.entries) <= maxBytes / 2) return forAll
  const forFirst = entriesAfter(core, Math.min(first, floor.index), floor.index)
  if (forFirst === undefined || payloadBytes(forFirst.entries) <= maxBytes) return forFirst
  return { ...forFirst, entries: [] }
}

function entriesAfter(core: Core, prevIndex: Index, last: Index): LastWords['entries'] {
  const { id: from, term, log } = core
  const prevTerm = log.term(prevIndex)
  if (prevTerm === undefined) return undefined
  const entries = log.slice(prevIndex + 1, last)
  return { type: 'append', from, term, prevIndex, prevTerm, entries, commit: log.committed }
}

/**
 * Who has not answered in this term can be expected to have its snapshot, or what came before the term, but a sole
 * voter may have committed more meanwhile, alone: it gets all that is few.
 */
function likelyMatch({ tracker, termStart }: Core, id: VoterId, few: Index): Index {
  const { match = 0, next = termStart } = tracker.get(id) ?? {}
  return match || Math.min(next - 1, few)
}

/** The index before the first of the last entries that together are few. */
function startOfFew({ log }: Core, last: Index, maxBytes: number): Index {
  let sizeBytes = 0
  let start = last
  for (const { data, index } of log.slice(Math.max(log.firstIndex, last - UNHEARD_ENTRIES_MAX + 1), last).reverse()) {
    sizeBytes += data.length + ENTRY_OVERHEAD_BYTES
    if (sizeBytes > maxBytes) break
    start = index - 1
  }
  return start
}

/**
 * What an heir has to have. The log of a follower; of a leader only what others may have counted on: beyond the commit
 * index, and what it pledged, it alone counted what it acknowledged to itself.
 */
function floorOf({ role, log, termStart, pledged }: Core): Goodbye['floor'] {
  const index: Index = role === 'leader' ? Math.max(log.committed, termStart - 1, pledged) : log.lastIndex
  return { index, term: log.term(index) ?? 0 }
}

/**
 * The leader, then the voters that have most, then the learners: all voters may end at the same time. Witnesses can't
 * lead. Who is known to have ended, or is not reached, can't adopt, and as an heir it would bar those after it that
 * don't know. A learner has nothing to leave, unless it was given a vote that it has not heard of: voters would know.
 */
function heirsOf(core: Core, isReachable: (id: VoterId) => boolean): VoterId[] {
  const { tracker, id: self, lead } = core
  const hasSay = core.hosted.size > 0 || tracker.voters.includes(self)
  const hasEnded = (id: VoterId) => core.hosted.has(id) || core.goodbyes.has(id)
  const able = tracker.members.filter(
    ({ id, witness, learner, speaker }) =>
      id !== self && (hasSay || !learner) && !witness && speaker === undefined && !hasEnded(id) && isReachable(id),
  )
  return able
    .sort(
      (a, b) =>
        Number(b.id === lead) - Number(a.id === lead) || Number(a.learner) - Number(b.learner) || b.match - a.match,
    )
    .map(({ id }) => id)
}

/** Every role. Its term is only looked at when it is adopted. */
export function receiveGoodbye(core: Core, goodbye: Goodbye): void {
  core.goodbyes.set(goodbye.from, goodbye)
  const [oldest] = core.goodbyes.keys()
  if (core.goodbyes.size > GOODBYES_MAX && oldest !== undefined) core.goodbyes.delete(oldest)
  if (core.role !== 'leader' && core.lead === goodbye.from) {
    core.quiesced = false
    setLead(core, undefined)
  }
}

/** To be called after each change of log, term or goodbyes. */
export function adoptWhatIsDue(core: Core): void {
  if (core.goodbyes.size === 0) return
  for (const goodbye of core.goodbyes.values()) {
    if (!core.hosted.has(goodbye.from) && hasVote(core, goodbye) && isHeir(core, goodbye) && hasFloor(core, goodbye))
      adopt(core, goodbye)
  }
}

/** A learner's goodbye waits, in case it turns out to have been given a vote. */
function hasVote({ tracker }: Core, { ids }: Goodbye): boolean {
  return ids.some((id) => tracker.voters.includes(id))
}

/** A voter has said goodbye, and nobody is known to speak for it. */
export function hasUnsettledGoodbye({ goodbyes, tracker }: Core): boolean {
  return [...goodbyes.keys()].some((id) => tracker.voters.includes(id) && tracker.get(id)?.speaker === undefined)
}

/** Those before this replica in line ended without holding the ids, by their own word. */
function isHeir(core: Core, { ids, heirs }: Goodbye): boolean {
  const place = heirs.indexOf(core.id)
  return (
    place >= 0 &&
    heirs.slice(0, place).every((earlier) => {
      const theirs = core.goodbyes.get(earlier)?.ids
      return theirs !== undefined && !theirs.some((id) => ids.includes(id))
    })
  )
}

/** Compared as in votes: what was acknowledged under the ids is here. */
function hasFloor({ log }: Core, { floor }: Goodbye): boolean {
  return log.lastTerm > floor.term || (log.lastTerm === floor.term && log.lastIndex >= floor.index)
}

/** In effect once the next Ready's batch is durable: see `voicesDurable`. */
function adopt(core: Core, { ids, term }: Goodbye): void {
  if (core.hosted.size + ids.length > VOICES_MAX) return
  if (term > core.term) becomeFollower(core, term, undefined)
  for (const id of ids) core.hosted.set(id, Math.max(term, core.hosted.get(id) ?? 0))
}

/** What this replica adopted is durable: it speaks for `voices` now, and says again what it said for itself alone. */
export function voicesDurable(core: Core, voices: readonly VoterId[]): void {
  const added = voices.filter((id) => !core.voices.includes(id))
  if (added.length === 0) return
  core.voices = voices
  for (const id of added) core.tracker.spokenForBy(id, core.id)
  if (core.role === 'leader') leadVoices(core, added)
  else if (core.role === 'follower') repeatToOthers(core)
  // While its own vote is not durable, the votes of the others would not help; later they are counted along with it.
  else if (core.ownVote === undefined) countOwnVotes(core)
}

function leadVoices(core: Core, added: readonly VoterId[]): void {
  for (const id of added) {
    const progress = core.tracker.get(id)
    if (progress === undefined) continue
    progress.recentActive = true
    acknowledge(core, progress, core.durableIndex)
    core.reads.acknowledge(id, core.reads.latest)
  }
  answerConfirmedReads(core)
}

/** Acknowledgement or vote, whichever was the last. */
function repeatToOthers(core: Core): void {
  const { id: from, term, lead, vote, acceptedIndex: index } = core
  if (lead !== undefined) {
    if (index > 0) core.sendAfterPersist({ type: 'append-response', from, to: lead, term, index, rejected: undefined })
  } else if (vote !== undefined && vote !== from) {
    core.sendAfterPersist({ type: 'vote-response', from, to: vote, term, granted: true, commit: 0, commitTerm: 0 })
  }
}

/** The votes of a candidate or pre-candidate for itself: its own and those it speaks for. */
export function countOwnVotes(core: Core): void {
  const { role } = core
  const term = role === 'candidate' ? core.term : core.term + 1
  for (const id of [core.id, ...votingVoices(core, term)]) if (core.role === role) countVote(core, id, true)
}

/** For whom this replica may vote in `term`: up to the fence the others may have voted themselves. */
export function votingVoices({ voices, hosted }: Core, term: Term): readonly VoterId[] {
  return voices.length === 0 ? voices : voices.filter((id) => (hosted.get(id) ?? 0) < term)
}
