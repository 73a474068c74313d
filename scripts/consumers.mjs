// `npm run test:consumers`: whether the packages work for those who install them. Packs them, installs the tarballs into
// apps made from scratch (scripts/consumers) in a temporary directory, and builds, imports and type-checks those.
// Words of checks' names as arguments run only these; KEEP=1 keeps the directory.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const TEMPLATES = fileURLToPath(new URL('./consumers', import.meta.url))
const LIBRARY = 'legion-mesh'
const PACKAGES = { [LIBRARY]: 'lib', 'legion-signaling': 'signaling-server', 'legion-peer': 'node-peer' }
const COMPILERS = ['typescript-5.6', 'typescript-5.9', 'typescript-7']
const RESOLUTIONS = { bundler: 'ESNext', nodenext: 'NodeNext' }
/** Yjs, its parts and TypeScript 5.6 do not agree, with or without this library. */
const NOT_OURS = /^node_modules\/(yjs|lib0|y-protocols)\//
/** Of the browser entry without yjs, minified and gzipped. */
const BUDGETS_KB = { 'first load': 40, 'with all that is loaded later': 70 }

const CHECKS = {
  '[PKG1] tarballs': checkTarballs,
  '[PKG2] publint': checkPublint,
  '[PKG2] attw': () => run(ROOT, 'npx', ['attw', tarballs[LIBRARY].path, '--profile', 'esm-only']),
  '[PKG3] imports': checkImports,
  '[PKG4] types': checkTypes,
  '[PKG5] vite': checkVite,
  '[PKG6] next': checkNext,
  '[PKG6] sveltekit': checkSvelteKit,
}

const wanted = process.argv.slice(2)
const directory = mkdtempSync(join(tmpdir(), 'legion-consumers-'))
const tarballs = packAll()
const counts = { passed: 0, failed: 0 }

for (const [name, check] of Object.entries(CHECKS)) {
  if (wanted.length > 0 && !wanted.some((word) => name.includes(word))) continue
  const startMs = Date.now()
  try {
    check()
    counts.passed++
    console.log(`ok      ${name} (${seconds(startMs)} s)`)
  } catch (error) {
    counts.failed++
    console.log(`FAILED  ${name} (${seconds(startMs)} s)\n${indent(error.message)}`)
  }
}
if (process.env.KEEP === undefined) rmSync(directory, { recursive: true, force: true })
else console.log(`kept: ${directory}`)
console.log(`\n${counts.passed} passed, ${counts.failed} failed`)
process.exit(counts.failed === 0 ? 0 : 1)

// --- packages

function packAll() {
  run(ROOT, 'npx', ['tsc', '-b', ...Object.values(PACKAGES)])
  return Object.fromEntries(Object.entries(PACKAGES).map(([name, folder]) => [name, pack(folder)]))
}

function pack(folder) {
  const output = run(join(ROOT, folder), 'npm', ['pack', '--json', '--pack-destination', directory])
  const [{ filename, files, size }] = [JSON.parse(output)].flat()
  return { path: join(directory, filename), files: files.map(({ path }) => path), sizeBytes: size, folder }
}

