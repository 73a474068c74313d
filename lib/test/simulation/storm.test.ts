import { describe, expect, it } from 'vitest'
import { Storm } from './storm.js'
import { runStorm } from './storm-soak.js'

/** `npm run storm` runs as many as wanted. */
const SEEDS = 16
const BATCH = 4
const MINUTES = 6

/** Each of these found a bug. */
const REGRESSIONS = [
  [2, 'a member that only the leader had lost got no vote any more'],
  [100844, 'a learner that spoke for a voter was removed together with it, and nobody could agree on that'],
  [500384, 'a leader whose voters had no majority changed the roster, and that was committed when others were gone'],
  [500617, 'the last words of a sole voter that had slept lacked what it had committed alone'],
  [502602, 'a leader chose voters that it had a link to, and had not heard from since they crashed'],
  [703509, 'what others wait for was sent within the run of a replica, and two led in one term'],
  [530070, 'the goodbye of a sole voter was slower than the word of the server, and its link was given up before'],
] as const

describe('clusters of peers of all kinds in a storm', () => {
  for (let first = 1; first <= SEEDS; first += BATCH) {
    const last = first + BATCH - 1
    it(`[SIM33] seeds ${first} to ${last}: never stuck, recover, lose nothing, have one leader per term`, async () => {
      for (let seed = first; seed <= last; seed++)
        expect((await runStorm(seed, MINUTES)).counts.acknowledged).toBeGreaterThan(0)
    }, 300_000)
  }

  it('[SIM33] a second group beside main: never stuck, recovers, loses nothing, has one leader per term', async () => {
    for (let seed = 1; seed <= BATCH; seed++)
      expect((await runStorm(seed, MINUTES, ['main', 'second'])).counts.acknowledged).toBeGreaterThan(0)
  }, 300_000)

  it('[SIM33] [GRP230] seed 720020: a sole voter of the second group left the cluster while it was cut off from the others', async () => {
    await runStorm(720020, undefined, ['main', 'second'])
  }, 300_000)

  it.each(REGRESSIONS)(
    '[SIM33] seed %i: %s',
    async (seed) => {
      await runStorm(seed)
    },
    300_000,
  )

  it('[SIM31] the same storm again is the same, event by event', async () => {
    const [one, other] = [await new Storm(1).run(1), await new Storm(1).run(1)]
    expect(one.hash).toBe(other.hash)
    expect(one.faults).toEqual(other.faults)
  }, 60_000)
})
