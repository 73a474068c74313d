import { type Bug, bug } from './bug.js'

const mistakes: readonly Bug[] = [
  bug('no-floor', 'An heir adopts whatever its log is.', [
    'adoption.ts',
    'isHeir(core, goodbye) && hasFloor(core, goodbye)',
    'isHeir(core, goodbye)',
  ]),
  bug('floor-by-length', 'An heir looks at the length of its log only, not at its last term.', [
    'adoption.ts',
    'return log.lastTerm > floor.term || (log.lastTerm === floor.term && log.lastIndex >= floor.index)',
    'return log.lastIndex >= floor.index',
  ]),
  bug('follower-floor-too-low', 'The floor of a follower is what it knows to be committed.', [
    'adoption.ts',
    ': log.lastIndex\n',
    ': log.committed\n',
  ]),
  bug('leader-floor-too-low', 'The floor of a leader is its commit index, even before it has committed in its term.', [
    'adoption.ts',
    'Math.max(log.committed, termStart - 1, pledged)',
    'Math.max(log.committed, pledged)',
  ]),
  bug('pledge-below-floor', 'The floor of a leader leaves out what members know to be committed by its pledge.', [
    'adoption.ts',
    'Math.max(log.committed, termStart - 1, pledged)',
    'Math.max(log.committed, termStart - 1)',
  ]),
  bug('two-receivers', 'Any heir adopts, whether those before it have or not.', [
    'adoption.ts',
    'return theirs !== undefined && !theirs.some((id) => ids.includes(id))',
    'return true',
  ]),
  bug('carried-overlooked', 'The goodbye of an earlier heir is enough, even if it held the vote.', [
    'adoption.ts',
    'return theirs !== undefined && !theirs.some((id) => ids.includes(id))',
    'return theirs !== undefined',
  ]),
  bug('carried-forgotten', 'A goodbye does not say what votes its sender holds.', [
    'adoption.ts',
    'ids: [core.id, ...core.hosted.keys()]',
    'ids: [core.id]',
  ]),
  bug('pending-passed-on', 'A goodbye gives away votes that its sender has not adopted yet.', [
    'adoption.ts',
    'ids: [core.id, ...core.hosted.keys()]',
    'ids: [core.id, ...new Set([...core.hosted.keys(), ...core.goodbyes.keys()])]',
  ]),
  bug('no-fence', 'An adopted vote is given in terms in which its owner may have voted.', [
    'adoption.ts',
    'voices.filter((id) => (hosted.get(id) ?? 0) < term)',
    'voices',
  ]),
  bug('fence-too-low', 'An adopted vote is given in the very term of the goodbye.', [
    'adoption.ts',
    'voices.filter((id) => (hosted.get(id) ?? 0) < term)',
    'voices.filter((id) => (hosted.get(id) ?? 0) <= term)',
  ]),
  bug('term-not-raised', 'Adopting does not raise the term.', [
    'adoption.ts',
    '  if (term > core.term) becomeFollower(core, term, undefined)\n',
    '',
  ]),
  bug('retired-returns', 'Who has said goodbye comes back under its old id.', [
    '../testing/raft/replica.ts',
    '    this.#isGone = true\n',
    '',
  ]),
  bug('spoken-before-persist', 'An heir speaks for others before that is durable.', [
    'adoption.ts',
    'core.hosted.set(id, Math.max(term, core.hosted.get(id) ?? 0))',
    'core.hosted.set(id, Math.max(term, core.hosted.get(id) ?? 0))\n  voicesDurable(core, [...core.hosted.keys()])',
  ]),
  bug('adoption-not-synced', 'An adoption is written, but not made durable.', [
    'raw-node.ts',
    ' || vote !== hardState.vote || hosted.length !== (hardState.hosted ?? []).length',
    ' || vote !== hardState.vote',
  ]),
  bug('adoption-forgotten', 'A restarted heir has forgotten what it adopted.', [
    'core.ts',
    'new Map(initial.hardState.hosted?.map(({ id, fence }) => [id, fence]))',
    'new Map()',
  ]),
  bug('own-vote-early', 'With an adopted vote a candidate counts its own, which is not durable.', [
    'adoption.ts',
    'else if (core.ownVote === undefined) countOwnVotes(core)',
    'else countOwnVotes(core)',
  ]),
  bug('heir-is-witness', 'A witness may be an heir.', [
    'adoption.ts',
    '!witness && speaker === undefined',
    'speaker === undefined',
  ]),
  bug('heir-has-ended', 'Who has ended is named as an heir.', [
    'adoption.ts',
    '!witness && speaker === undefined && !hasEnded(id)',
    '!witness && speaker === undefined',
  ]),
  bug('vote-unheard-of', 'Who takes itself for a learner leaves no vote, though it may have been given one.', [
    'adoption.ts',
    'const able = tracker.members.filter(',
    'const able = (hasSay ? tracker.members : []).filter(',
  ]),
  bug('learners-adopted', 'The goodbye of a learner is adopted at once.', [
    'adoption.ts',
    'return ids.some((id) => tracker.voters.includes(id))',
    'return ids.length > 0 || tracker.voters.includes(ids[0]!)',
  ]),
  bug('overlap-dropped', 'Last words that begin with what is committed at the heir are taken for nothing new.', [
    'follower.ts',
    'const missing = message.entries.slice(committed - message.prevIndex)',
    'const missing = message.entries.slice(message.entries.length)',
  ]),
  bug('goes-on-after-goodbye', 'Who has said goodbye goes on.', [
    'adoption.ts',
    '  core.isGone = true\n  // What is still on its way to the disk must not count any more.\n  becomeFollower(core, core.term, undefined)\n',
    '',
  ]),
  bug('writes-count-after-goodbye', 'A leader that has said goodbye commits by what was on its way to its disk.', [
    'adoption.ts',
    '  becomeFollower(core, core.term, undefined)\n  return',
    '  return',
  ]),
  bug(
    'speaks-for-anyone',
    'Who has heard a goodbye speaks for its sender, heir or not.',
    ['core.ts', 'if (this.voices.length === 0) return message\n', ''],
    ['core.ts', 'speaksFor: this.voices }', 'speaksFor: [...this.goodbyes.keys()] }'],
  ),
  bug('vote-not-repeated', 'The vote of the current term is not said again for what was adopted.', [
    'adoption.ts',
    '} else if (vote !== undefined && vote !== from) {',
    '} else if (vote === from) {',
  ]),
  bug('lost-repeat-stalls', 'An acknowledgement for an adopted id that gets lost is never made up for.', [
    'leader.ts',
    '  if (progress !== undefined) for (const other of others) acknowledge(core, other, progress.match)\n',
    '',
  ]),
  bug('old-speaker-obeyed', 'A late answer of an earlier speaker takes away what this leader speaks for.', [
    'leader.ts',
    'speaksFor.filter((id) => !core.voices.includes(id))',
    'speaksFor',
  ]),
  bug('adopted-reads-wait', 'Reads that wait are not confirmed by what the leader adopts.', [
    'adoption.ts',
    '    core.reads.acknowledge(id, core.reads.latest)\n',
    '',
  ]),
  bug('silenced-by-the-dead', 'A late word of a leader that has ended silences the group.', [
    'quiesce.ts',
    ' && !core.goodbyes.has(message.from)',
    '',
  ]),
  bug('learner-not-asked', 'A learner that speaks for a voter is not asked for its vote.', [
    'election.ts',
    'tracker.get(id)?.speaker ?? id',
    'id',
  ]),
  bug('loss-overlooked', 'Who has lost what it acknowledged goes on.', [
    'follower.ts',
    'if (message.match > core.log.lastIndex) {',
    'if (message.commit > message.match) {',
  ]),
  bug('uncommitted-loss-overlooked', 'Who has lost what it acknowledged goes on if that was not committed.', [
    'replication.ts',
    'match: progress.match,',
    'match: commit,',
  ]),
  bug('lossy-still-votes', 'Who has lost what it acknowledged votes.', ['follower.ts', '  core.isGone = true\n', '']),
  bug('copies-ignored', 'An entry that a quorum has is committed, however few copies there are.', [
    'tracker.ts',
    'return copies <= 1 ? agreed : Math.min(agreed, this.#kept(self, copies))',
    'return agreed',
  ]),
  bug('copies-count-ids', 'An adopted vote counts as a copy.', [
    'progress.ts',
    'return !this.witness && this.speaker === undefined',
    'return !this.witness',
  ]),
  bug('copies-count-late-ids', 'An adopted vote counts as a copy when its owner became a member later.', [
    'membership.ts',
    '  for (const id of core.voices) core.tracker.spokenForBy(id, core.id)\n',
    '',
  ]),
]

/** Those that a few seeds catch; the others need the directed tests. */
const QUICK = new Set([
  'follower-floor-too-low',
  'leader-floor-too-low',
  'pledge-below-floor',
  'two-receivers',
  'carried-forgotten',
  'pending-passed-on',
  'no-fence',
  'fence-too-low',
  'retired-returns',
  'adoption-not-synced',
  'adoption-forgotten',
  'speaks-for-anyone',
])

/** Mistakes around replicas that end, or should, and those who then speak for them. */
export const goodbyeBugs: readonly Bug[] = mistakes.map((each) => ({
  ...each,
  tier: QUICK.has(each.name) ? 'goodbyes' : 'tests',
}))
