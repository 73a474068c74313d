import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Benchmark } from './benchmark.js'
import { Lab } from './lab/lab.js'
import { thisMachine } from './machine.js'
import { plotsOf } from './plots/plots.js'
import { hottestFunctions } from './profile.js'
import { type BenchmarkResult, PLOTS_FOLDER, type Results, toMarkdown, toText } from './report.js'
import { SUITE } from './suite.js'

const USAGE = `npm run bench -- [NAME…] [--json] [--profile] [--runs N] [--only TEXT] [--quick]

  NAME         one or more of: ${SUITE.map(({ name }) => name).join(', ')}
               Without a name: all of them, and the results are written to bench/RESULTS.md, bench/plots and bench/results.json
  --json       print JSON
  --profile    leave CPU profiles of all peers in bench/profiles, and name their ten hottest functions
  --runs N     measure so often (default 5)
  --only TEXT  of a benchmark with cases only those whose label holds TEXT, say "LevelDB, 16 B"
  --quick      smaller: less state, fewer groups, shorter waits
`
const DIRECTORY = fileURLToPath(new URL('..', import.meta.url))
const HOTTEST = 10

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

async function run({ benchmarks, isAll, json, profile, runs, only, quick }: Settings): Promise<void> {
  const results: BenchmarkResult[] = []
  for (const benchmark of benchmarks) {
    const profileDirectory = profile ? join(DIRECTORY, 'profiles', benchmark.name) : undefined
    const result = await runOne(benchmark, new Lab({ runs, only, quick, profileDirectory }))
    results.push(result)
    // Standard output is for JSON alone, if it is asked for.
    const print = json ? console.error : console.log
    print(toText(result))
    if (profileDirectory !== undefined) printHottest(profileDirectory, print)
  }
  const all: Results = { machine: thisMachine(), runs, benchmarks: results }
  if (json) console.log(JSON.stringify(all, null, 2))
  if (isAll) write(all)
}

async function runOne({ name, about, alternative, run }: Benchmark, lab: Lab): Promise<BenchmarkResult> {
  const startMs = Date.now()
  try {
    const rows = await run(lab)
    const seconds = (Date.now() - startMs) / 1000
    return {
      name,
      about,
      alternative,
      notes: lab.notes,
      rows,
      costs: lab.costs,
      distributions: lab.distributions,
      seconds,
    }
  } finally {
    await lab.stop()
  }
}

function printHottest(directory: string, print: (text: string) => void): void {
  for (const file of readdirSync(directory).sort()) {
    print(`${file}, share of the busy time:`)
    for (const { name, share } of hottestFunctions(join(directory, file), HOTTEST)) {
      print(`  ${(share * 100).toFixed(1).padStart(5)} %  ${name}`)
    }
  }
  print('')
}

function write(results: Results): void {
  writeFileSync(join(DIRECTORY, 'results.json'), `${JSON.stringify(results, null, 2)}\n`)
  writeFileSync(join(DIRECTORY, 'RESULTS.md'), toMarkdown(results))
  const plots = join(DIRECTORY, PLOTS_FOLDER)
  rmSync(plots, { recursive: true, force: true })
  mkdirSync(plots)
  for (const { name, svg } of results.benchmarks.flatMap(plotsOf)) writeFileSync(join(plots, `${name}.svg`), svg)
}

try {
  const settings = readSettings(process.argv.slice(2))
  if (settings === undefined) console.log(USAGE)
  else await run(settings)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
