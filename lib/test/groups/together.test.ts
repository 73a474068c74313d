import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PeerId } from '../../src/base/ids.js'
import type { Runtime } from '../../src/base/runtime.js'
import { ConsensusFrames, decodeFrame, type GroupMessage } from '../../src/groups/consensus-frames.js'
import { RunSoon } from '../../src/groups/run-soon.js'
import { voterIdOf } from '../../src/groups/voter-id.js'
import type { Entry, Message, MessageOf } from '../../src/raft/index.js'

const FROM = 'AAAAAAAAAAAAAAAAAAAAAA' as PeerId
const TO = 'BAAAAAAAAAAAAAAAAAAAAA' as PeerId

/** A clock that stands still, and timers that fire when they are told to. */
function stoppedRuntime() {
  const timers: (() => void)[] = []
  const setTimer = (_delayMs: number, fire: () => void) => {
    timers.push(fire)
    return { cancel: () => {} }
  }
  const runtime = { nowMs: () => 0, setTimer } as unknown as Runtime
  return { runtime, fire: () => timers.splice(0).forEach((timer) => void timer()), timers }
}

/** What the other peer gets, in one frame unless there is too much. */
function sent(messages: readonly GroupMessage[]): GroupMessage[] {
  const frames: Uint8Array[] = []
  const send = (_to: PeerId, frame: Uint8Array) => {
    frames.push(frame)
    return 'queued' as const
  }
  const { runtime } = stoppedRuntime()
  const out = new ConsensusFrames({ runtime, holdMs: () => 5, send, lost: () => {} })
  for (const { group, epoch, message } of messages) out.push(TO, group, epoch, message, false)
  out.flush()
  return frames.flatMap((frame) => decodeFrame(frame, FROM, TO))
}

function append(prevIndex: number, count: number, changes: Partial<MessageOf<'append'>> = {}): MessageOf<'append'> {
  const entries = Array.from({ length: count }, (_, i): Entry => {
    const index = prevIndex + 1 + i
    return { term: 1, index, type: 'normal', data: Uint8Array.of(index & 255, index >> 8) }
  })
  const [from, to] = [voterIdOf(FROM, 1), voterIdOf(TO, 1)]
  return { type: 'append', from, to, term: 1, prevIndex, prevTerm: 1, entries, commit: 0, pledge: 0, ...changes }
}

const inGroup = (group: number, ...messages: readonly Message[]): GroupMessage[] =>
  messages.map((message) => ({ group, epoch: 0, message }))

describe('appends of one group that follow each other in a frame', () => {
  it('[GRP200] are one, with what both say', () => {
    expect(sent(inGroup(3, append(5, 2), append(7, 1, { commit: 6 }), append(8, 0, { commit: 7 })))).toEqual(
      inGroup(3, append(5, 3, { commit: 7 })),
    )
  })

  it.each([
    ['another term', append(7, 1, { term: 2 })],
    ['another place in the log', append(5, 1)],
    ['another incarnation of the member', append(7, 1, { to: voterIdOf(TO, 2) })],
    ['much', append(7, 1, { entries: [{ term: 1, index: 8, type: 'normal', data: new Uint8Array(70_000) }] })],
  ])('[GRP200] stay two if the second is of %s', (_, second) => {
    const both = inGroup(3, append(5, 2), second)
    expect(sent(both)).toEqual(both)
  })

  it('[GRP200] stay two if another message, or another group, comes between them', () => {
    const wake: Message = { type: 'wake', from: voterIdOf(FROM, 1), to: voterIdOf(TO, 1), term: 1 }
    for (const between of [inGroup(3, wake), inGroup(4, append(7, 1))]) {
      const all = [...inGroup(3, append(5, 2)), ...between, ...inGroup(3, append(7, 1))]
      expect(sent(all)).toEqual(all)
    }
  })

  it('[GRP200] bring each entry once and in order, however they are cut', () => {
    const cuts = fc.array(fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 0, max: 200 })), { maxLength: 20 })
    fc.assert(
      fc.property(cuts, (appends) => {
        const lasts = new Map<number, number>()
        const messages = appends.flatMap(([group, count]) => {
          const last = lasts.get(group) ?? 0
          lasts.set(group, last + count)
          return inGroup(group, append(last, count, { commit: last }))
        })
        expect(entriesOf(sent(messages))).toEqual(entriesOf(messages))
      }),
      { seed: 200, numRuns: 100 },
    )
  })
})

function entriesOf(messages: readonly GroupMessage[]) {
  return messages.flatMap(({ group, message }) =>
    message.type === 'append' ? message.entries.map((entry) => ({ group, ...entry })) : [],
  )
}

describe('a run of what is due', () => {
  it('[GRP201] waits for other tasks after one that had much to do', async () => {
    const { runtime, fire, timers } = stoppedRuntime()
    let runs = 0
    let waitMs: number | undefined
    const loop = new RunSoon(runtime, () => {
      runs++
      return waitMs
    })
    loop.schedule()
    loop.schedule()
    await Promise.resolve()
    expect(runs).toBe(1)

    waitMs = 0
    loop.schedule()
    await Promise.resolve()
    expect(runs).toBe(2)

    waitMs = undefined
    loop.schedule()
    await Promise.resolve()
    expect(runs).toBe(2)
    fire()
    expect(runs).toBe(3)

    loop.schedule()
    await Promise.resolve()
    expect({ runs, timers }).toEqual({ runs: 4, timers: [] })
  })
})
