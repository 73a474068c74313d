import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { equalBytes } from '../../src/base/bytes.js'
import type { ByteTransform } from '../../src/groups/snapshot-compression.js'
import { encodeTransferMessage } from '../../src/groups/snapshot-protocol.js'
import { SNAPSHOT_CHUNK_BYTES, spoolSnapshot } from '../../src/groups/snapshot-source.js'
import {
  ALICE,
  BOB,
  CAROL,
  RecordingSink,
  randomBytes,
  type SnapshotPeer,
  SnapshotWorld,
  sourceOf,
} from './snapshot-peers.js'

const CHUNKS = 40
const state = randomBytes(CHUNKS * SNAPSHOT_CHUNK_BYTES - 100)

let world: SnapshotWorld
let alice: SnapshotPeer
let bob: SnapshotPeer

/** In chunks. */
const WINDOW = 8

beforeEach(() => {
  world = new SnapshotWorld()
  alice = world.peer(ALICE, { limits: { sender: { windowBytes: WINDOW * SNAPSHOT_CHUNK_BYTES } } })
  bob = world.peer(BOB)
})

afterEach(() => {
  for (const peer of [alice, bob]) expect(peer.sinks.flatMap(({ misuses }) => misuses)).toEqual([])
})

/** As `toEqual`, which takes seconds for so many. */
function expectBytes(actual: Uint8Array | undefined, expected: Uint8Array): void {
  expect(actual !== undefined && equalBytes(actual, expected)).toBe(true)
}

/** The chunks sent to a peer. */
function sequencesTo(to: string): number[] {
  return world
    .sentOf('chunk')
    .filter((sent) => sent.to === to)
    .map(({ message }) => message.sequence)
}

function upTo(count: number, from = 0): number[] {
  return Array.from({ length: count - from }, (_, i) => from + i)
}

