// `npm run fuzz -w signaling-server -- [FRAMES]`: so many random and mutated frames, a million by default.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const env = { ...process.env, LEGION_FUZZ_FRAMES: process.argv[2] ?? '1000000' }
const args = ['vitest', 'run', 'signaling-server/test/fuzz.test.ts']
process.exit(spawnSync('npx', args, { cwd: root, env, stdio: 'inherit' }).status ?? 1)
