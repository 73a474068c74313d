import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { Bug } from './bug.js'
import { bugs } from './bugs.js'
import { importSimulation, linkSharedData, plant, type RaftSimulation, ROOT } from './plant.js'
import { caughtByRegression, caughtBySchedule, caughtBySeed, failingTests } from './tiers.js'

/** `npm run planted-bugs` asks every tier, and writes the table. Here it is enough that one of two catches each bug. */
const writesTable = process.env['PLANTED_BUGS'] === 'table'
const SEEDS_MAX = 2000
const SCHEDULES_MAX = 3000
const GOODBYES_MAX = 200
const TABLE = join(ROOT, 'docs/planted-bugs.md')

const rows = new Map<string, string>()

describe('planted bugs', () => {
  it.each(bugs)(
    '[RFT230] $name',
    async (bug) => {
      const folder = plant(bug)
      const simulation = await importSimulation(folder)
      if (writesTable) rows.set(bug.name, await row(bug, folder))
      else expect(isCaught(bug, folder, simulation)).toBe(true)
    },
    600_000,
  )

  it('[RFT231] are all in the table', () => {
    const table = writesTable ? tableOf([...rows.values()]) : readFileSync(TABLE, 'utf8')
    expect([...table.matchAll(/^\| `([a-z-]+)`/gm)].map(([, name]) => name)).toEqual(bugs.map(({ name }) => name))
  })
})

afterAll(() => {
  if (writesTable) writeFileSync(TABLE, tableOf([...rows.values()]))
})

function isCaught({ tier }: Bug, folder: string, simulation: RaftSimulation): boolean {
  if (tier === 'tests') return failingTests(folder, 'adoption', 'lost-data').paper > 0
  if (tier === 'goodbyes') return caughtBySeed(simulation, GOODBYES_MAX, { goodbyes: true }) !== undefined
  return (caughtByRegression(simulation) ?? caughtBySeed(simulation, SEEDS_MAX)) !== undefined
}

async function row({ name, mistake, tier }: Bug, folder: string): Promise<string> {
  linkSharedData()
  const simulation = await importSimulation(folder)
  const { paper, scripts } = failingTests(folder)
  const tiers = [
    paper || undefined,
    scripts || undefined,
    caughtByRegression(simulation),
    ...(tier === 'seeds'
      ? [caughtBySchedule(simulation, SCHEDULES_MAX), caughtBySeed(simulation, SEEDS_MAX), undefined]
      : [undefined, undefined, caughtBySeed(simulation, GOODBYES_MAX, { goodbyes: true })]),
  ]
  expect(tiers.some((tier) => tier !== undefined)).toBe(true)
  return `| \`${name}\` | ${mistake} | ${tiers.map((tier) => tier ?? '').join(' | ')} |`
}

function tableOf(lines: readonly string[]): string {
  return [
    '# Planted bugs',
    '',
    'Mistakes in the Raft core, each planted into a copy of its sources, and which tier of tests catches it. They exist',
    'only in `lib/test/raft-simulation/bugs.ts`. `npm run planted-bugs` writes this table. Those around the core have',
    '[a table of their own](planted-bugs-around-the-core.md).',
    '',
    '- **Tests**, **scripts**: how many of the sentences of the paper, and of the public scripts of etcd, fail.',
    '- **Kept**: the first of the kept schedules (`regressions`) that fails.',
    `- **Schedules**: after how many random schedules the property fails, of ${SCHEDULES_MAX}.`,
    `- **Seeds**: after how many seeds the simulator fails, of ${SEEDS_MAX}.`,
    `- **Goodbyes**: the same with replicas that end for good, of ${GOODBYES_MAX}; asked for mistakes around these only.`,
    '',
    '| Bug | Mistake | Tests | Scripts | Kept | Schedules | Seeds | Goodbyes |',
    '|---|---|---|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n')
}
