import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { ReplicaLog } from '../../src/groups/replica-log.js'
import { foundingState } from '../../src/raft/index.js'
import { Disk } from './replica-log-disk.js'
import { createdModel, expected, load, type Model, plan, type Step, stored, voter } from './replica-log-model.js'

/** Everything that a replica does with its log in its life. */
const script: readonly Step[] = [
  { do: 'append', back: 0, count: 4, newTerm: false },
  { do: 'commit', forward: 2, withEntry: false },
  { do: 'append', back: 2, count: 3, newTerm: true }, // overwrites a suffix
  { do: 'commit', forward: 3, withEntry: true },
  { do: 'snapshot', back: 1, sizes: [3, 2] },
  { do: 'vote', for: 2 },
  { do: 'compact', back: 1 },
  { do: 'append', back: 1, count: 2, newTerm: true },
  { do: 'abort', sizes: [1, 2] },
  { do: 'commit', forward: 2, withEntry: false },
  { do: 'snapshot', back: 0, sizes: [4, 1, 1] },
  { do: 'compact', back: 0 },
  { do: 'install', ahead: 5, sizes: [2, 2], entries: 1 },
  { do: 'append', back: 0, count: 2, newTerm: false },
  { do: 'snapshot', back: 0, sizes: [5] },
  { do: 'create', founding: false },
  { do: 'install', ahead: 3, sizes: [6, 6], entries: 0 },
  { do: 'create', founding: true },
  { do: 'append', back: 0, count: 1, newTerm: true },
]

interface Run {
  /** What the log held before the first step, and after each that was acknowledged or may have been done. */
  readonly models: readonly (Model | undefined)[]
  /** The index in `models` of the last that was acknowledged, and how much was written then. */
  readonly acknowledged: readonly { readonly model: number; readonly written: number }[]
}

/** Does the script until something fails; from then on everything has to fail. */
async function run(disk: Disk): Promise<Run> {
  const models: (Model | undefined)[] = [undefined]
  const acknowledged = [{ model: 0, written: 0 }]
  const { log } = await load(disk)
  for (const { next, call } of calls()) {
    models.push(next)
    try {
      await call(log)
    } catch (error) {
      expect(error).toMatchObject({ code: 'E_STORAGE' })
      await expectBroken(log)
      return { models, acknowledged }
    }
    acknowledged.push({ model: models.length - 1, written: disk.written.length })
  }
  return { models, acknowledged }
}

async function expectBroken(log: ReplicaLog): Promise<void> {
  const broken = { code: 'E_STORAGE' }
  await expect(log.beginSnapshot().add(new Uint8Array(1))).rejects.toMatchObject(broken)
  await expect(log.create(9, new Uint8Array(0), foundingState([voter(1)]))).rejects.toMatchObject(broken)
  await expect(log.destroy()).rejects.toMatchObject(broken)
}

/** The script as calls. What only cleans up may fail unseen, so the next one tells. */
function calls(): { next: Model; call(log: ReplicaLog): Promise<void> }[] {
  const founding = foundingState([voter(1)])
  let model = createdModel(1, founding)
  const { attributes } = model
  const first = { next: model, call: (log: ReplicaLog) => log.create(1, attributes, founding) }
  const rest = script.map((step) => {
    const planned = plan(model, step)
    model = planned.next
    return { next: model, call: planned.run }
  })
  return [first, ...rest]
}

/** The reloaded state is one of the models from `from` to `to`. */
function expectOneOf(seen: unknown, { models }: Run, from: number, to: number): void {
  const candidates = models.slice(from, to + 1).map(expected)
  const found = candidates.some((candidate) => isDeepStrictEqual(seen, candidate))
  if (!found) expect(seen).toEqual(candidates.at(-1)) // for the message
}

/** What was acknowledged when so much was written. */
const acknowledgedAt = ({ acknowledged }: Run, written: number) =>
  acknowledged.findLast((ack) => ack.written <= written)?.model ?? 0

async function fullRun() {
  const disk = new Disk()
  return { disk, life: await run(disk) }
}

