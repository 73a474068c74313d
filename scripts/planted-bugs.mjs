// `npm run planted-bugs`: asks every tier of the Raft core's tests for every bug planted there, and for every bug around the
// core the test that is to catch it. Writes docs/planted-bugs.md and docs/planted-bugs-around-the-core.md.
import { spawnSync } from 'node:child_process'

const { status } = spawnSync('npx', ['vitest', 'run', 'planted-bugs.test.ts', 'planted-handover.test.ts'], {
  stdio: 'inherit',
  env: { ...process.env, PLANTED_BUGS: 'table' },
})
process.exit(status ?? 1)
