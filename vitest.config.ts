import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  resolve: {
    // Tests run against the sources; what is published is tested by `npm run test:consumers` and in the browser.
    alias: [
      { find: /^legion-mesh$/, replacement: source('./lib/src/index.ts') },
      { find: /^legion-mesh\/node$/, replacement: source('./lib/src/node.ts') },
      { find: /^legion-mesh\/(machines|testing|raft|react)$/, replacement: source('./lib/src/$1/index.ts') },
      { find: /^legion-signaling$/, replacement: source('./signaling-server/src/index.ts') },
    ],
  },
  test: {
    include: ['*/test/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'e2e/**'],
    setupFiles: [source('./lib/test/support/property-seed.ts')],
    pool: 'forks',
    maxWorkers: 2,
    // Ends what hangs, on a slow machine too. What must happen within a time, a test says in simulated time or expects.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
