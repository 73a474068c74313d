import * as Y from 'yjs'
import { concatBytes } from '../../src/base/bytes.js'
import { DecodeError } from '../../src/codec/decode.js'
import { decodeValue, encodeValue } from '../../src/codec/value.js'
import { readChunks } from '../../src/codec/value-reader.js'
import { DEFAULT_DOCUMENT_LIMITS } from '../../src/docs/documents.js'
import { decodeFrame as decodeDocumentFrame, encodeFrame, type FrameBody } from '../../src/docs/protocol.js'
import { applyChecked, checkUpdate, pendingBytes } from '../../src/docs/updates.js'
import { decodeRosterMessage, encodeRosterMessage, type RosterMessage } from '../../src/groups/announce.js'
import { decodeFrame as decodeConsensusFrame, decodeInEpoch, encodeInEpoch } from '../../src/groups/consensus-frames.js'
import { decodeJoining, encodeJoining } from '../../src/groups/member-codec.js'
import { decodeMessage, encodeMessage } from '../../src/groups/raft-codec.js'
import {
  decodeTransferMessage,
  encodeTransferMessage,
  type TransferMessage,
} from '../../src/groups/snapshot-protocol.js'
import { type ControlMessage, decodeControl, encodeControl } from '../../src/mesh/control.js'
import { decodeBroadcast, decodeEnvelope, encodeBroadcast, encodeEnvelope } from '../../src/mesh/envelope.js'
import { encodeHello, judgeHello } from '../../src/mesh/handshake.js'
import { decodeRecord, encodeRecord } from '../../src/mesh/peer-record.js'
import { decodeSignal as decodeMeshSignal, encodeSignal as encodeMeshSignal } from '../../src/mesh/signals.js'
import {
  decodeFrame as decodeMessageFrame,
  encodeAnswer,
  encodeCall,
  encodeCancel,
  encodeCast,
  encodeFailure,
  encodeRefusal,
} from '../../src/messaging/protocol.js'
import { decodeConfigChange, encodeConfigChange } from '../../src/raft/config-change.js'
import { parseServerMessage } from '../../src/signaling/messages.js'
import { decodeSealedSignal, encodeSealedSignal } from '../../src/signaling/sealed-signal.js'
import { encodeFrames, FRAME_KIND, frameBytes, readFrame } from '../../src/transport/frames.js'
import { LANES } from '../../src/transport/lanes.js'
import { Reassembly } from '../../src/transport/reassembly.js'
import { decodeSignal as decodeRtcSignal, encodeSignal as encodeRtcSignal } from '../../src/transport/webrtc-signals.js'
import type { DecoderCase } from './decoders.js'
import { ALICE, BOB, CLUSTER, CONFIGURATION, INFO, MEMBER, PAYLOAD, RAFT_MESSAGES, VALUES } from './samples.js'

const attempt = { boot: 0xffffffff, number: 300 }
const ticket = PAYLOAD.subarray(0, 16)

const record = { info: INFO, clusterId: CLUSTER, isFull: false, neighbours: [BOB] }
const broadcast = { origin: ALICE, boot: 0xffffffff, sequence: 300 }

const controls: readonly ControlMessage[] = [
  { kind: 'hello', versions: { min: 1, max: 300 }, identity: PAYLOAD },
  { kind: 'cluster', clusterId: CLUSTER },
  { kind: 'summary', versions: [{ peer: ALICE, version: 300 }] },
  { kind: 'records', records: [{ peer: ALICE, version: 300, body: encodeRecord(record) }] },
  { kind: 'check', hash: 300 },
  { kind: 'ask', peers: [ALICE, BOB] },
  { kind: 'digest', kept: [{ ...broadcast, ageMs: 700 }] },
  { kind: 'fetch', lacking: [broadcast] },
  { kind: 'unlink' },
  { kind: 'goodbye', payload: PAYLOAD },
  { kind: 'admitted' },
  { kind: 'refused', problem: 'it is not authorized' },
]

