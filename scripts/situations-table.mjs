// Writes docs/situations.md from the cells that `lib/test/groups/situations` checks.
import { spawnSync } from 'node:child_process'

const { status } = spawnSync('npx', ['vitest', 'run', 'lib/test/groups/situations', '-t', 'SIT15'], {
  stdio: 'inherit',
  env: { ...process.env, SITUATIONS: 'write' },
})
process.exit(status ?? 1)
