import type { DocumentsMetrics } from './docs/documents.js'
import type { GroupStatus, MemberStatus } from './groups/group-types.js'
import type { GroupsMetrics } from './groups/groups.js'
import type { TransferMetrics } from './groups/snapshot-exchange.js'
import type { MeshPeerStatus, MeshStatus } from './mesh/mesh-status.js'
import type { MessagingMetrics } from './messaging/messaging.js'
import type { LinkTraffic } from './transport/link.js'

/** One number. Names, labels and units are as Prometheus wants them: seconds, bytes, counters end with `_total`. */
export interface Metric {
  readonly name: string
  /** A sentence; the same one for the same name. */
  readonly help: string
  /** A counter only grows, from 0 at the start; of a link, from 0 when it was opened. */
  readonly type: 'counter' | 'gauge'
  readonly value: number
  readonly labels: Readonly<Record<string, string>>
}

export interface MetricSources {
  readonly status: MeasuredStatus
  readonly groups: GroupsMetrics
  readonly messages: MessagingMetrics
  readonly documents: DocumentsMetrics
}

/** What is measured of the status of a Legion. */
export interface MeasuredStatus {
  readonly isReady: boolean
  readonly mesh: MeshStatus
  readonly main: GroupStatus | undefined
  readonly groups: Readonly<Record<string, GroupStatus>>
}

/** What a metric is, and where its value is in a source; undefined: there is none now. */
interface Definition<S> {
  readonly name: string
  readonly type: Metric['type']
  readonly help: string
  readonly read: (source: S) => number | undefined
}

/** Everything that is counted, as plain data. */
export function collectMetrics(sources: MetricSources): readonly Metric[] {
  const { status, messages, documents, groups } = sources
  return [
    ...measure(LEGION, status, {}),
    ...groupsOf(status).flatMap(([name, group]) => measureGroup(name, group)),
    ...Object.entries(status.mesh.peers).flatMap(([peer, link]) => measure(LINK, link, { peer })),
    ...measureShared(groups),
    ...measure(MESSAGES, messages, {}),
    ...measure(DOCUMENTS, documents, {}),
  ]
}

/** What all groups share. */
function measureShared({ storage, snapshots }: GroupsMetrics): Metric[] {
  return [
    ...(storage === undefined ? [] : measure(STORAGE, storage, {})),
    ...measureTransfers('sent', snapshots.sent),
    ...measureTransfers('received', snapshots.received),
  ]
}

type Labels = Metric['labels']

function measure<S>(definitions: readonly Definition<S>[], source: S, labels: Labels): Metric[] {
  return definitions.flatMap(({ read, name, help, type }) => {
    const value = read(source)
    return value === undefined ? [] : [{ name, help, type, value, labels }]
  })
}

function groupsOf({ main, groups }: MeasuredStatus): [name: string, group: GroupStatus][] {
  return [...(main === undefined ? [] : [['main', main] as [string, GroupStatus]]), ...Object.entries(groups)]
}

function measureGroup(group: string, status: GroupStatus): Metric[] {
  const commands = Object.entries(status.commands).map(([outcome, value]) => ({
    ...COMMANDS,
    value,
    labels: { group, outcome },
  }))
  const others = status.members.filter(({ id }) => id !== status.id)
  const members = others.flatMap((member) => measure(MEMBER, member, { group, peer: member.peer, name: member.name }))
  return [...measure(GROUP, status, { group }), ...commands, ...members]
}

function measureTransfers(direction: 'sent' | 'received', transfers: TransferMetrics): Metric[] {
  const failures = Object.entries(transfers.failures).map(([reason, value]) => ({
    ...TRANSFER_FAILURES,
    value,
    labels: { direction, reason },
  }))
  return [...measure(TRANSFERS, transfers, { direction }), ...failures]
}

function counter<S>(name: string, help: string, read: Definition<S>['read']): Definition<S> {
  return { name: `legion_${name}_total`, type: 'counter', help, read }
}

