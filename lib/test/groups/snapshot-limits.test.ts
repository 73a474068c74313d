import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeTransferMessage, type SenderMessage } from '../../src/groups/snapshot-protocol.js'
import { SNAPSHOT_CHUNK_BYTES, spoolSnapshot } from '../../src/groups/snapshot-source.js'
import {
  ALICE,
  BOB,
  type Outcome,
  peerId,
  RecordingSink,
  randomBytes,
  type SnapshotPeer,
  SnapshotWorld,
  sourceOf,
} from './snapshot-peers.js'

const CHUNKS = 20
const state = randomBytes(CHUNKS * SNAPSHOT_CHUNK_BYTES)

let world: SnapshotWorld
let alice: SnapshotPeer
let bob: SnapshotPeer

const SLOW = { limits: { sender: { windowBytes: 2 * SNAPSHOT_CHUNK_BYTES } } }

beforeEach(() => {
  world = new SnapshotWorld()
  alice = world.peer(ALICE, SLOW)
  bob = world.peer(BOB, SLOW)
})

afterEach(() => {
  expect(bob.sinks.flatMap(({ misuses }) => misuses)).toEqual([])
})

async function ended(outcome: Outcome): Promise<string | undefined> {
  await world.until(() => outcome.ended.length > 0)
  return outcome.ended[0]
}

const endings = () => bob.sinks.map(({ finished, aborted }) => [finished, aborted])

/** Replaces the messages of one kind from Alice. */
function replace(kind: SenderMessage['kind'], change: (message: SenderMessage) => object): void {
  world.tamper = ({ message }, bytes) =>
    message.kind === kind ? encodeTransferMessage({ ...message, ...change(message) } as SenderMessage) : bytes
}

describe('a snapshot sender', { timeout: 20_000 }, () => {
  it('[SNP40] has few transfers at a time, the others wait in line', async () => {
    alice = world.peer(ALICE, { limits: { sender: { concurrent: 2 } } })
    const outcomes = [1, 2, 3, 4, 5].map((group) => alice.start(BOB, sourceOf(state), group))
    let most = 0
    while (outcomes.some((outcome) => outcome.ended.length === 0)) {
      await world.clock.run(1)
      most = Math.max(most, bob.sinks.filter((sink) => sink.finished === 0).length)
      expect(alice.exchange.sender.status().filter(({ waiting }) => !waiting).length).toBeLessThanOrEqual(2)
    }
    expect(most).toBe(2)
    expect(outcomes.map((outcome) => outcome.ended)).toEqual(Array(5).fill(['done']))
    expect(bob.complete.map(({ group }) => group)).toEqual([1, 2, 3, 4, 5])
    expect(alice.exchange.sender.status()).toEqual([])
  })

  it('[SNP41] gives up when the peer is away for too long, and lets others go first meanwhile', async () => {
    alice = world.peer(ALICE, { limits: { sender: { concurrent: 1 } } })
    const away = alice.start(peerId(9), sourceOf(state))
    const here = alice.start(BOB, sourceOf(state))
    expect(await ended(here)).toBe('done')
    await world.clock.run(50_000)
    expect(away.ended).toEqual([])
    expect(await ended(away)).toBe('silent')
    expect(world.clock.nowMs).toBe(60_000)
    const fired = world.clock.firedCount
    await world.clock.run(60_000)
    expect(world.clock.firedCount).toBe(fired) // no clock runs without transfers
  })

  it('[SNP41] gives up on a peer that is linked but says nothing', async () => {
    world.tamper = () => undefined
    expect(await ended(alice.start(BOB, sourceOf(state)))).toBe('silent')
    expect(world.sentOf('offer').length).toBe(12)
    expect(world.sentOf('cancel')).toHaveLength(1)
  })

  it('[SNP42] fails, and has the part given up, when its source does', async () => {
    function* failing() {
      yield state.subarray(0, 5 * SNAPSHOT_CHUNK_BYTES)
      throw new Error('no more')
    }
    expect(await ended(alice.start(BOB, spoolSnapshot(failing(), { id: 's' })))).toBe('source')
    await world.clock.run(100)
    expect([endings(), bob.exchange.receiver.counts.failures.source]).toEqual([[[0, 1]], 1])
  })

  it('[SNP42] fails when a receiver asks for chunks that there are not', async () => {
    world.tamper = ({ message }, bytes) =>
      message.kind === 'accept' ? encodeTransferMessage({ ...message, next: CHUNKS + 1 }) : bytes
    expect(await ended(alice.start(BOB, sourceOf(state)))).toBe('source')
  })

  it('[SNP43] stops the transfers of a group, of either direction, without a word', async () => {
    const stopped = alice.start(BOB, sourceOf(state), 1)
    const other = alice.start(BOB, sourceOf(state), 2)
    const incoming = bob.start(ALICE, sourceOf(state), 1)
    await world.until(() => stopped.progress.length > 3 && incoming.progress.length > 3)
    alice.exchange.stop(1)
    expect(await ended(other)).toBe('done')
    expect(await ended(incoming)).toBe('stopped')
    expect([stopped.ended, endings()]).toEqual([
      [],
      [
        [0, 1],
        [1, 0],
      ],
    ])
    const last = alice.start(BOB, sourceOf(state), 3)
    await world.until(() => last.progress.length > 3)
    alice.exchange.close()
    await world.clock.run(100)
    expect([last.ended, endings().at(-1), bob.exchange.receiver.counts.failures.stopped]).toEqual([[], [0, 1], 2])
  })

  it('[SNP43] stops what its sink is about to finish: it is not complete', async () => {
    let [finishing, aborted] = [0, 0]
    const finish = () => {
      finishing++
      return new Promise<void>((done) => world.clock.setTimer(50, done))
    }
    bob = world.peer(BOB, { sinkFor: () => ({ add: () => {}, finish, abort: () => aborted++ }) })
    const outcome = alice.start(BOB, sourceOf(state))
    await world.until(() => finishing > 0)
    bob.exchange.stop(1)
    await world.clock.run(100)
    expect([outcome.ended, finishing, aborted, bob.complete]).toEqual([['stopped'], 1, 1, []])
  })
})

