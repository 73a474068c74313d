import { defineConfig } from '@playwright/test'

// Long tests in virtual networks, which `npm test` leaves out: `npm run test:network` and `npm run test:nat`.
export default defineConfig({
  testDir: '.',
  outputDir: '../test-results/network',
  globalSetup: '../harness/global-setup.ts',
  workers: 1,
  retries: 0,
  timeout: 60_000,
  reporter: 'list',
})
