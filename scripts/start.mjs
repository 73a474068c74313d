// `npm start`: the whole theatre on this machine. Builds it, then runs a signaling server and the demo's pages here and
// two Node peers, one per WebRTC implementation, as processes of their own. `--host` lets other machines in.
import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const SIGNALING_PORT = 4455
const DEMO_PORT = 4173
// With two voting Node peers a majority is left when a browser is quit with all its tabs at once.
const VOTERS = 3
const PEERS = [
  { name: 'Box office', webrtc: 'node-datachannel', package: 'node-datachannel' },
  { name: 'Cloakroom', webrtc: 'roamhq', package: '@roamhq/wrtc' },
]

const host = process.argv.includes('--host') ? '0.0.0.0' : 'localhost'
let isStopping = false
const path = (relative) => fileURLToPath(new URL(`../${relative}`, import.meta.url))

build()
const signaling = await startSignaling()
const demo = await startDemo()
const peers = PEERS.filter(isInstalled).map(startPeer)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => void stop())
console.log(`\nOpen ${urlForPeople()} in two tabs or more. Ctrl-C stops everything.\n`)

function build() {
  run('npx', ['tsc', '-b', 'lib', 'signaling-server', 'node-peer'])
  run('npm', ['run', '--silent', 'build', '-w', 'demo-web', '--', '--logLevel', 'warn'])
}

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: path('.'), stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) process.exit(status ?? 1)
}

async function startSignaling() {
  const { createSignalingServer } = await import('legion-signaling')
  for (let port = SIGNALING_PORT; ; port++) {
    const server = createSignalingServer()
    try {
      await server.listen(port, host)
      return server
    } catch (error) {
      if (error.code !== 'EADDRINUSE') throw error
    }
  }
}

async function startDemo() {
  const { preview } = await import('vite')
  const root = path('demo-web')
  return preview({ root, logLevel: 'warn', preview: { port: DEMO_PORT, host } })
}

function isInstalled({ package: name }) {
  try {
    return import.meta.resolve(name) !== undefined
  } catch {
    return false
  }
}

function startPeer({ name, webrtc }) {
  const settings = {
    cluster: 'theatre',
    signaling: `ws://localhost:${signaling.port}`,
    machine: path('demo-web/dist/machine/theatre.js'),
    name,
    webrtc,
    voters: VOTERS,
  }
  const args = Object.entries(settings).map(([option, value]) => `--${option}=${value}`)
  // Over the channel to this process a peer learns that it is gone, however it went.
  const preload = ['--import', './scripts/end-with-parent.mjs']
  const child = spawn(process.execPath, [...preload, 'node-peer/dist/cli.js', ...args], {
    cwd: path('.'),
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    detached: true, // Ctrl-C goes to this process alone, which then tells its children
  })
  child.on('exit', (code) => isStopping || console.error(`The peer "${name}" ended with code ${code}.`))
  return child
}

function urlForPeople() {
  const { local, network } = demo.resolvedUrls
  const url = new URL((host === 'localhost' ? local[0] : network[0]) ?? local[0])
  if (signaling.port !== SIGNALING_PORT) {
    url.searchParams.set('signaling', `ws://${url.hostname}:${signaling.port}`)
  }
  return url.href
}

async function stop() {
  isStopping = true
  const ended = peers.map((peer) => peer.exitCode ?? new Promise((resolve) => peer.once('exit', resolve)))
  for (const peer of peers) peer.kill()
  await Promise.all(ended)
  process.exit()
}
