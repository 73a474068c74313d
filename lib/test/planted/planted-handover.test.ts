import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { plantInto, ROOT } from '../raft-simulation/plant.js'
import { runTests } from '../raft-simulation/tiers.js'
import { type CatchingTest, type HandoverBug, handoverBugs } from './handover-bugs.js'

const TABLE = join(ROOT, 'docs/planted-bugs-around-the-core.md')
/** Below the folder of all that is planted. */
const PLACE = 'around-the-core'
const PATHS = [
  ...['tsconfig.base.json', 'lib/tsconfig.json', 'lib/src', 'lib/test'],
  ...['tsconfig.json', 'src', 'test'].map((path) => `signaling-server/${path}`),
]
/** The same copy without a bug: what fails there catches nothing. */
const NONE = { name: 'none', patches: [] }
const CONFIG = join(ROOT, 'lib/test/planted/vitest.config.ts')

describe('planted bugs around the core', () => {
  it.each([...bugsByTest()])(
    '[GRP180] %s',
    async (_, bugs) => {
      const [{ caughtBy }] = bugs as [HandoverBug]
      const planted = [NONE, ...bugs]
      for (const bug of planted) plantInto(`${PLACE}/${bug.name}`, bug, PATHS, '')
      const verdicts = verdictsOf(
        planted.map(({ name }) => name),
        caughtBy,
      )
      expect(verdicts).toEqual(new Map(planted.map((bug) => [bug.name, bug === NONE ? 'passed' : 'failed'])))
    },
    600_000,
  )

  it('[GRP180] are all in the table', () => {
    if (process.env['PLANTED_BUGS'] === 'table') writeFileSync(TABLE, tableOf(handoverBugs))
    expect(readFileSync(TABLE, 'utf8'), 'run npm run planted-bugs').toBe(tableOf(handoverBugs))
  })
})

/** Those that one test catches, by what they are and which test it is. */
function bugsByTest(): Map<string, readonly HandoverBug[]> {
  const testOf = ({ caughtBy: { file, id } }: HandoverBug) => `${id} in ${file}`
  const tests = new Set(handoverBugs.map(testOf))
  const groups = [...tests].map((test) => [test, handoverBugs.filter((bug) => testOf(bug) === test)] as const)
  return new Map(groups.map(([test, bugs]) => [`${bugs.map(({ name }) => name).join(', ')}: ${test}`, bugs]))
}

/** What becomes of that test in each of the copies. */
function verdictsOf(
  copies: readonly string[],
  { file, id }: CatchingTest,
): Map<string, 'passed' | 'failed' | 'not run'> {
  const root = join(ROOT, '.tmp/planted-bugs', PLACE)
  const args = [...copies.map((copy) => `${copy}/${file}`), '-t', `\\[${id}\\]`, '--config', CONFIG]
  const results = runTests(root, ...args)
  const verdictOf = (copy: string) => {
    const result = results.find(({ name }) => name.endsWith(`/${copy}/${file}`))
    const statuses = result?.assertionResults
      .filter(({ title }) => title.includes(`[${id}]`))
      .map(({ status }) => status)
    return (['failed', 'passed'] as const).find((status) => statuses?.includes(status)) ?? 'not run'
  }
  return new Map(copies.map((copy) => [copy, verdictOf(copy)]))
}

function tableOf(bugs: readonly HandoverBug[]): string {
  return [
    '# Planted bugs around the core',
    '',
    'Mistakes against the rules of those who come and go, in what stands around the Raft core (those in it are in',
    '[planted-bugs.md](planted-bugs.md)): each planted into a copy of the sources, and the test that catches it, by its SPEC id.',
    'They exist only in `lib/test/planted/handover-bugs.ts`. `npm run planted-bugs` writes this table.',
    '',
    '| Bug | Mistake | Caught by |',
    '|---|---|---|',
    ...bugs.map(({ name, mistake, caughtBy }) => `| \`${name}\` | ${mistake} | ${caughtBy.id}, \`${caughtBy.file}\` |`),
    '',
  ].join('\n')
}
