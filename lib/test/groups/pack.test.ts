import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PeerId } from '../../src/base/ids.js'
import type { Value } from '../../src/codec/value.js'
import {
  COMMANDS_MAX,
  type CommandEntry,
  decodeEntry,
  encodeCall,
  encodeRegister,
  type OneShotEntry,
} from '../../src/groups/entry.js'
import { PACKED_BYTES_MAX, type Proposer, pack } from '../../src/groups/pack.js'
import { newPending, type Pending } from '../../src/groups/pending.js'
import { ReplicatedState } from '../../src/groups/replicated-state.js'
import { inOrder } from '../../src/groups/snapshot.js'
import { voterIdOf } from '../../src/groups/voter-id.js'
import { defineMachine } from '../../src/machines/define-machine.js'

const peer = 'AAAAAAAAAAAAAAAAAAAAAA' as PeerId
const proposer: Proposer = { session: 2, lowest: 1, peer, ticketNonce: 'boot' }
const founder = {
  id: voterIdOf(peer, 1),
  name: '',
  host: '',
  kind: 'node',
  durable: false,
  canVote: true,
  machineVersion: 1,
} as const

interface Wish {
  readonly number: number
  readonly timestampMs?: number
  readonly isOneShot?: boolean
  readonly size?: number
}

function pendingOf({ number, timestampMs = 5, isOneShot = false, size = 1 }: Wish): Pending {
  const pending = newPending(encodeCall('note', new Uint8Array(size)), timestampMs, Number.POSITIVE_INFINITY)
  return Object.assign(pending, { number, isOneShot })
}

function packed(wishes: readonly Wish[]): Uint8Array[] {
  return pack(wishes.map(pendingOf), proposer)
}

/** What the entries say, in their order. */
function commandsOf(entries: readonly Uint8Array[]): (CommandEntry | OneShotEntry)[] {
  return entries
    .map((data) => decodeEntry(data))
    .flatMap((entry): readonly (CommandEntry | OneShotEntry)[] => {
      if (entry.kind === 'commands') return entry.commands
      return entry.kind === 'command' || entry.kind === 'one-shot' ? [entry] : []
    })
}

function wishOf(command: CommandEntry | OneShotEntry): Wish {
  const { timestampMs, kind } = command
  const number = command.kind === 'command' ? command.sequence : command.ticket.number
  return { number, timestampMs, isOneShot: kind === 'one-shot', size: (command.payload as Uint8Array).length }
}

describe('packing', () => {
  it('[SES27] every proposal is in the entries, as it was and in its order', () => {
    const wish = fc.record({
      number: fc.nat(40_000),
      timestampMs: fc.nat(2 ** 41),
      isOneShot: fc.boolean(),
      size: fc.constantFrom(0, 10, 5_000, 20_000),
    })
    const same = (wishes: Wish[]) => {
      expect(commandsOf(packed(wishes)).map(wishOf)).toEqual(wishes)
    }
    fc.assert(fc.property(fc.array(wish, { maxLength: 30 }), same), { seed: 27, numRuns: 300 })
  })

  it('[SES27] commands of a session go together, as many as an entry takes', () => {
    const rising = (count: number, size: number) =>
      Array.from({ length: count }, (_, i) => ({ number: 3 * i + 1, size }))
    expect(packed(rising(COMMANDS_MAX + 1, 0))).toHaveLength(2)
    const large = packed(rising(40, 1_000))
    expect(large.length).toBe(3)
    for (const { length } of large) expect(length).toBeLessThanOrEqual(PACKED_BYTES_MAX)
    expect(packed(rising(3, PACKED_BYTES_MAX))).toHaveLength(3)
    expect(packed([{ number: 1 }, { number: 2 }, { number: 9, isOneShot: true }, { number: 3 }])).toHaveLength(3)
    expect(packed([{ number: 2 }, { number: 1 }])).toHaveLength(2)
    expect(
      packed([
        { number: 1, timestampMs: 5 },
        { number: 2, timestampMs: 4 },
      ]),
    ).toHaveLength(2)
  })

  it('[SES28] each command has a place in the log that no other one has, on who restored a snapshot as well', async () => {
    const places = defineMachine({
      name: 'places',
      version: 1,
      initial: (): { all: number[] } => ({ all: [] }),
      commands: {
        note(state, _: Value, { index }) {
          state.all.push(index)
        },
      },
    })
    const create = () => new ReplicatedState(places)
    const [whole, late] = [create(), create()]
    whole.found(founder, 1, 7)
    whole.apply(2, encodeRegister({ nonce: 'n', peer, replaces: undefined }))
    const [first, second] = [
      packed([{ number: 1 }, { number: 2 }, { number: 3 }]),
      packed([{ number: 4 }, { number: 5 }]),
    ]
    whole.apply(3, first[0] as Uint8Array)
    const pieces: Uint8Array[] = []
    for await (const piece of whole.snapshot()) pieces.push(piece)
    await late.restore(inOrder(pieces), (head) => head)
    for (const state of [whole, late]) {
      state.apply(4, packed([{ number: 3 }, { number: 6 }])[0] as Uint8Array) // one of them once more
      state.apply(5, second[0] as Uint8Array)
      expect(state.machine.state).toEqual({ all: [3, 4, 5, 7, 8, 9] })
    }
    expect(late.head()).toEqual(whole.head())
  })
})
