import { expect, test } from '@playwright/test'
import { type ChaosOptions, runChaos } from '../chaos/src/conductor.js'
import { describeRun } from '../chaos/src/report.js'
import { judge } from '../chaos/src/verdict.js'

const DURATION_MS = 8_000

// Longer, and with other seeds: `npm run chaos -- --minutes 3 --seed 7`.
test.describe('processes that are killed and held up under load from all of them', () => {
  test.setTimeout(180_000)

  test('[CHA5] [CHA6] in memory, a minority at a time', async () => {
    await isLinearizable({ victims: 'minority', storage: 'memory', seed: 11 })
  })

  test('[CHA5] [CHA6] on disk, a minority at a time', async () => {
    await isLinearizable({ victims: 'minority', storage: 'leveldb', seed: 12 })
  })

  test('[CHA5] [CHA7] on disk, all of them at once', async () => {
    await isLinearizable({ victims: 'everybody', storage: 'leveldb', seed: 13 })
  })

  test('[CHA8] in memory, all of them at once: what was lost is seen', async () => {
    const { evidence, violations } = await run({
      victims: 'everybody',
      storage: 'memory',
      seed: 14,
      durationMs: 1_000,
    })
    expect(evidence.problems).toEqual([])
    expect(violations.join('\n')).toMatch(/Not linearizable: .*/)
    expect(violations.join('\n')).toMatch(/Lost: "counter-/)
  })
})

type Choices = Pick<ChaosOptions, 'victims' | 'storage' | 'seed'> & Partial<ChaosOptions>

async function isLinearizable(choices: Choices): Promise<void> {
  const { evidence, violations } = await run(choices)
  expect([...evidence.problems, ...violations]).toEqual([])
  expect(evidence.kills).toBeGreaterThan(0)
  expect(evidence.journals.flatMap(({ operations }) => operations).length).toBeGreaterThan(1_000)
}

async function run(choices: Choices) {
  const directory = test.info().outputDir
  const evidence = await runChaos({
    durationMs: DURATION_MS,
    peers: 5,
    clients: 4,
    directory,
    log: () => {},
    ...choices,
  })
  const operations = evidence.journals.flatMap((journal) => journal.operations)
  console.log(describeRun(evidence))
  return { evidence, ...judge(operations, evidence.states) }
}