describe('ReplicaLog when disk or process fail', () => {
  it('[RLG20] after a crash at any point the old or the new state is there, whatever was not synced lost', async () => {
    const { disk, life } = await fullRun()
    expect(life.models).toHaveLength(script.length + 2)
    for (let written = 0; written <= disk.written.length; written++) {
      const { seen } = await stored(disk.after(written))
      const old = acknowledgedAt(life, written)
      expectOneOf(seen, life, old, old + 1)
    }
  })

  it.each(['nothing', 'everything'] as const)(
    '[RLG21] when the k-th write fails having done %s, all that follows fails, and the old or the new state is there',
    async (after) => {
      const { disk: whole } = await fullRun()
      for (let at = 0; at < whole.written.length; at++) {
        const disk = new Disk()
        disk.failingWrite = { at, after }
        const life = await run(disk)
        const last = life.models.length - 1
        // What is not synced may be lost as well; what is synced and acknowledged is there.
        for (let written = disk.safe; written <= disk.written.length; written++) {
          const { seen } = await stored(disk.after(written))
          expectOneOf(seen, life, acknowledgedAt(life, disk.safe), last)
        }
      }
    },
  )

  it('[RLG21] what was synced and acknowledged is there', async () => {
    const disk = new Disk()
    const { log } = await load(disk)
    let synced: Model | undefined
    for (const { next, call } of calls()) {
      await call(log)
      if (disk.safe < disk.written.length) continue
      synced = next
      expect((await stored(disk.after(disk.safe))).seen).toEqual(expected(synced))
    }
    expect(synced?.incarnation).toBe(3)
  })

  it('[RLG22] a load that fails at its k-th read or write says E_STORAGE and changes nothing that counts', async () => {
    const { disk, life } = await fullRun()
    for (let written = 0; written <= disk.written.length; written++) {
      const good = disk.after(written)
      const { seen } = await stored(good)
      for (let at = 0; at < good.reads; at++) {
        const failing = disk.after(written)
        failing.failingRead = at
        await expect(stored(failing)).rejects.toMatchObject({ code: 'E_STORAGE' })
        failing.failingRead = undefined
        expect((await stored(failing)).seen).toEqual(seen)
      }
      for (let at = 0; at < good.written.length; at++) {
        for (const after of ['nothing', 'everything'] as const) {
          const failing = disk.after(written)
          failing.failingWrite = { at, after }
          await expect(load(failing)).rejects.toMatchObject({ code: 'E_STORAGE' })
          expect((await stored(failing.after(failing.written.length))).seen).toEqual(seen)
        }
      }
    }
    expect(life.models.length).toBeGreaterThan(1)
  })

  it('[RLG23] what a crash left of unfinished and replaced snapshots is deleted by the next load', async () => {
    const { disk } = await fullRun()
    let leftovers = 0
    for (let written = 0; written <= disk.written.length; written++) {
      const crashed = disk.after(written)
      const before = crashed.keys()
      const { seen } = await stored(crashed)
      const chunks = crashed.keys().filter((key) => key.includes('/chunk/'))
      expect(chunks).toHaveLength(seen?.chunks?.length ?? 0)
      expect(crashed.keys().filter((key) => key.includes('/trash/'))).toEqual([])
      leftovers += before.length - crashed.keys().length
    }
    expect(leftovers).toBeGreaterThan(10)
  })

  it('[RLG20] calls that do not wait for each other are written in their order', async () => {
    const disk = new Disk()
    const { log } = await load(disk)
    const all = calls()
    await Promise.all(all.map(({ call }) => call(log)))
    const life: Run = { models: [undefined, ...all.map(({ next }) => next)], acknowledged: [] }
    let before = 0
    for (let written = 0; written <= disk.written.length; written++) {
      const { seen } = await stored(disk.after(written))
      expectOneOf(seen, life, before, before + 1)
      while (before < all.length && isDeepStrictEqual(seen, expected(life.models[before + 1]))) before++
    }
    expect(before).toBe(all.length)
  })
})