const self = { client: 77, links: [ALICE, BOB], takesYours: true, isChosen: true }
const documentFrames: readonly FrameBody[] = [
  {
    kind: 'ask',
    self,
    askId: 3,
    summary: { stateVector: vectorOf(documents()[1]), stateHash: 'x'.repeat(16) },
    takenHash: undefined,
  },
  { kind: 'answer', self, askId: 3, stateHash: 'x'.repeat(16), update: documents()[0] },
  { kind: 'absent' },
  { kind: 'stale' },
  { kind: 'update', update: documents()[1] },
  { kind: 'self', self },
  {
    kind: 'awareness',
    entries: [
      { client: 77, clock: 3, state: '{"cursor":[1,2]}' },
      { client: 78, clock: 1, state: 'null' },
    ],
  },
  { kind: 'part', totalBytes: 70_000, bytes: PAYLOAD },
  { kind: 'taken', bytes: 4_000 },
  { kind: 'beacon', beacon: { root: ALICE, sequence: 12, relays: 1, hops: 2 } },
  { kind: 'have', outline: new Uint8Array([0, 0]) },
]

const epoch = { id: 0xfffffffe, base: { index: 9, term: 3 } }
const recovery = { epoch: epoch.id, baseIndex: 9, survivors: [ALICE], discarded: [BOB] }
const rosterMessages: readonly RosterMessage[] = [
  {
    kind: 'announce',
    clusterId: CLUSTER,
    member: MEMBER,
    machineName: 'kv',
    visible: true,
    isWorn: false,
    epoch: 1,
    history: [epoch],
  },
  { kind: 'inquiry' },
  { kind: 'leaving' },
  { kind: 'refusal', code: 'E_MACHINE', problem: 'no' },
  { kind: 'retired', incarnation: 3 },
  { kind: 'digest', index: 9, hash: 'abc' },
  { kind: 'diverged', index: 9 },
  { kind: 'summary', clusterId: CLUSTER, isEmpty: false, hasLeader: true, formerly: [CLUSTER] },
  { kind: 'survey', nonce: 1, epoch: 2 },
  { kind: 'survivor', nonce: 1, epoch: 2, id: MEMBER.id, voices: [MEMBER.id], last: epoch.base, hasLeader: false },
  { kind: 'recover-please', nonce: 1, epoch: 2 },
  { kind: 'recovered', nonce: 1, recovery, problem: '' },
  { kind: 'parted', epoch: 2 },
]

const transfer = 'abcdefghijk'
const transfers: readonly TransferMessage[] = [
  { kind: 'offer', transfer, group: 3, snapshotId: 'snap', compressed: true, raftMessage: PAYLOAD },
  { kind: 'chunk', transfer, sequence: 1, checksum: 77, bytes: PAYLOAD },
  { kind: 'end', transfer, count: 2, checksum: 77 },
  { kind: 'cancel', transfer, reason: 'silent' },
  { kind: 'accept', transfer, next: 1 },
  { kind: 'ack', transfer, next: 2 },
  { kind: 'complete', transfer },
  { kind: 'refuse', transfer, reason: 'busy' },
]

const serverMessages: readonly object[] = [
  {
    type: 'welcome',
    peers: [ALICE, BOB],
    iceServers: [{ urls: ['stun:a:1', 'turn:b:2'], username: 'u', credential: 'c' }],
    clusterId: CLUSTER,
  },
  { type: 'founded', clusterId: CLUSTER },
  { type: 'peer-joined', peer: ALICE },
  { type: 'peer-left', peer: ALICE },
  { type: 'signal', from: ALICE, payload: 'AAEC' },
  { type: 'error', code: 'room-full' },
  { type: 'pong' },
]

const frames = [
  { kind: FRAME_KIND.whole, lane: 2, port: 1, word: 0, bytes: PAYLOAD },
  { kind: FRAME_KIND.first, lane: 4, port: 4, word: 80, bytes: PAYLOAD },
  { kind: FRAME_KIND.next, lane: 4, port: 4, word: 0, bytes: PAYLOAD },
  { kind: FRAME_KIND.ping, lane: 0, port: 0, word: 77, bytes: new Uint8Array() },
]

