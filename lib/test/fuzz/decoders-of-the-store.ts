import { concatBytes } from '../../src/base/bytes.js'
import { viewOf } from '../../src/codec/byte-pool.js'
import { decodeHead as decodeDocumentHead, encodeHead as encodeDocumentHead } from '../../src/docs/store-format.js'
import { decodeMark, encodeMark } from '../../src/groups/durable-mark.js'
import {
  decodeCall,
  decodeEntry,
  decodeOwner,
  encodeActivate,
  encodeCall,
  encodeCheckpoint,
  encodeCommand,
  encodeCommands,
  encodeCreateGroup,
  encodeDissolve,
  encodeOneShot,
  encodeRegister,
  encodeRosterEntry,
} from '../../src/groups/entry.js'
import { readGift } from '../../src/groups/gift.js'
import { Outbox } from '../../src/groups/outbox.js'
import { encodeMessage } from '../../src/groups/raft-codec.js'
import { decodeAttributes, encodeAttributes } from '../../src/groups/replica-attributes.js'
import {
  decodeHead as decodeLogHead,
  decodeMeta,
  decodeRecord,
  encodeHead as encodeLogHead,
  encodeMeta,
  encodeRecord,
} from '../../src/groups/replica-log-format.js'
import { ReplicatedState } from '../../src/groups/replicated-state.js'
import type { StoredResult } from '../../src/groups/sessions.js'
import { decodeHead, encodeHead, type SnapshotHead } from '../../src/groups/snapshot.js'
import { voterIdOf } from '../../src/groups/voter-id.js'
import { loadIdentity } from '../../src/identity.js'
import { kv } from '../../src/machines/kv.js'
import { machineTools } from '../../src/machines/machine-tools.js'
import { frame, unframe } from '../../src/storage/format.js'
import type { Store } from '../../src/storage/storage.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'
import type { DecoderCase } from './decoders.js'
import { ALICE, BOB, CLUSTER, CONFIGURATION, MEMBER, PAYLOAD, RAFT_MESSAGES, randomBytes, VALUES } from './samples.js'

const runtime = new SimulatedClock().fork(1)
const call = encodeCall('reserve', VALUES[2])
const ticket = { nonce: 'nonce', number: 3 }
const base = { index: 9, term: 3 }

const entries: readonly Uint8Array[] = [
  encodeCommand({ session: 3, sequence: 300, lowest: 2, timestampMs: 1e12 }, call),
  encodeCommands({ session: 3, lowest: 2 }, [
    { number: 300, timestampMs: 1e12, ...call },
    { number: 302, timestampMs: 1e12, ...call },
  ]),
  encodeOneShot({ peer: ALICE, ticket, timestampMs: 1e12 }, call),
  encodeRegister({ nonce: 'nonce', peer: ALICE, replaces: { id: 3, nonce: 'older' } }),
  encodeCreateGroup({ name: 'orders', machineName: 'kv', replicas: 3, founder: MEMBER.id }),
  encodeActivate(3),
  encodeRosterEntry({ nonce: 'nonce', peer: BOB, wish: 'eject', expected: 9 }),
  encodeCheckpoint(),
  encodeDissolve(CLUSTER),
]

const head: SnapshotHead = {
  machineName: 'kv',
  machineVersion: 1,
  seed: 0xffffffff,
  appliedIndex: 9,
  surplus: 3,
  timestampMs: 1e12,
  roster: {
    members: [MEMBER],
    retired: [[BOB, 3]],
    ejected: [BOB],
    pinned: [[ALICE, 'voter']],
    changedAt: 8,
  },
  sessions: [
    {
      id: 3,
      nonce: 'nonce',
      peer: ALICE,
      lowest: 1,
      results: new Map<number, StoredResult>([
        [1, { ok: true, output: 'fine' }],
        [2, 'dropped'],
        [3, { ok: false, rejected: undefined }],
      ]),
      lastIndex: 8,
      replaced: { id: 2, lowest: 1, applied: [1, 2, 5] },
    },
  ],
  groups: [{ number: 4, name: 'orders', machineName: 'kv', replicas: 3, founder: voterIdOf(BOB, 2) }],
  isEmpty: false,
  dissolvedInto: CLUSTER,
  epochs: [{ id: 7, base }],
}

