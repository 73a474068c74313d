// `npm run planted-bugs`: asks every tier of the Raft core's tests for every planted bug, and writes docs/planted-bugs.md.
import { spawnSync } from 'node:child_process'

const { status } = spawnSync('npx', ['vitest', 'run', 'lib/test/raft-simulation/planted-bugs.test.ts'], {
  stdio: 'inherit',
  env: { ...process.env, PLANTED_BUGS: 'table' },
})
process.exit(status ?? 1)
