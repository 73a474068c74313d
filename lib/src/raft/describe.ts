import { decodeConfigChange, type MemberChangeType } from './config-change.js'
import type { Message, MessageType } from './messages.js'
import type {
  Configuration,
  Entry,
  HardState,
  ProgressStatus,
  Ready,
  ReplicationState,
  Role,
  SnapshotMeta,
  SoftState,
  VoterId,
} from './types.js'

// Texts for people and logs, in the notation of etcd's raft, which its public test scripts use too.

/** How one entry is written; `describeEntry` unless told otherwise. */
export type EntryPrinter = (entry: Entry) => string

const ROLES: Readonly<Record<Role, string>> = {
  follower: 'StateFollower',
  'pre-candidate': 'StatePreCandidate',
  candidate: 'StateCandidate',
  leader: 'StateLeader',
}

const REPLICATION_STATES: Readonly<Record<ReplicationState, string>> = {
  probe: 'StateProbe',
  replicate: 'StateReplicate',
  snapshot: 'StateSnapshot',
}

const MESSAGE_TYPES: Readonly<Record<MessageType, string>> = {
  append: 'MsgApp',
  'append-response': 'MsgAppResp',
  heartbeat: 'MsgHeartbeat',
  'heartbeat-response': 'MsgHeartbeatResp',
  snapshot: 'MsgSnap',
  vote: 'MsgVote',
  'vote-response': 'MsgVoteResp',
  'pre-vote': 'MsgPreVote',
  'pre-vote-response': 'MsgPreVoteResp',
  'timeout-now': 'MsgTimeoutNow',
  'transfer-leader': 'MsgTransferLeader',
  propose: 'MsgProp',
  'read-index': 'MsgReadIndex',
  'read-index-response': 'MsgReadIndexResp',
  refused: 'MsgRefused',
  quiesce: 'MsgQuiesce',
  goodbye: 'MsgGoodbye',
  wake: 'MsgWake',
}

const CHANGE_LETTERS: Readonly<Record<MemberChangeType, string>> = {
  'add-voter': 'v',
  'add-learner': 'l',
  'add-witness': 'w',
  remove: 'r',
}

export function describeRole(role: Role): string {
  return ROLES[role]
}

/** `voters=(1 2 3)&&(1 2) learners=(4) autoleave` */
export function describeConfiguration(configuration: Configuration): string {
  const { voters, votersOutgoing, learners, learnersNext, witnesses, autoLeave } = configuration
  let text = `voters=${group(voters)}`
  if (votersOutgoing.length > 0) text += `&&${group(votersOutgoing)}`
  if (learners.length > 0) text += ` learners=${group(learners)}`
  if (learnersNext.length > 0) text += ` learners_next=${group(learnersNext)}`
  if (witnesses.length > 0) text += ` witnesses=${group(witnesses)}`
  return autoLeave ? `${text} autoleave` : text
}

/** `StateReplicate match=11 next=12` */
export function describeProgress(progress: ProgressStatus): string {
  let text = `${REPLICATION_STATES[progress.state]} match=${progress.match} next=${progress.next}`
  if (progress.learner) text += ' learner'
  if (progress.witness) text += ' witness'
  if (progress.paused) text += ' paused'
  if (progress.pendingSnapshot > 0) text += ` pendingSnap=${progress.pendingSnapshot}`
  if (!progress.recentActive) text += ' inactive'
  if (progress.inflightMessages > 0) text += ` inflight=${progress.inflightMessages}`
  return progress.inflightFull ? `${text}[full]` : text
}

/** `1/4 EntryNormal "payload"`, `1/5 EntryConfChangeV2 v2 r1` */
export function describeEntry(entry: Entry): string {
  const position = `${entry.term}/${entry.index}`
  if (entry.type === 'normal') return `${position} EntryNormal ${quote(entry.data)}`
  return `${position} EntryConfChangeV2 ${describeChanges(entry.data)}`.trimEnd()
}

/** `v2 l3 w4 r1`: the changes in an encoded ConfigChange. */
export function describeChanges(data: Uint8Array): string {
  const change = decodeConfigChange(data)
  if (change === undefined) return 'malformed'
  return change.changes.map(({ type, id }) => CHANGE_LETTERS[type] + id).join(' ')
}

/** `1->2 MsgApp Term:1 Log:1/3 Commit:3 Entries:[1/4 EntryNormal ""]` */
export function describeMessage(message: Message, printEntry: EntryPrinter = describeEntry): string {
  const { from, to, type, term } = message
  return `${from}->${to} ${MESSAGE_TYPES[type]} Term:${term} ${describeBody(message, printEntry)}`
}

