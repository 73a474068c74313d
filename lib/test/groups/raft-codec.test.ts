import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toBase64Url } from '../../src/base/bytes.js'
import type { PeerId } from '../../src/base/ids.js'
import { DecodeError } from '../../src/codec/decode.js'
import { decodeMessage, encodeMessage } from '../../src/groups/raft-codec.js'
import { voterIdOf } from '../../src/groups/voter-id.js'
import type { Message } from '../../src/raft/index.js'

const alice = toBase64Url(new Uint8Array(16).fill(1)) as PeerId
const bob = toBase64Url(new Uint8Array(16).fill(2)) as PeerId

const count = fc.nat()
const data = fc.uint8Array({ maxLength: 40 })
const voter = fc
  .tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.integer({ min: 1, max: 1e6 }))
  .map(([id, incarnation]) => voterIdOf(toBase64Url(id) as PeerId, incarnation))
const entryType = fc.constantFrom('normal' as const, 'config' as const)
const voters = fc.array(voter, { maxLength: 4 })
const configuration = fc.record({
  voters,
  votersOutgoing: voters,
  learners: voters,
  learnersNext: voters,
  witnesses: voters,
  autoLeave: fc.boolean(),
})
const knownCommit = { commit: count, commitTerm: count }
const voteRequest = { lastIndex: count, lastTerm: count, transfer: fc.boolean(), ...knownCommit }
const entries = fc.array(fc.record({ term: count, type: entryType, data }), { maxLength: 4 })

const bodies = [
  fc
    .record({ prevIndex: count, prevTerm: count, commit: count, pledge: count, entries })
    .map(({ entries: drawn, ...rest }) => ({
      type: 'append',
      ...rest,
      entries: drawn.map((entry, i) => ({ ...entry, index: rest.prevIndex + 1 + i })),
    })),
  fc.record({
    type: fc.constant('append-response'),
    index: count,
    rejected: fc.option(fc.record({ hintIndex: count, hintTerm: count }), { nil: undefined }),
  }),
  fc.record({ type: fc.constant('heartbeat'), commit: count, match: count, round: count }),
  fc.record({ type: fc.constant('heartbeat-response'), round: count }),
  fc.record({
    type: fc.constant('snapshot'),
    snapshot: fc.record({ index: count, term: count, configuration, data }),
  }),
  fc.record({ type: fc.constantFrom('vote', 'pre-vote'), ...voteRequest }),
  fc.record({ type: fc.constantFrom('vote-response', 'pre-vote-response'), granted: fc.boolean(), ...knownCommit }),
  fc.record({ type: fc.constantFrom('timeout-now', 'wake') }),
  fc.record({ type: fc.constant('transfer-leader'), target: voter }),
  fc.record({
    type: fc.constant('propose'),
    ticket: count,
    entries: fc.array(fc.record({ type: entryType, data }), { maxLength: 4 }),
  }),
  fc.record({ type: fc.constant('read-index'), ticket: count }),
  fc.record({ type: fc.constant('read-index-response'), ticket: count, index: count }),
  fc.record({
    type: fc.constant('refused'),
    request: fc.constantFrom('proposal', 'read'),
    ticket: count,
    reason: fc.constantFrom('no-leader', 'busy', 'invalid'),
  }),
  fc.record({ type: fc.constant('quiesce'), commit: count }),
] as const

const message = fc
  .tuple(fc.oneof(...bodies), count, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
  .map(([body, term, from, to]) => ({ ...body, term, from: voterIdOf(alice, from), to: voterIdOf(bob, to) }) as Message)

describe('the codec of Raft messages', () => {
  it('[GRP40] carries every message exactly', () => {
    fc.assert(
      fc.property(message, (sent) => {
        expect(decodeMessage(encodeMessage(sent), alice, bob)).toEqual(sent)
      }),
    )
  })

  it('[GRP41] takes the sender from the link, not from the bytes', () => {
    const sent: Message = { type: 'wake', from: voterIdOf(alice, 1), to: voterIdOf(bob, 1), term: 3 }
    const mallory = toBase64Url(new Uint8Array(16).fill(9)) as PeerId
    expect(decodeMessage(encodeMessage(sent), mallory, bob).from).toBe(voterIdOf(mallory, 1))
  })

  it('[GRP42] gives a message or a DecodeError for any bytes', () => {
    const tryDecode = (bytes: Uint8Array) => {
      try {
        decodeMessage(bytes, alice, bob)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), tryDecode))
    fc.assert(
      fc.property(message, fc.nat(), fc.nat({ max: 255 }), (sent, at, byte) => {
        const bytes = encodeMessage(sent)
        bytes[at % bytes.length] = byte
        tryDecode(bytes)
        tryDecode(bytes.subarray(0, at % bytes.length))
      }),
    )
  })
})
