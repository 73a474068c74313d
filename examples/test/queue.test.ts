import type { PeerId } from 'legion-mesh'
import { machineTools } from 'legion-mesh/machines'
import { runMachine } from 'legion-mesh/testing'
import { describe, expect, it } from 'vitest'
import { queue } from '../queue/queue.js'
import { work } from '../queue/work.js'

const ANN = 'AAAAAAAAAAAAAAAAAAAAAA' as PeerId
const BOB = 'AAAAAAAAAAAAAAAAAAAAAQ' as PeerId

/** One replica, for one peer after the other. */
function start() {
  const machine = queue.create(machineTools)
  let index = 0
  const now = { timestampMs: 0, version: 1 }
  const by = (from: PeerId) => async (name: string, payload?: never) => {
    const result = machine.apply({ name, payload }, { ...now, index: ++index, from, random: () => 0 })
    return result.ok ? result.output : Promise.reject(result)
  }
  const as = (from: PeerId) => ({ applyConsistent: by(from) }) as unknown as Parameters<typeof work>[0]
  const counts = () => machine.query({ name: 'counts', payload: undefined }, now)
  const left = (peer: PeerId) => machine.memberLeft?.(peer, { ...now, index: ++index, random: () => 0 })
  return { now, ann: as(ANN), bob: as(BOB), counts, left }
}

describe('the queue', () => {
  it('[MAC41] gives jobs in order, each to one worker, until they are done', () => {
    const { state, outputs } = runMachine(queue, [
      ['push', 'paint'],
      ['push', 'sand'],
      ['take', { forMs: 100 }],
      ['take', { forMs: 100 }],
      ['take', { forMs: 100 }],
      ['ack', { id: 1, attempts: 1 }],
      ['ack', { id: 1, attempts: 1 }],
    ])
    const taken = [
      { id: 1, task: 'paint', attempts: 1 },
      { id: 2, task: 'sand', attempts: 1 },
    ]
    expect(outputs).toEqual([1, 2, ...taken, null, true, false])
    expect(state.taken).toMatchObject([{ id: 2 }])
  })

  it('[MAC41] gives a job again when its time is over, or when its worker left; the first worker is too late then', async () => {
    const { ann, bob, now, left, counts } = start()
    await ann.applyConsistent('push', 'paint')
    expect(await ann.applyConsistent('take', { forMs: 100 })).toMatchObject({ id: 1, attempts: 1 })
    now.timestampMs = 99
    expect(await bob.applyConsistent('take', { forMs: 100 })).toBe(null)
    now.timestampMs = 100
    expect(await bob.applyConsistent('take', { forMs: 100 })).toMatchObject({ id: 1, attempts: 2 })
    expect(await ann.applyConsistent('ack', { id: 1, attempts: 1 })).toBe(false)
    left(BOB)
    expect(counts()).toEqual({ waiting: 1, taken: 0 })
  })

  it('[MAC41] a worker does what waits, and leaves what it failed to do to the next', async () => {
    const { ann, bob, now, counts } = start()
    for (const task of ['paint', 'sand', 'polish']) await ann.applyConsistent('push', task)
    const did: string[] = []
    const handle = async (task: string) => {
      if (task === 'sand' && did.length < 2) throw new Error('no sandpaper')
      did.push(task)
    }
    expect(await work(ann, handle)).toBe(2)
    expect(counts()).toEqual({ waiting: 0, taken: 1 })
    now.timestampMs = 30_000
    expect(await work(bob, handle)).toBe(1)
    expect([did, counts()]).toEqual([['paint', 'polish', 'sand'], { waiting: 0, taken: 0 }])
  })
})
