// `npm test`: everything that must pass, one step after the other, and one closing line that counts it all.
// Lint and types count as one test each. A step that fails does not hide the later ones.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { ensureBrowsers } from './browsers.mjs'

const results = '.tmp/test-results'
rmSync(results, { recursive: true, force: true })
mkdirSync(results, { recursive: true })

const counts = { passed: 0, skipped: 0 }
/** What failed, to be told again at the end. */
const failures = []

if (check('types and build', 'npm', ['run', '--silent', 'build'])) {
  check('lint', 'npx', ['biome', 'check', '.'])
  vitest()
  check('demo build', 'npm', ['run', '--silent', 'build', '-w', 'demo-web'])
  playwright()
}

if (failures.length > 0) console.log(`\nFailed:\n${failures.map((failure) => `- ${failure}`).join('\n')}`)
const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
console.log(`\n${counts.passed} passed, ${failures.length} failed${skipped}`)
process.exit(failures.length === 0 ? 0 : 1)

function check(title, command, args) {
  const passed = run(title, command, args) === 0
  if (passed) counts.passed++
  else failures.push(title)
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
  count('unit and simulation tests', report, status, (json) => ({
    passed: json.numPassedTests,
    failures: json.testResults.flatMap(failuresOfFile),
    skipped: json.numPendingTests + json.numTodoTests,
  }))
}

/** A file that could not be run at all counts as one. */
function failuresOfFile({ name, status, message, assertionResults }) {
  const failed = assertionResults.filter((test) => test.status === 'failed')
  if (status === 'failed' && failed.length === 0) return [`${name}: ${firstLine(message)}`]
  return failed.map(({ fullName, failureMessages }) => `${fullName}: ${firstLine(failureMessages[0])}`)
}

function playwright() {
  const browsers = ensureBrowsers()
  if (browsers.problem !== undefined) {
    failures.push(browsers.problem)
    return
  }
  const report = `${results}/playwright.json`
  const status = run('end to end tests', 'npm', ['test', '-w', 'e2e'], {
    LEGION_CHROMIUM: browsers.chromium,
    LEGION_FIREFOX: browsers.firefox,
    PLAYWRIGHT_JSON_OUTPUT_FILE: new URL(`../${report}`, import.meta.url).pathname,
  })
  count('end to end tests', report, status, ({ stats, suites }) => ({
    passed: stats.expected,
    failures: suites.flatMap(failuresOfSuite),
    skipped: stats.skipped,
  }))
}

/** A flaky test is a failed one. */
function failuresOfSuite({ specs = [], suites = [] }) {
  const failed = specs.flatMap(({ title, tests }) =>
    tests
      .filter(({ status }) => status === 'unexpected' || status === 'flaky')
      .map(({ results }) => `${title}: ${firstLine(results[0]?.error?.message)}`),
  )
  return [...failed, ...suites.flatMap(failuresOfSuite)]
}

function firstLine(text = 'no message') {
  return text.trim().split('\n')[0].slice(0, 300)
}

/** Adds a runner's own counts; a runner that failed without a failed test counts as one. */
function count(title, report, status, read) {
  const found = readReport(report, read)
  if (status !== 0 && found.failures.length === 0) found.failures.push(`${title}: ended with ${status}`)
  failures.push(...found.failures)
  counts.passed += found.passed
  counts.skipped += found.skipped
}

function readReport(report, read) {
  try {
    return read(JSON.parse(readFileSync(report, 'utf8')))
  } catch (error) {
    return { passed: 0, failures: [`no readable report: ${error.message}`], skipped: 0 }
  }
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
