import { type Bug, bug } from './bug.js'
import { goodbyeBugs } from './goodbye-bugs.js'

const elections = [
  bug('vote-forgotten', 'A restarted replica has forgotten its vote.', [
    'core.ts',
    'this.vote = initial.hardState.vote',
    'this.vote = undefined',
  ]),
  bug('vote-not-synced', 'A vote in a known term is written, but not made durable.', [
    'raw-node.ts',
    'return term !== hardState.term || vote !== hardState.vote ||',
    'return term !== hardState.term ||',
  ]),
  bug('term-not-synced', 'A new term without a vote is written, but not made durable.', [
    'raw-node.ts',
    'return term !== hardState.term || vote !== hardState.vote ||',
    'return vote !== hardState.vote ||',
  ]),
  bug('vote-before-persist', 'A vote leaves before it is durable.', [
    'election.ts',
    'core.sendAfterPersist({ type, from: core.id, to, term, granted, ...knownCommit(core) })',
    'core.send({ type, from: core.id, to, term, granted, ...knownCommit(core) })',
  ]),
  bug('request-before-persist', 'A candidate asks for votes before its own vote and log are durable.', [
    'election.ts',
    "core.sendAfterPersist(voteRequest(core, 'vote', to, transfer))",
    "core.send(voteRequest(core, 'vote', to, transfer))",
  ]),
  bug('no-vote-for-itself', 'A candidate counts itself, but may vote for another candidate of its term.', [
    'roles.ts',
    'core.vote = core.id',
    'core.vote = undefined',
  ]),
  bug('votes-of-the-past', 'Votes of an election are counted in the next one.', [
    'roles.ts',
    `  core.acceptedIndex = 0
  core.tracker.resetVotes()`,
    '  core.acceptedIndex = 0',
  ]),
  bug('pre-votes-count', 'Pre-votes count as votes.', [
    'step.ts',
    "candidate: { ...anyCandidate, 'vote-response': receiveVote }",
    "candidate: { ...anyCandidate, 'vote-response': receiveVote, 'pre-vote-response': receiveVote }",
  ]),
  bug('longer-is-newer', 'Logs are compared by their length only, not by the term of their last entry.', [
    'log.ts',
    'return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex)',
    'return lastIndex >= this.lastIndex',
  ]),
  bug('same-term-is-enough', 'Logs are compared by the term of their last entry only, not by their length.', [
    'log.ts',
    'return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex)',
    'return lastTerm >= this.lastTerm',
  ]),
  bug('transfer-needs-no-log', 'Who campaigns for a transfer gets votes whatever its log is.', [
    'election.ts',
    'core.log.isUpToDate(message.lastIndex, message.lastTerm)',
    '(message.transfer || core.log.isUpToDate(message.lastIndex, message.lastTerm))',
  ]),
  bug('removed-disrupts', 'Vote requests are heeded while the leader is heard from.', [
    'step.ts',
    "if (asksForVote && !message.transfer && hearsLeader(core)) return refuse(core, 'leader-alive')",
    '',
  ]),
  bug('old-terms-obeyed', 'Messages of older terms are acted on.', [
    'step.ts',
    'if (message.term > 0 && message.term < core.term) return answerLowerTerm(core, message)',
    'if (message.term > 0 && message.term < core.term) answerLowerTerm(core, message)',
  ]),
]