/** What strangers, servers and peers can send. */
export const WIRE_DECODERS: readonly DecoderCase[] = [
  {
    source: 'codec/value.ts#decodeValue',
    decode: decodeValue,
    samples: VALUES.map((value) => encodeValue(value)),
  },
  {
    source: 'codec/value-reader.ts#readChunks',
    decode: (bytes) => readChunks(inPieces(bytes)),
    samples: VALUES.map((value) => encodeValue(value)),
  },
  {
    source: 'signaling/messages.ts#parseServerMessage',
    decode: (bytes) => parseServerMessage(new TextDecoder().decode(bytes)),
    samples: serverMessages.map((message) => new TextEncoder().encode(JSON.stringify(message))),
  },
  {
    source: 'signaling/sealed-signal.ts#decodeSealedSignal',
    decode: decodeSealedSignal,
    samples: [
      encodeSealedSignal({ kind: 'asks', mine: ticket }),
      encodeSealedSignal({ kind: 'data', mine: ticket, yours: ticket, count: 300, payload: PAYLOAD }),
    ],
  },
  {
    source: 'transport/webrtc-signals.ts#decodeSignal',
    decode: decodeRtcSignal,
    samples: [
      encodeRtcSignal({ type: 'offer', sdp: 'v=0\r\n', stack: 'wrtc' }),
      encodeRtcSignal({ type: 'candidate', candidate: 'candidate:1 1 UDP 1 1.2.3.4 5', sdpMid: '0', sdpMLineIndex: 0 }),
      encodeRtcSignal({ type: 'restart' }),
    ],
  },
  { source: 'transport/frames.ts#readFrame', decode: readFrames, samples: [encodeFrames(frames)] },
  {
    source: 'mesh/signals.ts#decodeSignal',
    decode: decodeMeshSignal,
    samples: [
      encodeMeshSignal({ kind: 'offer', attempt, payload: PAYLOAD }),
      encodeMeshSignal({ kind: 'gone', attempt }),
      encodeMeshSignal({ kind: 'dial' }),
    ],
  },
  { source: 'mesh/control.ts#decodeControl', decode: decodeControl, samples: controls.map(encodeControl) },
  {
    source: 'mesh/handshake.ts#judgeHello',
    decode: (bytes) => judgeHello(bytes, ALICE),
    samples: [encodeHello({ info: INFO, clusterId: CLUSTER, credential: 'a token', authorizes: true })],
  },
  {
    source: 'mesh/peer-record.ts#decodeRecord',
    decode: (body) => decodeRecord({ peer: ALICE, version: 1, body }),
    samples: [encodeRecord(record)],
  },
  {
    source: 'mesh/envelope.ts#decodeEnvelope',
    decode: decodeEnvelope,
    samples: [
      encodeEnvelope({ hops: 2, from: ALICE, to: BOB, fromBoot: 1, toBoot: 2, sequence: 3, port: 1, payload: PAYLOAD }),
    ],
  },
  {
    source: 'mesh/envelope.ts#decodeBroadcast',
    decode: decodeBroadcast,
    samples: [encodeBroadcast({ hops: 2, origin: ALICE, boot: 1, sequence: 3, port: 1, payload: PAYLOAD })],
  },
  {
    source: 'messaging/protocol.ts#decodeFrame',
    decode: decodeMessageFrame,
    samples: [
      encodeCast('ping', VALUES[2]),
      encodeCall(300, 'ping', VALUES[1]),
      encodeAnswer(300, VALUES[2]),
      encodeRefusal(300, 'E_BUSY'),
      encodeFailure(300, { code: 'E_MINE', message: 'broken', details: { a: 1 } }),
      encodeCancel(300),
    ],
  },
  {
    source: 'docs/protocol.ts#decodeFrame',
    decode: (bytes) => decodeDocumentFrame(bytes, DEFAULT_DOCUMENT_LIMITS),
    samples: documentFrames.map((frame) => encodeFrame('notes', frame)),
  },
  { source: 'docs/updates.ts#checkUpdate', decode: takeUpdate, samples: documents() },
  {
    source: 'groups/raft-codec.ts#decodeMessage',
    decode: (bytes) => decodeMessage(bytes, ALICE, BOB),
    samples: RAFT_MESSAGES.map(encodeMessage),
  },
  {
    source: 'groups/consensus-frames.ts#decodeInEpoch',
    decode: (bytes) => decodeInEpoch(bytes, ALICE, BOB),
    samples: RAFT_MESSAGES.map((message) => encodeInEpoch(7, message)),
  },
  {
    source: 'groups/consensus-frames.ts#decodeFrame',
    decode: (bytes) => decodeConsensusFrame(bytes, ALICE, BOB),
    samples: [concatBytes(RAFT_MESSAGES.map((message) => concatBytes([Uint8Array.of(3), encodeInEpoch(7, message)])))],
  },
  {
    source: 'groups/announce.ts#decodeRosterMessage',
    decode: decodeRosterMessage,
    samples: rosterMessages.map((message) => encodeRosterMessage(3, message)),
  },
  {
    source: 'groups/snapshot-protocol.ts#decodeTransferMessage',
    decode: decodeTransferMessage,
    samples: transfers.map(encodeTransferMessage),
  },
  { source: 'groups/member-codec.ts#decodeJoining', decode: decodeJoining, samples: [encodeJoining([MEMBER, MEMBER])] },
  { source: 'raft/config-change.ts#decodeConfigChange', decode: decodeConfigChange, samples: configChanges() },
]

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7)
}

