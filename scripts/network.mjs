// `npm run test:network` and `npm run test:nat`: peers in network namespaces, minutes long. Needs Linux and root; says so
// and passes where it can't run. Installs iproute2, iptables and coturn on Debian if they are missing.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { ensureBrowsers } from './browsers.mjs'

const SPECS = { network: 'cuts.spec.ts', nat: 'nat.spec.ts' }
const PACKAGES = { ip: 'iproute2', iptables: 'iptables', turnserver: 'coturn' }

const [name, ...more] = process.argv.slice(2)
const spec = SPECS[name]
if (spec === undefined) fail(`Say one of: ${Object.keys(SPECS).join(', ')}.`)
if (process.platform !== 'linux' || process.getuid() !== 0) {
  console.log(`skipped: test:${name} needs Linux and root, for network namespaces`)
  process.exit()
}
ensurePackages()
const browsers = ensureBrowsers()
if (browsers.problem !== undefined) fail(browsers.problem)
for (const args of [['build'], ['build', '-w', 'demo-web']]) run('npm', ['run', '--silent', ...args])
const env = { LEGION_CHROMIUM: browsers.chromium, LEGION_FIREFOX: browsers.firefox }
run('npx', ['playwright', 'test', '-c', 'network/playwright.config.ts', spec, ...more], { cwd: 'e2e', env })

function ensurePackages() {
  const missing = Object.entries(PACKAGES).filter(([program]) => !isInstalled(program))
  if (missing.length > 0 && existsSync('/usr/bin/apt-get')) {
    const names = missing.map(([, packageName]) => packageName)
    console.log(`installing ${names.join(', ')}`)
    const options = { stdio: ['ignore', 'ignore', 'inherit'], timeout: 300_000 }
    const debian = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    spawnSync('apt-get', ['update', '-qq'], { ...options, env: debian })
    spawnSync('apt-get', ['install', '-y', '-qq', ...names], { ...options, env: debian })
  }
  const still = missing.filter(([program]) => !isInstalled(program))
  if (still.length > 0) fail(`Not installed: ${still.map(([program]) => program).join(', ')}.`)
}

function isInstalled(program) {
  return spawnSync('which', [program], { stdio: 'ignore' }).status === 0
}

function run(command, args, { cwd, env = {} } = {}) {
  const defined = Object.entries(env).filter(([, value]) => value !== undefined)
  const merged = { ...process.env, ...Object.fromEntries(defined) }
  const { status } = spawnSync(command, args, { stdio: 'inherit', cwd, env: merged })
  if (status !== 0) process.exit(status ?? 1)
}

function fail(problem) {
  console.error(problem)
  process.exit(1)
}
