import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Benchmark } from './benchmark.js'
import { isReached } from './bound.js'
import { Lab } from './lab/lab.js'
import { thisMachine } from './machine.js'
import { plotsOf } from './plots/plots.js'
import {
  type BenchmarkResult,
  PLOTS_FOLDER,
  PROFILES_FOLDER,
  profilesToMarkdown,
  type Results,
  toMarkdown,
  toText,
  total,
} from './report.js'
import { SUITE } from './suite.js'

const USAGE = `npm run bench -- [NAME…] [--json] [--profile] [--runs N] [--only TEXT] [--quick]

  NAME         one or more of: ${SUITE.map(({ name }) => name).join(', ')}
               Without a name: all of them, and the results are written to bench/RESULTS.md, bench/plots and bench/results.json
  --json       print JSON
  --profile    run once more with CPU profiles of all peers, left in bench/profiles, and name their ten hottest functions;
               without it only where something that is wanted was not reached
  --runs N     measure so often (default 5); the longest less often all the same
  --only TEXT  of a benchmark with cases only those whose label holds TEXT, say "LevelDB, 16 B"
  --quick      smaller: less state, fewer groups, shorter waits
`
/** Of one benchmark; on a machine that does nothing else none takes half of it. */
const TIME_LIMIT_MS = 300_000
const DIRECTORY = fileURLToPath(new URL('..', import.meta.url))

interface Settings {
  readonly benchmarks: readonly Benchmark[]
  readonly isAll: boolean
  readonly json: boolean
  readonly profile: boolean
  readonly runs: number
  readonly only: string
  readonly quick: boolean
}

/** @throws Error with a sentence if the arguments make no sense */
function readSettings(args: string[]): Settings | undefined {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      runs: { type: 'string', default: '5' },
      only: { type: 'string', default: '' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const runs = Number(values.runs)
  if (!Number.isInteger(runs) || runs < 1)
    throw new Error(`--runs must be a whole number from 1 on, not ${values.runs}`)
  const { json, profile, only, quick } = values
  const benchmarks = positionals.length === 0 ? SUITE : positionals.map(benchmarkNamed)
  const isAll = benchmarks === SUITE && only === '' && !quick
  return { benchmarks, isAll, json, profile, runs, only, quick }
}

function benchmarkNamed(name: string): Benchmark {
  const benchmark = SUITE.find((one) => one.name === name)
  if (benchmark === undefined) throw new Error(`There is no benchmark "${name}".`)
  return benchmark
}

async function run(settings: Settings): Promise<void> {
  const { benchmarks, isAll, json } = settings
  // Standard output is for JSON alone, if it is asked for.
  const print = json ? console.error : console.log
  const machine = thisMachine()
  const results: BenchmarkResult[] = []
  for (const benchmark of benchmarks) {
    const result = await runOne(benchmark, settings)
    results.push(result)
    print(toText(result))
  }
  const all: Results = { machine, benchmarks: results }
  print(`${results.reduce((sum, { seconds }) => sum + total(seconds), 0).toFixed(0)} s in all`)
  if (json) console.log(JSON.stringify(all, null, 2))
  if (isAll) write(all)
}

async function runOne(benchmark: Benchmark, { runs, only, quick, profile }: Settings): Promise<BenchmarkResult> {
  const { name, about, alternative, runsMax = runs } = benchmark
  const lab = new Lab({ runs: Math.min(runs, runsMax), only, quick })
  const result = await measure(benchmark, lab, profile).finally(() => lab.stop())
  const { notes, costs, distributions, subjectSeconds, phases: seconds } = lab
  return { name, about, alternative, notes, costs, distributions, subjectSeconds, seconds, ...result }
}

/** Whatever falls short is profiled. */
async function measure({ name, run }: Benchmark, lab: Lab, isProfiled: boolean) {
  const rows = (await unlessItFails(lab, () => run(lab))) ?? []
  const isProfileWanted = isProfiled || rows.some((row) => isReached(row) === false)
  if (!isProfileWanted) return { rows, profiles: [] }
  const profiles = await unlessItFails(lab, () => lab.profile(join(DIRECTORY, PROFILES_FOLDER, name)))
  return { rows, profiles: profiles ?? [] }
}

/** Who fails, or never ends, does not cost the others their results. */
async function unlessItFails<T>(lab: Lab, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await Promise.race([work(), tooLate()])
  } catch (error) {
    console.error(error)
    const [sentence] = String(error).split('\n')
    lab.note(`It failed: ${sentence}`)
    process.exitCode = 1
    return undefined
  }
}

async function tooLate(): Promise<never> {
  await setTimeout(TIME_LIMIT_MS, undefined, { ref: false })
  throw new Error(`not done after ${TIME_LIMIT_MS / 1000} s`)
}

function write(results: Results): void {
  writeFileSync(join(DIRECTORY, 'results.json'), `${JSON.stringify(results, null, 2)}\n`)
  writeFileSync(join(DIRECTORY, 'RESULTS.md'), toMarkdown(results))
  const plots = join(DIRECTORY, PLOTS_FOLDER)
  rmSync(plots, { recursive: true, force: true })
  mkdirSync(plots)
  for (const { name, svg } of results.benchmarks.flatMap(plotsOf)) writeFileSync(join(plots, `${name}.svg`), svg)
  for (const result of results.benchmarks) writeProfiles(result)
}

/** What is reached now has no profile any more. */
function writeProfiles(result: BenchmarkResult): void {
  const path = join(DIRECTORY, PROFILES_FOLDER, `${result.name}.md`)
  if (result.profiles.length === 0) rmSync(path, { force: true })
  else writeFileSync(path, profilesToMarkdown(result))
}

try {
  const settings = readSettings(process.argv.slice(2))
  if (settings === undefined) console.log(USAGE)
  else await run(settings)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