function checkTarballs() {
  for (const [name, { files, folder, sizeBytes }] of Object.entries(tarballs)) {
    console.log(`        ${name}: ${files.length} files, ${kilobytes(sizeBytes)} KB`)
    const { exports = {}, bin = {} } = JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8'))
    const promised = [...targetsOf(exports), ...Object.values(bin)].map((path) => path.replace(/^\.\//, ''))
    for (const path of ['README.md', 'LICENSE', 'package.json', ...promised]) {
      expect(files.includes(path), `${name} does not contain ${path}`)
    }
    const strange = files.filter(
      (path) => !/^((dist|src)\/.+\.(js|ts|map)|README\.md|LICENSE|package\.json)$/.test(path),
    )
    expect(strange.length === 0, `${name} contains ${strange.join(', ')}`)
  }
}

function targetsOf(exports) {
  return typeof exports === 'string' ? [exports] : Object.values(exports).flatMap(targetsOf)
}

function checkPublint() {
  for (const { path } of Object.values(tarballs)) run(ROOT, 'npx', ['publint', 'run', '--strict', path])
}

// --- Node

/** Every entry, alone and without the optional packages: nothing is printed, nothing keeps the process alive. */
function checkImports() {
  const app = makeApp('imports', { private: true, dependencies: { yjs: '^13.6.0' } })
  const { exports } = JSON.parse(readFileSync(join(app, 'node_modules', LIBRARY, 'package.json'), 'utf8'))
  for (const entry of Object.keys(exports)) {
    const name = join(LIBRARY, entry)
    const output = run(app, process.execPath, ['-e', `import('${name}')`], { timeoutMs: 5_000 })
    expect(output === '', `importing ${name} prints: ${output}`)
  }
}

// --- types

function checkTypes() {
  const app = makeApp('types')
  const problems = []
  for (const compiler of COMPILERS) {
    for (const [resolution, module] of Object.entries(RESOLUTIONS)) {
      const errors = typeErrors(app, compiler, ['--module', module, '--moduleResolution', resolution])
      problems.push(...errors.map((error) => `${compiler}, ${resolution}: ${error}`))
    }
  }
  expect(problems.length === 0, problems.join('\n'))
}

function typeErrors(app, compiler, options) {
  try {
    run(app, process.execPath, [join('node_modules', compiler, 'bin', 'tsc'), '-p', '.', ...options])
    return []
  } catch (error) {
    const errors = error.message.split('\n').filter((line) => /error TS\d+/.test(line))
    if (errors.length === 0) throw error
    return errors.filter((line) => !NOT_OURS.test(line))
  }
}

// --- apps

function checkVite() {
  const app = makeApp('vite')
  const output = run(app, 'npx', ['vite', 'build'])
  expectNoShims(output)
  const assets = join(app, 'dist', 'assets')
  for (const file of readdirSync(assets)) {
    const code = readFileSync(join(assets, file), 'utf8')
    const shims = code.match(/__vite-browser-external|from\s*["']node:|require\(["']/g)
    expect(shims === null, `${file} contains ${shims?.join(', ')}`)
  }
  printSizes(app)
}

function checkNext() {
  const app = makeApp('next')
  const output = run(app, 'npx', ['next', 'build'], { env: { NEXT_TELEMETRY_DISABLED: '1' } })
  expectNoShims(output)
  expectRendered(join(app, '.next', 'server', 'app', 'index.html'))
}

function checkSvelteKit() {
  const app = makeApp('sveltekit')
  run(app, 'npx', ['svelte-kit', 'sync'])
  const output = run(app, 'npx', ['vite', 'build'])
  expectNoShims(output)
  expectRendered(join(app, 'build', 'index.html'))
}

function expectNoShims(output) {
  const problem = output
    .split('\n')
    .find((line) => /externalized for browser|module not found|\[warn|warning/i.test(line))
  expect(problem === undefined, `the build says: ${problem}`)
}

function expectRendered(path) {
  const html = readFileSync(path, 'utf8')
  expect(/counter of (<!-- -->)?counter/.test(html), `the server did not render the component into ${path}`)
}

function makeApp(name, manifest) {
  const app = join(directory, name)
  mkdirSync(app)
  if (manifest === undefined) cpSync(join(TEMPLATES, name), app, { recursive: true })
  else writeFileSync(join(app, 'package.json'), JSON.stringify(manifest))
  run(app, 'npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', tarballs[LIBRARY].path])
  return app
}

// --- sizes

function printSizes(app) {
  const { chunks, parts } = JSON.parse(run(app, process.execPath, ['measure.mjs']))
  const firstLoad = sum(chunks.filter(({ isLazy }) => !isLazy))
  const all = sum(chunks)
  for (const { fileName, isLazy, minBytes, gzipBytes } of chunks) {
    const when = isLazy ? 'later' : 'first load'
    console.log(`        ${kilobytes(gzipBytes)} KB gzip, ${kilobytes(minBytes)} KB min: ${fileName}, ${when}`)
  }
  compare('first load', firstLoad)
  compare('with all that is loaded later', all)
  console.log('        parts of the first load, each compressed alone:')
  for (const { part, gzipBytes } of parts) console.log(`        ${kilobytes(gzipBytes).padStart(7)} KB  ${part}`)
}

function compare(what, bytes) {
  const verdict = bytes / 1000 <= BUDGETS_KB[what] ? 'within' : 'ABOVE'
  console.log(`        ${what}: ${kilobytes(bytes)} KB, ${verdict} the budget of ${BUDGETS_KB[what]} KB`)
}

function sum(chunks) {
  return chunks.reduce((bytes, { gzipBytes }) => bytes + gzipBytes, 0)
}

// --- tools

/** @returns all that it printed. @throws Error with it, if it fails */
function run(cwd, command, args, { env = {}, timeoutMs = 300_000 } = {}) {
  const options = { cwd, encoding: 'utf8', timeout: timeoutMs, env: { ...process.env, CI: '1', ...env } }
  const { status, stdout, stderr, error } = spawnSync(command, args, options)
  if (status === 0) return command === 'npm' ? stdout : stdout + stderr
  throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? `exit code ${status}`}\n${stdout}${stderr}`)
}

function expect(condition, problem) {
  if (!condition) throw new Error(problem)
}

function kilobytes(bytes) {
  return (bytes / 1000).toFixed(1)
}

function seconds(startMs) {
  return ((Date.now() - startMs) / 1000).toFixed(0)
}

function indent(text) {
  return text.replaceAll(/^/gm, '        ')
}
