import { defineConfig } from 'vitest/config'

/** For the tests in the planted copies: each is a whole project. A busy machine is no bug. */
export default defineConfig({
  test: { include: ['*/*/test/**/*.test.ts'], pool: 'forks', maxWorkers: 2, testTimeout: 60_000 },
})
