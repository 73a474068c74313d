import { type Bug, bug } from '../raft-simulation/bug.js'

/** A mistake in what stands around the core. Its patches' files are below the project's root. */
export interface HandoverBug extends Omit<Bug, 'tier'> {
  readonly caughtBy: CatchingTest
}

export interface CatchingTest {
  /** From the project's root. */
  readonly file: string
  /** In its title. */
  readonly id: string
}

/** Makes bugs in the files of `folder`, caught by a test of `file`. */
function bugsIn(folder: string, file: string) {
  return (id: string, ...[name, mistake, ...places]: Parameters<typeof bug>): HandoverBug => {
    const { patches } = bug(
      name,
      mistake,
      ...places.map(([path, ...texts]) => [`${folder}/${path}`, ...texts] as const),
    )
    return { name, mistake, patches, caughtBy: { file, id } }
  }
}

const steps = bugsIn('lib/src/groups', 'lib/test/groups/takeover-steps.test.ts')
const orphan = bugsIn('lib/src/groups', 'lib/test/groups/orphan.test.ts')
const tabs = bugsIn('lib/src/groups', 'lib/test/groups/takeover.test.ts')
const commands = bugsIn('lib/src/groups', 'lib/test/groups/roster-commands.test.ts')
const unopened = bugsIn('lib/src/groups', 'lib/test/groups/leave-unopened.test.ts')
const lostData = bugsIn('lib/src/groups', 'lib/test/groups/lost-data.test.ts')
const stores = bugsIn('lib/src/storage', 'lib/test/identity/cluster-stores.test.ts')

