// `npm run simulate -- --seeds 1000 --from 1`: the core simulator, as long as wanted.
//   --goodbyes   replicas end for good, and others come
//   --trace      prints everything that happens in the (first) seed
//   --save NAME  keeps the shortened schedule of the first failing seed as a regression test
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

const TICK_SECONDS = 0.1 // of the defaults: a tick is 100 ms
const SHRINK_RUNS = 3000
const PROGRESS_SECONDS = 10

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    goodbyes: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    save: { type: 'string' },
  },
})

execFileSync('npx', ['tsc', '-b', 'lib'], { stdio: 'inherit' })
const { formatStep, recordSeed, shrinkSchedule, Simulator, traceSchedule, writeSchedule } = await import(
  '../lib/dist/testing/raft/index.js'
)

const options = { goodbyes: values.goodbyes }
simulate(Number(values.from), Number(values.seeds))

function simulate(from, seeds) {
  const total = { seeds: 0, events: 0, rounds: 0, committed: 0, adopted: 0, stuck: 0 }
  const startedAt = performance.now()
  let reportedAt = startedAt
  if (values.trace) console.log(traceSchedule(recordSeed(from, options).schedule).join('\n'))
  for (let seed = from; seed < from + seeds; seed++) {
    try {
      const { events, rounds, committed, adopted, recovered } = new Simulator(seed, options).run()
      total.seeds++
      total.events += events
      total.rounds += rounds
      total.committed += committed
      total.adopted += adopted
      if (!recovered) total.stuck++
    } catch (error) {
      report(total, startedAt)
      explain(seed, error)
      process.exit(1)
    }
    if (performance.now() - reportedAt < PROGRESS_SECONDS * 1000) continue
    reportedAt = performance.now()
    report(total, startedAt)
  }
  report(total, startedAt)
}

function report({ seeds, events, rounds, committed, adopted, stuck }, startedAt) {
  const seconds = (performance.now() - startedAt) / 1000
  const perMinute = Math.round((seeds / seconds) * 60)
  const hours = (rounds * TICK_SECONDS) / 3600
  const perSecond = Math.round(events / seconds)
  console.log(
    `${seeds} seeds, ${perMinute} a minute; ${hours.toFixed(1)} simulated hours, ${committed} entries committed, ` +
      `${events} events, ${perSecond} a second` +
      (values.goodbyes ? `; ${adopted} votes adopted, ${stuck} clusters without a quorum in the end` : ''),
  )
}

function explain(seed, error) {
  console.error(`\nseed ${seed}: ${error.stack}`)
  console.error(
    `\nto see all of it: npm run simulate -- --from ${seed} --seeds 1${values.goodbyes ? ' --goodbyes' : ''} --trace`,
  )
  const { schedule, failure } = recordSeed(seed, options)
  if (failure === undefined) return
  const short = shrinkSchedule(schedule, SHRINK_RUNS)
  console.error(`\n${schedule.steps.length} steps, these ${short.steps.length} are enough:\n`)
  console.error(short.steps.map(formatStep).join('\n'))
  console.error(`\nwhat they do:\n\n${traceSchedule(short).join('\n')}`)
  if (values.save === undefined) console.error('\n--save NAME keeps them as a regression test')
  else save(values.save, writeSchedule(short, failure.error.message.split('\n')[0]))
}

function save(name, text) {
  const path = `lib/test/raft-simulation/regressions/${name}.json`
  writeFileSync(new URL(`../${path}`, import.meta.url), text)
  console.error(`\nkept as ${path}`)
}
