import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { UNKNOWN } from 'legion-mesh/testing'
import { type ChaosOptions, runChaos } from './conductor.js'
import type { KvOperation } from './journal.js'
import { machineMicros } from './machine-clock.js'
import { describeRun } from './report.js'
import { judge } from './verdict.js'

const RECORDS = fileURLToPath(new URL('../../../.tmp/chaos', import.meta.url))

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '3' },
    peers: { type: 'string', default: '5' },
    clients: { type: 'string', default: '8' },
    seed: { type: 'string', default: '1' },
    victims: { type: 'string', default: 'minority' },
    storage: { type: 'string', default: 'leveldb' },
  },
})

process.exitCode = (await main()) ? 0 : 1

/** @returns whether everything was as it should be */
async function main(): Promise<boolean> {
  const options = readOptions()
  const evidence = await runChaos(options)
  console.log(`\n${describeRun(evidence)}`)
  const { violations, failing } = judge(
    evidence.journals.flatMap(({ operations }) => operations),
    evidence.states,
  )
  if (failing !== undefined) keep(failing, `${options.directory}/failing.json`)
  for (const problem of [...evidence.problems, ...violations]) console.error(`\n${problem}`)
  const isFine = evidence.problems.length + violations.length === 0
  console.log(isFine ? 'linearizable' : `\nseed ${options.seed}; everything is in ${options.directory}`)
  return isFine
}

function readOptions(): ChaosOptions {
  const startedAt = machineMicros()
  const seed = wholeNumber('seed')
  return {
    seed,
    durationMs: Number(values.minutes) * 60_000,
    peers: wholeNumber('peers'),
    clients: wholeNumber('clients'),
    victims: oneOf('victims', ['minority', 'everybody']),
    storage: oneOf('storage', ['memory', 'leveldb']),
    directory: `${RECORDS}/seed-${seed}`,
    log: (line) => console.log(`${((machineMicros() - startedAt) / 1e6).toFixed(1)} s  ${line}`),
  }
}

function wholeNumber(option: 'seed' | 'peers' | 'clients'): number {
  const number = Number(values[option])
  if (!Number.isInteger(number) || number < 1) throw new Error(`--${option} must be a whole number from 1 on`)
  return number
}

function oneOf<const T extends string>(option: 'victims' | 'storage', choices: readonly T[]): T {
  const choice = choices.find((known) => known === values[option])
  if (choice === undefined) throw new Error(`--${option} must be one of ${choices.join(', ')}`)
  return choice
}

function keep(operations: readonly KvOperation[], path: string): void {
  const known = (_: string, value: unknown) => (value === UNKNOWN ? 'unknown' : value)
  writeFileSync(path, `[\n${operations.map((operation) => JSON.stringify(operation, known)).join(',\n')}\n]\n`)
  console.error(`\nthe smallest failing part of the history (${operations.length} operations) is in ${path}`)
}