const takeover = [
  steps('GRP139', 'gift-not-written', 'A vote is adopted without a gift.', [
    'takeover.ts',
    '    if (heirs !== gift.heirs) await writeGift(store, host.group, given)\n',
    '',
  ]),
  steps('GRP139', 'gift-not-awaited', 'A vote is adopted while the gift is being written.', [
    'takeover.ts',
    'await writeGift(store, host.group, given)',
    'void writeGift(store, host.group, given)',
  ]),
  orphan('GRP138', 'gift-not-synced', 'A gift is written, but not made durable.', [
    'gift.ts',
    "], 'synced')",
    "], 'buffered')",
  ]),
  steps('GRP139', 'gift-deleted', 'The gift is removed with the log, so that incarnations are counted anew.', [
    'takeover.ts',
    'await orphan.log?.remove()',
    "await Promise.all([orphan.log?.remove(), store.write([{ key: 'given/0', value: undefined }], 'synced')])",
  ]),
  steps('GRP139', 'earlier-heirs-forgotten', 'A gift does not name those that it was given to before.', [
    'takeover.ts',
    '[...gift.heirs, replica.id]',
    '[replica.id]',
  ]),
  steps('GRP139', 'last-heir-first', 'Who takes over names itself before those that it was given to before.', [
    'takeover.ts',
    '[...gift.heirs, replica.id]',
    '[replica.id, ...gift.heirs]',
  ]),
  steps('GRP139', 'log-removed-early', 'The log of who ended is removed before the adoption is durable.', [
    'takeover.ts',
    '      await this.#give(orphan, host, replica, name, store)\n',
    '      await orphan.log?.remove()\n      await this.#give(orphan, host, replica, name, store)\n',
  ]),
  steps('GRP139', 'log-removed-anyway', 'The log of who ended is removed though nobody has adopted its vote.', [
    'takeover.ts',
    'if (replica.voices.includes(orphan.id)) await orphan.log',
    'await orphan.log',
  ]),
  steps('GRP227', 'adoption-awaited', 'A store stays open until the vote of who ended is adopted.', [
    'takeover.ts',
    '    host.hearLastWords(given)\n  }\n',
    '    host.hearLastWords(given)\n    await new Promise((resolve) => this.#options.runtime.setTimer(1000, () => resolve(0)))\n  }\n',
  ]),
  steps('GRP139', 'log-left-behind', 'Who was given a vote does not look whether it was adopted.', [
    'takeover.ts',
    'if (isAdopted && !this.#watched.has(name)) this.#watch(name)',
    'if (isAdopted && name === undefined) this.#watch(name)',
  ]),
  steps('GRP139', 'given-too-early', 'A gift is made by one that lacks what the ended one had.', [
    'takeover.ts',
    '      if (!reaches(orphan, replica)) return false\n',
    '',
  ]),
  tabs('GRP116', 'nothing-brought', 'What only the ended ones had is not taken from their stores.', [
    'takeover.ts',
    '      if (!reaches(orphan, replica)) bring(orphan, host, replica)\n',
    '',
  ]),
  orphan('GRP136', 'stored-term-ignored', 'The fence of a vote that is taken over is not the stored term.', [
    'orphan.ts',
    'term: Math.max(term, 1)',
    'term: 1',
  ]),
  orphan(
    'GRP136',
    'floor-is-commit',
    'The floor of a vote that is taken over is what its owner knew to be committed.',
    [
      'orphan.ts',
      'endOf(initial)\n  return {\n',
      '{ ...endOf(initial), index: initial.hardState.commit }\n  return {\n',
    ],
  ),
  orphan('GRP136', 'carried-left-behind', 'The votes that the ended one held are not taken over with its own.', [
    'orphan.ts',
    '[id, ...hosted.map((vote) => vote.id)]',
    '[id]',
  ]),
  orphan('GRP136', 'another-cluster', 'A vote in another cluster is taken over.', [
    'orphan.ts',
    'decodeAttributes(stored.attributes).clusterId === clusterId',
    'decodeAttributes(stored.attributes).clusterId !== undefined',
  ]),
  orphan('GRP137', 'brought-as-committed', 'What is brought from a store counts as committed.', [
    'orphan.ts',
    'Math.min(hardState.commit, last.index)',
    'Math.max(hardState.commit, last.index)',
  ]),
  orphan('GRP138', 'gift-overlooked', 'A store that was given away already is read as if it were not.', [
    'orphan.ts',
    'const isNewer = stored !== undefined && stored.incarnation > incarnationOf(given?.from ?? NOBODY)',
    'const isNewer = stored !== undefined',
  ]),
  orphan('GRP138', 'given-store-chosen', 'A log that was given away counts when a store is chosen.', [
    'orphan.ts',
    'stored === undefined || stored.incarnation <= incarnationOf(given?.from ?? NOBODY)',
    'stored === undefined',
  ]),
  orphan('GRP138', 'incarnation-not-burned', 'Who finds that it was given away comes back under its old id.', [
    'gift.ts',
    'incarnationOf(gift.from) + 1',
    'incarnationOf(gift.from)',
  ]),
  tabs('GRP119', 'given-log-goes-on', 'Who finds that it was given away goes on from its log.', [
    'groups.ts',
    'stored !== undefined && stored.incarnation < first',
    'false',
  ]),
  commands('GRP134', 'durable-gives-by-word', 'A durable peer gives its vote away by word, and comes back with it.', [
    'replica-host.ts',
    'replica === undefined || this.#options.network.self.durable',
    'replica === undefined',
  ]),
  tabs('GRP135', 'majority-waits', 'Who comes back with a majority of the votes waits for its election timeout.', [
    'replica.ts',
    'const own = [this.id, ...this.voices]',
    'const own = [this.id]',
  ]),
  stores('IDN10', 'visited-not-alone', 'A tab chooses its store while another one visits the one that it should get.', [
    'cluster-stores.ts',
    'storage.alone(room, () => visit(storage, name, work))',
    'visit(storage, name, work)',
  ]),
  stores('IDN10', 'chosen-not-alone', 'Two tabs choose their stores at the same time.', [
    'cluster-stores.ts',
    'storage.alone(room, () => chooseStore(storage, cluster, runtime, choice, LOOKS))',
    'chooseStore(storage, cluster, runtime, choice, LOOKS)',
  ]),
  stores('IDN9', 'worst-store-chosen', 'Of the stores that are free a tab takes the one that is worth least.', [
    'cluster-stores.ts',
    'compare(b.worth, a.worth)',
    'compare(a.worth, b.worth)',
  ]),
  bugsIn('lib/src/storage', 'lib/test/storage/storage-contract.test.ts')(
    'STO6',
    'opened-while-locked',
    'A store is opened though its tab lives.',
    [
      'indexeddb-storage.ts',
      '    if (lock === undefined) throw lockedError(name)\n    return lock\n',
      '    return lock ?? { release: async () => {} }\n',
    ],
  ),
  bugsIn('lib/src/storage', 'lib/test/storage/shared-storage.test.ts')(
    'STO33',
    'taken-without-lock',
    'A store counts as free while its tab lives.',
    ['indexeddb-storage.ts', "{ mode: 'shared', signal }", "{ mode: 'shared', ifAvailable: true }"],
  ),
]

