import { describe, expect, it } from 'vitest'
import { encodeConfigChange } from '../../src/raft/config-change.js'
import {
  describeConfiguration,
  describeEntry,
  describeHardState,
  describeMessage,
  describeProgress,
  describeReady,
  describeSoftState,
} from '../../src/raft/describe.js'
import type { Message } from '../../src/raft/messages.js'
import type { ProgressStatus, Ready } from '../../src/raft/types.js'
import { bytes, change, id, ids, NO_BYTES, NO_COMMIT } from './cluster.js'

const configuration = {
  voters: ids('abw'),
  votersOutgoing: ids('abc'),
  learners: ids('d'),
  learnersNext: ids('c'),
  witnesses: ids('w'),
  autoLeave: true,
}
const entry = { term: 2, index: 5, type: 'normal', data: bytes('say "hi"') } as const
const snapshot = { index: 4, term: 1, configuration, data: NO_BYTES }

type WithoutEnvelope<M> = M extends Message ? Omit<M, 'from' | 'to' | 'term'> : never

describe('describe…', () => {
  it('[RFT92] configurations', () => {
    expect(describeConfiguration(configuration)).toBe(
      'voters=(a b w)&&(a b c) learners=(d) learners_next=(c) witnesses=(w) autoleave',
    )
  })

  it('[RFT92] entries', () => {
    const data = encodeConfigChange(change('auto', 'v1', 'l2', 'w3', 'r4')) as Uint8Array
    expect(describeEntry(entry)).toBe('2/5 EntryNormal "say \\"hi\\""')
    expect(describeEntry({ ...entry, type: 'config', data })).toBe('2/5 EntryConfChangeV2 v1 l2 w3 r4')
    expect(describeEntry({ ...entry, type: 'config', data: NO_BYTES })).toBe('2/5 EntryConfChangeV2')
    expect(describeEntry({ ...entry, type: 'config', data: bytes('x') })).toBe('2/5 EntryConfChangeV2 malformed')
  })

  it('[RFT92] progress', () => {
    const progress: ProgressStatus = {
      state: 'replicate',
      match: 3,
      next: 6,
      learner: true,
      witness: true,
      speaker: undefined,
      paused: true,
      pendingSnapshot: 2,
      recentActive: false,
      inflightMessages: 2,
      inflightFull: true,
    }
    expect(describeProgress(progress)).toBe(
      'StateReplicate match=3 next=6 learner witness paused pendingSnap=2 inactive inflight=2[full]',
    )
  })

  it.each<[WithoutEnvelope<Message>, string]>([
    [{ type: 'append', prevIndex: 4, prevTerm: 1, entries: [], commit: 0 }, 'MsgApp Term:2 Log:1/4'],
    [
      { type: 'append', prevIndex: 4, prevTerm: 1, entries: [entry], commit: 3 },
      'MsgApp Term:2 Log:1/4 Commit:3 Entries:[2/5 EntryNormal "say \\"hi\\""]',
    ],
    [
      {
        type: 'append',
        prevIndex: 4,
        prevTerm: 1,
        entries: [entry, { ...entry, index: 6, data: NO_BYTES }],
        commit: 3,
      },
      'MsgApp Term:2 Log:1/4 Commit:3 Entries:[\n  2/5 EntryNormal "say \\"hi\\""\n  2/6 EntryNormal ""\n]',
    ],
    [{ type: 'append-response', index: 5, rejected: undefined }, 'MsgAppResp Term:2 Log:0/5'],
    [
      { type: 'append-response', index: 5, rejected: { hintIndex: 3, hintTerm: 1 } },
      'MsgAppResp Term:2 Log:1/5 Rejected (Hint: 3)',
    ],
    [{ type: 'heartbeat', commit: 3, match: 3, round: 0 }, 'MsgHeartbeat Term:2 Log:0/0 Commit:3'],
    [{ type: 'heartbeat-response', round: 0 }, 'MsgHeartbeatResp Term:2 Log:0/0'],
    [{ type: 'vote', lastIndex: 4, lastTerm: 1, transfer: true, ...NO_COMMIT }, 'MsgVote Term:2 Log:1/4'],
    [{ type: 'vote-response', granted: true, ...NO_COMMIT }, 'MsgVoteResp Term:2 Log:0/0'],
    [{ type: 'pre-vote-response', granted: false, ...NO_COMMIT }, 'MsgPreVoteResp Term:2 Log:0/0 Rejected (Hint: 0)'],
    [
      { type: 'snapshot', snapshot },
      'MsgSnap Term:2 Log:0/0\n  Snapshot: Index:4 Term:1 ConfState:Voters:[a b w] VotersOutgoing:[a b c] ' +
        'Learners:[d] LearnersNext:[c] AutoLeave:true',
    ],
    [{ type: 'timeout-now' }, 'MsgTimeoutNow Term:2 Log:0/0'],
    [{ type: 'transfer-leader', target: id('c') }, 'MsgTransferLeader Term:2 Log:0/0 Target:c'],
    [{ type: 'propose', ticket: 7, entries: [entry] }, 'MsgProp Term:2 Log:0/0 Ticket:7 Entries:1'],
    [{ type: 'read-index', ticket: 7 }, 'MsgReadIndex Term:2 Log:0/0 Ticket:7'],
    [{ type: 'read-index-response', ticket: 7, index: 4 }, 'MsgReadIndexResp Term:2 Log:0/4 Ticket:7'],
    [
      { type: 'refused', request: 'read', ticket: 7, reason: 'busy' },
      'MsgRefused Term:2 Log:0/0 Ticket:7 Refused read: busy',
    ],
    [{ type: 'quiesce', commit: 4 }, 'MsgQuiesce Term:2 Log:0/0 Commit:4'],
    [{ type: 'wake' }, 'MsgWake Term:2 Log:0/0'],
  ])('[RFT92] messages: %o', (body, expected) => {
    expect(describeMessage({ ...body, from: id('a'), to: id('b'), term: 2 })).toBe(`a->b ${expected}`)
  })

  it('[RFT92] a Ready', () => {
    const nothing: Ready = {
      softState: undefined,
      hardState: undefined,
      mustSync: false,
      snapshot: undefined,
      entries: [],
      committedEntries: [],
      messages: [],
      messagesAfterPersist: [],
      readStates: [],
      refusals: [],
      transfer: undefined,
    }
    expect(describeReady(nothing)).toBe('<empty Ready>')
    const envelope = { from: id('a'), to: id('b'), term: 2 }
    const everything: Ready = {
      softState: { role: 'pre-candidate', lead: undefined },
      hardState: { term: 2, vote: id('a'), commit: 4 },
      mustSync: true,
      snapshot,
      entries: [entry],
      committedEntries: [entry],
      messages: [{ ...envelope, type: 'heartbeat', commit: 0, match: 0, round: 0 }],
      messagesAfterPersist: [{ ...envelope, type: 'vote-response', granted: true, ...NO_COMMIT }],
      readStates: [{ index: 4, ticket: 7 }],
      refusals: [{ request: 'proposal', ticket: 8, reason: 'busy' }],
      transfer: { to: id('b'), outcome: 'done' },
    }
    expect(describeReady(everything, (each) => `entry ${each.index}`).split('\n')).toEqual([
      'Ready MustSync=true:',
      'Lead:0 State:StatePreCandidate',
      'HardState Term:2 Vote:a Commit:4',
      'ReadStates:',
      'Index:4 Ticket:7',
      'Refusals:',
      'proposal 8: busy',
      'Transfer to b: done',
      'Entries:',
      'entry 5',
      expect.stringMatching(/^Snapshot Index:4 Term:1 ConfState:/),
      'CommittedEntries:',
      'entry 5',
      'Messages:',
      'a->b MsgHeartbeat Term:2 Log:0/0',
      'a->b MsgVoteResp Term:2 Log:0/0',
    ])
    expect(describeHardState({ term: 2, vote: undefined, commit: 4 })).toBe('Term:2 Commit:4')
    expect(describeSoftState({ role: 'leader', lead: id('a') })).toBe('Lead:a State:StateLeader')
  })
})
