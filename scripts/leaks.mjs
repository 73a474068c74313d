// `npm run leaks -- --connects 10000 --package node-datachannel`: connects and closes so many times in one process, by
// this library and beside it by bare RTCPeerConnections, and tells what is left. @roamhq/wrtc itself keeps memory of every
// connection: fewer are enough.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'vite'

const { values } = parseArgs({
  options: {
    connects: { type: 'string', default: '10000' },
    package: { type: 'string', default: 'node-datachannel' },
  },
})

const root = fileURLToPath(new URL('..', import.meta.url))
// Below the project, so that packages are found.
const directory = mkdtempSync(join(root, 'node_modules', '.leaks-'))
try {
  const entry = join(root, 'lib/test/transport/leak-program.ts')
  await build({ configFile: false, logLevel: 'error', build: { ssr: entry, outDir: directory } })
  for (const what of ['links', 'bare']) {
    const args = ['--expose-gc', join(directory, 'leak-program.js'), values.package, values.connects, what]
    const { stdout, status } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    if (status !== 0) throw new Error(`${what}: the program ended with ${status}`)
    console.log(`${what.padEnd(5)} ${stdout.trim()}`)
  }
} finally {
  rmSync(directory, { recursive: true })
}