const replication = [
  bug('ack-before-persist', 'Entries are acknowledged before they are durable.', [
    'follower.ts',
    "core.sendAfterPersist({ type: 'append-response'",
    "core.send({ type: 'append-response'",
  ]),
  bug('replaced-not-written', 'Entries that replace others are not handed out for storage.', [
    'log.ts',
    '    this.#handedOut = Math.min(this.#handedOut, index - 1)\n',
    '',
  ]),
  bug('previous-entry-unchecked', 'Entries are accepted whatever the term of the entry before them is.', [
    'log.ts',
    'if (!this.matches(prevIndex, prevTerm)) return false',
    'if (prevIndex > this.lastIndex) return false',
  ]),
  bug('late-append-truncates', 'An old append removes what came after its entries.', [
    'log.ts',
    'if (known === entries.length) return true',
    `if (known === entries.length) {
      if (prevIndex + known < this.lastIndex) this.#truncateFrom(prevIndex + known + 1)
      return true
    }`,
  ]),
  bug(
    'committed-truncated',
    'A late append removes what came after its entries, even what is committed.',
    ['follower.ts', 'if (prevIndex < core.log.committed)', 'if (prevIndex < 0)'],
    [
      'log.ts',
      'if (known === entries.length) return true',
      `if (known === entries.length) {
      if (prevIndex + known < this.lastIndex) this.#truncateFrom(prevIndex + known + 1)
      return true
    }`,
    ],
  ),
  bug('old-term-commits', 'Entries of older terms are committed by counting.', [
    'replication.ts',
    'index > core.log.committed && core.log.matches(index, core.term) && core.log.commitTo(index)',
    'index > core.log.committed && core.log.commitTo(index)',
  ]),
  bug('commit-without-majority', 'Half of the voters are a majority.', [
    'quorum.ts',
    'return Math.floor(voters.length / 2) + 1',
    'return Math.ceil(voters.length / 2)',
  ]),
  bug('heartbeat-commits-too-much', 'Heartbeats carry the commit index whatever the follower has.', [
    'replication.ts',
    'const commit = Math.min(progress.match, core.log.committed)',
    'const commit = core.log.committed',
  ]),
  bug('match-of-the-past', 'A new leader trusts what it knew of the others when it led before.', [
    'progress.ts',
    `    this.#enter('probe')
    this.match = 0`,
    "    this.#enter('probe')",
  ]),
  bug('in-flight-forgotten', 'What is in flight is not forgotten when a member has to be probed anew.', [
    'progress.ts',
    '    this.inflights.clear()\n',
    '',
  ]),
  bug('lost-append-stalls', 'A lost probe is never sent again.', ['leader.ts', '  progress.flowPaused = false\n', '']),
  bug('budget-leaks', 'Bytes of applied entries are never given back.', [
    'membership.ts',
    'core.uncommittedBytes = Math.max(0, core.uncommittedBytes - payloadBytes(entries))',
    '',
  ]),
  bug('refused-but-taken', 'A forwarded proposal is taken, and refused too.', [
    'proposals.ts',
    "if (result.kind === 'dropped') refuse(core, message, result.reason)",
    "refuse(core, message, result.kind === 'dropped' ? result.reason : 'busy')",
  ]),
]

const snapshots = [
  bug(
    'snapshot-without-configuration',
    'A snapshot brings the state, but not the configuration.',
    ['follower.ts', '  switchConfiguration(core, snapshot.configuration)\n', ''],
    ['membership.ts', '  core.appliedConfiguration = snapshot.configuration\n', ''],
  ),
  bug(
    'change-undoes-snapshot',
    'A change on its way to the owner is applied to the configuration of a later snapshot.',
    [
      'membership.ts',
      'changeConfiguration(core.appliedConfiguration, change)',
      'changeConfiguration(core.tracker.configuration, change)',
    ],
    ['membership.ts', 'if (!core.log.installing) switchConfiguration', 'switchConfiguration'],
  ),
  bug(
    'old-snapshot-taken',
    'A snapshot is installed though more than that is committed already.',
    ['follower.ts', 'if (snapshot.index <= core.log.committed) return false', ''],
    ['follower.ts', 'if (core.log.matches(snapshot.index, snapshot.term)) {', 'if (false) {'],
    ['log.ts', 'invariant(snapshot.index > this.#committed,', 'invariant(true,'],
  ),
  bug('delivery-counts-as-ack', 'A snapshot reported as delivered counts as acknowledged.', [
    'progress.ts',
    'this.next = likely + 1',
    'this.match = likely\n    this.next = likely + 1',
  ]),
  bug('compaction-forgets-term', 'The term of the last compacted entry is forgotten.', [
    'log.ts',
    '    this.#baseTerm = term\n  }',
    '    this.#baseTerm = 0\n  }',
  ]),
]