/** As a Link does: all frames of a message, their payloads put together. */
function readFrames(message: Uint8Array): unknown {
  const reassemblies = LANES.map(() => new Reassembly(1024 * 1024))
  const results: unknown[] = []
  for (let at = 0; at < message.length; ) {
    const frame = readFrame(message, at, LANES.length)
    if (frame === undefined) throw new DecodeError('no frame')
    if (frameBytes(frame) <= 0) throw new Error('a frame without bytes: the link would never come to an end')
    results.push(reassemblies[frame.lane]?.take(frame))
    at += frameBytes(frame)
  }
  return results
}

/** As a document does. What a document makes of it must be as small as the update. */
function takeUpdate(update: Uint8Array): unknown {
  checkUpdate(update)
  const y = new Y.Doc()
  y.getText('text').insert(0, 'what was there before')
  applyChecked(y, update, 'fuzz')
  y.getText('text').insert(0, 'still writable')
  return [Y.encodeStateAsUpdate(y), new Uint8Array(pendingBytes(y))]
}

function documents(): [Uint8Array, Uint8Array] {
  const [text, map] = [new Y.Doc(), new Y.Doc()]
  text.clientID = 1_000
  map.clientID = 2_000
  text.getText('text').insert(0, 'hello world')
  text.getText('text').delete(2, 5)
  text.getText('text').format(0, 2, { bold: true })
  Y.applyUpdate(map, Y.encodeStateAsUpdate(text))
  map.getMap('map').set('list', Y.Array.from([1, 'two', { three: 3 }, new Uint8Array([4])]))
  map.getXmlFragment('xml').insert(0, [new Y.XmlElement('p')])
  return [Y.encodeStateAsUpdate(text), Y.encodeStateAsUpdate(map)]
}

function vectorOf(update: Uint8Array): Uint8Array {
  return Y.encodeStateVectorFromUpdate(update)
}

function configChanges(): Uint8Array[] {
  const changes = CONFIGURATION.voters.map((id) => ({ type: 'add-voter', id }) as const)
  const bytes = encodeConfigChange({ transition: 'auto', changes, context: encodeJoining([MEMBER]) })
  return bytes === undefined ? [] : [bytes]
}
