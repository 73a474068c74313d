import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { equalBytes } from '../../src/base/bytes.js'
import { encodeTransferMessage, type TransferMessage } from '../../src/groups/snapshot-protocol.js'
import { SNAPSHOT_CHUNK_BYTES } from '../../src/groups/snapshot-source.js'
import {
  ALICE,
  BOB,
  RecordingSink,
  randomBytes,
  type Sent,
  type SnapshotPeer,
  SnapshotWorld,
  sourceOf,
} from './snapshot-peers.js'

const CHUNKS = 6
const state = randomBytes(CHUNKS * SNAPSHOT_CHUNK_BYTES - 100)
const GROUPS = [1, 2]

/** Runs it, and does `fault` when the `step`th message of all was sent. */
async function runWith(step: number, fault: (world: SnapshotWorld) => void, sinkMs: number) {
  const world = new SnapshotWorld({ delayMs: 3 })
  const alice = world.peer(ALICE, { limits: { sender: { giveUpMs: 10_000 } } })
  const sinks: RecordingSink[] = []
  const bob = world.peer(BOB, {
    limits: { receiver: { idleMs: 10_000 } },
    sinkFor: (offer) => {
      const sink = new RecordingSink(offer, sinkMs === 0 ? () => {} : () => delay(world, sinkMs))
      sinks.push(sink)
      return sink
    },
  })
  world.tamper = (_, bytes) => {
    if (world.sent.length === step) world.clock.setTimer(0, () => fault(world))
    return bytes
  }
  const outcomes = GROUPS.map((group) => alice.start(BOB, sourceOf(state), group))
  await world.clock.run(30_000)
  return { world, alice, bob, sinks, outcomes }
}

function delay(world: SnapshotWorld, ms: number): Promise<void> {
  return new Promise((done) => world.clock.setTimer(ms, done))
}

function expectSound({ sinks, bob }: { sinks: RecordingSink[]; bob: SnapshotPeer }): void {
  for (const sink of sinks) {
    expect(sink.misuses).toEqual([])
    expect(sink.finished + sink.aborted).toBe(1)
    expect(sink.finished === 0 || equalBytes(sink.bytes, state)).toBe(true)
  }
  expect(bob.complete.length).toBe(sinks.filter(({ finished }) => finished === 1).length)
}

async function expectAtRest(world: SnapshotWorld): Promise<void> {
  const fired = world.clock.firedCount
  await world.clock.run(10_000)
  expect(world.clock.firedCount).toBe(fired)
}

const step = fc.integer({ min: 1, max: 2 * GROUPS.length * (CHUNKS + 2) })
const sinkMs = fc.constantFrom(0, 0, 1, 30)

describe('a snapshot transfer, whatever happens', { timeout: 20_000 }, () => {
  it('[SNP60] ends well when the link breaks and comes back at any step, and brings everything once', async () => {
    const property = fc.asyncProperty(step, sinkMs, fc.constantFrom(0, 2, 100, 3_000), async (at, ms, awayMs) => {
      const breakLink = (world: SnapshotWorld) => {
        world.cut(ALICE, BOB)
        world.clock.setTimer(awayMs, () => world.mend(ALICE, BOB))
      }
      const run = await runWith(at, breakLink, ms)
      expectSound(run)
      expect(run.outcomes.map(({ ended }) => ended)).toEqual(GROUPS.map(() => ['done']))
      expect(run.sinks.map(({ finished }) => finished)).toEqual(GROUPS.map(() => 1))
      await expectAtRest(run.world)
    })
    await fc.assert(property, { seed: 1, numRuns: 60 })
  })

  it('[SNP61] leaves nothing behind when the sender vanishes at any step', async () => {
    const property = fc.asyncProperty(step, sinkMs, async (at, ms) => {
      const run = await runWith(at, (world) => world.kill(ALICE), ms)
      expectSound(run)
    })
    await fc.assert(property, { seed: 1, numRuns: 60 })
  })

  it('[SNP61] fails and is at rest when the receiver vanishes at any step', async () => {
    const property = fc.asyncProperty(step, async (at) => {
      const run = await runWith(at, (world) => world.kill(BOB), 0)
      for (const [i, { ended }] of run.outcomes.entries()) {
        const heardOf = run.world
          .sentOf('complete')
          .some(({ message }) => message.transfer === transferOf(run.world, i))
        expect(ended).toHaveLength(1)
        expect(ended[0] === 'silent' || (ended[0] === 'done' && heardOf)).toBe(true)
      }
      expect(run.alice.exchange.sender.status()).toEqual([])
    })
    await fc.assert(property, { seed: 1, numRuns: 60 })
  })

  it('[SNP62] survives any message from anyone at any time', async () => {
    const property = fc.asyncProperty(fc.array(fc.tuple(fc.nat(60), hostile), { maxLength: 12 }), async (plan) => {
      const world = new SnapshotWorld()
      const limits = { sender: { giveUpMs: 5_000 }, receiver: { idleMs: 5_000 } }
      const [alice, bob] = [world.peer(ALICE, { limits }), world.peer(BOB, { limits })]
      const outcome = alice.start(BOB, sourceOf(state))
      for (const [atMs, forge] of plan) {
        world.clock.setTimer(atMs, () => {
          const bytes = encodeTransferMessage(forge(world.sentOf('offer')[0]?.message.transfer ?? ''))
          bob.exchange.message(ALICE, bytes)
          alice.exchange.message(BOB, bytes)
        })
      }
      await world.clock.run(20_000)
      expect(outcome.ended).toHaveLength(1)
      expect(alice.exchange.sender.status()).toEqual([])
      for (const peer of [alice, bob]) {
        expect(peer.sinks.flatMap(({ misuses }) => misuses)).toEqual([])
        const left = peer.sinks.filter(({ finished, aborted }) => finished + aborted !== 1)
        expect(left.map(({ offer, finished, aborted }) => ({ offer, finished, aborted }))).toEqual([])
      }
      await expectAtRest(world)
    })
    await fc.assert(property, { seed: 1, numRuns: 60 })
  })
})

function transferOf(world: SnapshotWorld, i: number): string | undefined {
  const isOffer = ({ message }: Sent) => message.kind === 'offer' && message.group === GROUPS[i]
  return world.sent.find(isOffer)?.message.transfer
}

/** A message about the transfer that is under way, or about another. */
const hostile: fc.Arbitrary<(transfer: string) => TransferMessage> = fc
  .record({
    kind: fc.constantFrom('offer', 'chunk', 'end', 'cancel', 'accept', 'ack', 'complete', 'refuse' as const),
    other: fc.boolean(),
    number: fc.oneof(fc.nat(8), fc.maxSafeNat()),
    snapshotId: fc.constantFrom('snapshot', 'another'),
    bytes: fc.uint8Array({ maxLength: 20 }),
    checksum: fc.nat(),
    compressed: fc.boolean(),
  })
  .map(({ other, number, bytes, ...rest }) => (transfer) => {
    const numbers = { group: number, sequence: number, count: number, next: number }
    const fields = { ...numbers, ...rest, bytes, raftMessage: bytes, reason: 'stopped' }
    return { ...fields, transfer: other ? 'another' : transfer } as TransferMessage
  })
