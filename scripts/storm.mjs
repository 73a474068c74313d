// `npm run storm -- --minutes 1000 --from 1`: storms of seed after seed, until so many minutes are simulated. Each is a
// cluster of one to nine peers of all kinds that come and go; what goes wrong is printed with its seed, and the
// next one begins.
//   --second   users work with a second group, beside `main`
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'vite'

const PROGRESS_SECONDS = 10

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    second: { type: 'boolean', default: false },
  },
})

const root = fileURLToPath(new URL('..', import.meta.url))
const { soak } = await load('lib/test/simulation/storm-soak.ts')
// Node's own keeps track of who asked, which costs more than most of the tasks do; the order is the same.
globalThis.queueMicrotask = (fn) => void Promise.resolve().then(fn)
let reportedAt = 0
let running = Number(values.from)
process.on('uncaughtException', (error) => {
  process.exitCode = 1
  console.log(`FAILED, seed ${running}: uncaught\n${error.stack}`)
})
const groups = values.second ? ['main', 'second'] : ['main']
const totals = await soak(running, Number(values.minutes), groups, (sofar, { seed, loss, failure }) => {
  running = seed + 1
  if (loss !== undefined) console.log(`lost its quorum for good, seed ${seed}: ${loss}`)
  if (failure !== undefined) console.log(`FAILED, ${failure.message}\n${failure.cause?.stack ?? failure.stack}`)
  if (sofar.seconds < reportedAt + PROGRESS_SECONDS) return
  reportedAt = sofar.seconds
  report(sofar)
})
report(totals)
if (totals.failed > 0) process.exitCode = 1

/** The sources as one file of plain JavaScript: they run faster than as many modules. */
async function load(entry) {
  const directory = mkdtempSync(join(root, 'node_modules', '.storm-')) // below the project, so that packages are found
  const output = { entryFileNames: 'storm.mjs', codeSplitting: false }
  try {
    await build({
      root,
      configFile: false,
      logLevel: 'warn',
      build: { ssr: entry, outDir: directory, minify: false, target: 'node20', rolldownOptions: { output } },
    })
    return await import(pathToFileURL(join(directory, 'storm.mjs')).href)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function report({ seeds, failed, seconds, minutes, recoveryMs, lost, ...counts }) {
  const perSecond = (minutes / seconds).toFixed(1)
  const rest = Object.entries(counts).map(([name, count]) => `${count} ${name}`)
  console.log(
    `${seeds} seeds, ${failed} failed, ${Math.round(minutes)} simulated minutes (${perSecond} a second): ${rest.join(', ')}; ` +
      `${lost} clusters lost their quorum for good, longest recovery ${(recoveryMs / 1000).toFixed(1)} s`,
  )
}