const durable = bugsIn('lib/src/groups', 'lib/test/groups/durable.test.ts')
const group = bugsIn('lib/src/groups', 'lib/test/groups/group.test.ts')
const dissolve = bugsIn('lib/src/groups', 'lib/test/groups/dissolve.test.ts')
const recover = bugsIn('lib/src/groups', 'lib/test/groups/recover.test.ts')
const sessions = bugsIn('lib/src/groups', 'lib/test/groups/sessions.test.ts')
const outbox = bugsIn('lib/src/groups', 'lib/test/groups/outbox.test.ts')
const worn = bugsIn('lib/src/groups', 'lib/test/groups/worn.test.ts')
const waking = bugsIn('lib/src/groups', 'lib/test/groups/tabs.test.ts')
const founders = bugsIn('lib/src/groups', 'lib/test/groups/founding.test.ts')
const servers = bugsIn('lib/src/signaling', 'lib/test/signaling/combined-rendezvous.test.ts')
const founding = bugsIn('signaling-server/src', 'signaling-server/test/founding.test.ts')

const clusters = [
  durable('GRP55', 'configuration-not-durable', 'A configuration is acted under before it is durable.', [
    'replica.ts',
    '!(ready.mustSync || this.#appliesNewConfiguration(ready))',
    '!ready.mustSync',
  ]),
  group('GRP15', 'retired-comes-back', 'A removed incarnation is taken back.', [
    'roster.ts',
    'return incarnationOf(id) <= (this.#retired.get(peerOf(id)) ?? 0)',
    'return false',
  ]),
  commands('GRP181', 'ejected-stays-elsewhere', 'Who is ejected stays in the groups besides `main`.', [
    'membership.ts',
    'return roster.isEjected(peer) || this.#isBanned(peer)',
    'return roster.isEjected(peer)',
  ]),
  durable('GRP56', 'old-name-stays', 'What a member says of itself after a restart is not taken.', [
    'membership.ts',
    '?? this.#renewal(own, roster, status)',
    '?? undefined',
  ]),
  dissolve('DIS8', 'dissolve-after-command', 'A cluster dissolves though a command came before.', [
    'replicated-state.ts',
    'if (this.#isEmpty) this.#dissolvedInto',
    'this.#dissolvedInto',
  ]),
  dissolve('DIS5', 'command-after-dissolve', 'A command that comes after its cluster dissolved has an effect there.', [
    'replicated-state.ts',
    'if (this.#dissolvedInto !== undefined) return undefined // whoever',
    '// whoever',
  ]),
  recover('REC10', 'old-epoch-accepted', 'Messages of another epoch are taken.', [
    'epoch.ts',
    'return mine === theirs',
    'return mine >= 0 && theirs >= 0',
  ]),
  recover('REC8', 'longer-log-dropped', 'Who returns with more than was recovered joins, and forgets it.', [
    'epoch.ts',
    "<= 0 ? 'join' : 'split'",
    "<= 0 ? 'join' : 'join'",
  ]),
  commands('GRP183', 'left-before-open', 'Who leaves does not wait for what is stored here.', [
    'consensus.ts',
    "await inTime(runtime, this.#entered.promise, timeoutMs, 'The storage of this peer was not open in time.')",
    '',
  ]),
  unopened('GRP222', 'unopened-not-left', 'Who leaves stays a member of groups that it has stored and not opened.', [
    'consensus.ts',
    'this.#groups.unopened()',
    '[]',
  ]),
  unopened(
    'GRP223',
    'still-in-other-groups',
    'Who has left the cluster stays a member of groups that could not be told.',
    ['groups.ts', 'roster.isOut(peer) === true', 'roster.isEjected(peer) === true'],
  ),
  unopened(
    'GRP224',
    'left-and-forgotten',
    'Who left a group that could not be told comes back as if it had never been there.',
    ['replica-host.ts', 'this.group === MAIN ? this.#log?.destroy()', 'this.group >= MAIN ? this.#log?.destroy()'],
  ),
  lostData('GRP220', 'loss-not-burned', 'Who has lost what it promised stays what it was.', [
    'replica-host.ts',
    '    if (replica.hasLostData) this.#burn()\n',
    '',
  ]),
  lostData('GRP221', 'burned-still-counts', 'The leader waits for a voter that has ended, though its peer says so.', [
    'membership.ts',
    'incarnationOf(announce.member.id) > incarnationOf(id)',
    'incarnationOf(announce.member.id) < incarnationOf(id)',
  ]),
  worn('GRP182', 'never-renewed', 'A replica speaks for ever more others.', [
    'presence.ts',
    'const VOICES_WANTED_MAX = 64',
    'const VOICES_WANTED_MAX = 1000',
  ]),
  waking('GRP143', 'sleeper-leads-on', 'A leader that wakes from sleep goes on leading.', [
    'groups.ts',
    'for (const host of this.#hosts.values()) host.woke()',
    '',
  ]),
  founders(
    'FND1',
    'founded-without-grant',
    'Who is told that another one founds the cluster founds its own all the same.',
    [
      'founding.ts',
      'if (winner === this.#own) this.#decide(winner, true)',
      "if (this.#options.startup !== 'found') this.#decide(this.#own, true)",
    ],
  ),
  founders('FND12', 'left-behind-forgotten', 'Who recovered a cluster and leaves it takes nobody else to have it.', [
    'rest.ts',
    'state.epochs.length > 0 || ',
    '',
  ]),
  servers('SGC17', 'second-server-grants', 'Any signaling server is asked to found, not only the first one.', [
    'combined-rendezvous.ts',
    "where === 'first' ? this.#parts[0] : (joined ?? this.#granter)",
    'joined ?? this.#granter',
  ]),
  recover('REC12', 'recovers-at-once', 'Who recovers does not wait for who is there.', [
    'recovery.ts',
    '    await this.#meetAll()\n',
    '',
  ]),
  recover('REC12', 'who-starts-overlooked', 'Who recovers does not wait for who is linked, and only starts.', [
    'replica-host.ts',
    'options.isSettled() && this.#presence.hasHeardAll()',
    'options.isSettled()',
  ]),
  founding('SIG5', 'two-foundings-granted', 'Every founding is granted.', [
    'founding.ts',
    'claimant.founded(winner)',
    'claimant.founded(clusterId)',
  ]),
  founding('SIG6', 'no-warm-up', 'A server that has just started grants a founding at once.', [
    'founding.ts',
    'this.#clusterId === undefined && this.#options.isWarm()',
    'this.#clusterId === undefined',
  ]),
  founding('SIG24', 'no-grace', 'A cluster in memory is forgotten though who lost its socket may be back.', [
    'founding.ts',
    'if (delayMs <= 0) this.#forget()',
    'if (isEmpty()) this.#forget()',
  ]),
  founding(
    'SIG24',
    'claim-on-its-way',
    'A cluster in memory is forgotten though somebody in the room may be about to claim it.',
    ['founding.ts', 'isEmpty() ? 0 : Math.min(CLAIM_MS, graceMs)', '0'],
  ),
  founding('SIG9', 'durable-forgotten', 'A cluster that is on disks is forgotten when nobody is there.', [
    'founding.ts',
    'this.#claimants.size > 0 || isOnDisk',
    'this.#claimants.size > 0',
  ]),
  founding('SIG34', 'disks-forgotten', 'Who leaves takes with it what others have on disk.', [
    'founding.ts',
    "if (rest === 'nothing') this.#holders.clear()",
    'this.#holders.clear()',
  ]),
  founding('SIG34', 'unknown-disk-forgotten', 'A disk that only who left knew of is forgotten.', [
    'founding.ts',
    "this.#isOnOtherDisks = rest === 'disks' && !this.#isOver",
    'this.#isOnOtherDisks = false',
  ]),
  sessions(
    'SES7',
    'old-session-lives',
    'A session that was replaced goes on, and old copies of its commands have effect.',
    ['sessions.ts', '    this.#remove(old)\n', ''],
  ),
  sessions('SES6', 'member-evicted', 'The session of a member makes way for others.', [
    'sessions.ts',
    'byUse.find(({ peer }) => !isMember(peer)) ??',
    'byUse[0] ??',
  ]),
  outbox('SES20', 'sent-before-kept', 'A command that shall outlive a restart is sent before it is durable.', [
    'outbox.ts',
    "await this.#writer.write([this.#write(record)], 'synced')",
    "void this.#writer.write([this.#write(record)], 'synced')",
  ]),
]

/** Mistakes in what stands around the core, against the rules of those who come and go. */
export const handoverBugs: readonly HandoverBug[] = [...takeover, ...clusters]