/** What is found on a disk, or in a log or snapshot that a member sent. */
export const STORE_DECODERS: readonly DecoderCase[] = [
  { source: 'groups/entry.ts#decodeEntry', decode: decodeEntry, samples: entries },
  { source: 'groups/entry.ts#decodeCall', decode: decodeCall, samples: [viewOf(call)] },
  { source: 'groups/entry.ts#decodeOwner', decode: decodeOwner, samples: entries },
  { source: 'groups/snapshot.ts#decodeHead', decode: decodeHead, samples: [encodeHead(head)] },
  { source: 'groups/replicated-state.ts#restore', decode: restore, samples: [snapshot()] },
  {
    source: 'groups/replica-log-format.ts#decodeMeta',
    decode: decodeMeta,
    samples: [encodeMeta({ incarnation: 3, attributes: PAYLOAD })],
  },
  {
    source: 'groups/replica-log-format.ts#decodeHead',
    decode: decodeLogHead,
    samples: [
      encodeLogHead({
        firstSequence: 3,
        base,
        state: { ...base, configuration: CONFIGURATION },
        chunks: { id: 2, totalBytes: 77, checksums: ['abcdef', 'fedcba'] },
      }),
    ],
  },
  {
    source: 'groups/replica-log-format.ts#decodeRecord',
    decode: decodeRecord,
    samples: [
      encodeRecord({
        hardState: { term: 3, vote: MEMBER.id, commit: 9, hosted: [{ id: MEMBER.id, fence: 2 }] },
        entries: entries.map((data, i) => ({ index: 10 + i, term: 3, type: 'normal', data })),
      }),
    ],
  },
  {
    source: 'groups/durable-mark.ts#decodeMark',
    decode: decodeMark,
    samples: [encodeMark({ ...base, configuration: CONFIGURATION, head: encodeHead(head) })],
  },
  {
    source: 'groups/replica-attributes.ts#decodeAttributes',
    decode: decodeAttributes,
    samples: [encodeAttributes({ clusterId: CLUSTER, isFounder: true, epoch: 7, formerly: [CLUSTER] })],
  },
  {
    source: 'groups/gift.ts#readGift',
    decode: (bytes) => readGift(storeOf(bytes), 0, ALICE),
    samples: RAFT_MESSAGES.filter(({ type }) => type === 'goodbye').map(encodeMessage),
  },
  {
    source: 'groups/outbox.ts#Outbox',
    decode: (bytes) => Outbox.load({ store: storeOf(bytes), writer: storeOf(bytes), prefix: 'outbox/' }),
    samples: [], // the format is its own; what it holds is fuzzed above
  },
  {
    source: 'identity.ts#loadIdentity',
    decode: (bytes) => loadIdentity(storeOf(bytes), runtime),
    samples: [concatBytes([Uint8Array.of(1), randomBytes(16), Uint8Array.of(3, 16), randomBytes(16)])],
  },
  {
    source: 'docs/store-format.ts#decodeHead',
    decode: decodeDocumentHead,
    samples: [encodeDocumentHead({ name: 'notes', set: 3, snapshotBytes: 70_000 })],
  },
  {
    source: 'storage/format.ts#unframe',
    decode: (value) => unframe('store', { key: 'key', value }),
    samples: [frame({ key: 'key', value: PAYLOAD }).value ?? PAYLOAD],
  },
]

/** A store where every key has this value. */
function storeOf(value: Uint8Array): Store {
  return {
    get: async () => value,
    write: async () => {},
    close: async () => {},
    async *scan(prefix: string) {
      yield { key: `${prefix}0000000000000001`, value }
    },
  } as unknown as Store
}

function snapshot(): Uint8Array {
  const encoded = encodeHead(head)
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, encoded.length)
  return concatBytes([length, encoded, ...kvState()])
}

function kvState(): Uint8Array[] {
  const content = kv.create(machineTools).snapshot()
  if (content instanceof Uint8Array) return [content]
  return [...(content as Iterable<Uint8Array>)]
}

async function restore(bytes: Uint8Array): Promise<unknown> {
  const state = new ReplicatedState(kv)
  await state.restore(inOnePiece(bytes), (flushed) => flushed)
  return undefined
}

async function* inOnePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