const reads = [
  bug('read-without-quorum', 'A leader answers reads without asking whether it still leads.', [
    'reads.ts',
    'if (core.tracker.isQuorum(ownVoices)) {',
    'if (core.tracker.get(core.id) !== undefined) {',
  ]),
  bug('read-before-own-commit', 'A new leader answers reads before it has committed an entry of its term.', [
    'reads.ts',
    'Math.max(termStart, pledged)',
    'pledged',
  ]),
  bug('read-before-pledge', 'A leader answers reads before it has committed what it pledged.', [
    'reads.ts',
    'Math.max(termStart, pledged)',
    'termStart',
  ]),
  bug('pledge-before-persist', 'A leader pledges entries that are not durable at itself.', [
    'pledge.ts',
    'options.volatile ? log.lastIndex : core.durableIndex',
    'log.lastIndex',
  ]),
  bug('pledge-without-majority', 'A leader pledges what others lack too.', [
    'tracker.ts',
    'return votes >= majorityOf(this.#voters) && kept',
    'return votes >= majorityOf(this.#voters) - 1 && kept',
  ]),
  bug('relied-before-persist', 'A pledge counts before the entry is durable at the member.', [
    'pledge.ts',
    'if (core.options.volatile) core.log.commitTo(index)\n  else',
    'core.log.commitTo(index)\n  if (core.options.volatile)',
  ]),
  bug('read-by-old-heartbeat', 'Answers to earlier heartbeats confirm later reads.', [
    'read-rounds.ts',
    '      if (round.id > id) return\n',
    '',
  ]),
  bug('read-joins-sealed-round', 'Reads join a round whose heartbeats have left.', [
    'core.ts',
    '    this.reads.seal()\n',
    '',
  ]),
]

const membership = [
  bug('joint-commits-by-new-half', 'A joint configuration commits by its new half only.', [
    'quorum.ts',
    `    majorityCommitted(halves.voters, acknowledged),
    majorityCommitted(halves.votersOutgoing, acknowledged),`,
    '    majorityCommitted(halves.voters, acknowledged),',
  ]),
  bug('joint-elects-by-new-half', 'A joint configuration elects by its new half only.', [
    'quorum.ts',
    'const outgoing = majorityVote(halves.votersOutgoing, vote)',
    'const outgoing = incoming',
  ]),
  bug(
    'joint-counts-heads',
    'A joint configuration elects by a majority of everybody in it.',
    [
      'quorum.ts',
      'const incoming = majorityVote(halves.voters, vote)',
      'const incoming = majorityVote([...new Set([...halves.voters, ...halves.votersOutgoing])], vote)',
    ],
    ['quorum.ts', 'const outgoing = majorityVote(halves.votersOutgoing, vote)', 'const outgoing = incoming'],
  ),
  bug('two-changes-at-once', 'A change is taken while another one is not applied.', [
    'proposals.ts',
    "  if (core.pendingConfigIndex > core.log.applied) return 'config-pending'\n",
    '',
  ]),
  bug('inherited-change-overlooked', 'A new leader does not wait for changes that are in its log already.', [
    'roles.ts',
    '  core.pendingConfigIndex = core.log.lastIndex\n',
    '',
  ]),
  bug(
    'two-voters-directly',
    'Two votes move in one direct change.',
    [
      'configuration.ts',
      'votersMoved(configuration, result.configuration) > 1',
      'votersMoved(configuration, result.configuration) > 2',
    ],
    [
      'config-change.ts',
      "change.transition !== 'auto' || change.changes.length > 1",
      "change.transition !== 'auto' || change.changes.length > 2",
    ],
  ),
  bug('newcomer-has-everything', 'A new member counts as if it had the whole log.', [
    'tracker.ts',
    'progress.learner = learners.has(id)',
    'if (this.#progress.get(id) === undefined && this.#members.length > 0) progress.match = next - 1\n      progress.learner = learners.has(id)',
  ]),
  bug('learners-count', 'Learners count like voters when entries are committed.', [
    'tracker.ts',
    'const agreed = jointCommitted(this.#configuration, this.#matchOf)',
    'const agreed = jointCommitted({ ...this.#configuration, voters: this.#members.map(({ id }) => id) }, this.#matchOf)',
  ]),
  bug('witness-leads', 'A witness campaigns.', [
    'core.ts',
    'own === undefined || own.witness ||',
    'own === undefined ||',
  ]),
  bug('joint-never-left', 'Nobody leaves a joint configuration that should be left automatically.', [
    'proposals.ts',
    "if (core.role !== 'leader' || !core.tracker.configuration.autoLeave) return",
    'if (core.tracker.configuration.autoLeave) return',
  ]),
]

export const bugs: readonly Bug[] = [
  ...elections,
  ...replication,
  ...snapshots,
  ...reads,
  ...membership,
  ...goodbyeBugs,
]