function describeBody(message: Message, printEntry: EntryPrinter): string {
  switch (message.type) {
    case 'append':
      return `Log:${message.prevTerm}/${message.prevIndex}${commit(message.commit)}${list(message.entries, printEntry)}`
    case 'append-response': {
      const { index, rejected } = message
      if (rejected === undefined) return `Log:0/${index}`
      return `Log:${rejected.hintTerm}/${index} Rejected (Hint: ${rejected.hintIndex})`
    }
    case 'vote':
    case 'pre-vote':
      return `Log:${message.lastTerm}/${message.lastIndex}`
    case 'vote-response':
    case 'pre-vote-response':
      return message.granted ? 'Log:0/0' : 'Log:0/0 Rejected (Hint: 0)'
    case 'heartbeat':
    case 'quiesce':
      return `Log:0/0${commit(message.commit)}`
    case 'snapshot':
      return `Log:0/0\n  Snapshot: ${describeSnapshot(message.snapshot)}`
    case 'propose':
      return `Log:0/0 Ticket:${message.ticket} Entries:${message.entries.length}`
    case 'read-index':
      return `Log:0/0 Ticket:${message.ticket}`
    case 'read-index-response':
      return `Log:0/${message.index} Ticket:${message.ticket}`
    case 'refused':
      return `Log:0/0 Ticket:${message.ticket} Refused ${message.request}: ${message.reason}`
    case 'transfer-leader':
      return `Log:0/0 Target:${message.target}`
    default:
      return 'Log:0/0'
  }
}

function commit(index: number): string {
  return index > 0 ? ` Commit:${index}` : ''
}

function list(entries: readonly Entry[], printEntry: EntryPrinter): string {
  if (entries.length === 0) return ''
  const lines = entries.map(printEntry)
  return lines.length === 1 ? ` Entries:[${lines[0]}]` : ` Entries:[\n${lines.map((each) => `  ${each}\n`).join('')}]`
}

/** `Index:11 Term:1 ConfState:Voters:[1 2 3] …` */
export function describeSnapshot({ index, term, configuration }: SnapshotMeta): string {
  const { voters, votersOutgoing, learners, learnersNext, autoLeave } = configuration
  const members = [
    `Voters:[${voters.join(' ')}]`,
    `VotersOutgoing:[${votersOutgoing.join(' ')}]`,
    `Learners:[${learners.join(' ')}]`,
    `LearnersNext:[${learnersNext.join(' ')}]`,
    `AutoLeave:${autoLeave}`,
  ]
  return `Index:${index} Term:${term} ConfState:${members.join(' ')}`
}

export function describeHardState({ term, vote, commit: index }: HardState): string {
  return vote === undefined ? `Term:${term} Commit:${index}` : `Term:${term} Vote:${vote} Commit:${index}`
}

export function describeSoftState({ lead, role }: SoftState): string {
  return `Lead:${lead ?? 0} State:${ROLES[role]}`
}

/** Everything in it, one item a line. */
export function describeReady(ready: Ready, printEntry: EntryPrinter = describeEntry): string {
  const messages = [...ready.messages, ...ready.messagesAfterPersist]
  const lines = [
    ...(ready.softState === undefined ? [] : [describeSoftState(ready.softState)]),
    ...(ready.hardState === undefined ? [] : [`HardState ${describeHardState(ready.hardState)}`]),
    ...section(
      'ReadStates',
      ready.readStates.map(({ index, ticket }) => `Index:${index} Ticket:${ticket}`),
    ),
    ...section(
      'Refusals',
      ready.refusals.map((each) => `${each.request} ${each.ticket}: ${each.reason}`),
    ),
    ...(ready.transfer === undefined ? [] : [`Transfer to ${ready.transfer.to}: ${ready.transfer.outcome}`]),
    ...section('Entries', ready.entries.map(printEntry)),
    ...(ready.snapshot === undefined ? [] : [`Snapshot ${describeSnapshot(ready.snapshot)}`]),
    ...section('CommittedEntries', ready.committedEntries.map(printEntry)),
    ...section(
      'Messages',
      messages.map((each) => describeMessage(each, printEntry)),
    ),
  ]
  return lines.length === 0 ? '<empty Ready>' : [`Ready MustSync=${ready.mustSync}:`, ...lines].join('\n')
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`${title}:`, ...lines]
}

function group(ids: readonly VoterId[]): string {
  return `(${ids.join(' ')})`
}

/** As text if it is one. */
function quote(data: Uint8Array): string {
  return JSON.stringify(new TextDecoder().decode(data))
}
