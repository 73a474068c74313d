import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pieceOf } from '../../src/codec/byte-pool.js'
import { newPending, type Pending } from '../../src/groups/pending.js'
import { Chain, Queue } from '../../src/groups/pending-lists.js'
import { SequenceRing } from '../../src/groups/sequence-ring.js'

function pendings(count: number): Pending[] {
  return Array.from({ length: count }, (_, i) => newPending(pieceOf(Uint8Array.of(i)), i, 0))
}

const steps = fc.array(fc.nat(1000), { maxLength: 600 })

describe('what is in flight', () => {
  it('[SES26] a ring holds what a map would, in order, wherever it begins', () => {
    fc.assert(
      fc.property(steps, fc.constantFrom(1, 2 ** 31 - 50, 2 ** 40), (list, first) => {
        const ring = new SequenceRing<string>()
        const model = new Map<number, string>()
        const sorted = () => [...model.keys()].sort((a, b) => a - b)
        let next = first
        for (const step of list) {
          if (step % 11 === 0) {
            const late = Math.max(first, next - 1 - (step % 90))
            ring.set(late, `late ${late}`)
            model.set(late, `late ${late}`)
            next = Math.max(next, late + 1)
          } else if (step % 3 > 0) {
            ring.set(next, `item ${next}`)
            model.set(next, `item ${next}`)
            next += 1 + (step % 5)
          } else {
            const number = step % 2 === 0 ? first + step : (sorted()[step % 7] ?? next)
            ring.delete(number)
            model.delete(number)
          }
          expect([ring.size, ring.lowest]).toEqual([model.size, sorted()[0]])
          expect([ring.get(next - 1), ring.get(next), ring.get(first - 1)]).toEqual([
            model.get(next - 1),
            undefined,
            undefined,
          ])
        }
        expect([...ring.values()]).toEqual(sorted().map((number) => model.get(number)))
        ring.clear()
        expect([ring.size, ring.lowest, ring.get(first), [...ring.values()]]).toEqual([0, undefined, undefined, []])
        ring.set(1, 'again')
        expect([...ring.values()]).toEqual(['again'])
      }),
      { numRuns: 100 },
    )
  })

  it('[SES26] a chain keeps the order in which they came, whichever are taken out', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const all = pendings(list.length)
        const chain = new Chain()
        const model = new Set<Pending>()
        for (const [i, step] of list.entries()) {
          const pending = all[i] as Pending
          chain.add(pending)
          model.add(pending)
          const victim = [...model][step % 9]
          if (step % 2 === 0 || victim === undefined) continue
          chain.delete(victim)
          model.delete(victim)
        }
        expect([chain.size, ...chain]).toEqual([model.size, ...model])
        for (const pending of chain) chain.delete(pending)
        expect([chain.size, ...chain]).toEqual([0])
      }),
      { numRuns: 100 },
    )
  })

  it('[SES26] a queue gives out first what came first, and nothing that was taken out or moved to another one', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const all = pendings(40)
        const queues = [new Queue(), new Queue()] as const
        const models = [new Set<Pending>(), new Set<Pending>()] as const
        for (const step of list) {
          const pending = all[step % 40] as Pending
          const [at, other] = step % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)
          if (step % 7 === 0) {
            expect(queues[at].take()).toBe([...models[at]][0])
            models[at].delete([...models[at]][0] as Pending)
          } else if (step % 5 === 0) {
            pending.queue?.delete(pending)
            for (const model of models) model.delete(pending)
          } else {
            queues[at].add(pending)
            models[at].add(pending)
            models[other].delete(pending)
          }
          expect(queues.map(({ size }) => size)).toEqual(models.map(({ size }) => size))
        }
      }),
      { numRuns: 100 },
    )
  })
})