function gauge<S>(name: string, help: string, read: Definition<S>['read']): Definition<S> {
  return { name: `legion_${name}`, type: 'gauge', help, read }
}

function countVoters({ configuration }: GroupStatus): number {
  return configuration.voters.length
}

const seconds = (ms: number | undefined) => ms && ms / 1000
const traffic = (link: MeshPeerStatus['link'], direction: 'sent' | 'received', what: keyof LinkTraffic) =>
  link?.[direction][what]

const LEGION: readonly Definition<MeasuredStatus>[] = [
  gauge('ready', 'Whether the state of main is here.', ({ isReady }) => Number(isReady)),
  gauge('signaling_joined', 'Whether a signaling server is joined.', ({ mesh }) =>
    Number(mesh.rendezvous === 'joined'),
  ),
  gauge('groups', 'Groups that are open here.', (status) => groupsOf(status).length),
  gauge('links', 'Peers with a direct link.', ({ mesh }) =>
    Object.values(mesh.peers).reduce((count, { link }) => count + Number(link !== undefined), 0),
  ),
  counter('malformed_links', 'Links closed because of what came over them.', ({ mesh }) => mesh.malformed),
  counter(
    'dropped_signals',
    'Signals that nobody had sealed for us, or that were played again.',
    ({ mesh }) => mesh.droppedSignals,
  ),
  counter('refused_links', 'Links that one side does not want.', ({ mesh }) => mesh.refused),
]

const GROUP: readonly Definition<GroupStatus>[] = [
  gauge('group_term', 'Term of Raft.', ({ term }) => term),
  gauge('group_commit_index', 'The last entry known to be committed.', ({ commit }) => commit),
  gauge('group_applied_index', 'The last entry applied here.', ({ applied }) => applied),
  gauge('group_first_index', 'The first entry that is still in the log here.', ({ firstIndex }) => firstIndex),
  gauge('group_last_index', 'The last entry in the log here.', ({ lastIndex }) => lastIndex),
  gauge('group_is_leader', 'Whether this peer leads the group.', ({ role }) => Number(role === 'leader')),
  gauge('group_has_leader', 'Whether a leader is known.', ({ lead }) => Number(lead !== undefined)),
  gauge('group_stopped', 'Whether the replica here has stopped.', ({ stopped }) => Number(stopped !== undefined)),
  gauge('group_is_quiesced', 'Whether the group is silent because nothing happens.', (s) => Number(s.quiesced)),
  gauge('group_voters', 'Members that vote.', countVoters),
  gauge('group_members', 'Peers with a copy.', ({ members }) => members.length),
  gauge('group_proposals_in_flight', 'Commands of this peer whose outcome is not known.', ({ inFlight }) => inFlight),
  gauge('group_proposals_in_flight_bytes', 'Bytes of the commands in flight.', ({ inFlightBytes }) => inFlightBytes),
  gauge('group_reads_waiting', 'Reads of this peer that wait.', ({ waitingReads }) => waitingReads),
  counter('group_checkpoints', 'Checkpoints taken here.', ({ checkpoints }) => checkpoints),
  counter('group_ignored_entries', 'Entries that nobody could read.', ({ ignoredEntries }) => ignoredEntries),
  gauge('group_log_bytes', 'Bytes of the entries since the log here was last cut.', ({ logBytes }) => logBytes),
  gauge('group_snapshot_bytes', 'Bytes of the state at the last checkpoint.', ({ checkpoint }) => checkpoint?.bytes),
]

const COMMANDS = {
  name: 'legion_group_commands_total',
  type: 'counter',
  help: 'Commands from the log, by what became of them here.',
} as const

const MEMBER: readonly Definition<MemberStatus>[] = [
  gauge('group_member_lag_entries', 'On the leader: entries a member lacks.', (member) => member.behindEntries),
  gauge('group_member_lag_seconds', 'On the leader: for how long a member has lacked one.', (member) =>
    seconds(member.behindMs),
  ),
]