describe('a snapshot transfer', { timeout: 20_000 }, () => {
  it('[SNP30] brings all chunks in order, then the Raft message', async () => {
    const outcome = alice.start(BOB, sourceOf(state), 5)
    await world.until(() => outcome.ended.length > 0)
    expect(outcome.ended).toEqual(['done'])
    const [sink] = bob.sinks
    expectBytes(sink?.bytes, state)
    expect([sink?.finished, sink?.aborted]).toEqual([1, 0])
    const offer = { from: ALICE, group: 5, snapshotId: 'snapshot', raftMessage: Uint8Array.of(7, 5) }
    expect(bob.complete).toEqual([offer])
    expect(sink?.offer).toEqual(offer)
    expect(outcome.progress).toEqual([...outcome.progress].sort((a, b) => a - b))
    expect(outcome.progress.at(-1)).toBe(state.length)
    expect(sequencesTo(BOB)).toEqual(upTo(CHUNKS))
  })

  it('[SNP30] brings an empty snapshot, and one that ends with a full chunk', async () => {
    for (const whole of [new Uint8Array(0), state.subarray(0, 2 * SNAPSHOT_CHUNK_BYTES)]) {
      const outcome = alice.start(BOB, sourceOf(whole, `of ${whole.length}`))
      await world.until(() => outcome.ended.length > 0)
      expect(outcome.ended).toEqual(['done'])
      expectBytes(bob.sinks.at(-1)?.bytes, whole)
    }
  })

  it('[SNP30] reads the source no further than a chunk ahead of what it sends', async () => {
    let produced = 0
    function* pieces() {
      for (; produced < CHUNKS; produced++) yield state.subarray(0, SNAPSHOT_CHUNK_BYTES)
    }
    const outcome = alice.start(BOB, spoolSnapshot(pieces(), { id: 's' }))
    while (outcome.ended.length === 0) {
      await world.clock.run(1)
      expect(produced).toBeLessThanOrEqual(sequencesTo(BOB).length + 2)
    }
  })

  it('[SNP31] re-sends nothing that was acknowledged after a break', async () => {
    const source = sourceOf(state)
    const outcome = alice.start(BOB, source)
    let acknowledged = 0
    for (const target of [5, 6, 20]) {
      await world.until(() => outcome.progress.length >= target)
      acknowledged = outcome.progress.length
      world.cut(ALICE, BOB)
      await world.clock.run(1_000)
      world.sent.length = 0
      world.mend(ALICE, BOB)
      await world.until(() => sequencesTo(BOB).length > 0)
      expect(sequencesTo(BOB)[0]).toBeGreaterThanOrEqual(acknowledged)
    }
    await world.until(() => outcome.ended.length > 0)
    expect(sequencesTo(BOB)).toEqual(upTo(CHUNKS, sequencesTo(BOB)[0]))
    expect([outcome.ended, bob.sinks.length, bob.sinks[0]?.finished]).toEqual([['done'], 1, 1])
    expectBytes(bob.sinks[0]?.bytes, state)
  })

  it('[SNP31] goes back for no answer but that to its latest offer', async () => {
    const outcome = alice.start(BOB, sourceOf(state))
    await world.until(() => outcome.progress.length > 3)
    const transfer = world.sentOf('offer')[0]?.message.transfer ?? ''
    alice.exchange.message(BOB, encodeTransferMessage({ kind: 'accept', transfer, next: 0 }))
    await world.until(() => outcome.ended.length > 0)
    expect([outcome.ended, sequencesTo(BOB)]).toEqual([['done'], upTo(CHUNKS)])
  })

  it('[SNP32] is replaced by a newer one to the same group, which goes on with the same snapshot', async () => {
    const source = sourceOf(state)
    const first = alice.start(BOB, source)
    await world.until(() => first.progress.length >= 10)
    const second = alice.start(BOB, source)
    expect(first.ended).toEqual(['replaced'])
    await world.until(() => second.ended.length > 0)
    expect([second.ended, bob.sinks.length, bob.complete.length]).toEqual([['done'], 1, 1])
    expect(second.progress[0]).toBeGreaterThan(10 * SNAPSHOT_CHUNK_BYTES)
    expect(sequencesTo(BOB).length).toBeLessThan(1.5 * CHUNKS)
  })

  it('[SNP32] starts over when the newer one has another snapshot', async () => {
    const first = alice.start(BOB, sourceOf(state))
    await world.until(() => first.progress.length >= 10)
    const newer = state.slice().reverse()
    const second = alice.start(BOB, sourceOf(newer, 'newer'))
    await world.until(() => second.ended.length > 0)
    expect(bob.sinks.map(({ finished, aborted }) => [finished, aborted])).toEqual([
      [0, 1],
      [1, 0],
    ])
    expectBytes(bob.sinks[1]?.bytes, newer)
    expect(bob.complete).toHaveLength(1)
  })

  it('[SNP33] shares its source with others, each at its own pace', async () => {
    const carol = world.peer(CAROL, {
      sinkFor: (offer) => new RecordingSink(offer, () => new Promise((done) => world.clock.setTimer(20, done))),
    })
    const source = sourceOf(state)
    const toBob = alice.start(BOB, source)
    const toCarol = alice.start(CAROL, source)
    await world.until(() => toBob.ended.length > 0)
    expect(toCarol.ended).toEqual([])
    await world.until(() => toCarol.ended.length > 0)
    expect([toBob.ended, toCarol.ended, carol.complete.length]).toEqual([['done'], ['done'], 1])
    expect(sequencesTo(CAROL)).toEqual(upTo(CHUNKS))
  })

  it('[SNP34] hears from the receiver that it is complete even if that was lost', async () => {
    const outcome = alice.start(BOB, sourceOf(state))
    world.tamper = ({ message }, bytes) => (message.kind === 'complete' ? undefined : bytes)
    await world.until(() => bob.complete.length > 0)
    world.cut(ALICE, BOB)
    world.tamper = (_, bytes) => bytes
    world.mend(ALICE, BOB)
    await world.until(() => outcome.ended.length > 0)
    expect([outcome.ended, bob.complete.length, bob.sinks.length]).toEqual([['done'], 1, 1])
  })

  it('[SNP35] comes to a good end although the port drops messages of every kind', async () => {
    const drops = new Map<string, number>()
    world.tamper = ({ message }, bytes) => {
      const dropped = drops.get(message.kind) ?? 0
      const isDropped = dropped < 1 && (message.kind !== 'chunk' || message.sequence === 7)
      drops.set(message.kind, dropped + (isDropped ? 1 : 0))
      return isDropped ? undefined : bytes
    }
    const outcome = alice.start(BOB, sourceOf(state))
    await world.until(() => outcome.ended.length > 0)
    expect([...drops]).toEqual(['offer', 'accept', 'chunk', 'ack', 'end', 'complete'].map((kind) => [kind, 1]))
    expect([outcome.ended, bob.complete.length, bob.sinks.length]).toEqual([['done'], 1, 1])
    expectBytes(bob.sinks[0]?.bytes, state)
  })

  it('[SNP36] waits for a full port to drain', async () => {
    world = new SnapshotWorld({ bytesPerMs: 100, queueBytes: 20_000 })
    alice = world.peer(ALICE)
    bob = world.peer(BOB)
    const outcome = alice.start(BOB, sourceOf(state))
    await world.until(() => outcome.ended.length > 0)
    expect([outcome.ended, sequencesTo(BOB)]).toEqual([['done'], upTo(CHUNKS)])
    expect(world.clock.nowMs).toBeLessThan((1.05 * state.length) / 100)
  })

  it('[SNP37] brings compressed snapshots inflated, if the receiver can', async () => {
    const flip: ByteTransform = () => {
      const transform = (chunk: Uint8Array) => chunk.map((byte) => byte ^ 255)
      return new TransformStream<Uint8Array, Uint8Array>({ transform: (chunk, out) => out.enqueue(transform(chunk)) })
    }
    const compressed = () => spoolSnapshot([state], { id: 's', deflate: flip })
    const refused = alice.start(BOB, compressed())
    await world.until(() => refused.ended.length > 0)
    expect(refused.ended).toEqual(['refused'])
    bob = world.peer(BOB, { inflate: flip })
    const outcome = alice.start(BOB, compressed())
    await world.until(() => outcome.ended.length > 0)
    expect(outcome.ended).toEqual(['done'])
    expectBytes(bob.sinks[0]?.bytes, state)
  })
})

