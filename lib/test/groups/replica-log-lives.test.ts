import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from 'vitest'
import { pick, type RandomStream, randomInt, seededRandom } from '../../src/base/random.js'
import { ReplicaLog } from '../../src/groups/replica-log.js'
import { emptyState } from '../../src/raft/index.js'
import type { Storage } from '../../src/storage/storage.js'
import { StoreWriter } from '../../src/storage/store-writer.js'
import { SimulatedDisk } from '../../src/testing/simulated-disk.js'
import { SimulatedClock } from '../../src/testing/simulated-runtime.js'
import { createdModel, expected, type Model, PREFIX, plan, type Step, seenIn } from './replica-log-model.js'

const BUFFERED: readonly Step['do'][] = ['commit', 'compact', 'abort']

function drawStep(random: RandomStream): Step {
  const sizes = Array.from({ length: randomInt(random, 4) }, () => randomInt(random, 100))
  return pick<Step>(random, [
    { do: 'append', back: randomInt(random, 9), count: randomInt(random, 5), newTerm: random() < 0.3 },
    { do: 'append', back: 0, count: 3, newTerm: false },
    { do: 'commit', forward: randomInt(random, 9), withEntry: random() < 0.5 },
    { do: 'commit', forward: 3, withEntry: true },
    { do: 'vote', for: randomInt(random, 5) },
    { do: 'snapshot', back: randomInt(random, 3), sizes },
    { do: 'compact', back: randomInt(random, 3) },
    { do: 'abort', sizes },
    { do: 'install', ahead: randomInt(random, 9), sizes, entries: randomInt(random, 3) },
    { do: 'create', founding: random() < 0.5 },
  ])
}

/** What may be found after the next crash: the last state that is safe, and those after it, oldest first. */
type Possible = readonly Model[]

/** Works until the process is no more. */
async function live(storage: Storage, random: RandomStream, possible: Possible, found: (next: Possible) => void) {
  const store = await storage.open('peer')
  const { log, stored } = await ReplicaLog.load(store, new StoreWriter(store), PREFIX)
  const seen = await seenIn(log, stored)
  const known = possible.findLast((candidate) => isDeepStrictEqual(seen, expected(candidate)))
  const isNew = stored === undefined && possible[0]?.incarnation === 0
  if (!isNew) expect(known === undefined ? seen : undefined, 'a state that nobody left').toBeUndefined()
  let models: Possible = [known ?? createdModel(0, emptyState)]
  for (found(models); ; found(models)) {
    const step: Step = models[0]?.incarnation === 0 ? { do: 'create', founding: true } : drawStep(random)
    const { next, run } = plan(models.at(-1) as Model, step)
    models = [...models, next]
    found(models)
    await run(log)
    if (!BUFFERED.includes(step.do)) models = [next]
  }
}

describe('ReplicaLog on a simulated disk', () => {
  it('[RLG20] life after life, finds what was durable when the last one ended', async () => {
    let lives = 0
    for (let seed = 1; seed <= 8; seed++) {
      const clock = new SimulatedClock()
      const random = seededRandom(seed)
      const disk = new SimulatedDisk(clock.fork(seed), { flushMs: 20 })
      let possible: Possible = [createdModel(0, emptyState)]
      let problem: unknown
      for (let life = 0; life < 12; life++) {
        live(disk.storage(), random, possible, (next) => {
          possible = next
        }).catch((error: unknown) => {
          problem ??= error
        })
        await clock.run(randomInt(random, 120))
        expect(problem, `seed ${seed}, life ${life}`).toBeUndefined()
        disk.crash()
        lives++
      }
      expect(possible.at(-1)?.incarnation).toBeGreaterThan(0)
    }
    expect(lives).toBe(96)
  })
})
