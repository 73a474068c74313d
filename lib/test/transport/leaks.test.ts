import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'vite'
import { beforeAll, expect, it } from 'vitest'
import type { Leftovers } from './leak-program.js'

const PATIENCE_MS = 120_000
const PROGRAM_FOLDER = fileURLToPath(new URL('../../../node_modules/.legion-test-leaks/', import.meta.url))

beforeAll(async () => {
  const entry = fileURLToPath(new URL('leak-program.ts', import.meta.url))
  await build({
    configFile: false,
    logLevel: 'error',
    build: { ssr: entry, outDir: PROGRAM_FOLDER, emptyOutDir: true },
  })
}, PATIENCE_MS)

it.each([
  ['node-datachannel', 200],
  ['@roamhq/wrtc', 40],
] as const)(
  '[CON23] of connects and closes by %s nothing is left',
  { timeout: PATIENCE_MS },
  async (name, connects) => {
    const args = ['--expose-gc', `${PROGRAM_FOLDER}leak-program.js`, name, `${connects}`, 'links']
    const { stdout } = await promisify(execFile)(process.execPath, args)
    const { alive, timers, heapBytes } = JSON.parse(stdout) as Leftovers
    expect({ alive, timers }).toEqual({ alive: 0, timers: 0 })
    expect(heapBytes).toBeLessThan(20_000)
  },
)