describe('the flow of snapshot transfers', { timeout: 20_000 }, () => {
  const MEGABYTE = 1_000_000

  it('[SNP22] is shared by the transfers to one peer, evenly', async () => {
    world = new SnapshotWorld({ bytesPerMs: 5_000, delayMs: 10 })
    alice = world.peer(ALICE)
    bob = world.peer(BOB)
    const first = alice.start(BOB, sourceOf(new Uint8Array(5 * MEGABYTE), 'a', MEGABYTE), 1)
    await world.until(() => first.progress.length > 100)
    const second = alice.start(BOB, sourceOf(new Uint8Array(5 * MEGABYTE), 'b', MEGABYTE), 2)
    await world.until(() => second.progress.length >= 20)
    const before = first.progress.length
    await world.until(() => second.progress.length >= 70)
    const meanwhile = first.progress.length - before
    expect(meanwhile).toBeGreaterThan(35)
    expect(meanwhile).toBeLessThan(65)
  })

  it('[SNP24] follows a slow sink, with no more than a window under way', async () => {
    let sinkMs = 0
    const wait = () => (sinkMs === 0 ? undefined : new Promise<void>((done) => world.clock.setTimer(sinkMs, done)))
    bob = world.peer(BOB, { sinkFor: (offer) => new RecordingSink(offer, wait) })
    const outcome = alice.start(BOB, sourceOf(new Uint8Array(10 * MEGABYTE), 'a', MEGABYTE))
    const inFlight = () => sequencesTo(BOB).length - outcome.progress.length
    await world.clock.run(200)
    sinkMs = 30
    await world.clock.run(1_000)
    const before = outcome.progress.length
    await world.clock.run(300)
    expect(outcome.progress.length - before).toBe(10)
    expect(inFlight()).toBe(WINDOW)
    sinkMs = 0
    while (outcome.ended.length === 0) {
      await world.clock.run(1)
      expect(inFlight()).toBeLessThanOrEqual(WINDOW + 1)
    }
    expect(outcome.ended).toEqual(['done'])
  })

  it('[SNP24] has room for a transfer whatever the sink of another does', async () => {
    const wait = (group: number) => (group === 1 ? new Promise<void>(() => {}) : undefined)
    bob = world.peer(BOB, { sinkFor: (offer) => new RecordingSink(offer, () => wait(offer.group)) })
    alice.start(BOB, sourceOf(state), 1)
    await world.clock.run(100)
    const other = alice.start(BOB, sourceOf(state), 2)
    await world.clock.run(1_000)
    expect(other.ended).toEqual(['done'])
  })
})
