import { toBase64Url } from '../../src/base/bytes.js'
import type { ClusterId, PeerId } from '../../src/base/ids.js'
import { seededRandom } from '../../src/base/random.js'
import type { Member } from '../../src/groups/roster.js'
import { voterIdOf } from '../../src/groups/voter-id.js'
import type { PeerInfo } from '../../src/mesh/peer-info.js'
import type { Configuration, Message } from '../../src/raft/index.js'

// Sound values of all that travels or is stored, to be encoded and then damaged.

const random = seededRandom(1)

export function randomBytes(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => random() * 256)
}

const id = () => toBase64Url(randomBytes(16))
export const [ALICE, BOB] = [id() as PeerId, id() as PeerId] as const
export const CLUSTER = id() as ClusterId
export const PAYLOAD = randomBytes(40)

const [alice, bob] = [voterIdOf(ALICE, 1), voterIdOf(BOB, 7)]
const ids = { from: alice, to: bob }

export const INFO: PeerInfo = {
  id: ALICE,
  bootNonce: 'boot',
  name: 'Älice',
  kind: 'browser',
  host: 'here',
  canVote: true,
  durable: false,
  stack: 'simulated',
}

export const CONFIGURATION: Configuration = {
  voters: [alice, bob],
  votersOutgoing: [alice],
  learners: [voterIdOf(BOB, 8)],
  learnersNext: [],
  witnesses: [],
  autoLeave: true,
}

export const MEMBER: Member = {
  id: alice,
  name: 'Älice',
  kind: 'node',
  host: 'here',
  durable: true,
  canVote: true,
  machineVersion: 2,
}

export const VALUES: readonly unknown[] = [
  null,
  [1, -1.5, 2n ** 62n, true, undefined, 'text', new Uint8Array([1, 2, 3])],
  { a: { b: { c: [[[]], {}] } }, seats: { '12A': 'me', '12B': null }, many: Array.from({ length: 40 }, (_, i) => i) },
]

const entries = [
  { index: 6, term: 2, type: 'normal', data: PAYLOAD },
  { index: 7, term: 3, type: 'config', data: new Uint8Array([1, 1, 0, 1, 65]) },
] as const
const known = { commit: 4, commitTerm: 2 }

export const RAFT_MESSAGES: readonly Message[] = [
  { ...ids, term: 3, type: 'append', prevIndex: 5, prevTerm: 2, commit: 5, entries },
  { ...ids, term: 3, type: 'append-response', index: 7, rejected: { hintIndex: 3, hintTerm: 1 }, speaksFor: [bob] },
  { ...ids, term: 3, type: 'heartbeat', commit: 5, match: 6, round: 300 },
  { ...ids, term: 3, type: 'heartbeat-response', round: 300 },
  { ...ids, term: 3, type: 'snapshot', snapshot: { index: 9, term: 3, configuration: CONFIGURATION, data: PAYLOAD } },
  { ...ids, term: 3, type: 'vote', lastIndex: 9, lastTerm: 3, transfer: true, ...known },
  { ...ids, term: 3, type: 'pre-vote-response', granted: true, ...known, speaksFor: [voterIdOf(BOB, 9)] },
  { ...ids, term: 3, type: 'timeout-now' },
  { ...ids, term: 3, type: 'transfer-leader', target: bob },
  { ...ids, term: 0, type: 'propose', ticket: 1, entries: [{ type: 'normal', data: PAYLOAD }] },
  { ...ids, term: 0, type: 'read-index', ticket: 2 },
  { ...ids, term: 0, type: 'read-index-response', ticket: 2, index: 9 },
  { ...ids, term: 0, type: 'refused', request: 'proposal', ticket: 3, reason: 'busy' },
  { ...ids, term: 3, type: 'quiesce', commit: 9 },
  { ...ids, term: 3, type: 'goodbye', ids: [alice, bob], floor: { index: 9, term: 3 }, heirs: [bob] },
]