describe('a snapshot receiver', { timeout: 20_000 }, () => {
  it('[SNP50] refuses a damaged chunk and counts it', async () => {
    replace('chunk', (message) => {
      if (message.kind !== 'chunk' || message.sequence !== 3) return {}
      const bytes = message.bytes.slice()
      bytes[100] = (bytes[100] ?? 0) ^ 1
      return { bytes }
    })
    expect(await ended(alice.start(BOB, sourceOf(state)))).toBe('damaged')
    expect([endings(), bob.sinks[0]?.chunks.length, bob.exchange.receiver.counts.failures.damaged]).toEqual([
      [[0, 1]],
      3,
      1,
    ])
  })

  it.each([
    ['a checksum over all that is wrong', 'end', () => ({ checksum: 1 })],
    ['a count that is too low', 'end', () => ({ count: CHUNKS - 1 })],
    ['an empty chunk', 'chunk', () => ({ bytes: new Uint8Array(0), checksum: 0 })],
  ] as const)('[SNP50] refuses %s', async (_, kind, change) => {
    replace(kind, change)
    expect(await ended(alice.start(BOB, sourceOf(state)))).toBe('damaged')
    expect([endings(), bob.complete]).toEqual([[[0, 1]], []])
  })

  it('[SNP51] refuses more bytes than its limit', async () => {
    bob = world.peer(BOB, { limits: { receiver: { snapshotBytes: state.length - 1 } } })
    expect(await ended(alice.start(BOB, sourceOf(state)))).toBe('too-large')
    expect([endings(), bob.exchange.receiver.counts.failures['too-large']]).toEqual([[[0, 1]], 1])
    bob = world.peer(BOB, { limits: { receiver: { snapshotBytes: state.length } } })
    expect(await ended(alice.start(BOB, sourceOf(state)))).toBe('done')
  })

  it('[SNP52] refuses more transfers than its limit, but a part whose sender is gone makes room', async () => {
    bob = world.peer(BOB, { limits: { receiver: { concurrent: 1 } } })
    const carol = world.peer(peerId(3))
    const first = alice.start(BOB, sourceOf(state))
    await world.until(() => first.progress.length > 3)
    expect(await ended(carol.start(BOB, sourceOf(state)))).toBe('busy')
    world.cut(ALICE, BOB)
    expect(await ended(carol.start(BOB, sourceOf(state)))).toBe('done')
    expect([endings(), bob.exchange.receiver.counts.failures.busy]).toEqual([
      [
        [0, 1],
        [1, 0],
      ],
      2,
    ])
  })

  it('[SNP53] refuses a sender that does not wait for acknowledgements', async () => {
    const never = new Promise<void>(() => {})
    bob = world.peer(BOB, {
      limits: { receiver: { pendingBytes: 3 * SNAPSHOT_CHUNK_BYTES } },
      sinkFor: (offer) => new RecordingSink(offer, () => never),
    })
    const acknowledgeUnasked = (transfer: string, next: number) =>
      alice.exchange.message(BOB, encodeTransferMessage({ kind: 'ack', transfer, next }))
    world.tamper = ({ message }, bytes) => {
      if (message.kind === 'chunk') {
        world.clock.setTimer(1, () => acknowledgeUnasked(message.transfer, message.sequence + 1))
      }
      return bytes
    }
    expect(await ended(alice.start(BOB, sourceOf(state)))).toBe('overrun')
  })

  it('[SNP54] gives up a part to which nothing comes, however often it is offered', async () => {
    const first = alice.start(BOB, sourceOf(state))
    world.tamper = ({ message }, bytes) => (message.kind === 'chunk' && message.sequence > 2 ? undefined : bytes)
    expect(await ended(first)).toBe('silent')
    expect(world.clock.nowMs).toBeLessThan(62_000)
    await world.clock.run(62_000) // for an offer that was on its way then
    expect(bob.sinks.every(({ aborted }) => aborted === 1)).toBe(true)
  })

  it('[SNP54] keeps the part of a sender that is gone for a minute', async () => {
    const first = alice.start(BOB, sourceOf(state))
    await world.until(() => first.progress.length > 3)
    world.kill(ALICE)
    await world.clock.run(58_000)
    expect(endings()).toEqual([[0, 0]])
    await world.clock.run(3_000)
    expect([endings(), bob.exchange.receiver.counts.failures.silent]).toEqual([[[0, 1]], 1])
    const fired = world.clock.firedCount
    await world.clock.run(60_000)
    expect(world.clock.firedCount - fired).toBeLessThanOrEqual(60) // Alice's clock alone
  })

  it('[SNP55] refuses what its owner has no use for', async () => {
    bob = world.peer(BOB, { sinkFor: () => undefined })
    expect(await ended(alice.start(BOB, sourceOf(state)))).toBe('refused')
    expect(bob.exchange.receiver.counts.failures.refused).toBe(1)
  })

  it.each(['add', 'finish'] as const)('[SNP56] refuses the rest when its sink fails to %s', async (method) => {
    for (const fail of [
      () => Promise.reject(new Error('disk')),
      () => {
        throw new Error('disk')
      },
    ]) {
      let aborted = 0
      const sink = { add: () => {}, finish: () => {}, abort: () => aborted++, [method]: fail }
      bob = world.peer(BOB, { sinkFor: () => sink })
      expect(await ended(alice.start(BOB, sourceOf(state)))).toBe('sink')
      expect([aborted, bob.complete, bob.exchange.receiver.counts.failures.sink]).toEqual([1, [], 1])
    }
  })

  it('[SNP57] stays in touch while its sink needs long to finish', async () => {
    let finishing = false
    const wait = () => (finishing ? new Promise<void>((done) => world.clock.setTimer(200_000, done)) : undefined)
    bob = world.peer(BOB, { sinkFor: (offer) => new RecordingSink(offer, wait) })
    const outcome = alice.start(BOB, sourceOf(state))
    world.tamper = ({ message }, bytes) => {
      finishing ||= message.kind === 'ack' && message.next === CHUNKS
      return bytes
    }
    await world.until(() => outcome.ended.length > 0, 300_000)
    expect([outcome.ended, bob.complete.length]).toEqual([['done'], 1])
  })
})
