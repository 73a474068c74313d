// `npm test`: everything that must pass, one step after the other, and one closing line that counts it all.
// Lint and types count as one test each. A step that fails does not hide the later ones.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { ensureBrowsers } from './browsers.mjs'

const results = '.tmp/test-results'
rmSync(results, { recursive: true, force: true })
mkdirSync(results, { recursive: true })

const counts = { passed: 0, failed: 0, skipped: 0 }

if (check('types and build', 'npm', ['run', '--silent', 'build'])) {
  check('lint', 'npx', ['biome', 'check', '.'])
  vitest()
  check('demo build', 'npm', ['run', '--silent', 'build', '-w', 'demo-web'])
  playwright()
}

const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
console.log(`\n${counts.passed} passed, ${counts.failed} failed${skipped}`)
process.exit(counts.failed === 0 ? 0 : 1)

function check(title, command, args) {
  const passed = run(title, command, args) === 0
  counts[passed ? 'passed' : 'failed']++
  return passed
}

function vitest() {
  const report = `${results}/vitest.json`
  const status = run('unit and simulation tests', 'npx', [
    'vitest',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ])
  count(report, status, (json) => ({
    passed: json.numPassedTests,
    failed:
      json.numFailedTests +
      json.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length,
    skipped: json.numPendingTests + json.numTodoTests,
  }))
}

function playwright() {
  const browsers = ensureBrowsers()
  if (browsers.problem !== undefined) {
    console.error(browsers.problem)
    counts.failed++
    return
  }
  const report = `${results}/playwright.json`
  const status = run('end to end tests', 'npm', ['test', '-w', 'e2e'], {
    LEGION_CHROMIUM: browsers.chromium,
    LEGION_FIREFOX: browsers.firefox,
    PLAYWRIGHT_JSON_OUTPUT_FILE: new URL(`../${report}`, import.meta.url).pathname,
  })
  count(report, status, ({ stats }) => ({
    passed: stats.expected,
    failed: stats.unexpected + stats.flaky, // a flaky test is a failed one
    skipped: stats.skipped,
  }))
}

/** Adds a runner's own counts; a runner that failed without a failed test counts as one. */
function count(report, status, read) {
  let found = { passed: 0, failed: 0, skipped: 0 }
  try {
    found = read(JSON.parse(readFileSync(report, 'utf8')))
  } catch (error) {
    console.error(`no readable report: ${error.message}`)
    found.failed = 1
  }
  if (status !== 0 && found.failed === 0) found.failed = 1
  for (const key of Object.keys(counts)) counts[key] += found[key]
}

function run(title, command, args, env = {}) {
  console.log(`\n== ${title}`)
  const { status } = spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, ...definedOnly(env) } })
  if (status !== 0) console.error(`== ${title}: failed`)
  return status ?? 1
}

function definedOnly(env) {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined))
}
