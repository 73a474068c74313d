// `npm run storm -- --minutes 1000 --from 1`: storms of seed after seed, until so many minutes are simulated. Each is a
// cluster of one to nine peers of all kinds that come and go; what goes wrong is printed with its seed.
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
  },
})

const root = fileURLToPath(new URL('..', import.meta.url))
const { soak } = await load('lib/test/simulation/storm-soak.ts')
try {
  let reportedAt = 0
  const totals = await soak(Number(values.from), Number(values.minutes), (sofar, loss) => {
    if (loss !== undefined) console.log(`lost its quorum for good, ${loss}`)
    if (sofar.seconds < reportedAt + PROGRESS_SECONDS) return
    reportedAt = sofar.seconds
    report(sofar)
  })
  report(totals)
} catch (error) {
  console.error(error.message)
  console.error(error.cause?.stack ?? error.stack)
  process.exitCode = 1
}

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

function report({ seeds, seconds, minutes, recoveryMs, lost, ...counts }) {
  const perSecond = (minutes / seconds).toFixed(1)
  const rest = Object.entries(counts).map(([name, count]) => `${count} ${name}`)
  console.log(
    `${seeds} seeds, ${Math.round(minutes)} simulated minutes (${perSecond} a second): ${rest.join(', ')}; ` +
      `${lost} clusters lost their quorum for good, longest recovery ${(recoveryMs / 1000).toFixed(1)} s`,
  )
}
