import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import type { SimulationOptions } from '../../src/testing/raft/index.js'
import { type RaftSimulation, ROOT } from './plant.js'
import { anySchedule } from './schedules.js'

// The tiers of proof, each asked whether it catches the bug of a simulation.

const REGRESSIONS = new URL('./regressions/', import.meta.url)

export interface Regression {
  readonly name: string
  readonly text: string
}

export const regressions: readonly Regression[] = readdirSync(REGRESSIONS).map((file) => ({
  name: file.replace('.json', ''),
  text: readFileSync(new URL(file, REGRESSIONS), 'utf8'),
}))

/** @returns the first kept schedule that fails */
export function caughtByRegression({ readSchedule, runSchedule }: RaftSimulation): string | undefined {
  return regressions.find(({ text }) => runSchedule(readSchedule(text)) !== undefined)?.name
}

/** @returns the first seed that fails */
export function caughtBySeed(
  { Simulator }: RaftSimulation,
  seedsMax: number,
  options: SimulationOptions = {},
): number | undefined {
  for (let seed = 1; seed <= seedsMax; seed++) {
    try {
      new Simulator(seed, options).run()
    } catch {
      return seed
    }
  }
  return undefined
}

/** @returns after how many random schedules one fails */
export function caughtBySchedule({ runSchedule }: RaftSimulation, schedulesMax: number): number | undefined {
  const property = fc.property(anySchedule, (schedule) => runSchedule(schedule) === undefined)
  const { failed, numRuns } = fc.check(property, { numRuns: schedulesMax, seed: 1, endOnFailure: true })
  return failed ? numRuns : undefined
}

export interface UnitTests {
  readonly paper: number
  readonly scripts: number
}

/**
 * Runs the core's own tests in the copy.
 * @param only those whose path has one of these in it; none: all
 * @returns how many fail
 */
export function failingTests(folder: string, ...only: readonly string[]): UnitTests {
  const testResults = runTests(join(folder, '..'), ...only, '--exclude', '**/safety.test.ts')
  const failed = (isScript: boolean) =>
    testResults
      .filter(({ name }) => name.includes('/etcd/') === isScript)
      .flatMap(({ assertionResults }) => assertionResults)
      .filter(({ status }) => status === 'failed').length
  return { paper: failed(false), scripts: failed(true) }
}

/** Runs the tests below `root`. @param args of vitest @throws Error if there are none */
export function runTests(root: string, ...args: readonly string[]): Report['testResults'] {
  const report = join(root, 'report.json')
  const options = ['--root', root, '--reporter', 'json', '--outputFile', report]
  spawnSync('npx', ['vitest', 'run', ...args, ...options], { cwd: ROOT, stdio: 'ignore' })
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report
  if (testResults.length === 0) throw new Error(`no tests in ${root}`)
  return testResults
}

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[]
  }[]
}