const LINK: readonly Definition<MeshPeerStatus>[] = [
  gauge('link_up', 'Whether there is a direct link.', ({ link }) => Number(link !== undefined)),
  gauge('link_rtt_seconds', 'Round trip time, smoothed.', ({ link }) => seconds(link?.rttMs)),
  gauge('link_buffered_bytes', 'Bytes given to the channel that have not left.', ({ link }) => link?.bufferedBytes),
  counter('link_sent_bytes', 'Bytes sent.', ({ link }) => traffic(link, 'sent', 'bytes')),
  counter('link_sent_messages', 'Channel messages sent; each carries a batch.', ({ link }) =>
    traffic(link, 'sent', 'messages'),
  ),
  counter('link_received_bytes', 'Bytes received.', ({ link }) => traffic(link, 'received', 'bytes')),
  counter('link_received_messages', 'Channel messages received.', ({ link }) => traffic(link, 'received', 'messages')),
]

const STORAGE: readonly Definition<NonNullable<GroupsMetrics['storage']>>[] = [
  counter('storage_writes', 'Writes that were asked for.', ({ writes }) => writes),
  counter('storage_batches', 'Batches that they became.', ({ batches }) => batches),
  counter('storage_synced_batches', 'Batches that waited for the disk.', ({ syncedBatches }) => syncedBatches),
  counter('storage_written_bytes', 'Bytes of keys and values written.', ({ bytes }) => bytes),
  gauge('storage_queued_bytes', 'Bytes that wait to be written.', ({ queuedBytes }) => queuedBytes),
]

const TRANSFERS: readonly Definition<TransferMetrics>[] = [
  gauge('snapshot_transfers_open', 'Snapshots on their way, or waiting in line.', ({ open }) => open),
  counter('snapshot_transfers', 'Snapshots that arrived.', ({ completed }) => completed),
]

const TRANSFER_FAILURES = {
  name: 'legion_snapshot_transfer_failures_total',
  type: 'counter',
  help: 'Snapshots that did not arrive, by the reason.',
} as const

const MESSAGES: readonly Definition<MessagingMetrics>[] = [
  counter('messages_sent', 'Casts, calls and answers sent.', ({ sent }) => sent),
  counter('messages_received', 'Casts, calls and answers received.', ({ received }) => received),
  counter('messages_failed', 'Messages whose handler here threw or rejected.', ({ failures }) => failures),
  counter('messages_refused', 'Messages refused because too many handlers ran.', ({ refused }) => refused),
  counter('messages_unhandled', 'Messages that named no handler here.', ({ unknownHandlers }) => unknownHandlers),
  counter('messages_late_answers', 'Answers nobody waited for any more.', ({ lateAnswers }) => lateAnswers),
  gauge('messages_pending_calls', 'Own calls that wait for an answer.', ({ pendingCalls }) => pendingCalls),
  gauge('messages_running_handlers', 'Handlers that run.', ({ runningHandlers }) => runningHandlers),
]

const DOCUMENTS: readonly Definition<DocumentsMetrics>[] = [
  gauge('documents_open', 'Documents that are open here.', ({ open }) => open),
  counter('documents_sent_messages', 'Messages of documents sent.', ({ sentFrames }) => sentFrames),
  counter('documents_sent_bytes', 'Bytes of messages of documents sent.', ({ sentBytes }) => sentBytes),
  counter('documents_received_messages', 'Messages of documents received.', ({ receivedFrames }) => receivedFrames),
  counter('documents_received_bytes', 'Bytes of messages of documents received.', ({ receivedBytes }) => receivedBytes),
  counter(
    'documents_dropped_messages',
    'Messages of documents that a full queue refused.',
    ({ droppedFrames }) => droppedFrames,
  ),
]
